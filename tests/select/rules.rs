//! What `select` promises, on channels of one thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tasklets::select::{Arm, after, at, recv, send};
use tasklets::{
    Channel, Preference, Reason, ReceiveError, Select, current, now, run, schedule, select, set_select_seed, spawn,
    with_virtual_time,
};

use crate::common::checked;

const MS: Duration = Duration::from_millis(1);

fn reason(error: ReceiveError) -> Reason {
    match error {
        ReceiveError::Failed(failed) => failed.reason,
        other => panic!("{other}"),
    }
}

#[test]
fn a_sender_that_waits_is_received_from() {
    checked(|| {
        let (one, two) = (Channel::<i32>::new(), Channel::<i32>::new());
        let theirs = two.clone();
        spawn(move || theirs.send(2).unwrap());
        schedule().unwrap();
        let got = select! {
            recv(one) -> message => message.unwrap(),
            recv(two) -> message => message.unwrap() + 10,
        };
        assert_eq!(got, 12);
        assert_eq!((one.balance(), two.balance()), (0, 0));
    });
}

#[test]
fn a_select_waits_for_the_first_sender() {
    checked(|| {
        let (one, two) = (Channel::<i32>::new(), Channel::<i32>::new());
        let (first, second) = (one.clone(), two.clone());
        spawn(move || {
            second.send(2).unwrap();
            first.send(1).unwrap();
        });
        for expected in [2, 1] {
            let got = select! {
                recv(one) -> message => message,
                recv(two) -> message => message,
            };
            assert_eq!(got.unwrap(), expected);
        }
        assert_eq!((one.balance(), two.balance()), (0, 0));
    });
}

#[test]
fn a_value_is_made_only_if_it_is_sent() {
    checked(|| {
        let (one, two) = (Channel::<i32>::new(), Channel::<i32>::new());
        let made = Rc::new(RefCell::new(Vec::new()));
        for round in 0..2 {
            let theirs = [one.clone(), two.clone()][round].clone();
            let receiver = spawn(move || theirs.receive().unwrap());
            let make = |n: i32| {
                made.borrow_mut().push(n);
                n
            };
            let sent = select! {
                send(one, make(1)) -> result => result.map(|()| 1),
                send(two, make(2)) -> result => result.map(|()| 2),
            };
            assert_eq!(sent.unwrap(), receiver.join().unwrap());
        }
        assert_eq!(*made.borrow(), [1, 2]);
    });
}

#[test]
fn a_receiver_that_only_tries_meets_a_select() {
    checked(|| {
        let (one, two) = (Channel::<&str>::new(), Channel::<&str>::new());
        let (left, right) = (one.clone(), two.clone());
        let selecting = spawn(move || {
            select! {
                send(left, "left") -> result => result.unwrap(),
                send(right, "right") -> result => result.unwrap(),
            }
        });
        schedule().unwrap();
        assert_eq!((one.balance(), two.balance()), (1, 1));
        assert_eq!(two.try_receive().unwrap(), "right");
        assert_eq!((one.balance(), two.balance()), (0, 0));
        selecting.join().unwrap();
        assert!(one.try_receive().is_err());
    });
}

#[test]
fn two_selects_meet() {
    checked(|| {
        let (one, two) = (Channel::<u8>::new(), Channel::<u8>::new());
        let (their_one, their_two) = (one.clone(), two.clone());
        let theirs = spawn(move || {
            select! {
                recv(their_one) -> message => message.unwrap(),
                send(their_two, 2) -> result => { result.unwrap(); 0 }
            }
        });
        schedule().unwrap();
        let ours = select! {
            send(one, 1) -> result => { result.unwrap(); 0 }
            recv(two) -> message => message.unwrap(),
        };
        let theirs = theirs.join().unwrap();
        assert!((theirs, ours) == (1, 0) || (theirs, ours) == (0, 2), "{theirs} {ours}");
        assert_eq!((one.balance(), two.balance()), (0, 0));
    });
}

