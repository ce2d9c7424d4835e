//! Limits of time around any code.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use crate::cancel::scopes::{Cancelled, Kind};
use crate::cancel::shield::Open;
use crate::core::Scheduler;
use crate::seams::clock;

/// The time of a [`timeout`] was up before its closure returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed {
    number: u64,
    at: &'static Location<'static>,
    deadline: Option<Instant>,
}

impl Elapsed {
    /// Where the timeout was called.
    pub fn location(&self) -> &'static Location<'static> {
        self.at
    }

    /// When its time was up; none if that is more than the clock can tell, and it was caught at another one's end.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// A number that no other timeout of this thread has: calls at the same place can be told apart by it.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the time was up: time limit {}, set at {}", self.number, self.at)
    }
}

impl Error for Elapsed {}

/// Runs `f` for this long at the most: if the time is up first, `f` is unwound from the blocking point that it is at, or that it
/// comes to next.
///
/// Every operation that may have to wait is such a point: of channels of both kinds, select, `sync`, join, sleep, I/O, `run`; and
/// [`schedule`](crate::schedule()). Code that does not block is not interrupted, and if `f` returns, its value counts, even if the
/// time is up. An operation that is interrupted has not happened, and what it was given is dropped by the unwinding; one that was
/// served before that is not interrupted, but the next one is.
///
/// What `f` owns is dropped on the way. If `f` catches the unwinding and goes on, its next blocking point is interrupted as well; see
/// [`Cancelled`]. Timeouts can be nested: each returns [`Elapsed`] for itself alone, and one that was reached while an inner one
/// runs unwinds both. What else `f` panics with goes on in the caller.
///
/// It does not allocate, once as many have been under way on the thread before.
///
/// # Errors
///
/// [`Elapsed`].
///
/// # Panics
///
/// As `f`. Under `panic = "abort"` nothing is ever interrupted.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tasklets_runtime::{sleep, timeout, with_virtual_time};
///
/// with_virtual_time(|| {
///     let slow = timeout(Duration::from_secs(1), || sleep(Duration::from_secs(60)).unwrap());
///     assert!(slow.is_err());
///     let quick = timeout(Duration::from_secs(60), || {
///         sleep(Duration::from_secs(1)).unwrap();
///         "done"
///     });
///     assert_eq!(quick, Ok("done"));
/// });
/// ```
#[track_caller]
pub fn timeout<R>(time: Duration, f: impl FnOnce() -> R) -> Result<R, Elapsed> {
    let scheduler = Scheduler::local();
    let deadline = clock::deadline(&scheduler, time);
    limit(&scheduler, deadline, f, Location::caller())
}

/// [`timeout`] until a moment of [`now`](crate::now()). If that has come already, `f` runs up to its first blocking point.
///
/// # Errors
///
/// [`Elapsed`].
///
/// # Panics
///
/// As [`timeout`].
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{now, schedule, timeout_at};
///
/// assert_eq!(timeout_at(now(), || 6 * 7), Ok(42));
/// assert!(timeout_at(now(), || schedule().unwrap()).is_err());
/// ```
#[track_caller]
pub fn timeout_at<R>(deadline: Instant, f: impl FnOnce() -> R) -> Result<R, Elapsed> {
    limit(&Scheduler::local(), Some(deadline), f, Location::caller())
}

fn limit<R>(
    scheduler: &Scheduler,
    deadline: Option<Instant>,
    f: impl FnOnce() -> R,
    at: &'static Location<'static>,
) -> Result<R, Elapsed> {
    let number = scheduler.core.scopes.borrow_mut().next_number();
    let mut open = Open::new(scheduler, Kind::Limit { number, reached: false });
    if let Some(deadline) = deadline {
        open.until(deadline);
    }
    let outcome = catch_unwind(AssertUnwindSafe(f));
    drop(open);
    match outcome {
        Ok(value) => Ok(value),
        Err(payload) if Cancelled::is_of(&*payload, number) => Err(Elapsed { number, at, deadline }),
        Err(payload) => resume_unwind(payload),
    }
}
