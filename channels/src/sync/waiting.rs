//! Waiting in a queue until one is served, and leaving it otherwise.

use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;

use tasklets_runtime::park::{Terms, Unwoken};
use tasklets_runtime::{Scheduler, now};

use super::core::{Call, Core, Rules};
use super::error::{WaitError, WaitReason};
use super::post::{Post, Queued};

/// A waiter's place in the queue. Dropped by an unwinding, it is given up for good.
pub(crate) struct Place<'a, R: Rules> {
    pub(crate) core: &'a Arc<Core<R>>,
    pub(crate) ticket: u32,
    pub(crate) scheduler: &'a Scheduler,
}

impl<R: Rules> Core<R> {
    /// Whether the running tasklet may wait, before it is queued.
    pub(crate) fn may_wait(&self, call: Call, scheduler: &Scheduler) -> Result<(), WaitError> {
        let refused = scheduler.check_wait(false, call.terms.unwrap_or_default());
        refused.map(drop).map_err(|refusal| WaitError {
            reason: WaitReason::from_refusal(refusal),
            operation: call.operation,
            on: Some(self.report().into_boxed_str()),
            at: call.at,
        })
    }
}

impl<R: Rules> Place<'_, R> {
    /// Waits to be served; what was got. `suspicious` says that somebody who holds what is waited for waits as well.
    pub(crate) fn wait(self, call: Call, terms: Terms, suspicious: bool) -> Result<u32, WaitError> {
        if let Err(reason) = self.check(call, terms, suspicious) {
            return self.withdraw(call, reason);
        }
        match self.wait_until_served(call, terms) {
            Ok(got) => {
                std::mem::forget(self);
                Ok(got)
            }
            Err(Unwoken::TimedOut) => self.withdraw(call, WaitReason::TimedOut),
            Err(Unwoken::Deadlock(report)) => self.withdraw(call, WaitReason::Deadlock(report)),
            Err(Unwoken::Thrown(payload)) => {
                drop(self);
                resume_unwind(payload)
            }
        }
    }

    #[inline]
    fn wait_until_served(&self, call: Call, terms: Terms) -> Result<u32, Unwoken> {
        let post = Post::local();
        let wait = Delivery { number: post.add(self.core.clone(), self.ticket), post };
        loop {
            self.scheduler.wait_on(wait.post.clone(), wait.number, call.at, terms)?;
            let mut state = self.core.state.lock();
            if state.queue.get(self.ticket).served {
                return Ok(state.queue.take(self.ticket).want);
            }
        }
    }

    fn check(&self, call: Call, terms: Terms, suspicious: bool) -> Result<(), WaitReason> {
        self.scheduler.check_wait(false, terms).map_err(WaitReason::from_refusal)?;
        if terms.deadline.is_some_and(|deadline| deadline <= now()) {
            return Err(WaitReason::TimedOut);
        }
        if suspicious { self.check_cycle(call) } else { Ok(()) }
    }

    #[cold]
    fn check_cycle(&self, call: Call) -> Result<(), WaitReason> {
        let mut owners = Vec::new();
        self.core.owners(self.ticket, &mut |owner| owners.push(owner));
        let cycle = self.scheduler.find_cycle(&owners, self.core.describe(self.ticket), call.at);
        cycle.map_or(Ok(()), |report| Err(WaitReason::Deadlock(report)))
    }

    /// Leaves the queue. A waiter that has been served meanwhile has what it wants.
    #[cold]
    fn withdraw(self, call: Call, reason: WaitReason) -> Result<u32, WaitError> {
        let on = self.core.describe(self.ticket).on.into_boxed_str();
        let Place { core, ticket, scheduler } = self;
        std::mem::forget(self);
        let mut state = core.state.lock();
        let waiter = state.queue.take(ticket);
        if waiter.served {
            return Ok(waiter.want);
        }
        // Those behind it may want less.
        core.serve(state, scheduler);
        Err(WaitError { reason, operation: call.operation, on: Some(on), at: call.at })
    }
}

impl<R: Rules> Drop for Place<'_, R> {
    fn drop(&mut self) {
        self.core.forsake(self.ticket, self.scheduler);
    }
}

/// A wait that the thread's post knows of.
struct Delivery {
    number: u32,
    post: Rc<Post>,
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.post.remove(self.number);
    }
}
