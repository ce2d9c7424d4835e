//! What `select!` promises, on channels of one thread: who meets whom, and when.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tasklets::{Channel, Reason, ReceiveError, now, schedule, select, spawn, with_virtual_time};

use crate::common::checked;

const MS: Duration = Duration::from_millis(1);

pub(crate) fn reason(error: ReceiveError) -> Reason {
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
