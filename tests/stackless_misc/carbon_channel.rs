//! carbon-scheduler, test_channel.py. Tests that are Stackless's own are not repeated here.

use tasklets::{Channel, Preference, Reason, run, run_count};

use crate::support::*;

fn preference_sender(senders_first: bool) -> String {
    let (log, channel) = (Log::default(), Channel::new());
    channel.set_preference(Preference::Sender);
    let senders = || {
        for i in 0..3 {
            let (log, channel) = (log.clone(), channel.clone());
            go(move || {
                channel.send("test").unwrap();
                log.add(format!("s{i}"));
            });
        }
    };
    let receivers = || {
        for i in 0..3 {
            let (log, channel) = (log.clone(), channel.clone());
            go(move || {
                channel.receive().unwrap();
                log.add(format!("r{i}"));
            });
        }
    };
    if senders_first {
        senders();
        receivers();
    } else {
        receivers();
        senders();
    }
    assert_eq!(log.len(), 0);
    run();
    log.take()
}

#[test]
fn test_preference_sender() {
    checked(|| {
        assert_eq!(preference_sender(true), "s0 s1 s2 r0 r1 r2");
        assert_eq!(preference_sender(false), "s0 s1 s2 r0 r1 r2");
    });
}

#[test]
fn test_preference_receiver() {
    checked(|| {
        let (channel, sent) = (Channel::new(), Flag::default());
        for i in 0..10 {
            let (out, flag) = (channel.clone(), sent.clone());
            go(move || {
                out.send(i).unwrap();
                flag.set();
            })
            .run()
            .unwrap();
        }
        for i in 0..10 {
            assert_eq!(channel.receive().unwrap(), i);
            assert_eq!(sent.count(), 0);
        }
        run();
        assert_eq!(sent.count(), 10);
    });
}

#[test]
fn test_preference_neither_simple() {
    checked(|| {
        let (channel, done) = (Channel::new(), Flag::default());
        channel.set_preference(Preference::Neither);
        let (end, flag) = (channel.clone(), done.clone());
        go(move || {
            end.receive().unwrap();
            flag.set();
        });
        run();
        assert!(!done.is_set());
        channel.send(()).unwrap();
        assert!(!done.is_set());
        run();
        assert!(done.is_set());
    });
}

/// Ten senders, ten receivers, and bystanders that each of them makes: 47 entries.
#[test]
fn test_preference_neither() {
    checked(|| {
        let (log, channel) = (Log::default(), Channel::new());
        channel.set_preference(Preference::Neither);
        let bystander = |log: &Log, text: &'static str| {
            let log = log.clone();
            go(move || log.add(text));
        };
        bystander(&log, "a1");
        bystander(&log, "a2");
        for i in 0..10 {
            let (log, channel) = (log.clone(), channel.clone());
            go(move || {
                bystander(&log, "si");
                channel.send("test").unwrap();
                log.add(format!("s{i}"));
            });
        }
        for _ in 0..10 {
            let (log, channel) = (log.clone(), channel.clone());
            go(move || {
                bystander(&log, "ri");
                assert_eq!(channel.receive().unwrap(), "test");
                log.add("r");
            });
        }
        for text in ["b1", "b2", "b3", "b4", "b5"] {
            bystander(&log, text);
        }
        run();
        let mut expected = vec!["a1".to_owned(), "a2".to_owned()];
        expected.extend(vec!["r".to_owned(); 10]);
        expected.extend((1..6).map(|i| format!("b{i}")));
        expected.extend(vec!["si".to_owned(); 10]);
        expected.extend((0..10).flat_map(|i| ["ri".to_owned(), format!("s{i}")]));
        assert_eq!((log.len(), log.take()), (47, expected.join(" ")));
    });
}

/// Whoever made the other one known goes on first, in both orders of creation.
fn rescheduled(preference: Preference, receiver_first: bool) -> String {
    let (log, channel) = (Log::default(), Channel::new());
    channel.set_preference(preference);
    let sender = || {
        let (log, channel) = (log.clone(), channel.clone());
        go(move || {
            channel.send("Joe").unwrap();
            log.add("s");
        });
    };
    let receiver = || {
        let (log, channel) = (log.clone(), channel.clone());
        go(move || {
            channel.receive().unwrap();
            log.add("r");
        });
    };
    if receiver_first {
        receiver();
        sender();
    } else {
        sender();
        receiver();
    }
    run();
    log.take()
}

