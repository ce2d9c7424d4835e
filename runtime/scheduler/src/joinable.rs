//! The handle that waits for a tasklet's result.

use std::fmt;
use std::ops::Deref;
use std::panic::{Location, resume_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::core::Scheduler;
use crate::fate::End;
use crate::job::{Join, JoinError, is_spare, join, take_outcome};
use crate::park::{Proxy, Terms, Unwoken};
use crate::seams::clock;
use crate::tasklet::AnyTasklet;

/// A handle of a tasklet that can wait for its end and take its result.
///
/// Dropping the last one detaches the tasklet: its result is dropped when it comes. A panic of a tasklet that has such a
/// handle waits for [`join`](Tasklet::join); if the last one is dropped with the panic unread, it surfaces then, as that of a
/// tasklet that nobody can join.
pub struct Tasklet<R: 'static = ()> {
    /// The first field, so that the result is dropped, and a panic surfaces, after this handle is given back.
    any: AnyTasklet,
    pub(crate) job: JoinHandle<R>,
}

pub(crate) struct JoinHandle<R: 'static> {
    pub(crate) of: Rc<dyn Join<R>>,
    /// Stands for the handle itself where it is polled as a future.
    pub(crate) proxy: Proxy,
}

impl<R: 'static> Tasklet<R> {
    /// Takes over two handles that were counted.
    pub(crate) fn adopt(any: AnyTasklet, job: Rc<dyn Join<R>>) -> Tasklet<R> {
        Tasklet { any, job: JoinHandle { of: job, proxy: Proxy::new() } }
    }

    /// Waits for the tasklet's end and takes its result. Other tasklets run meanwhile.
    ///
    /// # Errors
    ///
    /// [`JoinError`] if it panicked or was killed, if the result was taken already, or if the caller may not block.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile; the result can be joined still.
    ///
    /// # Examples
    ///
    /// ```
    /// use tasklets_runtime::{JoinError, spawn};
    ///
    /// let t = spawn(|| std::panic::resume_unwind(Box::new("oh")));
    /// let Err(JoinError::Panicked(payload)) = t.join() else { panic!("it did") };
    /// assert_eq!(payload.downcast_ref(), Some(&"oh"));
    /// ```
    #[track_caller]
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn join(&self) -> Result<R, JoinError> {
        let own = self.any.is_current();
        join(self.any.scheduler(), &self.job.of, own, Location::caller())
    }

    /// [`join`](Tasklet::join) for a limited time; the handle can join again after it.
    ///
    /// # Errors
    ///
    /// As [`join`](Tasklet::join), and [`JoinError::TimedOut`].
    ///
    /// # Panics
    ///
    /// As [`join`](Tasklet::join).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasklets_runtime::{JoinError, sleep, spawn, with_virtual_time};
    ///
    /// with_virtual_time(|| {
    ///     let t = spawn(|| sleep(Duration::from_secs(60)).unwrap());
    ///     assert!(matches!(t.join_timeout(Duration::from_secs(1)), Err(JoinError::TimedOut)));
    ///     assert!(t.join_timeout(Duration::from_secs(60)).is_ok());
    /// });
    /// ```
    #[track_caller]
    pub fn join_timeout(&self, time: Duration) -> Result<R, JoinError> {
        match clock::deadline(self.any.scheduler(), time) {
            Some(deadline) => self.join_until(deadline, Location::caller()),
            None => self.join(),
        }
    }

    /// [`join`](Tasklet::join) until a moment of [`now`](crate::now()).
    ///
    /// # Errors
    ///
    /// As [`join_timeout`](Tasklet::join_timeout).
    ///
    /// # Panics
    ///
    /// As [`join`](Tasklet::join).
    #[track_caller]
    pub fn join_deadline(&self, deadline: Instant) -> Result<R, JoinError> {
        self.join_until(deadline, Location::caller())
    }

    fn join_until(&self, deadline: Instant, at: &'static Location<'static>) -> Result<R, JoinError> {
        let (scheduler, job, own) = (self.any.scheduler(), &self.job.of, self.any.is_current());
        let fate = job.fate();
        if !fate.is_over() {
            if own {
                return Err(JoinError::Current);
            }
            let terms = Terms { deadline: Some(deadline), outside: false };
            let me = scheduler.check_wait(false, terms).map_err(JoinError::from_refusal)?;
            if deadline <= crate::now() {
                return Err(JoinError::TimedOut);
            }
            fate.add_joiner(me.key);
            match scheduler.wait_on(job.clone(), me.key, at, terms) {
                Ok(()) => {}
                Err(Unwoken::TimedOut) => return Err(JoinError::TimedOut),
                Err(Unwoken::Deadlock(report)) => return Err(JoinError::Deadlock(report)),
                Err(Unwoken::Thrown(payload)) => resume_unwind(payload),
            }
        }
        take_outcome(job)
    }

    /// Gives up the result and keeps the tasklet: a handle that does not hold back its panic.
    pub fn detach(self) -> AnyTasklet {
        let Tasklet { any, job } = self;
        // Not left to the function's end: the handle would be lost if a panic surfaced there.
        drop(job);
        any
    }
}

impl<R: 'static> Deref for Tasklet<R> {
    type Target = AnyTasklet;

    fn deref(&self) -> &AnyTasklet {
        &self.any
    }
}

impl<R: 'static> Clone for Tasklet<R> {
    fn clone(&self) -> Tasklet<R> {
        self.job.of.fate().hold();
        Tasklet::adopt(self.any.clone(), self.job.of.clone())
    }
}

impl<R: 'static> Drop for JoinHandle<R> {
    fn drop(&mut self) {
        if let Some(id) = self.proxy.id() {
            self.of.fate().remove_future(id);
        }
        match self.of.fate().release() {
            Some(End::Returned) => drop(self.of.take_value()),
            Some(End::Panicked(payload)) => return Scheduler::local().surface(payload),
            None | Some(End::Killed | End::Taken) => {}
        }
        if is_spare(&self.of)
            && let Some(scheduler) = Scheduler::existing()
        {
            self.of.clone().retire(&scheduler.core.spares);
        }
    }
}

impl<R: 'static> fmt::Debug for Tasklet<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.any.fmt(f)
    }
}
