//! How a scope is left: its owner waits for the members, in the scope's own frame.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use greenlet::Payload;

use crate::cancel::scopes::Kind;
use crate::cancel::shield::Open;
use crate::error::{TaskletError, is_exit};
use crate::park::{Refusal, Terms, Unwoken};
use crate::report::Report;
use crate::scope::error::{ScopeError, ScopePanics};
use crate::scope::state::State;

/// How often members that refuse to end are told again, as in Stackless.
const ATTEMPTS: usize = 10;

/// What happens to the owner meanwhile, besides panics. The first of each kind counts.
#[derive(Default)]
struct Events {
    /// It was killed or cancelled.
    exit: Option<Payload>,
    timed_out: bool,
    /// The members could not have gone on.
    deadlock: Option<Box<Report>>,
    refusal: Option<TaskletError>,
}

impl Events {
    fn any(&self) -> bool {
        self.exit.is_some() || self.timed_out || self.deadlock.is_some() || self.refusal.is_some()
    }
}

/// Ends members until there are none, or until it has made no progress so many times.
struct Insistence {
    left: usize,
    attempts: usize,
}

impl Insistence {
    fn new() -> Insistence {
        Insistence { left: usize::MAX, attempts: 0 }
    }

    /// Whether to try once more, with so many left.
    fn goes_on(&mut self, left: usize) -> bool {
        self.attempts = if left < self.left { 0 } else { self.attempts + 1 };
        self.left = left;
        left != 0 && self.attempts < ATTEMPTS
    }
}

impl State {
    /// Waits until all members have ended. What the scope ends with; a kill of the owner goes on.
    pub(super) fn leave<R>(self: &Rc<Self>, outcome: Result<R, Payload>) -> Result<R, ScopeError> {
        let mut events = Events::default();
        let mut value = outcome.map_err(|payload| self.arrived(payload, &mut events)).ok();
        self.wait(&mut events);
        self.close();
        if events.any() || self.has_panicked() {
            // Nobody gets it. It may be anything, but there is nobody left whom it could disturb.
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(value.take())));
            dropped.unwrap_or_else(|payload| self.arrived(payload, &mut events));
        }
        self.conclude(value, events)
    }

    fn conclude<R>(&self, value: Option<R>, events: Events) -> Result<R, ScopeError> {
        let panics = ScopePanics::of(self.take_panics());
        if let Some(exit) = events.exit {
            match panics {
                // It is the owner itself that would have to be told.
                Some(panics) if self.scheduler.waker() == self.scheduler.core.current.get() => {
                    return Err(ScopeError::Panicked(panics));
                }
                Some(panics) => self.scheduler.surface_later(panics.into_payload()),
                None => {}
            }
            resume_unwind(exit);
        }
        if let Some(panics) = panics {
            return Err(ScopeError::Panicked(panics));
        }
        if let Some(report) = events.deadlock {
            return Err(ScopeError::Deadlock(report));
        }
        if let Some(error) = events.refusal {
            return Err(ScopeError::Refused(error));
        }
        if events.timed_out {
            return Err(ScopeError::TimedOut);
        }
        value.ok_or(ScopeError::Cancelled)
    }

    /// Something was raised in the owner: it is kept until the members have ended, which it cancels.
    fn arrived(&self, payload: Payload, events: &mut Events) {
        if self.is_own_limit(&payload) {
            events.timed_out |= !self.is_cancelled() && !self.is_told_to_cancel();
        } else if is_exit(&*payload) {
            events.exit.get_or_insert(payload);
        } else {
            return self.fail(payload);
        }
        self.cancel();
    }

    /// Waits until there is no member, or the rest has to be left to the net.
    fn wait(self: &Rc<Self>, events: &mut Events) {
        let (mut shield, mut trap) = (None, false);
        let mut insistence = Insistence::new();
        while self.count() != 0 {
            if self.is_told_to_cancel() {
                self.cancel();
            }
            if self.scheduler.is_nested() && self.count_remote() != 0 {
                // Who kills it does not come back: other threads would use what a stack borrows that is given up.
                self.cancel();
                self.end_remote_in_place();
                if self.count() == 0 {
                    break;
                }
            }
            if self.is_cancelled() && shield.is_none() {
                shield = Some(Open::new(&self.scheduler, Kind::Shield));
            }
            let trouble = match catch_unwind(AssertUnwindSafe(|| self.wait_once())) {
                Ok(Ok(())) => continue,
                Ok(Err(trouble)) => trouble,
                Err(payload) => Trouble::Raised(payload),
            };
            match trouble {
                Trouble::Raised(payload) => self.arrived(payload, events),
                Trouble::Deadlock(report) => {
                    events.deadlock.get_or_insert(report);
                    if !insistence.goes_on(self.count()) {
                        break;
                    }
                    if self.is_cancelled() { self.kill() } else { self.cancel() }
                }
                Trouble::BlockTrap => {
                    events.refusal.get_or_insert(TaskletError::BlockTrap);
                    self.cancel();
                    trap |= self.scheduler.current().set_block_trap(false);
                }
                Trouble::Refused(error) => {
                    events.refusal.get_or_insert(error);
                    self.cancel();
                    self.end_in_place();
                    break;
                }
            }
        }
        if trap {
            self.scheduler.current().set_block_trap(true);
        }
        drop(shield);
    }

    fn wait_once(self: &Rc<Self>) -> Result<(), Trouble> {
        let terms = Terms { deadline: None, outside: self.count_remote() != 0 };
        if !terms.outside && self.count() == 0 {
            // The last one has ended on its thread just now.
            return Ok(());
        }
        let me = self.scheduler.check_wait(false, terms)?;
        // What ends from here on, on whatever thread, wakes the owner.
        let outside = self.existing_remote().is_some_and(|remote| remote.waits(me));
        if outside != terms.outside {
            return Ok(());
        }
        self.waits(me);
        Ok(self.scheduler.wait_on(self.clone(), 0, self.at, terms)?)
    }

    fn end_remote_in_place(&self) {
        if let Some(remote) = self.existing_remote() {
            remote.end_in_place(&self.scheduler, ATTEMPTS);
        }
    }

    /// Nobody can be switched to: ends the members while the owner waits on its own stack.
    fn end_in_place(&self) {
        let mut insistence = Insistence::new();
        while insistence.goes_on(self.count() - self.count_remote()) {
            self.kill_in_place();
        }
        self.end_remote_in_place();
    }
}

/// Why the owner does not go on waiting.
enum Trouble {
    Raised(Payload),
    Deadlock(Box<Report>),
    BlockTrap,
    Refused(TaskletError),
}

impl From<Unwoken> for Trouble {
    fn from(unwoken: Unwoken) -> Trouble {
        match unwoken {
            Unwoken::Deadlock(report) => Trouble::Deadlock(report),
            Unwoken::Thrown(payload) => Trouble::Raised(payload),
            Unwoken::TimedOut => unreachable!("no deadline was set"),
        }
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Trouble {
        match refusal {
            Refusal::Refused(TaskletError::Deadlock(report)) => Trouble::Deadlock(report),
            Refusal::Refused(error) => Trouble::Refused(error),
            Refusal::BlockTrap | Refusal::Closed => Trouble::BlockTrap,
        }
    }
}
