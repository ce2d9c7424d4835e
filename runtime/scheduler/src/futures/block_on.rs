//! Waiting for a future in a tasklet.

use std::any::type_name;
use std::panic::{Location, resume_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::bell::Bell;
use super::error::{BlockOnError, BlockOnReason};
use crate::core::Scheduler;
use crate::error::TaskletError;
use crate::park::{Description, Terms, Unwoken, Wait, arrives_again};
use crate::seams::clock;

/// Runs a future to its end in the calling tasklet, which waits while the future does: other tasklets of its thread run meanwhile.
/// A thread without others sleeps.
///
/// Works in every tasklet, and in threads that have none otherwise. The future is polled on the caller's stack, and by nobody else: it need not
/// be `Send`. Its waker may be called from any thread, at any time, as often as one likes. A future that wakes itself in its own
/// poll lets the others run for one turn.
///
/// The caller counts as one that something outside the thread may wake: a future that nothing ever wakes is no deadlock, and is waited for
/// for ever.
///
/// A future that belongs to a runtime, as tokio's sockets do, needs that runtime beside: see `docs/async.md`.
///
/// # Errors
///
/// [`BlockOnError`] if it would have to wait and may not: its block trap is set, or switching is refused. The future is dropped
/// then; give a `&mut` of a pinned one to keep it.
///
/// # Panics
///
/// With what the future panics with; and it unwinds with what is thrown into the caller meanwhile. The future is dropped by that. A
/// cancellation interrupts only a wait: a future that has been woken is polled first, and if it is ready, that counts.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{block_on, spawn};
///
/// let t = spawn(|| block_on(async { 6 * 7 }).unwrap());
/// assert_eq!(t.join()?, 42);
/// # Ok::<(), tasklets_runtime::JoinError>(())
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> Result<F::Output, BlockOnError> {
    wait_for(future, type_name::<F>(), None, Location::caller())
}

/// [`block_on`] for a limited time.
///
/// # Errors
///
/// As [`block_on`]; the reason is [`TimedOut`](BlockOnReason::TimedOut) if its time was up.
///
/// # Panics
///
/// As [`block_on`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tasklets_runtime::block_on_timeout;
///
/// let mut slow = Box::pin(std::future::pending::<()>());
/// let error = block_on_timeout(&mut slow, Duration::from_millis(1)).unwrap_err();
/// assert!(error.is_timeout());
/// // `slow` is still there, and could be waited for again.
/// ```
#[track_caller]
pub fn block_on_timeout<F: Future>(future: F, time: Duration) -> Result<F::Output, BlockOnError> {
    let deadline = clock::deadline(&Scheduler::local(), time);
    wait_for(future, type_name::<F>(), deadline, Location::caller())
}

/// [`block_on`] until a moment of [`now`](crate::now()).
///
/// # Errors
///
/// As [`block_on_timeout`].
///
/// # Panics
///
/// As [`block_on`].
#[track_caller]
pub fn block_on_deadline<F: Future>(future: F, deadline: Instant) -> Result<F::Output, BlockOnError> {
    wait_for(future, type_name::<F>(), Some(deadline), Location::caller())
}

/// Waits for a future; errors and reports call it `what`.
pub(crate) fn wait_for<F: Future>(
    future: F,
    what: &'static str,
    deadline: Option<Instant>,
    at: &'static Location<'static>,
) -> Result<F::Output, BlockOnError> {
    let mut future = pin!(future);
    let patient = Patient::new(what, deadline, at);
    let waker = Waker::from(patient.bell.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Ok(output);
        }
        patient.wait().map_err(|reason| BlockOnError { reason, what, at })?;
    }
}

/// A tasklet that waits for a future.
struct Patient {
    bell: Arc<Bell>,
    scheduler: Scheduler,
    what: &'static str,
    terms: Terms,
    at: &'static Location<'static>,
}

impl Patient {
    fn new(what: &'static str, deadline: Option<Instant>, at: &'static Location<'static>) -> Patient {
        let scheduler = Scheduler::local();
        let bell = Arc::new(Bell::new(scheduler.inbox().clone(), scheduler.current_id()));
        Patient { bell, scheduler, what, terms: Terms { deadline, outside: true }, at }
    }

    /// Waits until the bell rings.
    fn wait(&self) -> Result<(), BlockOnReason> {
        let expired = || self.terms.deadline.is_some_and(|deadline| deadline <= self.scheduler.core.clock.now());
        if self.bell.take() {
            if expired() {
                return Err(BlockOnReason::TimedOut);
            }
            // It has rung in the poll, as that of a future does that only wants to let others run.
            return crate::schedule().or_else(|error| match error {
                TaskletError::SwitchTrap | TaskletError::Unwinding => Ok(()),
                error => Err(BlockOnReason::Refused(error)),
            });
        }
        let on: Rc<dyn Wait> = Rc::new(Pending(self.what));
        loop {
            self.scheduler.check_wait(false, self.terms).map_err(BlockOnReason::from_refusal)?;
            // After the check, which may run others, and before the wait, from which on a ring wakes.
            if self.bell.take() {
                return Ok(());
            }
            if expired() {
                return Err(BlockOnReason::TimedOut);
            }
            match self.scheduler.wait_on_the_world(on.clone(), self.at, self.terms) {
                Ok(()) => {}
                // What has rung in time is polled: it may be ready.
                Err(Unwoken::TimedOut) if self.bell.take() => return Ok(()),
                Err(Unwoken::TimedOut) => return Err(BlockOnReason::TimedOut),
                Err(Unwoken::Deadlock(report)) => return Err(BlockOnReason::Refused(TaskletError::Deadlock(report))),
                Err(Unwoken::Thrown(payload)) if arrives_again(&payload) && self.bell.take() => return Ok(()),
                Err(Unwoken::Thrown(payload)) => resume_unwind(payload),
            }
        }
    }
}

/// A future that is waited for, for reports.
struct Pending(&'static str);

impl Wait for Pending {
    fn unlink(&self, _ticket: u32) {}

    fn describe(&self, _ticket: u32) -> Description {
        Description { operation: "block_on", on: self.0.to_owned() }
    }
}