#[test]
fn a_select_does_not_match_itself() {
    checked(|| {
        let ch = Channel::<u8>::new();
        let theirs = ch.clone();
        let selecting = spawn(move || {
            select! {
                recv(theirs) -> message => message.unwrap(),
                send(theirs, 7) -> result => { result.unwrap(); 0 }
            }
        });
        schedule().unwrap();
        assert!(selecting.is_blocked());
        assert_eq!(ch.receive().unwrap(), 7);
        assert_eq!(selecting.join().unwrap(), 0);
        let theirs = ch.clone();
        let selecting = spawn(move || {
            select! {
                send(theirs, 7) -> result => { result.unwrap(); 0 }
                recv(theirs) -> message => message.unwrap(),
            }
        });
        schedule().unwrap();
        ch.send(9).unwrap();
        assert_eq!(selecting.join().unwrap(), 9);
        assert_eq!(ch.balance(), 0);
        // Nobody else is there.
        let alone = select! {
            send(ch, 7) -> result => result.unwrap_err().reason,
            recv(ch) -> message => reason(message.unwrap_err()),
        };
        assert!(matches!(alone, Reason::Deadlock(_)));
    });
}

#[test]
fn closed_channels_are_ready_with_an_error() {
    checked(|| {
        let (closed, open) = (Channel::<u8>::new(), Channel::<u8>::new());
        closed.close();
        let why = select! {
            recv(open) -> _ => unreachable!(),
            recv(closed) -> message => reason(message.unwrap_err()),
        };
        assert!(matches!(why, Reason::Closed));
        let back = select! {
            send(closed, 5) -> result => result.unwrap_err().into_value(),
            send(open, 6) -> _ => unreachable!(),
        };
        assert_eq!(back, 5);
    });
}

#[test]
fn shutdown_wakes_a_select() {
    checked(|| {
        let (one, two) = (Channel::<u8>::new(), Channel::<u8>::new());
        let (r, s) = (one.clone(), Channel::<u8>::new());
        let receiving = spawn(
            move || select! { recv(r) -> message => reason(message.unwrap_err()), recv(s) -> _ => unreachable!() },
        );
        let s = two.clone();
        let sending = spawn(move || select! { send(s, 8) -> result => result.unwrap_err() });
        schedule().unwrap();
        assert_eq!((one.balance(), two.balance()), (-1, 1));
        one.shutdown();
        assert!(matches!(receiving.join().unwrap(), Reason::Closed));
        schedule().unwrap();
        two.shutdown();
        let error = sending.join().unwrap();
        assert!(matches!(error.reason, Reason::Closed) && error.value == 8);
        assert_eq!((one.balance(), two.balance()), (0, 0));
    });
}

#[test]
fn default_does_not_wait() {
    checked(|| {
        let ch = Channel::<u8>::new();
        assert_eq!(select! { recv(ch) -> _ => 1, send(ch, 1) -> _ => 2, default => 3 }, 3);
        assert_eq!(select! { default => 3 }, 3);
        assert_eq!(ch.balance(), 0);
    });
}

#[test]
fn timers_and_default_limit_the_wait() {
    checked(|| {
        with_virtual_time(|| {
            let ch = Channel::<u8>::new();
            let began = now();
            assert_eq!(select! { recv(ch) -> _ => 1, default(3 * MS) => 3 }, 3);
            assert_eq!(now() - began, 3 * MS);
            assert_eq!(select! { recv(ch) -> _ => 1, after(5 * MS) => 2, after(2 * MS) => 3, default(4 * MS) => 4 }, 3);
            assert_eq!(now() - began, 5 * MS);
            assert_eq!(select! { at(began) => 1, recv(ch) -> _ => 2 }, 1);
            let theirs = ch.clone();
            spawn(move || {
                tasklets::sleep(MS).unwrap();
                theirs.send(7).unwrap();
            });
            assert_eq!(select! { recv(ch) -> message => message.unwrap(), after(2 * MS) => 0 }, 7);
            assert_eq!(ch.balance(), 0);
            assert_eq!(now() - began, 6 * MS);
        });
    });
}

