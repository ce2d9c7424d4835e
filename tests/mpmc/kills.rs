//! Receivers and senders that are killed where nobody else may run, as at the end of `enter` and by `kill_all`.

use std::time::{Duration, Instant};

use tasklets::{bounded, kill_all, rendezvous, schedule, select, sleep, spawn, stats};

use crate::common::checked;

#[test]
fn what_a_killed_receiver_was_handed_goes_to_the_channels_head() {
    checked(|| {
        let (tx, rx) = rendezvous();
        let theirs = rx.clone();
        spawn(move || drop(theirs.recv())).detach();
        schedule().unwrap();
        // Handed over, and killed before it runs.
        tx.send("here").unwrap();
        assert!(kill_all().is_empty());
        assert_eq!(rx.try_recv().unwrap(), "here");
    });
}

#[test]
fn what_a_killed_select_was_handed_goes_to_the_channels_head() {
    checked(|| {
        let (tx, rx) = rendezvous();
        let theirs = rx.clone();
        spawn(move || {
            select! { recv(theirs) -> _ => {} }
        })
        .detach();
        schedule().unwrap();
        tx.send("here").unwrap();
        assert!(kill_all().is_empty());
        assert_eq!(rx.try_recv().unwrap(), "here");
    });
}

#[test]
fn a_killed_senders_value_is_dropped_by_its_unwinding() {
    checked(|| {
        let (tx, rx) = bounded(1);
        let value = std::sync::Arc::new(());
        let copy = value.clone();
        spawn(move || {
            let _ = tx.send(copy.clone());
            let _ = tx.send(copy);
        })
        .detach();
        schedule().unwrap();
        assert_eq!(std::sync::Arc::strong_count(&value), 3);
        assert!(kill_all().is_empty());
        assert_eq!(std::sync::Arc::strong_count(&value), 2);
        drop(rx);
    });
}

#[test]
fn a_killed_selects_value_is_dropped_by_its_unwinding() {
    checked(|| {
        let (tx, rx) = rendezvous();
        let value = std::sync::Arc::new(());
        let copy = value.clone();
        spawn(move || {
            select! { send(tx, copy) -> _ => {} }
        })
        .detach();
        schedule().unwrap();
        assert!(kill_all().is_empty());
        assert_eq!(std::sync::Arc::strong_count(&value), 1);
        drop(rx);
    });
}

#[test]
fn a_killed_sleeper_takes_its_deadline_along_where_nobody_else_runs() {
    checked(|| {
        spawn(|| sleep(Duration::from_secs(2)).unwrap()).detach();
        schedule().unwrap();
        assert!(kill_all().is_empty());
        let began = Instant::now();
        tasklets::Channel::<()>::new().receive().unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(1), "nothing can wake it: that is a deadlock at once");
        assert_eq!(stats().blocked, 0);
    });
}