#[test]
fn test_sending_tasklets_rescheduled_by_channel_are_run() {
    checked(|| {
        for receiver_first in [true, false] {
            assert_eq!(rescheduled(Preference::Receiver, receiver_first), "r s");
        }
    });
}

#[test]
fn test_receiving_tasklets_rescheduled_by_channel_are_run() {
    checked(|| {
        for receiver_first in [true, false] {
            assert_eq!(rescheduled(Preference::Sender, receiver_first), "s r");
        }
    });
}

fn noting(log: &Log, entry: impl std::fmt::Display + 'static) {
    let log = log.clone();
    go(move || log.add(entry));
}

#[test]
fn test_main_tasklet_deadlock_after_running_child_tasklets() {
    checked(|| {
        let log = Log::default();
        let channel = Channel::new();
        (0..10).for_each(|i| noting(&log, i));
        assert!(matches!(channel.receive().unwrap_err().reason(), Some(Reason::Deadlock(_))));
        assert_eq!(log.take(), "0 1 2 3 4 5 6 7 8 9");
        (0..10).for_each(|i| noting(&log, i));
        let error = channel.send(1).unwrap_err();
        assert!(matches!(error.reason, Reason::Deadlock(_)) && error.to_string().contains("deadlock"), "{error}");
        assert_eq!((error.value, log.take().as_str(), channel.balance()), (1, "0 1 2 3 4 5 6 7 8 9", 0));
    });
}

#[test]
fn test_blocking_receive_on_main_tasklet() {
    checked(|| {
        let (channel, sent) = (Channel::new(), Flag::default());
        let (out, flag) = (channel.clone(), sent.clone());
        go(move || {
            for i in 0..10 {
                out.send(i).unwrap();
                flag.set();
            }
        })
        .run()
        .unwrap();
        assert_eq!((sent.count(), channel.balance(), run_count()), (0, 1, 1));
        for i in 0..10 {
            assert_eq!(channel.receive().unwrap(), i);
        }
        assert_eq!(channel.balance(), 0);
        run();
        assert_eq!(sent.count(), 10);
    });
}

#[test]
fn test_blocking_send_on_main_tasklet() {
    checked(|| {
        let (channel, log) = (Channel::new(), Log::default());
        let (end, entries) = (channel.clone(), log.clone());
        go(move || (0..10).for_each(|_| entries.add(end.receive().unwrap())));
        run();
        assert_eq!(channel.balance(), -1);
        for i in 0..10 {
            channel.send(i).unwrap();
        }
        assert_eq!((channel.balance(), log.take().as_str()), (0, "0 1 2 3 4 5 6 7 8 9"));
    });
}

#[test]
fn test_blocked_tasklets_greenlet_is_not_parent() {
    checked(|| {
        let (log, channel) = (Log::default(), Channel::new());
        let (entries, out) = (log.clone(), channel.clone());
        go(move || {
            for (letter, number) in ["a", "b", "c"].into_iter().zip(1..) {
                noting(&entries, letter);
                out.send(number).unwrap();
            }
            noting(&entries, "d");
        })
        .run()
        .unwrap();
        assert_eq!(run_count(), 2);
        for _ in 0..3 {
            log.add(channel.receive().unwrap());
        }
        assert_eq!(log.take(), "1 a 2 b 3");
        run();
        assert_eq!(log.take(), "c d");
    });
}

#[test]
fn test_channel_iterator_interface() {
    checked(|| {
        let channel = Channel::new();
        let senders = || {
            for i in 1..4 {
                let out = channel.clone();
                go(move || out.send(i).unwrap());
            }
            run();
        };
        senders();
        let mut iterator = channel.iter();
        assert_eq!([iterator.next(), iterator.next(), iterator.next()], [Some(1), Some(2), Some(3)]);
        run();
        assert_eq!(run_count(), 1);
        senders();
        channel.close();
        assert_eq!(channel.iter().sum::<i32>(), 6);
        assert_eq!(channel.iter().next(), None);
        run();
    });
}