#[test]
fn without_anybody_it_is_a_deadlock() {
    checked(|| {
        let (one, two) = (Channel::<u8>::named("one"), Channel::<u8>::new());
        let why = select! {
            after(Duration::MAX) => unreachable!(),
            recv(one) -> message => reason(message.unwrap_err()),
            default(Duration::ZERO) => Reason::Empty,
        };
        assert!(matches!(why, Reason::Empty));
        let error = select! {
            recv(one) -> message => message.unwrap_err(),
            recv(two) -> message => message.unwrap_err(),
        };
        assert!(error.to_string().contains("\"one\""), "{error}");
        assert!(matches!(reason(error), Reason::Deadlock(_)));
        let error = select!().unwrap_err();
        assert!(matches!(error.reason, Reason::Deadlock(_)));
        assert!(matches!(Select::new().select().unwrap_err().reason, Reason::Deadlock(_)));
        // The same for a tasklet that others could run beside.
        let theirs = spawn(|| matches!(select! {}, Err(error) if matches!(error.reason, Reason::Deadlock(_))));
        assert!(theirs.join().unwrap());
    });
}

#[test]
fn a_block_trap_is_an_error_of_the_first_arm() {
    checked(|| {
        let ch = Channel::<u8>::new();
        current().set_block_trap(true);
        let why = select! {
            after(MS) => unreachable!(),
            send(ch, 3) -> result => result.unwrap_err(),
            recv(ch) -> _ => unreachable!(),
        };
        current().set_block_trap(false);
        assert!(matches!(why.reason, Reason::BlockTrap) && why.value == 3);
    });
}

#[test]
fn reports_name_every_arm() {
    checked(|| {
        let (one, two) = (Channel::<u8>::new(), Channel::<u8>::named("two"));
        let (r, s) = (one.clone(), two.clone());
        let selecting = spawn(move || select! { recv(r) -> _ => {} send(s, 1) -> _ => {} });
        let outcome = run();
        assert_eq!(outcome.blocked, 1);
        let text = outcome.to_string();
        assert!(text.contains("select on channel 1 (receive), channel 2 \"two\" (send)"), "{text}");
        selecting.kill().unwrap();
        assert_eq!((one.balance(), two.balance()), (0, 0));
    });
}

#[test]
fn a_killed_select_leaves_every_queue() {
    checked(|| {
        let (one, two) = (Channel::<Rc<u8>>::new(), Channel::<Rc<u8>>::new());
        let value = Rc::new(1);
        let (r, s, v) = (one.clone(), two.clone(), value.clone());
        let selecting = spawn(move || select! { recv(r) -> _ => {} send(s, v) -> _ => {} });
        schedule().unwrap();
        assert_eq!((one.balance(), two.balance()), (-1, 1));
        selecting.kill().unwrap();
        assert_eq!((one.balance(), two.balance()), (0, 0));
        assert_eq!(Rc::strong_count(&value), 1);
    });
}

#[test]
fn a_receiver_is_told_that_the_select_it_met_was_killed() {
    checked(|| {
        let ch = Channel::<u8>::new();
        let theirs = ch.clone();
        let selecting = spawn(move || select! { send(theirs, 1) -> _ => {} });
        let theirs = ch.clone();
        let receiver = spawn(move || theirs.receive().unwrap());
        let killer = spawn(move || selecting.kill().unwrap());
        // The select waits; the receiver meets it, and waits; the killer comes before the select has made its value.
        schedule().unwrap();
        killer.join().unwrap();
        schedule().unwrap();
        assert!(receiver.is_blocked());
        ch.send(2).unwrap();
        assert_eq!(receiver.join().unwrap(), 2);
    });
}

