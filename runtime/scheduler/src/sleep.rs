//! Waiting for a time.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::core::Scheduler;
use crate::error::TaskletError;
use crate::park::{Description, Refusal, TaskletId, Terms, Unwoken, Wait};
use crate::seams::clock;

/// What sleepers wait on: nothing but their deadlines.
struct Nap;

impl Wait for Nap {
    fn unlink(&self, _ticket: u32) {}

    fn neighbours(&self, _ticket: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        (None, None)
    }

    fn describe(&self, _ticket: u32) -> Description {
        Description { operation: "sleep", on: "the clock".to_owned() }
    }
}

/// Why a tasklet could not sleep, or not as long as it wanted.
#[derive(Debug)]
pub struct Interrupted {
    reason: Refusal,
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this tasklet cannot sleep now: {}", self.reason)
    }
}

impl Error for Interrupted {}

impl Interrupted {
    #[cfg(unix)]
    pub(crate) fn into_reason(self) -> Refusal {
        self.reason
    }
}

/// Lets other tasklets run until this much time has passed; see [`sleep_until`].
///
/// # Errors
///
/// As [`sleep_until`].
///
/// # Panics
///
/// As [`sleep_until`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tasklets_runtime::{run, sleep, spawn};
///
/// spawn(|| sleep(Duration::from_millis(1)).unwrap()).detach();
/// assert!(run().is_finished());
/// ```
#[track_caller]
pub fn sleep(time: Duration) -> Result<(), Interrupted> {
    let scheduler = Scheduler::local();
    let deadline = clock::deadline(&scheduler, time);
    scheduler.nap(deadline, Location::caller())
}

/// Lets other tasklets run until this moment has come; at least one that has come already lets them, too, for one turn.
///
/// A thread with nothing else to do sleeps meanwhile.
///
/// # Errors
///
/// [`Interrupted`] if the caller may not block now: its block trap is set, or switching is refused.
///
/// # Panics
///
/// Unwinds with what is thrown into the caller meanwhile, before the moment has come.
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Result<(), Interrupted> {
    Scheduler::local().nap(Some(deadline), Location::caller())
}

impl Scheduler {
    /// Sleeps until a deadline; for ever if there is none.
    pub(crate) fn nap(&self, deadline: Option<Instant>, at: &'static Location<'static>) -> Result<(), Interrupted> {
        let terms = Terms { deadline, outside: deadline.is_none() };
        if deadline.is_some_and(|deadline| deadline <= self.core.clock.now()) {
            return crate::schedule().map_err(|error| Interrupted { reason: Refusal::Refused(error) });
        }
        let nap = self.core.nap.get_or_init(|| Rc::new(Nap));
        loop {
            self.check_wait(false, terms).map_err(|reason| Interrupted { reason })?;
            match self.wait_on(nap.clone(), 0, at, terms) {
                Err(Unwoken::TimedOut) => return Ok(()),
                Err(Unwoken::Thrown(payload)) => std::panic::resume_unwind(payload),
                Err(Unwoken::Deadlock(report)) => {
                    return Err(Interrupted { reason: Refusal::Refused(TaskletError::Deadlock(report)) });
                }
                Ok(()) => {}
            }
        }
    }
}
