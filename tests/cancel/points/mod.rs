//! Every blocking operation of the library, inside a timeout and cancelled, before it blocks and while it is blocked.
//!
//! A point is an operation that has to wait, on things of its own. It is interrupted in each way in turn, and the things are as if
//! the operation had not happened; what it was given is dropped once.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tasklets::{
    Cancelled, JoinError, ScopeError, current, is_cancelled, now, schedule, schedule_remove, sleep, spawn, timeout,
    try_scope, with_virtual_time,
};

use crate::common::checked;

mod channels;
mod others;
mod primitives;
mod waits;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A value that counts its drops.
struct Token(Rc<Cell<u32>>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// What blocks; and what is to hold afterwards, given how often the token was dropped.
pub(crate) struct Point {
    block: Box<dyn FnOnce()>,
    after: Box<dyn FnOnce()>,
}

pub(crate) fn point(block: impl FnOnce() + 'static, after: impl FnOnce() + 'static) -> Point {
    Point { block: Box::new(block), after: Box::new(after) }
}

/// How a point is interrupted.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Timeout,
    TimeIsUp,
    CancelBlocked,
    CancelBefore,
    /// Asked for by another thread.
    CancelAbroad,
    /// As a member of a scope that is cancelled.
    Scope,
    Kill,
    Swallowed,
}

const WAYS: [Way; 8] = [
    Way::Timeout,
    Way::TimeIsUp,
    Way::CancelBlocked,
    Way::CancelBefore,
    Way::CancelAbroad,
    Way::Scope,
    Way::Kill,
    Way::Swallowed,
];

fn interrupt(name: &str, way: Way, point: Point) {
    let Point { block, after } = point;
    let what = format!("{name}, {way:?}");
    let run_on = what.clone();
    let t = spawn(move || match way {
        Way::Timeout => assert!(timeout(SECOND, block).is_err(), "{run_on}"),
        Way::TimeIsUp => assert!(tasklets::timeout_at(now(), block).is_err(), "{run_on}"),
        Way::CancelBlocked | Way::CancelAbroad | Way::Kill => block(),
        Way::Scope => {
            let outcome = try_scope(|s| {
                let member = s.spawn(block);
                (0..4).for_each(|_| schedule().unwrap());
                assert!(member.is_alive(), "{run_on}: it has to wait");
                s.cancel();
                assert!(matches!(member.join(), Err(JoinError::Killed)), "{run_on}");
            });
            // The body has met it in its join.
            assert!(matches!(outcome, Err(ScopeError::Cancelled)), "{run_on}");
        }
        Way::CancelBefore => {
            current().cancel();
            block();
        }
        Way::Swallowed => {
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(block)).unwrap_err();
            assert!(caught.is::<Cancelled>() && is_cancelled(), "{run_on}");
            schedule_remove().unwrap();
        }
    });
    for _ in 0..4 {
        schedule().unwrap();
    }
    match way {
        Way::Timeout | Way::TimeIsUp | Way::Scope => t.join().unwrap_or_else(|error| panic!("{what}: {error}")),
        Way::CancelBlocked | Way::Swallowed => {
            assert!(t.is_alive() && !t.is_current(), "{what}: it has to wait");
            t.cancel();
            assert!(matches!(t.join(), Err(JoinError::Killed)), "{what}");
        }
        Way::CancelAbroad => {
            let remote = t.remote();
            std::thread::spawn(move || remote.cancel().unwrap()).join().unwrap();
            // In a join among tasklets of one thread nobody listens to others.
            sleep(Duration::from_millis(1)).unwrap();
            assert!(matches!(t.join(), Err(JoinError::Killed)), "{what}");
        }
        Way::CancelBefore => assert!(matches!(t.join(), Err(JoinError::Killed)), "{what}"),
        Way::Kill => {
            assert!(t.is_alive(), "{what}: it has to wait");
            t.kill().unwrap();
            assert!(matches!(t.join(), Err(JoinError::Killed)), "{what}");
        }
    }
    after();
}

/// Interrupts a point in all ways, on the virtual clock.
pub(crate) fn in_all_ways(name: &'static str, make: impl Fn() -> Point + Send + Copy + 'static) {
    for way in WAYS {
        checked(move || with_virtual_time(|| interrupt(name, way, make())));
    }
}

fn token() -> (Token, Rc<Cell<u32>>) {
    let drops = Rc::new(Cell::new(0));
    (Token(drops.clone()), drops)
}

/// What goes by the real clock.
pub(crate) fn in_real_time(name: &'static str, make: impl Fn() -> Point + Send + Copy + 'static) {
    for way in WAYS {
        // A second of real time is long; the time that is up already is not.
        if way != Way::Timeout {
            checked(move || interrupt(name, way, make()));
        }
    }
}
