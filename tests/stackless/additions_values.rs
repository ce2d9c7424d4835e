//! What becomes of a value is always known: no path loses or doubles one, and its destructor may call back in.

use std::cell::Cell;
use std::rc::Rc;

use tasklets::{Channel, Preference, Reason, kill_all, run, set_channel_callback};

use crate::common::checked;
use crate::support::{Counted, Drops, Log, pass, raise, raised, tasklet};

/// A sender of one counted value, blocked.
fn sender(drops: &Drops, ch: &Channel<Counted>) -> tasklets::AnyTasklet {
    let (value, ch) = (drops.value(1), ch.clone());
    let t = tasklet(move || drop(ch.send(value)));
    t.run().unwrap();
    assert!(t.is_blocked());
    t
}

#[test]
fn a_receiver_killed_after_the_hand_over_drops_the_value_once() {
    for pending in [false, true] {
        for preference in [Preference::Neither, Preference::Sender] {
            checked(move || {
                let (drops, ch) = (Drops::default(), Channel::new());
                ch.set_preference(preference);
                let receiver = ch.clone();
                let r = tasklet(move || drop(receiver.receive()));
                r.run().unwrap();
                ch.send(drops.value(1)).unwrap();
                assert_eq!((drops.dropped(), ch.balance()), (0, 0));
                if pending { r.kill_pending() } else { r.kill() }.unwrap();
                run();
                assert!(!r.is_alive());
                assert_eq!(drops.dropped(), 1);
            });
        }
    }
}

#[test]
fn a_killed_sender_drops_its_value_once() {
    for pending in [false, true] {
        checked(move || {
            let (drops, ch) = (Drops::default(), Channel::new());
            let s = sender(&drops, &ch);
            if pending { s.kill_pending() } else { s.kill() }.unwrap();
            run();
            assert_eq!((drops.dropped(), ch.balance()), (1, 0));
            assert!(ch.try_receive().is_err());
        });
    }
}

#[test]
fn a_sender_killed_after_the_hand_over_has_sent() {
    checked(|| {
        let (drops, ch) = (Drops::default(), Channel::new());
        let s = sender(&drops, &ch);
        let value = ch.receive().unwrap();
        s.kill().unwrap();
        assert_eq!((value.id, drops.dropped()), (1, 0));
        drop(value);
        assert_eq!(drops.dropped(), 1);
    });
}

#[test]
fn a_throw_into_a_blocked_sender_drops_its_value_once() {
    checked(|| {
        let (drops, ch) = (Drops::default(), Channel::new());
        let s = sender(&drops, &ch);
        assert_eq!(raised(|| s.throw("thrown")), "thrown");
        assert_eq!((drops.dropped(), ch.balance()), (1, 0));
    });
}

#[test]
fn the_end_of_everything_drops_values_in_queues() {
    checked(|| {
        let (drops, ch) = (Drops::default(), Channel::new());
        let all = [sender(&drops, &ch), sender(&drops, &ch)];
        assert!(kill_all().is_empty());
        assert_eq!((drops.dropped(), ch.balance()), (2, 0));
        assert!(all.iter().all(|t| !t.is_alive()));
    });
}

#[test]
fn a_shutdown_gives_values_back() {
    checked(|| {
        let (drops, ch, kept) = (Drops::default(), Channel::new(), Rc::new(Cell::new(None)));
        let (value, sender, keep) = (drops.value(1), ch.clone(), kept.clone());
        tasklet(move || keep.set(Some(sender.send(value).unwrap_err())));
        run();
        ch.shutdown();
        run();
        let error = kept.take().unwrap();
        assert!(matches!(error.reason, Reason::Closed));
        assert_eq!((drops.dropped(), error.value.id), (0, 1));
        drop(error);
        assert_eq!(drops.dropped(), 1);
    });
}

#[test]
fn main_blocked_in_a_deadlock_gets_its_value_back() {
    checked(|| {
        let (drops, ch) = (Drops::default(), Channel::new());
        tasklet(pass);
        let error = ch.send(drops.value(3)).unwrap_err();
        assert!(matches!(error.reason, Reason::Deadlock(_)));
        let value = error.into_value();
        assert_eq!((value.id, drops.made(), drops.dropped()), (3, 1, 0));
    });
}

#[test]
fn an_error_that_reaches_a_blocked_main_drops_its_value_once() {
    checked(|| {
        let (drops, ch) = (Drops::default(), Channel::new());
        tasklet(|| raise("oh"));
        assert_eq!(raised(|| ch.send(drops.value(1))), "oh");
        assert_eq!((drops.dropped(), ch.balance()), (1, 0));
    });
}

