//! What a thread knows of the descriptors that it watches: which directions may be ready, and who waits for them.
//!
//! No user code runs here, and nothing is asked of the kernel.

use std::rc::Rc;
use std::sync::Weak;

use slab::Slab;

use super::operation::{Direction, Operation};
use super::seat::{READ, Seat, WRITE};
use super::source::Watched;
use super::turns::{Line, NONE, Turns, Who};
use super::watch::Watcher;
use crate::park::TaskletId;
use crate::table::Key;

/// After how many such events a descriptor that was last waited for on another thread is not watched here any more.
const TOO_MANY: u8 = 8;

/// Where somebody waits: the tickets of those whose place is their seat have this bit.
const READER: u32 = 1 << 31;

/// Where the ticket of one who waits leads.
enum Place {
    /// The reader of this slot.
    Seat(usize),
    /// This turn in a queue.
    Turn(u32),
}

impl Place {
    #[inline]
    fn of(ticket: u32) -> Place {
        if ticket & READER != 0 { Place::Seat((ticket & !READER) as usize) } else { Place::Turn(ticket) }
    }
}

/// Whom to tell, of each direction.
#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) who: [Option<Who>; 2],
    /// There are some who want to know of it: [`take_watcher`](Seats::take_watcher) tells who.
    pub(crate) watched: bool,
    /// The source may have gone to another thread.
    pub(crate) forsaken: Option<Weak<dyn Watched>>,
}

#[derive(Default)]
pub(crate) struct Seats {
    seats: Slab<Seat>,
    turns: Turns,
    /// How many wait as readers.
    readers: usize,
    /// How many of those have been told to try, and have not gone on yet.
    told: usize,
    /// How many were made.
    made: u32,
    /// Where the last review ended.
    reviewed: usize,
}

impl Seats {
    /// Watches a source; its slot and token. Both directions may be ready, for all that is known.
    pub(crate) fn add(&mut self, source: Weak<dyn Watched>) -> (u32, usize) {
        self.made = self.made.wrapping_add(1);
        let slot = self.seats.vacant_key() as u32;
        let seat = Seat {
            address: source.as_ptr().cast(),
            source,
            reader: None,
            queues: None,
            number: self.made,
            ready: READ | WRITE,
            unwanted: 0,
            operation: Operation::Read,
            called: false,
        };
        let token = seat.token(slot);
        self.seats.insert(seat);
        (slot, token)
    }

    /// Stops watching; whom to tell. The weak handle is the caller's to drop.
    pub(crate) fn remove(&mut self, slot: u32, source: *const ()) -> Option<Weak<dyn Watched>> {
        if !self.holds(slot, source) {
            return None;
        }
        let seat = self.seats.remove(slot as usize);
        debug_assert!(!seat.is_waited_for(), "nobody waits on what is dropped");
        Some(seat.source)
    }

    /// Whether the source has this slot.
    #[inline]
    pub(crate) fn holds(&self, slot: u32, source: *const ()) -> bool {
        self.seats.get(slot as usize).is_some_and(|seat| seat.address == source)
    }

    /// Brings a seat nearer, if there is one.
    #[inline]
    pub(super) fn prefetch(&self, slot: u32) {
        if let Some(seat) = self.seats.get(slot as usize) {
            greenlet::prefetch_at(seat);
        }
    }

    /// Brings nearer what belongs in a seat.
    #[inline]
    pub(super) fn prefetch_source(&self, slot: u32) {
        if let Some(seat) = self.seats.get(slot as usize) {
            greenlet::prefetch_at(seat.address);
        }
    }

    /// The tasklet that reads alone, if one does.
    #[inline]
    pub(super) fn reader(&self, slot: u32) -> Option<Key> {
        let reader = self.seats.get(slot as usize)?.reader.as_ref()?;
        reader.tasklet().map(|id| id.key)
    }

