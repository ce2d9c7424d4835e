//! Running a closure on a pool of threads.

use std::any::type_name;
use std::panic::Location;
use std::time::{Duration, Instant};

use crate::core::Scheduler;
use crate::futures::block_on::wait_for;
use crate::futures::error::{BlockOnError, BlockOnReason};
use crate::park::Terms;
use crate::seams::clock;

/// Runs a closure that blocks its thread on another one, of a pool, and waits for its result. Other tasklets of the caller's thread run
/// meanwhile.
///
/// The pool is that of the package [`blocking`](https://docs.rs/blocking), which all of a process share: threads are started as
/// they are needed, up to 500 (`BLOCKING_MAX_THREADS` sets another bound, of 1 to 10,000), and end when they have been idle for
/// half a second. Where all are busy, work waits for its turn.
///
/// If the caller is killed, or its time is up, while it waits: work that has begun goes on to its end, and its result is dropped on the
/// thread of the pool; work that has not begun is dropped and never does. Who is cancelled already, or whose time is up, begins none.
///
/// For work that waits. What computes for long is better spawned on a [`Runtime`](crate::Runtime), whose threads are as many as the
/// processors.
///
/// # Errors
///
/// [`BlockOnError`] if the caller may not block: its block trap is set, or switching is refused. The work has not begun then.
///
/// # Panics
///
/// With what the closure panics with; and it unwinds with what is thrown into the caller meanwhile: the closure goes on where it runs, and
/// its result is dropped. One that has begun is never interrupted.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{run, spawn, unblock};
///
/// spawn(|| {
///     let name = unblock(|| std::fs::canonicalize(".")).unwrap();
///     println!("{}", name.unwrap().display());
/// })
/// .detach();
/// spawn(|| println!("this one goes on meanwhile")).detach();
/// assert!(run().is_finished());
/// ```
#[track_caller]
pub fn unblock<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R, BlockOnError> {
    unblock_as(type_name_of(&work), work, None, Location::caller())
}

/// [`unblock`] for a limited time. Where that is up, what has begun goes on to its end all the same, and its result is dropped on the thread
/// of the pool; what has not begun never does.
///
/// # Errors
///
/// As [`unblock`]; and with [`BlockOnError::is_timeout`] if the time was up.
///
/// # Panics
///
/// As [`unblock`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tasklets_runtime::unblock_timeout;
///
/// let slow = unblock_timeout(Duration::from_millis(1), || std::thread::sleep(Duration::from_millis(200)));
/// assert!(slow.unwrap_err().is_timeout());
/// ```
#[track_caller]
pub fn unblock_timeout<R: Send + 'static>(
    time: Duration,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, BlockOnError> {
    let deadline = clock::deadline(&Scheduler::local(), time);
    unblock_as(type_name_of(&work), work, deadline, Location::caller())
}

/// [`unblock_timeout`] until a moment of [`now`](crate::now()).
///
/// # Errors
///
/// As [`unblock_timeout`].
///
/// # Panics
///
/// As [`unblock`].
#[track_caller]
pub fn unblock_deadline<R: Send + 'static>(
    deadline: Instant,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, BlockOnError> {
    unblock_as(type_name_of(&work), work, Some(deadline), Location::caller())
}

fn type_name_of<F>(_: &F) -> &'static str {
    type_name::<F>()
}

/// The same for what is called `what`.
pub(super) fn unblock_as<R: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> R + Send + 'static,
    deadline: Option<Instant>,
    at: &'static Location<'static>,
) -> Result<R, BlockOnError> {
    check(what, at)?;
    wait_for(blocking::unblock(work), what, deadline, at)
}

/// Whether the caller may wait, and is not to end at once.
pub(super) fn check(what: &'static str, at: &'static Location<'static>) -> Result<(), BlockOnError> {
    // Before anything is begun: where it is ready soon, nobody would notice that it may not be waited for.
    let (scheduler, terms) = (Scheduler::local(), Terms { deadline: None, outside: true });
    scheduler.check_wait(false, terms).map_err(|refusal| BlockOnError {
        reason: BlockOnReason::from_refusal(refusal),
        what,
        at,
    })?;
    // Who is cancelled already begins nothing.
    scheduler.meet_here();
    Ok(())
}