#[test]
fn a_value_that_panics_leaves_the_receiver_waiting() {
    checked(|| {
        let ch = Channel::<u8>::new();
        let theirs = ch.clone();
        let selecting = spawn(move || select! { send(theirs, panic!("no value")) -> _ => {} });
        schedule().unwrap();
        let theirs = ch.clone();
        let receiver = spawn(move || theirs.receive().unwrap());
        schedule().unwrap();
        assert!(selecting.join().is_err());
        schedule().unwrap();
        assert!(receiver.is_blocked());
        ch.send(2).unwrap();
        assert_eq!(receiver.join().unwrap(), 2);
    });
}

#[test]
fn a_value_made_for_a_receiver_that_went_away_is_kept() {
    checked(|| {
        let (ch, gate, other) = (Channel::<u8>::new(), Channel::<()>::new(), Channel::<()>::new());
        let made = Rc::new(Cell::new(0));
        let (theirs, inside, quit, count) = (ch.clone(), gate.clone(), other.clone(), made.clone());
        let selecting = spawn(move || {
            let make = || {
                count.set(count.get() + 1);
                inside.receive().unwrap();
                5
            };
            select! { send(theirs, make()) -> result => result.is_ok(), recv(quit) -> _ => false }
        });
        schedule().unwrap();
        let theirs = ch.clone();
        let receiver = spawn(move || theirs.receive().unwrap());
        schedule().unwrap();
        schedule().unwrap();
        assert!(selecting.is_blocked() && made.get() == 1);
        receiver.kill().unwrap();
        gate.send(()).unwrap();
        schedule().unwrap();
        assert!(selecting.is_blocked() && ch.balance() == 1);
        assert_eq!(ch.receive().unwrap(), 5);
        assert!(selecting.join().unwrap() && made.get() == 1);
        assert_eq!(other.balance(), 0);
    });
}

#[test]
fn expressions_are_evaluated_once_and_in_order() {
    checked(|| {
        let log = RefCell::new(Vec::new());
        let ch = Channel::<u8>::new();
        let note = |n: u8| {
            log.borrow_mut().push(n);
            &ch
        };
        let late = |n: u8| {
            log.borrow_mut().push(n);
            MS
        };
        let taken = select! {
            recv(note(1)) -> _ => 1,
            send(note(2), 1) -> _ => 2,
            after(late(3)) => 3,
            recv(note(4)) -> _ => 4,
            default(late(5)) => 5,
        };
        assert!(taken == 3 || taken == 5);
        assert_eq!(*log.borrow(), [1, 2, 3, 4, 5]);
    });
}

#[test]
fn fair_and_biased() {
    checked(|| {
        let channels: Vec<Channel<()>> = (0..3).map(|_| Channel::new()).collect();
        channels.iter().for_each(Channel::close);
        let (a, b, c) = (&channels[0], &channels[1], &channels[2]);
        let choose = || {
            set_select_seed(3);
            (0..300)
                .map(|_| select! { recv(a) -> _ => 0, recv(b) -> _ => 1, recv(c) -> _ => 2 })
                .collect::<Vec<usize>>()
        };
        let chosen = choose();
        assert_eq!(chosen, choose());
        for arm in 0..3 {
            let count = chosen.iter().filter(|chosen| **chosen == arm).count();
            assert!((70..130).contains(&count), "arm {arm}: {count} of 300");
        }
        for _ in 0..100 {
            assert_eq!(select! { biased; recv(b) -> _ => 1, recv(a) -> _ => 0, recv(c) -> _ => 2, }, 1);
        }
    });
}

#[test]
fn the_partner_of_a_select_goes_on() {
    checked(|| {
        for preference in [Preference::Receiver, Preference::Neither, Preference::Sender] {
            let (one, two) = (Channel::<u8>::new(), Channel::<u8>::new());
            one.set_preference(preference);
            let (r, s) = (one.clone(), two.clone());
            let selecting = spawn(move || select! { recv(r) -> m => m.unwrap(), recv(s) -> m => m.unwrap() });
            schedule().unwrap();
            let before = tasklets::stats().switches;
            one.send(3).unwrap();
            assert_eq!(tasklets::stats().switches, before);
            assert_eq!(selecting.join().unwrap(), 3);
        }
    });
}

