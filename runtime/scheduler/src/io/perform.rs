//! One operation on a source: tried, and where it would block, waited for and tried again.

use std::io;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::time::Instant;

use super::error::WaitError;
use super::reactor::Reactor;
use super::readiness::{Direction, Who};
use super::source::{Endpoint, Patience, Source, Watched, Wish};
use crate::core::Scheduler;
use crate::park::{TaskletId, Terms, Unwoken};
use crate::seams::clock;

impl<T: Endpoint> Source<T> {
    /// Does something with the endpoint, as soon as it can be done. `short` says of a result that the next such operation would block:
    /// it has moved less than it was to, and that can have no other reason.
    #[cfg_attr(not(debug_assertions), inline)]
    pub(crate) fn perform<R>(
        &self,
        wish: Wish,
        mut attempt: impl FnMut(&T) -> io::Result<R>,
        short: impl Fn(&R) -> bool,
    ) -> io::Result<R> {
        let scheduler = Scheduler::local();
        if self.may_try(&scheduler, wish.direction) {
            match persistently(|| attempt(self.io())) {
                Ok(done) => {
                    if short(&done) {
                        self.fell_short(&scheduler, wish.direction);
                    }
                    return Ok(done);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.drained(&scheduler, wish.direction),
                Err(error) => return Err(error),
            }
        }
        let waiting = self.join(&scheduler, wish)?;
        loop {
            waiting.wait()?;
            scheduler.prefetch_next();
            match persistently(|| attempt(self.io())) {
                Ok(done) => {
                    if short(&done) {
                        waiting.reactor.seats.borrow_mut().fell_short(waiting.slot, wish.direction);
                    }
                    return Ok(done);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.drained(&scheduler, wish.direction),
                Err(error) => return Err(error),
            }
        }
    }

    /// The same where a result never tells that the next operation would block.
    #[cfg_attr(not(debug_assertions), inline)]
    pub(crate) fn perform_whole<R>(&self, wish: Wish, attempt: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.perform(wish, attempt, |_| false)
    }

    /// The same for an operation that is not to wait: it fails with `WouldBlock` then, and is not behind those who wait.
    pub(crate) fn perform_now<R>(
        &self,
        direction: Direction,
        mut attempt: impl FnMut(&T) -> io::Result<R>,
        short: impl Fn(&R) -> bool,
    ) -> io::Result<R> {
        let done = persistently(|| attempt(self.io()));
        let scheduler = Scheduler::local();
        match &done {
            Ok(moved) if short(moved) => self.fell_short(&scheduler, direction),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.drained(&scheduler, direction),
            _ => {}
        }
        done
    }

    /// Waits until an operation may be tried with success, or for no reason at all.
    pub(crate) fn wait(&self, wish: Wish) -> io::Result<()> {
        let scheduler = Scheduler::local();
        self.drained(&scheduler, wish.direction);
        self.join(&scheduler, wish)?.wait_once()
    }

    /// Has somebody told when there may be something to read; its turn. None if there may be now: nobody is told then.
    pub(crate) fn tell_when_readable(
        &self,
        scheduler: &Scheduler,
        who: Who,
        operation: &'static str,
    ) -> io::Result<Option<u32>> {
        let reactor = scheduler.reactor()?;
        let slot = self.slot_or_register(scheduler, reactor, Direction::Read)?;
        let mut seats = reactor.seats.borrow_mut();
        if seats.may_try(slot, Direction::Read) {
            return Ok(None);
        }
        Ok(Some(seats.join(slot, Direction::Read, who, operation)))
    }

    /// There is nothing to read, as the kernel has said.
    pub(crate) fn nothing_to_read(&self, scheduler: &Scheduler) {
        self.drained(scheduler, Direction::Read);
    }

    pub(super) fn slot_or_register(
        &self,
        scheduler: &Scheduler,
        reactor: &Reactor,
        direction: Direction,
    ) -> io::Result<u32> {
        if let Some(slot) = self.slot(scheduler, reactor) {
            return Ok(slot);
        }
        let slot = self.register(scheduler)?;
        // If it is ready now, an event says so.
        reactor.seats.borrow_mut().drained(slot, direction);
        Ok(slot)
    }

    #[inline]
    fn may_try(&self, scheduler: &Scheduler, direction: Direction) -> bool {
        let Some(reactor) = scheduler.core.reactor.get() else { return true };
        self.slot(scheduler, reactor).is_none_or(|slot| reactor.seats.borrow().may_try(slot, direction))
    }

    #[inline]
    pub(super) fn drained(&self, scheduler: &Scheduler, direction: Direction) {
        let Some(reactor) = scheduler.core.reactor.get() else { return };
        if let Some(slot) = self.slot(scheduler, reactor) {
            reactor.seats.borrow_mut().drained(slot, direction);
        }
    }

    #[inline]
    fn fell_short(&self, scheduler: &Scheduler, direction: Direction) {
        let Some(reactor) = scheduler.core.reactor.get() else { return };
        if let Some(slot) = self.slot(scheduler, reactor) {
            reactor.seats.borrow_mut().fell_short(slot, direction);
        }
    }

    /// Joins those who wait for a direction, which has been found to be drained if nobody watches it yet.
    fn join<'a>(&'a self, scheduler: &'a Scheduler, wish: Wish) -> io::Result<Waiting<'a>> {
        let reactor = scheduler.reactor()?;
        let slot = self.slot_or_register(scheduler, reactor, wish.direction)?;
        let deadline = match wish.patience {
            Patience::Until(deadline) => deadline,
            Patience::Usual => self.limit(wish.direction).and_then(|limit| clock::deadline(scheduler, limit)),
        };
        let id = scheduler.current_id();
        let key = reactor.seats.borrow_mut().join(slot, wish.direction, Who::Tasklet(id), wish.operation);
        Ok(Waiting { scheduler, reactor, source: self.watched(), key, id, slot, wish, deadline })
    }
}

impl Scheduler {
    /// Brings who is next nearer, while the kernel is asked for this one; and some of the one after that.
    #[inline]
    fn prefetch_next(&self) {
        let me = self.core.current.get();
        let table = self.core.table.borrow();
        if let Some((_, next)) = table.neighbours(me)
            && next != me
        {
            let link = table.link(next);
            link.prefetch_target_deeply();
            table.link(link.next).prefetch_target();
        }
    }
}

/// Tries again what a signal has interrupted.
#[inline]
pub(super) fn persistently<R>(mut attempt: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// A tasklet's place in the queue of a direction, which it leaves when this is dropped.
struct Waiting<'a> {
    scheduler: &'a Scheduler,
    reactor: &'a Rc<Reactor>,
    source: &'a dyn Watched,
    key: u32,
    id: TaskletId,
    slot: u32,
    wish: Wish,
    deadline: Option<Instant>,
}

impl Waiting<'_> {
    /// Waits until it is this one's turn, and the direction may be ready.
    fn wait(&self) -> io::Result<()> {
        loop {
            self.wait_once()?;
            if self.reactor.seats.borrow().is_ready(self.slot, self.wish.direction) {
                return Ok(());
            }
        }
    }

    fn wait_once(&self) -> io::Result<()> {
        self.reactor.seats.borrow_mut().tried(self.key);
        let terms = Terms { deadline: self.deadline, outside: true };
        if let Err(refusal) = self.scheduler.check_wait(false, terms) {
            return Err(WaitError::refused(self.wish.operation, self.source.describe(), refusal));
        }
        match self.scheduler.wait_on(self.reactor.clone(), self.key, self.wish.at, terms) {
            Ok(()) => Ok(()),
            Err(Unwoken::Thrown(payload)) => resume_unwind(payload),
            Err(Unwoken::TimedOut) => Err(WaitError::timed_out(self.wish.operation, self.source.describe())),
            Err(Unwoken::Deadlock(report)) => {
                Err(WaitError::deadlock(self.wish.operation, self.source.describe(), report))
            }
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut seats = self.reactor.seats.borrow_mut();
        // Who was taken out by a kill or by its deadline, is not in there any more.
        if !seats.has_turn(self.key, self.id) {
            return;
        }
        let next = seats.leave(self.key);
        drop(seats);
        if let Some(next) = next {
            self.scheduler.tell(next);
        }
    }
}
