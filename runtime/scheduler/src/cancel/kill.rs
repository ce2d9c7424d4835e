//! Cancelling tasklets through their handles, and waiting until they have died.

use std::panic::{Location, resume_unwind};
use std::rc::Rc;
use std::time::Instant;

use crate::core::Scheduler;
use crate::error::TaskletError;
use crate::fate::{FUTURES, Fate};
use crate::flags::Flag;
use crate::job::Run;
use crate::park::{Description, TaskletId, Terms, Unwoken, Wait};
use crate::table::Key;
use crate::tasklet::AnyTasklet;

/// Who waits for the end of a body without wanting its outcome. The ticket is the waiter's key.
struct Deathbed {
    job: Rc<dyn Run>,
    whose: String,
    id: TaskletId,
}

impl Deathbed {
    fn fate(&self) -> &Fate {
        self.job.fate()
    }
}

impl Wait for Deathbed {
    fn unlink(&self, ticket: u32) {
        self.fate().remove_joiner(ticket);
    }

    fn neighbours(&self, ticket: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        let (before, after) = self.fate().neighbours(ticket);
        let scheduler = Scheduler::local();
        let id = |key: Option<Key>| key.filter(|key| *key != FUTURES).map(|key| scheduler.id_of(key));
        (id(before), id(after))
    }

    fn describe(&self, _ticket: u32) -> Description {
        Description { operation: "kill_and_wait", on: self.whose.clone() }
    }

    fn owners(&self, _ticket: u32, tell: &mut dyn FnMut(TaskletId)) {
        tell(self.id);
    }
}

/// Cancellation; see [`timeout`](crate::timeout()) for that of a part of what a tasklet does.
impl AnyTasklet {
    /// Cancels it: from now on each of its blocking points raises a [`Cancelled`](crate::Cancelled) in it, until it has ended, except
    /// inside a [`shield`](crate::shield).
    ///
    /// If it is blocked, or paused after it has begun, it is made runnable, to unwind from there. If it runs or is
    /// runnable, it goes on to where it blocks next: an operation that was served is not interrupted, and no value is lost. If it
    /// has not begun, it never does. Nothing happens if it is dead. The caller goes on, and never switches.
    ///
    /// Under `panic = "abort"` only what has not begun is cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use tasklets_runtime::{JoinError, schedule, schedule_remove, spawn};
    ///
    /// let t = spawn(|| {
    ///     let _ = std::panic::catch_unwind(schedule_remove); // a kill would have been survived
    ///     schedule_remove().unwrap();
    /// });
    /// schedule().unwrap();
    /// t.cancel();
    /// assert!(t.is_cancelled() && t.is_alive());
    /// assert!(matches!(t.join(), Err(JoinError::Killed)));
    /// ```
    pub fn cancel(&self) {
        self.scheduler().cancel(self.key());
    }

    /// Whether it was [cancelled](AnyTasklet::cancel) as a whole and has not ended yet.
    pub fn is_cancelled(&self) -> bool {
        self.scheduler().core.table.borrow().get(self.key()).flags.has(Flag::Cancelled)
    }

    /// [Cancels](AnyTasklet::cancel) it and waits for its end, until a moment of [`now`](crate::now()); whether it has died. If
    /// not, it stays cancelled, and may die later.
    ///
    /// # Errors
    ///
    /// [`TaskletError::Current`] for the caller itself, which is not cancelled then; and [`TaskletError`] if the caller may not block
    /// now.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasklets_runtime::{now, schedule, schedule_remove, shield, spawn};
    ///
    /// let obedient = spawn(|| schedule_remove().unwrap());
    /// let stubborn = spawn(|| shield(|| schedule_remove().unwrap()));
    /// schedule()?;
    /// let soon = now() + Duration::from_millis(10);
    /// assert!(obedient.kill_and_wait(soon)?);
    /// assert!(!stubborn.kill_and_wait(soon)?);
    /// # Ok::<(), tasklets_runtime::TaskletError>(())
    /// ```
    #[track_caller]
    pub fn kill_and_wait(&self, deadline: Instant) -> Result<bool, TaskletError> {
        if self.is_current() {
            return Err(TaskletError::Current { tasklet: self.to_string() });
        }
        self.cancel();
        self.scheduler().await_death(self, deadline, Location::caller())
    }
}

impl Scheduler {
    fn await_death(
        &self,
        target: &AnyTasklet,
        deadline: Instant,
        at: &'static Location<'static>,
    ) -> Result<bool, TaskletError> {
        let (key, whose) = (target.key(), target.to_string());
        let Some(job) = self.core.table.borrow().get(key).job.clone() else { return Ok(!target.is_alive()) };
        let bed = Rc::new(Deathbed { job, whose, id: target.id() });
        let terms = Terms { deadline: Some(deadline), outside: false };
        while self.still_has(key, &bed.job) {
            if deadline <= self.core.clock.now() {
                return Ok(false);
            }
            let me = self.check_wait(false, terms).map_err(TaskletError::from_refusal)?;
            bed.fate().add_joiner(me.key);
            match self.wait_on(bed.clone(), me.key, at, terms) {
                Ok(()) | Err(Unwoken::TimedOut) => {}
                Err(Unwoken::Deadlock(report)) => return Err(TaskletError::Deadlock(report)),
                Err(Unwoken::Thrown(payload)) => resume_unwind(payload),
            }
        }
        Ok(true)
    }

    /// Whether a tasklet is alive, with this body.
    fn still_has(&self, key: Key, job: &Rc<dyn Run>) -> bool {
        let table = self.core.table.borrow();
        let entry = table.get(key);
        entry.alive() && entry.job.as_ref().is_some_and(|other| Rc::ptr_eq(other, job))
    }
}
