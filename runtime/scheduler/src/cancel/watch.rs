//! Waiting for the end of a tasklet of another thread, of which nothing is known but who it is.
//!
//! A *watcher* goes to that thread and stays with the tasklet. It tells who waits when it is dropped, and so in each case: the tasklet ends,
//! or has ended before, its thread ends, or takes nothing in any more.

use std::panic::{Location, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::core::Scheduler;
use crate::error::TaskletError;
use crate::hooks::alert;
use crate::park::{Description, Inbox, TaskletId, Terms, Unwoken, Wait, arrives_again};
use crate::table::Key;
use crate::threads::remote::{Order, RemoteTasklet};

/// What is known of the target, and who waits for more.
struct News {
    over: AtomicBool,
    inbox: Inbox,
    waiter: TaskletId,
}

/// With the target, until that has ended.
pub(crate) struct Watcher(Arc<News>);

impl Watcher {
    /// Whether anybody waits still.
    fn is_wanted(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
        // If that thread has ended, nobody waits.
        self.0.inbox.wake(self.0.waiter);
    }
}

/// What who waits is blocked on.
struct Waiting(RemoteTasklet);

impl Wait for Waiting {
    fn unlink(&self, _ticket: u32) {}

    fn describe(&self, _ticket: u32) -> Description {
        Description { operation: "kill_and_wait", on: self.0.to_string() }
    }
}

impl RemoteTasklet {
    /// [Cancels](RemoteTasklet::cancel) it and waits for its end, until a moment of [`now`](crate::now()); whether it has died. If not, it
    /// stays cancelled, and may die later.
    ///
    /// May be called on any thread. Others of the caller's thread run meanwhile; if there are none, the thread sleeps. A tasklet whose
    /// thread has ended has died with it. With a moment that has come it only cancels: what its thread does then is not known yet.
    ///
    /// # Errors
    ///
    /// [`TaskletError::Current`] for the caller itself, which is not cancelled then; and [`TaskletError`] if the caller may not block
    /// now.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile; the target stays cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasklets_runtime::{now, run, sleep, spawn};
    ///
    /// let sleeper = spawn(|| sleep(Duration::from_secs(3600)).unwrap());
    /// let remote = sleeper.remote();
    /// let killer = std::thread::spawn(move || remote.kill_and_wait(now() + Duration::from_secs(60)));
    /// assert!(run().is_finished());
    /// assert!(killer.join().unwrap()?);
    /// # Ok::<(), tasklets_runtime::TaskletError>(())
    /// ```
    #[track_caller]
    pub fn kill_and_wait(&self, deadline: Instant) -> Result<bool, TaskletError> {
        let scheduler = Scheduler::local();
        if self.inbox() == scheduler.inbox() {
            return scheduler.tasklet(self.id()).map_or(Ok(true), |target| target.kill_and_wait(deadline));
        }
        scheduler.await_death_elsewhere(self, deadline, Location::caller())
    }
}

impl Scheduler {
    fn await_death_elsewhere(
        &self,
        target: &RemoteTasklet,
        deadline: Instant,
        at: &'static Location<'static>,
    ) -> Result<bool, TaskletError> {
        let news =
            Arc::new(News { over: AtomicBool::new(false), inbox: self.inbox().clone(), waiter: self.current_id() });
        let is_over = || news.over.load(Ordering::Acquire);
        if target.order(Order::CancelAndTell(Watcher(news.clone()))).is_err() {
            return Ok(true);
        }
        let terms = Terms { deadline: Some(deadline), outside: true };
        let on = Rc::new(Waiting(target.clone()));
        loop {
            if is_over() || deadline <= self.core.clock.now() {
                return Ok(is_over());
            }
            self.check_wait(false, terms).map_err(TaskletError::from_refusal)?;
            // After the check, which may run others, and before the wait, from which on it is woken.
            if is_over() {
                return Ok(true);
            }
            match self.wait_on(on.clone(), 0, at, terms) {
                Ok(()) | Err(Unwoken::TimedOut) => {}
                Err(Unwoken::Deadlock(report)) => return Err(TaskletError::Deadlock(report)),
                Err(Unwoken::Thrown(payload)) if arrives_again(&payload) && is_over() => return Ok(true),
                Err(Unwoken::Thrown(payload)) => resume_unwind(payload),
            }
        }
    }

    /// Leaves a watcher with a tasklet that is alive.
    pub(crate) fn watch(&self, id: TaskletId, watcher: Watcher) {
        let mut watchers = self.core.watchers.take();
        // Who waits in vain, again and again, is not to leave more of them each time.
        watchers.retain(|(_, other)| other.is_wanted());
        watchers.push((id, watcher));
        self.core.watchers.replace(watchers);
        self.core.hooks.alert(alert::WATCH, true);
    }

    /// A tasklet ends: who waits for that on other threads is told.
    pub(crate) fn tell_watchers(&self, key: Key) {
        if !self.core.hooks.alerted(alert::WATCH) {
            return;
        }
        let id = self.id_of(key);
        let mut watchers = self.core.watchers.take();
        watchers.retain(|(target, _)| *target != id);
        self.core.hooks.alert(alert::WATCH, !watchers.is_empty());
        self.core.watchers.replace(watchers);
    }
}