#[test]
fn an_error_of_the_receiver_after_the_hand_over_drops_nothing_twice() {
    checked(|| {
        let (drops, ch) = (Drops::default(), Channel::new());
        let receiver = ch.clone();
        let r = tasklet(move || {
            let _value = receiver.receive().unwrap();
            raise("oh");
        });
        r.run().unwrap();
        assert_eq!(raised(|| ch.send(drops.value(1))), "oh");
        assert_eq!(drops.dropped(), 1);
    });
}

#[test]
fn a_callback_that_refuses_drops_or_gives_back() {
    checked(|| {
        let (drops, ch) = (Drops::default(), Channel::new());
        set_channel_callback(Some(Rc::new(|_| raise("refused"))));
        assert_eq!(raised(|| ch.send(drops.value(1))), "refused");
        assert_eq!(drops.dropped(), 1);
        let (inner, inner_drops) = (ch.clone(), drops.clone());
        set_channel_callback(Some(Rc::new(move |_| {
            let error = inner.send(inner_drops.value(2)).unwrap_err();
            assert!(matches!(error.reason, Reason::Recursive) && error.value.id == 2);
        })));
        assert!(ch.try_receive().is_err());
        set_channel_callback(None);
        assert_eq!((drops.made(), drops.dropped()), (2, 2));
    });
}

/// Sends when it is dropped while the thread unwinds.
struct SendsWhenDropped(Channel<Counted>, Drops, Log);

impl Drop for SendsWhenDropped {
    fn drop(&mut self) {
        let error = self.0.send(self.1.value(9)).unwrap_err();
        self.2.add(format!("{}:{}", matches!(error.reason, Reason::Unwinding), error.value.id));
    }
}

#[test]
fn a_send_while_the_thread_unwinds_gives_the_value_back() {
    checked(|| {
        let (drops, log, ch) = (Drops::default(), Log::default(), Channel::new());
        let bomb = SendsWhenDropped(ch.clone(), drops.clone(), log.clone());
        tasklet(pass);
        let text = raised(move || {
            let _bomb = bomb;
            raise("oh");
        });
        assert_eq!((text.as_str(), log.take().as_str()), ("oh", "true:9"));
        assert_eq!((drops.dropped(), ch.balance()), (1, 0));
        run();
    });
}

#[test]
fn an_unsent_error_is_given_back() {
    checked(|| {
        let ch = Channel::<()>::new();
        let error = ch.send_exception("kept").unwrap_err();
        assert!(matches!(error.reason, Reason::Deadlock(_)));
        assert_eq!(error.value.to_string(), "kept");
        ch.close();
        assert_eq!(ch.send_exception("kept").unwrap_err().into_value().to_string(), "kept");
    });
}

/// A value whose destructor uses the channel that it was in.
struct Meddler {
    ch: Channel<Option<Meddler>>,
    log: Log,
}

impl Drop for Meddler {
    fn drop(&mut self) {
        let ch = &self.ch;
        assert!(ch.try_receive().is_err());
        assert!(ch.try_send(None).is_err() || ch.is_closing());
        self.log.add(format!("{}:{}", ch.balance(), ch.waiters().len()));
        pass_quietly();
    }
}

/// Yields, unless the thread unwinds.
fn pass_quietly() {
    let _ = tasklets::schedule();
}

#[test]
fn a_destructor_calls_back_in_when_a_sender_is_killed() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        let value = Meddler { ch: ch.clone(), log: log.clone() };
        let sender = ch.clone();
        let s = tasklet(move || drop(sender.send(Some(value))));
        run();
        s.kill().unwrap();
        assert_eq!(log.take(), "0:0");
    });
}

#[test]
fn a_destructor_calls_back_in_when_a_receiver_is_killed() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        ch.set_preference(Preference::Sender);
        let receiver = ch.clone();
        let r = tasklet(move || drop(receiver.receive()));
        run();
        ch.send(Some(Meddler { ch: ch.clone(), log: log.clone() })).unwrap();
        r.kill().unwrap();
        assert_eq!(log.take(), "0:0");
    });
}

#[test]
fn a_destructor_calls_back_in_when_a_channel_is_shut_down() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        for _ in 0..2 {
            let value = Meddler { ch: ch.clone(), log: log.clone() };
            let sender = ch.clone();
            tasklet(move || drop(sender.send(Some(value))));
        }
        run();
        ch.shutdown();
        assert!(run().is_finished());
        assert_eq!(log.take(), "0:0 0:0");
    });
}

#[test]
fn a_destructor_calls_back_in_when_a_value_is_refused() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        drop(ch.send(Some(Meddler { ch: ch.clone(), log: log.clone() })));
        ch.close();
        drop(ch.send(Some(Meddler { ch: ch.clone(), log: log.clone() })));
        assert_eq!(log.take(), "0:0 0:0");
    });
}
