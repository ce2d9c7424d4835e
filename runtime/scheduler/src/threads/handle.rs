//! The handle of a task: any thread may wait for its outcome.

use std::fmt;
use std::panic::{Location, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::core::Scheduler;
use crate::job::JoinError;
use crate::park::{Description, Proxy, TaskletId, Terms, Unwoken, Wait, arrives_again};
use crate::seams::clock;
use crate::threads::remote::RemoteTasklet;
use crate::threads::task::{Outcome, Waiter};

/// The handle of what was spawned on a [`Runtime`](crate::Runtime). Any thread may wait with it for the result.
///
/// Dropping the last one detaches the tasklet: its result is dropped when it comes. What it panicked with waits for
/// [`join`](Handle::join) while there is a handle. When the last one is dropped, or was before, the runtime's
/// [hook](crate::RuntimeBuilder::on_panic) is told.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::Runtime;
///
/// let runtime = Runtime::builder().threads(2).build()?;
/// let answer = runtime.spawn(|| 6 * 7)?;
/// assert_eq!(answer.join()?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Handle<R: 'static = ()> {
    task: Arc<dyn Outcome<R>>,
    /// Stands for the handle itself where it is polled as a future.
    pub(crate) proxy: Proxy,
}

/// A tasklet in a join.
struct Joining<R: 'static> {
    task: Arc<dyn Outcome<R>>,
    waiter: Waiter,
}

impl<R> Wait for Joining<R> {
    fn unlink(&self, _ticket: u32) {
        self.task.forget(&self.waiter);
    }

    fn describe(&self, _ticket: u32) -> Description {
        Description { operation: "join", on: describe(&*self.task) }
    }

    fn owners(&self, _ticket: u32, tell: &mut dyn FnMut(TaskletId)) {
        if let Some(who) = self.task.who()
            && who.inbox() == Scheduler::local().inbox()
        {
            tell(who.id());
        }
    }
}

/// Fails if the end that is waited for needs the caller itself, as far as all who are between them are of this thread.
fn find_cycle<R>(scheduler: &Scheduler, joining: &Joining<R>, at: &'static Location<'static>) -> Result<(), JoinError> {
    let mut stuck = false;
    joining.owners(0, &mut |owner| stuck |= scheduler.is_stuck(owner));
    if !stuck {
        return Ok(());
    }
    let cycle = scheduler.find_cycle(|tell| joining.owners(0, tell), || joining.describe(0), at);
    cycle.map_or(Ok(()), |report| Err(JoinError::Deadlock(report)))
}

fn describe<R>(task: &dyn Outcome<R>) -> String {
    let who = task.who().map_or("a tasklet".to_owned(), |who| who.to_string());
    format!("{who} (spawned at {})", task.spawned_at())
}

impl<R> Handle<R> {
    pub(crate) fn new(task: Arc<dyn Outcome<R>>) -> Handle<R> {
        Handle { task, proxy: Proxy::new() }
    }

    pub(crate) fn outcome(&self) -> &dyn Outcome<R> {
        &*self.task
    }

    /// Waits for the tasklet's end and takes its result. Other tasklets of the caller's thread run meanwhile; if there are none, the
    /// thread sleeps.
    ///
    /// # Errors
    ///
    /// [`JoinError`] if it panicked, was killed or never began, if the result was taken already, or if the caller may not block.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile; the result can be joined still. A cancellation of the caller that comes when
    /// the tasklet has ended waits for the next blocking point, and the result is returned.
    #[track_caller]
    pub fn join(&self) -> Result<R, JoinError> {
        self.join_within(None, Location::caller())
    }

    /// [`join`](Handle::join) for a limited time; the handle can join again after it.
    ///
    /// # Errors
    ///
    /// As [`join`](Handle::join), and [`JoinError::TimedOut`].
    ///
    /// # Panics
    ///
    /// As [`join`](Handle::join).
    #[track_caller]
    pub fn join_timeout(&self, time: Duration) -> Result<R, JoinError> {
        let deadline = clock::deadline(&Scheduler::local(), time);
        self.join_within(deadline, Location::caller())
    }

    /// [`join`](Handle::join) until a moment of [`now`](crate::now()).
    ///
    /// # Errors
    ///
    /// As [`join_timeout`](Handle::join_timeout).
    ///
    /// # Panics
    ///
    /// As [`join`](Handle::join).
    #[track_caller]
    pub fn join_deadline(&self, deadline: Instant) -> Result<R, JoinError> {
        self.join_within(Some(deadline), Location::caller())
    }

