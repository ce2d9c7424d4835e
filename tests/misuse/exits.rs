//! Tasklets that are alive when their thread ends, inside and outside of `enter`; nested calls of `enter`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tasklets::{AnyTasklet, Channel, enter, kill_all, run, schedule, schedule_remove, spawn, stats};

use crate::process::{child, is_child};
use crate::support::*;

type Ends = Arc<AtomicUsize>;

/// Three tasklets with frames, one in each state, whose ends are counted.
fn leave_behind(ends: &Ends) -> Vec<AnyTasklet> {
    let tasklets = [0, 1, 2].map(|state| {
        let ends = ends.clone();
        let channel = Channel::<()>::new();
        let tasklet = go(move || {
            let _scope = OnDrop(move || add(&ends));
            match state {
                0 => schedule().unwrap(),
                1 => schedule_remove().unwrap(),
                _ => drop(channel.receive()),
            }
        });
        tasklet.run().unwrap();
        assert!(tasklet.is_alive());
        tasklet
    });
    tasklets.into()
}

fn add(ends: &AtomicUsize) {
    ends.fetch_add(1, Ordering::Relaxed);
}

fn count(ends: &AtomicUsize) -> usize {
    ends.load(Ordering::Relaxed)
}

/// Outside, their stacks are given up and counted; nothing is unwound, and nothing crashes.
#[test]
fn outside_enter_they_are_leaked_and_counted() {
    let test = "exits::outside_enter_they_are_leaked_and_counted";
    if !is_child(test) {
        let out = child(test);
        return assert!(out.status.success(), "{out:?}");
    }
    let (ends, leaked) = (Ends::default(), stats().greenlets.leaked);
    let inner = ends.clone();
    std::thread::spawn(move || {
        std::mem::forget(leave_behind(&inner));
        // Neither are those that have not begun, nor blocked senders' values, a reason to crash.
        drop(spawn(|| ()));
        let channel = Channel::new();
        let out = channel.clone();
        go(move || drop(out.send(String::from("lost")))).run().unwrap();
        std::mem::forget(channel);
    })
    .join()
    .unwrap();
    assert_eq!((count(&ends), stats().greenlets.leaked), (0, leaked + 4));
}

/// Inside, they end before the thread does.
#[test]
fn inside_enter_they_are_unwound() {
    let ends = Ends::default();
    let inner = ends.clone();
    let left = std::thread::spawn(move || {
        drop(enter(|| leave_behind(&inner)));
        stats()
    })
    .join()
    .unwrap();
    assert_eq!(count(&ends), 3);
    assert_eq!((left.blocked, left.greenlets.greenlets, left.greenlets.stacks, left.runnable), (0, 0, 0, 1));
}

/// By a panic, too.
#[test]
fn enter_that_panics_unwinds_them() {
    let ends = Ends::default();
    let inner = ends.clone();
    let payload = std::thread::spawn(move || {
        enter(|| {
            let _kept = leave_behind(&inner);
            raise("out of enter");
        });
    })
    .join()
    .unwrap_err();
    assert_eq!((payload.downcast_ref(), count(&ends)), (Some(&"out of enter"), 3));
}

/// The outermost `enter` ends everything, the inner ones nothing.
#[test]
fn nested_enters() {
    let ends = Ends::default();
    let inner = ends.clone();
    std::thread::spawn(move || {
        enter(|| {
            let kept = enter(|| enter(|| leave_behind(&inner)));
            assert_eq!(count(&inner), 0);
            schedule().unwrap();
            // The runnable one has gone on and ended.
            assert_eq!(count(&inner), 1);
            std::mem::forget(kept);
        });
        assert_eq!(count(&inner), 3);
        // And once more, on the same thread.
        drop(enter(|| leave_behind(&inner)));
        assert_eq!(count(&inner), 6);
    })
    .join()
    .unwrap();
    assert_eq!(count(&ends), 6);
}

/// In a tasklet it only calls its function, in whatever order such calls end.
#[test]
fn enters_in_tasklets() {
    checked(|| {
        let log = Log::default();
        let entered = |name: &'static str| {
            let log = log.clone();
            go(move || {
                enter(|| schedule().unwrap());
                log.add(name);
            })
        };
        let tasklets = [entered("a"), entered("b")];
        schedule().unwrap();
        enter(|| schedule().unwrap());
        assert_eq!(log.take(), "a b");
        assert!(tasklets.iter().all(|tasklet| !tasklet.is_alive()));
        let stuck = {
            let log = log.clone();
            go(move || {
                enter(|| schedule_remove().unwrap());
                log.add("not reached");
            })
        };
        run();
        stuck.kill().unwrap();
        assert_eq!((log.len(), stuck.is_alive()), (0, false));
    });
}

/// A tasklet in `enter` when everything ends around it.
#[test]
fn kill_all_in_enter_of_a_tasklet() {
    checked(|| {
        let killer = go(|| enter(|| assert!(kill_all().is_empty())));
        let victim = go(|| schedule_remove().unwrap());
        victim.run().unwrap();
        run();
        assert!(!victim.is_alive() && !killer.is_alive());
    });
}
