//! Waiting until the workers of a runtime have ended: a tasklet waits as for anything else, and where it may not, its thread does.

use std::panic::{Location, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::core::Scheduler;
use crate::park::{Description, Terms, Unwoken, Wait, arrives_again};
use crate::threads::task::Waiter;

/// How many workers there are still, and who waits until there is none.
#[derive(Default)]
pub(crate) struct Ended {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    alive: usize,
    waiter: Option<Waiter>,
}

/// A worker. It has ended when this is dropped.
pub(crate) struct Alive(Arc<Ended>);

impl Alive {
    pub(crate) fn new(ended: &Arc<Ended>) -> Alive {
        ended.inner.lock().alive += 1;
        Alive(ended.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        let waiter = {
            let mut inner = self.0.inner.lock();
            inner.alive -= 1;
            if inner.alive != 0 {
                return;
            }
            inner.waiter.take()
        };
        self.0.changed.notify_all();
        if let Some((inbox, id)) = waiter {
            // If that thread has ended, nobody waits.
            inbox.wake(id);
        }
    }
}

impl Ended {
    fn is_over(&self) -> bool {
        self.inner.lock().alive == 0
    }

    /// Waits with the thread stopped, at most so long; whether all have ended.
    pub(crate) fn block(&self, time: Option<Duration>) -> bool {
        let mut inner = self.inner.lock();
        let left = |inner: &mut Inner| inner.alive != 0;
        match time {
            None => self.changed.wait_while(&mut inner, left),
            Some(time) => drop(self.changed.wait_while_for(&mut inner, left, time)),
        }
        inner.alive == 0
    }

    /// Waits in the calling tasklet, at most so long; whether all have ended. `what` is for reports.
    ///
    /// The thread is stopped where no tasklet can wait: in a callback, while it unwinds, with a block trap set, or where it has no
    /// scheduler. And where time is virtual, for a limited time: the workers go by the real one.
    pub(crate) fn wait(self: &Arc<Self>, time: Option<Duration>, what: &str, at: &'static Location<'static>) -> bool {
        let scheduler = match Scheduler::existing() {
            Some(scheduler) if time.is_none() || !scheduler.core.clock.is_virtual() => scheduler,
            _ => return self.block(time),
        };
        let deadline = time.and_then(|time| scheduler.core.clock.now().checked_add(time));
        let left = |deadline: Instant| deadline.saturating_duration_since(scheduler.core.clock.now());
        let terms = Terms { deadline, outside: true };
        let on = Rc::new(Ending { ended: self.clone(), what: what.to_owned() });
        loop {
            if self.is_over() || deadline.is_some_and(|deadline| left(deadline).is_zero()) {
                return self.is_over();
            }
            if scheduler.check_wait(false, terms).is_err() {
                return self.block(deadline.map(left));
            }
            // After the check, which may run others, and before the wait, from which on it is woken.
            if !self.waits((scheduler.inbox().clone(), scheduler.current_id())) {
                return true;
            }
            // No thread of the caller's runtime, if it is in one, need know of the workers.
            match scheduler.wait_on_the_world(on.clone(), at, terms) {
                Ok(()) | Err(Unwoken::TimedOut) => {}
                Err(Unwoken::Deadlock(_)) => return self.block(deadline.map(left)),
                Err(Unwoken::Thrown(payload)) if arrives_again(&payload) && self.is_over() => return true,
                Err(Unwoken::Thrown(payload)) => resume_unwind(payload),
            }
        }
    }

    /// Notes who waits; false if there is nothing to wait for.
    fn waits(&self, waiter: Waiter) -> bool {
        let mut inner = self.inner.lock();
        let over = inner.alive == 0;
        let old = std::mem::replace(&mut inner.waiter, Some(waiter).filter(|_| !over));
        drop(inner);
        drop(old);
        !over
    }
}

/// What who waits is blocked on.
struct Ending {
    ended: Arc<Ended>,
    what: String,
}

impl Wait for Ending {
    fn unlink(&self, _ticket: u32) {
        let waiter = self.ended.inner.lock().waiter.take();
        drop(waiter);
    }

    fn describe(&self, _ticket: u32) -> Description {
        Description {
            operation: "shutdown",
            on: format!("{} ({} workers left)", self.what, self.ended.inner.lock().alive),
        }
    }
}