    fn join_within(&self, deadline: Option<Instant>, at: &'static Location<'static>) -> Result<R, JoinError> {
        if let Some(result) = self.task.take_or_wait(None) {
            return result;
        }
        let scheduler = Scheduler::local();
        let waiter = (scheduler.inbox().clone(), scheduler.current_id());
        if self.is_of(&waiter) {
            return Err(JoinError::Current);
        }
        let terms = Terms { deadline, outside: true };
        let joining = Rc::new(Joining { task: self.task.clone(), waiter });
        if deadline.is_none() {
            find_cycle(&scheduler, &joining, at)?;
        }
        loop {
            scheduler.check_wait(false, terms).map_err(JoinError::from_refusal)?;
            if let Some(result) = self.task.take_or_wait(Some(&joining.waiter)) {
                return result;
            }
            match scheduler.wait_on(joining.clone(), 0, at, terms) {
                Ok(()) => {}
                Err(Unwoken::TimedOut) => return self.task.take_or_wait(None).unwrap_or(Err(JoinError::TimedOut)),
                Err(Unwoken::Deadlock(report)) => return Err(JoinError::Deadlock(report)),
                Err(Unwoken::Thrown(payload)) if !arrives_again(&payload) => resume_unwind(payload),
                // What has come in time is not left behind: the handle may be gone when the unwinding is over.
                Err(Unwoken::Thrown(payload)) => {
                    return self.task.take_or_wait(None).unwrap_or_else(|| resume_unwind(payload));
                }
            }
        }
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.task.is_over()
    }

    /// Kills it: it never begins, or a [`TaskletExit`](crate::TaskletExit) is raised in it when it runs next; see
    /// [`RemoteTasklet::kill`]. Nothing happens if it has ended.
    pub fn kill(&self) {
        if self.task.end_unstarted() {
            return;
        }
        if let Some(who) = self.remote() {
            // If its thread has ended, so has it.
            let _ = who.kill();
        }
    }

    /// Cancels it: it never begins, or each of its blocking points raises from now on until it has ended; see
    /// [`AnyTasklet::cancel`](crate::AnyTasklet::cancel). Nothing happens if it has ended.
    pub fn cancel(&self) {
        if self.task.end_unstarted() {
            return;
        }
        if let Some(who) = self.remote() {
            let _ = who.cancel();
        }
    }

    /// [Cancels](Handle::cancel) it and waits for its end, until a moment of [`now`](crate::now()); whether it has died. Its result, if
    /// it has one, can be joined after it. If it has not died, it stays cancelled, and may die later.
    ///
    /// # Errors
    ///
    /// [`JoinError::Current`] for the caller itself, which is not cancelled then; and [`JoinError`] if the caller may not block.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasklets_runtime::{Runtime, now, sleep};
    ///
    /// let runtime = Runtime::builder().threads(2).build()?;
    /// let sleeper = runtime.spawn(|| sleep(Duration::from_secs(3600)).unwrap()).unwrap();
    /// assert!(sleeper.kill_and_wait(now() + Duration::from_secs(60)).unwrap());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn kill_and_wait(&self, deadline: Instant) -> Result<bool, JoinError> {
        let at = Location::caller();
        let scheduler = Scheduler::local();
        let waiter = (scheduler.inbox().clone(), scheduler.current_id());
        if self.is_of(&waiter) {
            return Err(JoinError::Current);
        }
        self.cancel();
        let terms = Terms { deadline: Some(deadline), outside: true };
        let joining = Rc::new(Joining { task: self.task.clone(), waiter });
        loop {
            if self.is_finished() {
                return Ok(true);
            }
            if deadline <= crate::now() {
                return Ok(false);
            }
            scheduler.check_wait(false, terms).map_err(JoinError::from_refusal)?;
            if self.task.over_or_wait(&joining.waiter) {
                return Ok(true);
            }
            match scheduler.wait_on(joining.clone(), 0, at, terms) {
                Ok(()) | Err(Unwoken::TimedOut) => {}
                Err(Unwoken::Deadlock(report)) => return Err(JoinError::Deadlock(report)),
                Err(Unwoken::Thrown(payload)) if arrives_again(&payload) && self.is_finished() => return Ok(true),
                Err(Unwoken::Thrown(payload)) => resume_unwind(payload),
            }
        }
    }

    fn is_of(&self, waiter: &Waiter) -> bool {
        self.remote().is_some_and(|who| (who.inbox(), who.id()) == (&waiter.0, waiter.1))
    }

    /// Commands the tasklet; none if it has not begun, or has ended.
    pub fn remote(&self) -> Option<RemoteTasklet> {
        self.task.who()
    }
}

impl<R> Clone for Handle<R> {
    fn clone(&self) -> Handle<R> {
        Handle { task: self.task.clone(), proxy: Proxy::new() }
    }
}

impl<R> fmt::Debug for Handle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_finished() { "finished" } else { "not finished" };
        write!(f, "Handle({}: {state})", describe(&*self.task))
    }
}
