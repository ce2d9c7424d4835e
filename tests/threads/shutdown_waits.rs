//! Who shuts a runtime down waits as a tasklet: the others of its thread go on.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tasklets::{
    JoinError, Runtime, TaskletExit, current, dump, now, rendezvous, run, schedule, sleep, spawn, timeout, unbounded,
    with_virtual_time,
};

use crate::common::checked;
use crate::support::{LONG, MS, builder, until};

#[test]
fn what_ends_by_a_tasklet_of_the_callers_thread_ends() {
    checked(|| {
        let (builder, leaks) = builder(2);
        let runtime = builder.build().unwrap();
        let (tx, rx) = rendezvous();
        let waits = runtime.spawn(move || rx.recv().unwrap()).unwrap();
        let helper = spawn(move || {
            (0..5).for_each(|_| schedule().unwrap());
            tx.send(7).unwrap();
        });
        let shuts = spawn(move || runtime.shutdown());
        assert!(run().is_finished());
        assert!(shuts.join().unwrap().is_clean());
        assert_eq!(waits.join().unwrap(), 7);
        helper.join().unwrap();
        leaks.check(2);
    });
}

#[test]
fn main_waits_while_others_run() {
    checked(|| {
        let runtime = Runtime::builder().threads(1).build().unwrap();
        let (tx, rx) = rendezvous();
        let waits = runtime.spawn(move || rx.recv().unwrap()).unwrap();
        spawn(move || tx.send(7).unwrap()).detach();
        assert!(runtime.shutdown().is_clean());
        assert_eq!(waits.join().unwrap(), 7);
    });
}

#[test]
fn in_a_tasklet_of_another_runtime() {
    checked(|| {
        for closed in [false, true] {
            let outer = Runtime::builder().threads(1);
            let outer = if closed { outer.closed() } else { outer }.build().unwrap();
            let inner = Runtime::builder().threads(1).build().unwrap();
            let (tx, rx) = unbounded();
            let waits = inner.spawn(move || rx.recv().unwrap()).unwrap();
            let shuts = outer.spawn(move || inner.shutdown()).unwrap();
            // The outer one stands still but for the inner one, which is not for ever.
            sleep(MS * 20).unwrap();
            assert!(!shuts.is_finished(), "closed: {closed}");
            tx.send(1).unwrap();
            assert!(shuts.join().unwrap().is_clean());
            assert_eq!(waits.join().unwrap(), 1);
            assert!(outer.shutdown().is_clean());
        }
    });
}

#[test]
fn reports_say_so() {
    checked(|| {
        let runtime = Runtime::builder().threads(2).name("crunch").build().unwrap();
        let (tx, rx) = rendezvous();
        let waits = runtime.spawn(move || rx.recv().unwrap()).unwrap();
        let shuts = spawn(move || runtime.shutdown());
        schedule().unwrap();
        assert!(shuts.is_blocked());
        let text = dump().to_string();
        assert!(text.contains("shutdown") && text.contains("runtime crunch") && text.contains("left"), "{text}");
        tx.send(()).unwrap();
        assert!(shuts.join().unwrap().is_clean());
        waits.join().unwrap();
    });
}

#[test]
fn grace_is_waited_for_as_well() {
    checked(|| {
        let runtime = Runtime::builder().threads(1).build().unwrap();
        let sleeper = runtime.spawn(|| sleep(LONG).unwrap()).unwrap();
        until("it begins", || sleeper.remote().is_some());
        let turns = Rc::new(Cell::new(0));
        let (counts, began) = (turns.clone(), Instant::now());
        let counter = spawn(move || {
            loop {
                sleep(MS).unwrap();
                counts.set(counts.get() + 1);
            }
        });
        let ended = runtime.shutdown_timeout(MS * 100);
        assert_eq!((ended.killed, began.elapsed() < LONG), (1, true), "{ended}");
        assert!(turns.get() > 0, "others have run meanwhile");
        assert!(matches!(sleeper.join(), Err(JoinError::Killed)));
        counter.kill().unwrap();
    });
}

#[test]
fn where_no_tasklet_can_wait_the_thread_does() {
    checked(|| {
        let runtime = Runtime::builder().threads(1).build().unwrap();
        let handle = runtime.spawn(|| sleep(MS).map(|()| 7).unwrap()).unwrap();
        current().set_block_trap(true);
        assert!(runtime.shutdown().is_clean());
        current().set_block_trap(false);
        assert_eq!(handle.join().unwrap(), 7);
        // Its workers know nothing of this thread's time.
        with_virtual_time(|| {
            let runtime = Runtime::builder().threads(1).build().unwrap();
            let handle = runtime.spawn(|| sleep(MS * 10).map(|()| 7).unwrap()).unwrap();
            let began = now();
            assert!(runtime.shutdown_timeout(LONG).is_clean());
            assert_eq!(now(), began);
            assert_eq!(handle.join().unwrap(), 7);
        });
    });
    // A thread that has no scheduler.
    let runtime = Runtime::builder().threads(1).build().unwrap();
    let handle = runtime.spawn(|| sleep(MS).map(|()| 7).unwrap()).unwrap();
    let ended = std::thread::spawn(move || (runtime.shutdown_timeout(LONG).is_clean(), handle.is_finished()));
    assert_eq!(ended.join().unwrap(), (true, true));
}

#[test]
fn who_is_killed_meanwhile_kills_what_is_left() {
    checked(|| {
        let (builder, leaks) = builder(2);
        let runtime = builder.build().unwrap();
        let sleeper = runtime.spawn(|| sleep(LONG).unwrap()).unwrap();
        until("it begins", || sleeper.remote().is_some());
        let shuts = spawn(move || runtime.shutdown());
        schedule().unwrap();
        assert!(shuts.is_blocked());
        shuts.throw(TaskletExit).unwrap();
        assert!(matches!(shuts.join(), Err(JoinError::Killed)));
        assert!(matches!(sleeper.join(), Err(JoinError::Killed)));
        leaks.check(2);

        let runtime = Runtime::builder().threads(1).build().unwrap();
        let sleeper = runtime.spawn(|| sleep(LONG).unwrap()).unwrap();
        until("it begins", || sleeper.remote().is_some());
        assert!(timeout(Duration::from_millis(20), || runtime.shutdown()).is_err());
        assert!(matches!(sleeper.join(), Err(JoinError::Killed)));
    });
}
