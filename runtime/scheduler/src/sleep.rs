//! Waiting for a time.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::core::Scheduler;
use crate::error::TaskletError;
use crate::flags::Flag;
use crate::hooks::alert;
use crate::park::{Description, Refusal, Terms, Unwoken, Wait};
use crate::seams::clock;
use crate::table::Key;
use crate::trace;
use crate::wakeup::timers::{Alarm, Timer};

/// What sleepers wait on: nothing but their deadlines.
pub(crate) struct Nap;

impl Wait for Nap {
    fn unlink(&self, _ticket: u32) {}

    fn describe(&self, _ticket: u32) -> Description {
        Description { operation: "sleep", on: "the clock".to_owned() }
    }
}

/// Why a tasklet could not sleep, or not as long as it wanted.
#[derive(Debug)]
pub struct Interrupted {
    /// Boxed: it is on the stack of every tasklet that sleeps.
    reason: Box<Refusal>,
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
        *self.reason
    }
}

impl From<Refusal> for Interrupted {
    #[cold]
    fn from(reason: Refusal) -> Interrupted {
        Interrupted { reason: Box::new(reason) }
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
    match clock::deadline(&scheduler, time) {
        Some(deadline) if !time.is_zero() => scheduler.doze(deadline, Location::caller()),
        deadline => scheduler.nap(deadline, Location::caller()),
    }
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

/// What a sleep returns whose wait has ended; nothing if it is to go on.
fn outcome(waited: Result<(), Unwoken>) -> Option<Result<(), Interrupted>> {
    match waited {
        Err(Unwoken::TimedOut) => Some(Ok(())),
        Err(Unwoken::Thrown(payload)) => std::panic::resume_unwind(payload),
        Err(Unwoken::Deadlock(report)) => Some(Err(Refusal::Refused(TaskletError::Deadlock(report)).into())),
        Ok(()) => None,
    }
}

impl Scheduler {
    /// Sleeps until a deadline that has not come yet. A thousand tasklets that sleep are a thousand stacks, each of which is met cold
    /// twice: what is unusual is elsewhere, so that there is little on them.
    #[inline(always)]
    fn doze(&self, deadline: Instant, at: &'static Location<'static>) -> Result<(), Interrupted> {
        if !self.may_wait() {
            return self.nap(Some(deadline), at);
        }
        match self.wait_until(self.core.nap.clone(), 0, at, deadline, false) {
            Err(Unwoken::TimedOut) => Ok(()),
            other => self.nap_on(other, deadline, at),
        }
    }

    /// A sleep ended before its deadline.
    #[cold]
    #[inline(never)]
    fn nap_on(
        &self,
        waited: Result<(), Unwoken>,
        deadline: Instant,
        at: &'static Location<'static>,
    ) -> Result<(), Interrupted> {
        match outcome(waited) {
            Some(ended) => ended,
            None => self.nap(Some(deadline), at),
        }
    }

    /// Sleeps until a deadline; for ever if there is none.
    #[inline(never)]
    pub(crate) fn nap(&self, deadline: Option<Instant>, at: &'static Location<'static>) -> Result<(), Interrupted> {
        let terms = Terms { deadline, outside: deadline.is_none() };
        if deadline.is_some_and(|deadline| deadline <= self.core.clock.now()) {
            return crate::schedule().map_err(|error| Refusal::Refused(error).into());
        }
        loop {
            self.check_wait(false, terms)?;
            if let Some(ended) = outcome(self.wait_on(self.core.nap.clone(), 0, at, terms)) {
                return ended;
            }
        }
    }

    /// Whether nothing stands in the way of a wait that something outside may end; if not, [`check_wait`](Scheduler::check_wait) says
    /// what to do.
    #[inline]
    fn may_wait(&self) -> bool {
        let table = self.core.table.borrow();
        !table.get(self.core.current.get()).is_block_trapped() && table.len() != 1 && self.may_switch()
    }

    /// Blocks the running tasklet until a deadline at the latest.
    #[inline(never)]
    pub(crate) fn wait_until(
        &self,
        on: Rc<dyn Wait>,
        ticket: u32,
        at: &'static Location<'static>,
        deadline: Instant,
        outside: bool,
    ) -> Result<(), Unwoken> {
        let id = self.current_id();
        let timer = self.core.timers.set(deadline, Alarm::Wait(id));
        clock::look_in_virtual_time(self);
        trace::blocked(self, id.key, &*on, ticket);
        self.leave_to_wait(id.key, || on, ticket, at, outside, true);
        // A flag, and no letter: those are in an allocation that most tasklets never have.
        let timed_out = self.core.table.borrow_mut().get_mut(id.key).flags.set(Flag::TimedOut, false);
        if timed_out && !self.core.hooks.alerted(alert::MAIL) {
            return Err(Unwoken::TimedOut);
        }
        self.woken_in_time(id.key, timer, timed_out)
    }

    /// What a wait with a deadline ends with that was woken, or found a letter.
    #[inline(never)]
    fn woken_in_time(&self, me: Key, timer: Timer, timed_out: bool) -> Result<(), Unwoken> {
        let letter = self.collect(me);
        if !timed_out {
            self.core.timers.cancel(timer);
        }
        match letter {
            Some(mail) => Err(Unwoken::from_mail(mail)),
            None if timed_out => Err(Unwoken::TimedOut),
            None => Ok(()),
        }
    }
}
