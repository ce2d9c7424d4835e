//! What arrives at a waiter that another thread has served, and that has not run since: of a cancellation and of a limit of time the operation
//! knows nothing, it has happened, and the next blocking point meets them; a kill is raised, and what was handed over goes on.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use tasklets::{Cancelled, JoinError, advance, current, is_cancelled, schedule, spawn, timeout, with_virtual_time};

use crate::common::checked;

mod channels;
mod primitives;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// What another thread does when this is called; it has ended then.
struct Elsewhere(Box<dyn FnOnce()>);

/// Begins to work on another thread, up to where that pauses.
fn elsewhere(work: impl FnOnce(&dyn Fn()) + Send + 'static) -> Elsewhere {
    let (ready, is_ready) = mpsc::channel();
    let (go, may_go) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        work(&|| {
            ready.send(()).unwrap();
            may_go.recv().unwrap();
        });
    });
    is_ready.recv().unwrap();
    Elsewhere(Box::new(move || {
        go.send(()).unwrap();
        thread.join().unwrap();
    }))
}

fn later(work: impl FnOnce() + Send + 'static) -> Elsewhere {
    elsewhere(move |pause| {
        pause();
        work();
    })
}

/// An operation that has to wait until another thread serves it.
struct Case {
    /// Whether it has happened as it should.
    wait: Box<dyn FnOnce() -> bool>,
    serve: Elsewhere,
    /// What holds afterwards, given whether the waiter was killed.
    after: Box<dyn FnOnce(bool)>,
}

fn case(wait: impl FnOnce() -> bool + 'static, serve: Elsewhere, after: impl FnOnce(bool) + 'static) -> Case {
    Case { wait: Box::new(wait), serve, after: Box::new(after) }
}

/// What arrives, and when.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// After it was served.
    Cancel,
    /// Asked for by another thread before it is served, and told to the waiter's thread with that.
    CancelAbroad,
    Timeout,
    Kill,
    /// A payload that once was a cancellation, but is none of this tasklet.
    Copied,
}

const WAYS: [Way; 5] = [Way::Cancel, Way::CancelAbroad, Way::Timeout, Way::Kill, Way::Copied];

/// The payload of some tasklet's cancellation.
fn cancelled() -> Cancelled {
    let t = spawn(|| {
        current().cancel();
        *catch_unwind(AssertUnwindSafe(schedule)).unwrap_err().downcast::<Cancelled>().unwrap()
    });
    t.join().unwrap()
}

fn interrupt(name: &str, way: Way, Case { wait, serve, after }: Case) {
    let what = format!("{name}, {way:?}");
    let happened = Rc::new(Cell::new(false));
    let (tells, run_on) = (happened.clone(), what.clone());
    let operate = move || {
        tells.set(wait());
        assert_eq!(is_cancelled(), !matches!(way, Way::Kill | Way::Copied), "{run_on}");
        schedule().unwrap();
        unreachable!("{run_on}: the next point is met");
    };
    let t = spawn(move || match way {
        Way::Timeout => assert!(timeout(SECOND, operate).is_err()),
        _ => operate(),
    });
    (0..3).for_each(|_| schedule().unwrap());
    assert!(t.is_blocked(), "{what}: it has to wait");
    let stale = cancelled();
    if way == Way::CancelAbroad {
        let remote = t.remote();
        std::thread::spawn(move || remote.cancel().unwrap()).join().unwrap();
    }
    (serve.0)();
    match way {
        Way::Cancel => t.cancel(),
        Way::CancelAbroad => {}
        Way::Timeout => advance(SECOND),
        Way::Kill => t.kill().unwrap(),
        Way::Copied => drop(t.throw(stale)),
    }
    let killed = matches!(way, Way::Kill | Way::Copied);
    match t.join() {
        Ok(()) if way == Way::Timeout => {}
        Err(JoinError::Killed) if way != Way::Timeout => {}
        other => panic!("{what}: {other:?}"),
    }
    assert_eq!(happened.get(), !killed, "{what}");
    after(killed);
}

fn in_all_ways(name: &'static str, make: impl Fn() -> Case + Send + Copy + 'static) {
    for way in WAYS {
        checked(move || with_virtual_time(|| interrupt(name, way, make())));
    }
}
