//! How a select ends otherwise: closed channels, deadlocks, traps, kills, values that cannot be made.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tasklets::{Channel, Reason, Select, current, run, schedule, select, spawn};

use crate::common::checked;
use crate::rules::reason;

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
            after(Duration::from_secs(60)) => unreachable!(),
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
