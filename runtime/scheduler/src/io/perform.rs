//! One operation on a source: tried, and where it would block, waited for and tried again.

use std::io;
use std::panic::{Location, resume_unwind};
use std::rc::Rc;
use std::time::Instant;

use super::error::WaitError;
use super::operation::{Direction, Operation};
use super::reactor::Reactor;
use super::source::{Endpoint, Patience, Source, Watched, Wish};
use super::turns::Who;
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
        let seat = self.seat(&scheduler);
        if seat.is_none_or(|seat| seat.may_try(wish.direction())) {
            if let Some(seat) = seat {
                scheduler.foresee(seat.reactor);
            }
            match persistently(|| attempt(self.io())) {
                Ok(done) => {
                    if let Some(seat) = seat
                        && short(&done)
                    {
                        seat.fell_short(wish.direction());
                    }
                    return Ok(done);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    seat.inspect(|seat| seat.drained(wish.direction()));
                }
                Err(error) => return Err(error),
            }
        }
        self.perform_later(&scheduler, seat, wish, attempt, short)
    }

    /// The same when it would block. All that is on the stack while a tasklet waits is in one frame: it is met cold, line by line, when the
    /// tasklet goes on.
    #[inline(never)]
    fn perform_later<R>(
        &self,
        scheduler: &Scheduler,
        seat: Option<SeatOf<'_>>,
        wish: Wish,
        mut attempt: impl FnMut(&T) -> io::Result<R>,
        short: impl Fn(&R) -> bool,
    ) -> io::Result<R> {
        let waiting = self.join(scheduler, seat, wish)?;
        loop {
            waiting.wait(self.watched())?;
            scheduler.foresee_next(waiting.seat.reactor);
            match persistently(|| attempt(self.io())) {
                Ok(done) => {
                    waiting.leave(short(&done));
                    // It has left.
                    std::mem::forget(waiting);
                    return Ok(done);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    waiting.seat.drained(wish.direction());
                    waiting.tried();
                }
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
        if let Some(seat) = self.seat(&scheduler) {
            match &done {
                Ok(moved) if short(moved) => seat.fell_short(direction),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => seat.drained(direction),
                _ => {}
            }
        }
        done
    }

    /// Waits until an operation may be tried with success, or for no reason at all.
    pub(crate) fn wait(&self, wish: Wish) -> io::Result<()> {
        let scheduler = Scheduler::local();
        let seat = self.seat(&scheduler).inspect(|seat| seat.drained(wish.direction()));
        self.join(&scheduler, seat, wish)?.wait_once(self.watched())
    }

    /// Has somebody told when there may be something to read; its ticket. None if there may be now: nobody is told then.
    pub(crate) fn tell_when_readable(&self, scheduler: &Scheduler, who: Who) -> io::Result<Option<u32>> {
        let seat = self.seat_or_register(scheduler, Direction::Read)?;
        Ok((!seat.may_try(Direction::Read)).then(|| seat.join(who, Operation::AwaitService)))
    }

    /// There is nothing to read, as the kernel has said.
    pub(crate) fn nothing_to_read(&self, scheduler: &Scheduler) {
        self.drained(scheduler, Direction::Read);
    }

    pub(super) fn drained(&self, scheduler: &Scheduler, direction: Direction) {
        self.seat(scheduler).inspect(|seat| seat.drained(direction));
    }

    /// Its seat on this thread, if it has one.
    #[inline]
    fn seat<'a>(&self, scheduler: &'a Scheduler) -> Option<SeatOf<'a>> {
        let reactor = scheduler.core.reactor.get()?;
        self.slot(scheduler, reactor).map(|slot| SeatOf { reactor, slot })
    }

    #[inline]
    pub(super) fn seat_or_register<'a>(
        &self,
        scheduler: &'a Scheduler,
        direction: Direction,
    ) -> io::Result<SeatOf<'a>> {
        self.seat(scheduler).map_or_else(|| self.register_anew(scheduler, direction), Ok)
    }

    #[cold]
    fn register_anew<'a>(&self, scheduler: &'a Scheduler, direction: Direction) -> io::Result<SeatOf<'a>> {
        let reactor = scheduler.reactor()?;
        let seat = SeatOf { reactor, slot: self.register(scheduler)? };
        // If it is ready now, an event says so.
        seat.drained(direction);
        Ok(seat)
    }

    /// Joins those who wait for a direction, which has been found to be drained if nobody watches it yet.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn join<'a>(&self, scheduler: &'a Scheduler, seat: Option<SeatOf<'a>>, wish: Wish) -> io::Result<Waiting<'a>> {
        let seat = seat.map_or_else(|| self.register_anew(scheduler, wish.direction()), Ok)?;
        let deadline = match wish.patience {
            Patience::Until(deadline) => deadline,
            Patience::Usual => self.limit(wish.direction()).and_then(|limit| clock::deadline(scheduler, limit)),
        };
        let id = scheduler.current_id();
        let ticket = seat.join(id, wish.operation);
        seat.reactor.foresight.note(id.key, seat.slot);
        Ok(Waiting { scheduler, seat, ticket, id, operation: wish.operation, at: wish.at, deadline })
    }
}

