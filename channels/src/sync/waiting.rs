//! Waiting in a queue until one is served, and leaving it otherwise.

use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;

use tasklets_runtime::park::{Terms, Unwoken, Wait, arrives_again};
use tasklets_runtime::{Scheduler, now};

use super::chair::Chair;
use super::core::{Call, Core, Rules};
use super::error::{WaitError, WaitReason};

/// A waiter's place in the queue. Dropped by an unwinding, it is given up for good.
pub(crate) struct Place<'a, R: Rules> {
    pub(crate) core: &'a Arc<Core<R>>,
    pub(crate) scheduler: &'a Scheduler,
    /// A [`Chair`].
    pub(crate) chair: Rc<dyn Wait>,
    /// Its number there.
    pub(crate) wait: u32,
    /// Whether it is over: nothing is queued, or was got and not told.
    pub(crate) over: bool,
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
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn wait(mut self, call: Call, terms: Terms, suspicious: bool) -> Result<u32, WaitError> {
        if let Err(reason) = self.check(call, terms, suspicious) {
            return self.withdraw(call, reason);
        }
        loop {
            let waited = self.scheduler.wait_on(self.chair.clone(), self.wait, call.at, terms);
            if waited.is_ok()
                && let Some(got) = self.chair().collect(self.wait)
            {
                self.over = true;
                return Ok(got);
            }
            if let Some(result) = self.see(waited, call) {
                return result;
            }
        }
    }

    #[inline]
    fn chair(&self) -> &Chair<R> {
        Chair::of(&*self.chair)
    }

    /// The wait is over, unless nobody has served the waiter: none then.
    #[inline(never)]
    fn see(&mut self, waited: Result<(), Unwoken>, call: Call) -> Option<Result<u32, WaitError>> {
        match waited {
            Ok(()) => self.take_served().map(Ok),
            Err(Unwoken::TimedOut) => Some(self.withdraw(call, WaitReason::TimedOut)),
            Err(Unwoken::Deadlock(report)) => Some(self.withdraw(call, WaitReason::Deadlock(report))),
            Err(Unwoken::Thrown(payload)) => {
                if arrives_again(&payload)
                    && let Some(got) = self.take_served()
                {
                    return Some(Ok(got));
                }
                self.forsake();
                resume_unwind(payload)
            }
        }
    }

    /// What was got, if the waiter was served; the wait is over then.
    fn take_served(&mut self) -> Option<u32> {
        let chair = self.chair();
        let got = chair.collect(self.wait).or_else(|| {
            let mut state = self.core.state.lock();
            let served = state.queue.get(chair.ticket(self.wait)).served;
            served.then(|| state.queue.take(chair.leave(self.wait)).want)
        });
        self.over = got.is_some();
        got
    }

    #[inline]
    fn check(&self, call: Call, terms: Terms, suspicious: bool) -> Result<(), WaitReason> {
        self.scheduler.check_wait(false, terms).map_err(WaitReason::from_refusal)?;
        if terms.deadline.is_some_and(|deadline| deadline <= now()) {
            return Err(WaitReason::TimedOut);
        }
        if suspicious { self.check_cycle(call) } else { Ok(()) }
    }

    #[cold]
    fn check_cycle(&self, call: Call) -> Result<(), WaitReason> {
        let ticket = self.chair().ticket(self.wait);
        let mine = || self.core.describe(ticket);
        let cycle = self.scheduler.find_cycle(|tell| self.core.owners(ticket, tell), mine, call.at);
        cycle.map_or(Ok(()), |report| Err(WaitReason::Deadlock(report)))
    }

    /// Leaves the queue. A waiter that has been served meanwhile has what it wants.
    #[cold]
    fn withdraw(&mut self, call: Call, reason: WaitReason) -> Result<u32, WaitError> {
        if let Some(got) = self.chair().collect(self.wait) {
            self.over = true;
            return Ok(got);
        }
        let on = self.core.report().into_boxed_str();
        self.over = true;
        let ticket = self.chair().leave(self.wait);
        let mut state = self.core.state.lock();
        let waiter = state.queue.take(ticket);
        if waiter.served {
            return Ok(waiter.want);
        }
        // Those behind it may want less.
        self.core.serve(state, self.scheduler);
        Err(WaitError { reason, operation: call.operation, on: Some(on), at: call.at })
    }

    /// Leaves the queue for good; what was got goes to the next one.
    #[cold]
    fn forsake(&mut self) {
        self.over = true;
        match self.chair().collect(self.wait) {
            Some(got) => self.core.give_back(got, self.scheduler),
            None => self.core.forsake(self.chair().leave(self.wait), self.scheduler),
        }
    }
}

impl<R: Rules> Drop for Place<'_, R> {
    #[inline]
    fn drop(&mut self) {
        if !self.over {
            self.forsake();
        }
    }
}