    /// How many sources are watched.
    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.readers + self.turns.len()
    }

    /// How many readers have been told to try, and have not gone on yet.
    pub(super) fn told(&self) -> usize {
        self.told
    }

    #[inline]
    fn at(&mut self, token: usize) -> Option<&mut Seat> {
        let slot = token as u32;
        self.seats.get_mut(slot as usize).filter(|seat| seat.token(slot) == token)
    }

    /// Whether an operation may be tried right away: the direction may be ready, and nobody else waits to do something there.
    #[inline]
    pub(crate) fn may_try(&self, slot: u32, direction: Direction) -> bool {
        let seat = &self.seats[slot as usize];
        seat.ready & direction.bit() != 0 && seat.is_free(direction)
    }

    /// Whether a direction may be ready.
    #[inline]
    pub(crate) fn is_ready(&self, slot: u32, direction: Direction) -> bool {
        self.seats[slot as usize].ready & direction.bit() != 0
    }

    /// An operation would have blocked: only an event can change that.
    #[inline]
    pub(crate) fn drained(&mut self, slot: u32, direction: Direction) {
        self.seats[slot as usize].ready &= !direction.bit();
    }

    /// An operation moved less than it could have, so that the next one would block, unless the direction has ended.
    #[inline]
    pub(crate) fn fell_short(&mut self, slot: u32, direction: Direction) {
        self.seats[slot as usize].fell_short(direction);
    }

    /// [`event`](Seats::event) where nobody waits but one tasklet, which reads and is to be told, as in most cases. None, and nothing has
    /// changed, if it is not so.
    #[inline]
    pub(crate) fn plain_event(&mut self, token: usize, happened: u8) -> Option<TaskletId> {
        let seat = self.at(token)?;
        let Some(Who::Tasklet(id)) = seat.reader else { return None };
        if happened & READ == 0 || seat.called || !seat.has_no_queue() {
            return None;
        }
        seat.called = true;
        seat.ready |= happened;
        self.told += 1;
        Some(id)
    }

    /// Something has happened to a descriptor; whom to tell.
    pub(crate) fn event(&mut self, token: usize, happened: u8) -> Calls {
        let mut calls = Calls::default();
        let Some(seat) = self.at(token) else { return calls };
        seat.ready |= happened;
        seat.unwanted = seat.unwanted.saturating_add(1);
        if seat.unwanted > TOO_MANY && !seat.is_waited_for() {
            calls.forsaken = Some(seat.source.clone());
        }
        calls.watched = seat.queues.as_ref().is_some_and(|queues| queues.are_watched());
        let slot = token as u32;
        calls.who = [self.call_first(slot, Direction::Read), self.call_first(slot, Direction::Write)];
        calls
    }

    /// Who is first to do something in a direction, if that may be ready and that one does not know.
    fn call_first(&mut self, slot: u32, direction: Direction) -> Option<Who> {
        let seat = self.seats.get_mut(slot as usize)?;
        if seat.ready & direction.bit() == 0 {
            return None;
        }
        if direction == Direction::Read
            && let Some(reader) = &seat.reader
        {
            if std::mem::replace(&mut seat.called, true) {
                return None;
            }
            self.told += 1;
            return if reader.tasklet().is_some() { seat.reader.clone() } else { self.take_reader(slot as usize) };
        }
        let first = seat.first(Line::to_do(direction));
        let turn = self.turns.get_mut(first)?;
        if std::mem::replace(&mut turn.called, true) {
            return None;
        }
        if turn.who.tasklet().is_some() { Some(turn.who.clone()) } else { self.unlink(first) }
    }

    /// Who else wants to know what is known of a descriptor now, and leaves the queue.
    pub(crate) fn take_watcher(&mut self, token: usize) -> Option<Who> {
        let seat = self.at(token)?;
        let first = [Direction::Read, Direction::Write].into_iter().find_map(|direction| {
            let first = seat.first(Line::to_know(direction));
            (seat.ready & direction.bit() != 0 && first != NONE).then_some(first)
        })?;
        self.unlink(first)
    }

    /// Joins those who wait to do something, as the last in their direction; the ticket.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn join(&mut self, slot: u32, who: impl Into<Who>, operation: Operation) -> u32 {
        let (seat, direction) = (&mut self.seats[slot as usize], operation.direction());
        if direction == Direction::Write || !seat.is_free(Direction::Read) {
            return self.append(slot, Line::to_do(direction), who.into(), operation);
        }
        seat.unwanted = 0;
        // There was none. Made right where it goes, as what is put together in small pieces and copied at once stalls.
        std::mem::forget(seat.reader.replace(who.into()));
        (seat.operation, seat.called) = (operation, false);
        self.readers += 1;
        READER | slot
    }

    /// Joins those who want to know when a direction may be ready, and take no turn; the ticket.
    pub(crate) fn watch(&mut self, slot: u32, who: Who, operation: Operation) -> u32 {
        self.append(slot, Line::to_know(operation.direction()), who, operation)
    }

    #[cold]
    #[inline(never)]
    fn append(&mut self, slot: u32, line: Line, who: Who, operation: Operation) -> u32 {
        let seat = &mut self.seats[slot as usize];
        seat.unwanted = 0;
        self.turns.append(seat.queues.get_or_insert_default(), slot, line, who, operation)
    }

    /// One was called, and has tried in vain: the next event calls it again.
    #[inline]
    pub(crate) fn tried(&mut self, ticket: u32) {
        let slot = match Place::of(ticket) {
            Place::Seat(slot) => {
                self.forget_call(slot);
                slot
            }
            Place::Turn(key) => {
                let turn = self.turns.get_mut(key).expect("who waits has its turn");
                turn.called = false;
                turn.slot as usize
            }
        };
        self.seats[slot].unwanted = 0;
    }

    /// [`leave`](Seats::leave) if the place is this tasklet's still: who was taken out by a kill or by its deadline has none.
    #[inline]
    pub(crate) fn leave_as(&mut self, ticket: u32, id: TaskletId) -> Option<Who> {
        match Place::of(ticket) {
            Place::Seat(slot) => {
                let seat = self.seats.get_mut(slot)?;
                let Some(Who::Tasklet(reader)) = seat.reader else { return None };
                if reader != id {
                    return None;
                }
                seat.reader = None;
                self.readers -= 1;
                self.told -= usize::from(std::mem::take(&mut seat.called));
                if seat.has_no_queue() { None } else { self.call_first(slot as u32, Direction::Read) }
            }
            Place::Turn(key) if self.turns.get(key)?.who.is(id) => self.leave(ticket),
            Place::Turn(_) => None,
        }
    }

    /// Leaves; whom to tell, if the direction is ready still.
    #[inline]
    pub(crate) fn leave(&mut self, ticket: u32) -> Option<Who> {
        match Place::of(ticket) {
            Place::Seat(slot) => {
                self.take_reader(slot)?;
                if self.seats[slot].has_no_queue() { None } else { self.call_first(slot as u32, Direction::Read) }
            }
            Place::Turn(key) => {
                let turn = self.turns.get(key)?;
                let (slot, direction) = (turn.slot, turn.line.direction);
                self.unlink(key);
                self.call_first(slot, direction)
            }
        }
    }

    /// Somebody does not want to know any more; what comes back is the caller's to drop. None if it was told: the place may be another's.
    pub(crate) fn unwatch(&mut self, ticket: u32, who: &Rc<dyn Watcher>, number: u32) -> Option<Who> {
        let same = self.turns.get(ticket)?.who.is_called(who, number);
        if same { self.unlink(ticket) } else { None }
    }

    #[inline]
    fn take_reader(&mut self, slot: usize) -> Option<Who> {
        let reader = self.seats.get_mut(slot)?.reader.take()?;
        self.readers -= 1;
        self.forget_call(slot);
        Some(reader)
    }

    /// The reader has gone on, or is none any more.
    #[inline]
    fn forget_call(&mut self, slot: usize) {
        self.told -= usize::from(std::mem::take(&mut self.seats[slot].called));
    }

    fn unlink(&mut self, key: u32) -> Option<Who> {
        let slot = self.turns.get(key)?.slot;
        let queues = self.seats[slot as usize].queues.as_mut()?;
        Some(self.turns.unlink(queues, key)?.who)
    }

    /// Some of those that are waited for, after those of the last time.
    pub(crate) fn next_to_review(&mut self, most: usize) -> Vec<(Weak<dyn Watched>, usize)> {
        let mut found = Vec::new();
        for _ in 0..self.seats.capacity().min(16 * most) {
            self.reviewed = if self.reviewed + 1 < self.seats.capacity() { self.reviewed + 1 } else { 0 };
            if let Some(seat) = self.seats.get(self.reviewed)
                && seat.is_waited_for()
            {
                found.push((seat.source.clone(), seat.token(self.reviewed as u32)));
                if found.len() == most {
                    break;
                }
            }
        }
        found
    }

    /// The tasklets before and after one of those who do something in a direction.
    pub(crate) fn neighbours(&self, ticket: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        let queued = |key: u32| self.turns.get(key)?.who.tasklet();
        let reader = |slot: usize| self.seats.get(slot)?.reader.as_ref()?.tasklet();
        match Place::of(ticket) {
            Place::Seat(slot) => {
                let next = self.seats.get(slot).map_or(NONE, |seat| seat.first(Line::to_do(Direction::Read)));
                (None, queued(next))
            }
            Place::Turn(key) => match self.turns.get(key) {
                Some(turn) if turn.prev == NONE && turn.line == Line::to_do(Direction::Read) => {
                    (reader(turn.slot as usize), queued(turn.next))
                }
                Some(turn) => (queued(turn.prev), queued(turn.next)),
                None => (None, None),
            },
        }
    }

    /// What one does, and on what.
    pub(crate) fn waiter(&self, ticket: u32) -> Option<(Operation, Weak<dyn Watched>)> {
        let (operation, slot) = match Place::of(ticket) {
            Place::Seat(slot) => (self.seats.get(slot)?.operation, slot),
            Place::Turn(key) => {
                let turn = self.turns.get(key)?;
                (turn.operation, turn.slot as usize)
            }
        };
        Some((operation, self.seats[slot].source.clone()))
    }
}