/// What a thread knows of one source.
#[derive(Clone, Copy)]
pub(super) struct SeatOf<'a> {
    pub(super) reactor: &'a Rc<Reactor>,
    pub(super) slot: u32,
}

impl SeatOf<'_> {
    #[inline]
    fn may_try(self, direction: Direction) -> bool {
        self.reactor.seats.borrow().may_try(self.slot, direction)
    }

    #[inline]
    fn is_ready(self, direction: Direction) -> bool {
        self.reactor.seats.borrow().is_ready(self.slot, direction)
    }

    #[inline]
    fn drained(self, direction: Direction) {
        self.reactor.seats.borrow_mut().drained(self.slot, direction);
    }

    #[inline]
    fn fell_short(self, direction: Direction) {
        self.reactor.seats.borrow_mut().fell_short(self.slot, direction);
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn join(self, who: impl Into<Who>, operation: Operation) -> u32 {
        self.reactor.seats.borrow_mut().join(self.slot, who, operation)
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

/// A tasklet's place among those who wait for a direction, which it leaves when this is dropped.
struct Waiting<'a> {
    scheduler: &'a Scheduler,
    seat: SeatOf<'a>,
    ticket: u32,
    id: TaskletId,
    operation: Operation,
    at: &'static Location<'static>,
    deadline: Option<Instant>,
}

impl Waiting<'_> {
    /// Waits until it is this one's turn, and the direction may be ready.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn wait(&self, source: &dyn Watched) -> io::Result<()> {
        loop {
            self.wait_once(source)?;
            if self.seat.is_ready(self.operation.direction()) {
                return Ok(());
            }
            self.tried();
        }
    }

    /// It was woken in vain.
    fn tried(&self) {
        self.seat.reactor.seats.borrow_mut().tried(self.ticket);
    }

    /// Leaves the place; `short` if the direction is drained, for all that is known, as in [`Source::perform`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn leave(&self, short: bool) {
        let mut seats = self.seat.reactor.seats.borrow_mut();
        if short {
            seats.fell_short(self.seat.slot, self.operation.direction());
        }
        let next = seats.leave_as(self.ticket, self.id);
        drop(seats);
        if let Some(next) = next {
            self.scheduler.tell(next);
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn wait_once(&self, source: &dyn Watched) -> io::Result<()> {
        let terms = Terms { deadline: self.deadline, outside: true };
        if let Err(refusal) = self.scheduler.check_wait(false, terms) {
            return Err(WaitError::refused(self.operation, source.describe(), refusal));
        }
        let woken = self.scheduler.wait_outside(self.seat.reactor, self.ticket, self.at, self.deadline);
        woken.map_err(|unwoken| self.unwoken(source, unwoken))
    }

    /// The error of a wait that has ended otherwise than by an event.
    #[cold]
    fn unwoken(&self, source: &dyn Watched, unwoken: Unwoken) -> io::Error {
        match unwoken {
            Unwoken::Thrown(payload) => resume_unwind(payload),
            Unwoken::TimedOut => WaitError::timed_out(self.operation, source.describe()),
            Unwoken::Deadlock(report) => WaitError::deadlock(self.operation, source.describe(), report),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.leave(false);
    }
}