#[test]
fn sets_keep_what_was_not_sent() {
    checked(|| {
        let (one, two) = (Channel::<String>::new(), Channel::<String>::new());
        let sending = send(&one, || "mine".to_owned());
        let receiving = recv(&two);
        let mut set = Select::new();
        let (s, r) = (set.add(&sending), set.add(&receiving));
        assert_eq!((s, r, set.len()), (0, 1, 2));
        assert_eq!(set.try_select().unwrap(), None);
        let theirs = two.clone();
        spawn(move || theirs.send("theirs".to_owned()).unwrap());
        assert_eq!(set.select().unwrap(), r);
        assert_eq!(receiving.take().unwrap().unwrap(), "theirs");
        assert!(receiving.take().is_none() && sending.take().is_none());
        assert!(set.remove(r) && !set.remove(r) && !set.remove(9));
        let theirs = one.clone();
        let receiver = spawn(move || theirs.receive().unwrap());
        assert_eq!(set.select_timeout(MS).unwrap(), Some(s));
        assert!(sending.take().unwrap().is_ok());
        assert_eq!(receiver.join().unwrap(), "mine");
        // An arm without a value is never ready.
        assert_eq!(set.select_timeout(MS).unwrap(), None);
        sending.refill("again".to_owned());
        assert_eq!(set.select_deadline(now() + MS).unwrap(), None);
        assert_eq!(sending.take_value().as_deref(), Some("again"));
    });
}

#[test]
fn sets_of_many_arms_and_timers() {
    checked(|| {
        with_virtual_time(|| {
            let channels: Vec<Channel<usize>> = (0..40).map(|_| Channel::new()).collect();
            let arms: Vec<_> = channels.iter().map(recv).collect();
            let (late, never) = (after(5 * MS), at(now() + 100 * MS));
            let mut set = Select::new();
            arms.iter().for_each(|arm| {
                set.add(arm);
            });
            let late_index = set.add(&late);
            set.add(&never);
            set.biased();
            let theirs = channels[33].clone();
            spawn(move || theirs.send(33).unwrap());
            assert_eq!(set.select().unwrap(), 33);
            assert_eq!(arms[33].take().unwrap().unwrap(), 33);
            assert_eq!(set.select().unwrap(), late_index);
            assert_eq!(late.take(), Some(()));
            assert!(channels.iter().all(|channel| channel.balance() == 0));
        });
    });
}

#[test]
fn selects_nest() {
    checked(|| {
        let (one, two) = (Channel::<u8>::new(), Channel::<u8>::new());
        let (first, second) = (one.clone(), two.clone());
        spawn(move || {
            first.send(1).unwrap();
            second.send(2).unwrap();
        });
        let sum = select! {
            recv(one) -> a => select! {
                recv(two) -> b => a.unwrap() + b.unwrap(),
                recv(one) -> _ => unreachable!(),
            },
            after(Duration::from_secs(10)) => 0,
        };
        assert_eq!(sum, 3);
    });
}

#[test]
fn arms_may_leave_loops_and_functions() {
    checked(|| {
        fn first_word(words: &Channel<&'static str>) -> Result<usize, ReceiveError> {
            loop {
                select! {
                    recv(words) -> word => match word? {
                        "" => continue,
                        word => return Ok(word.len()),
                    },
                    default(MS) => break,
                }
            }
            Ok(0)
        }
        let words = Channel::new();
        let theirs = words.clone();
        spawn(move || theirs.send_sequence(["", "", "four"]).unwrap());
        schedule().unwrap();
        assert_eq!(first_word(&words).unwrap(), 4);
        assert_eq!(first_word(&words).unwrap(), 0);
        words.close();
        assert!(first_word(&words).unwrap_err().is_closed());
    });
}
