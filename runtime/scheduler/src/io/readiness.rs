//! What a thread knows of the descriptors that it watches: which directions may be ready, and who waits for them.
//!
//! No user code runs here, and nothing is asked of the kernel.

use std::rc::Rc;
use std::sync::Weak;

use slab::Slab;

use super::source::Watched;
use super::watch::Watcher;
use crate::park::TaskletId;

/// What a tasklet wants to do with a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

impl Direction {
    fn bit(self) -> u8 {
        match self {
            Direction::Read => READ,
            Direction::Write => WRITE,
        }
    }
}

/// An operation may succeed in this direction, for all that is known.
pub(crate) const READ: u8 = 1;
pub(crate) const WRITE: u8 = 2;
/// The direction has been closed, or has failed: no event need follow, so that only a refusal by the kernel says that it is drained.
pub(crate) const READ_ENDED: u8 = 4;
pub(crate) const WRITE_ENDED: u8 = 8;

const NONE: u32 = u32::MAX;

/// Who is told that a direction may be ready.
#[derive(Clone)]
pub(crate) enum Who {
    Tasklet(TaskletId),
    /// Something that needs no stack meanwhile. It leaves the queue when it is told.
    /// It is told by this number.
    Called(Rc<dyn Watcher>, u32),
}

/// A place in the queue of a direction.
struct Turn {
    who: Who,
    operation: &'static str,
    slot: u32,
    next: u32,
    prev: u32,
    line: Line,
    /// It has been told to try, and has not said since that it was in vain.
    called: bool,
}

/// One of a descriptor's queues: of those who do something in a direction, one after the other, or of those who only want to know.
#[derive(Clone, Copy)]
struct Line {
    direction: Direction,
    watches: bool,
}

impl Line {
    fn index(self) -> usize {
        self.direction as usize + if self.watches { 2 } else { 0 }
    }
}

#[derive(Clone, Copy)]
struct Queue {
    first: u32,
    last: u32,
}

const EMPTY: Queue = Queue { first: NONE, last: NONE };

/// A descriptor that the thread watches.
struct Seat {
    token: usize,
    source: Weak<dyn Watched>,
    queues: [Queue; 4],
    ready: u8,
    /// Events in a row that nobody here waited for.
    unwanted: u8,
}

/// After how many such events a descriptor that was last waited for on another thread is not watched here any more.
const TOO_MANY: u8 = 8;

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
    turns: Slab<Turn>,
    /// How many were made: tells apart those that have had the same slot.
    made: u32,
    /// Where the last review ended.
    reviewed: usize,
}

impl Seats {
    /// Watches a source; its token. Both directions may be ready, for all that is known.
    pub(crate) fn add(&mut self, source: Weak<dyn Watched>) -> (u32, usize) {
        self.made = self.made.wrapping_add(1);
        let slot = self.seats.vacant_key() as u32;
        let token = ((u64::from(self.made) << 32) | u64::from(slot)) as usize;
        self.seats.insert(Seat { token, source, queues: [EMPTY; 4], ready: READ | WRITE, unwanted: 0 });
        (slot, token)
    }

    /// Stops watching; whom to tell. The weak handle is the caller's to drop.
    pub(crate) fn remove(&mut self, slot: u32, source: *const ()) -> Option<Weak<dyn Watched>> {
        let seat = self.seats.get(slot as usize)?;
        if seat.source.as_ptr().cast::<()>() != source {
            return None;
        }
        debug_assert!(seat.queues.iter().all(|queue| queue.first == NONE), "nobody waits on what is dropped");
        Some(self.seats.remove(slot as usize).source)
    }

    /// Whether the source has this slot.
    pub(crate) fn holds(&self, slot: u32, source: *const ()) -> bool {
        self.seats.get(slot as usize).is_some_and(|seat| seat.source.as_ptr().cast::<()>() == source)
    }

    /// How many sources are watched.
    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.turns.len()
    }

    /// Whether an operation may be tried right away: the direction may be ready, and nobody else is in the queue.
    #[inline]
    pub(crate) fn may_try(&self, slot: u32, direction: Direction) -> bool {
        let seat = &self.seats[slot as usize];
        seat.ready & direction.bit() != 0 && seat.queues[direction as usize].first == NONE
    }

    /// Whether a direction may be ready.
    pub(crate) fn is_ready(&self, slot: u32, direction: Direction) -> bool {
        self.seats[slot as usize].ready & direction.bit() != 0
    }

    /// An operation would have blocked: only an event can change that.
    pub(crate) fn drained(&mut self, slot: u32, direction: Direction) {
        self.seats[slot as usize].ready &= !direction.bit();
    }

    /// An operation moved less than it could have, so that the next one would block, unless the direction has ended.
    pub(crate) fn fell_short(&mut self, slot: u32, direction: Direction) {
        let seat = &mut self.seats[slot as usize];
        let ended = if direction == Direction::Read { READ_ENDED } else { WRITE_ENDED };
        if seat.ready & ended == 0 {
            seat.ready &= !direction.bit();
        }
    }

    /// [`event`](Seats::event) where nobody waits but one tasklet that is to be told: to read, as in most cases. None, and nothing has
    /// changed, if it is not so.
    #[inline]
    pub(crate) fn plain_event(&mut self, token: usize, happened: u8) -> Option<TaskletId> {
        let seat = self.seats.get_mut(token as u32 as usize).filter(|seat| seat.token == token)?;
        let [Queue { first, .. }, others @ ..] = &seat.queues;
        if happened & READ == 0 || *first == NONE || others.iter().any(|queue| queue.first != NONE) {
            return None;
        }
        // It asks the source what to read from.
        greenlet::prefetch_at(seat.source.as_ptr());
        let turn = &mut self.turns[*first as usize];
        let Who::Tasklet(id) = turn.who else { return None };
        if turn.called {
            return None;
        }
        turn.called = true;
        seat.ready |= happened;
        seat.unwanted = seat.unwanted.saturating_add(1);
        Some(id)
    }

    /// Something has happened to a descriptor; whom to tell.
    pub(crate) fn event(&mut self, token: usize, happened: u8) -> Calls {
        let slot = token as u32;
        let mut calls = Calls::default();
        let Some(seat) = self.seats.get_mut(slot as usize).filter(|seat| seat.token == token) else { return calls };
        seat.ready |= happened;
        seat.unwanted = seat.unwanted.saturating_add(1);
        if seat.unwanted > TOO_MANY && seat.queues.iter().all(|queue| queue.first == NONE) {
            calls.forsaken = Some(seat.source.clone());
        }
        calls.watched = seat.queues[2..].iter().any(|queue| queue.first != NONE);
        calls.who = [self.call_first(slot, Direction::Read), self.call_first(slot, Direction::Write)];
        calls
    }

    /// Who is first in a queue, if the direction may be ready and that one does not know.
    fn call_first(&mut self, slot: u32, direction: Direction) -> Option<Who> {
        let seat = self.seats.get_mut(slot as usize)?;
        let first = seat.queues[direction as usize].first;
        if seat.ready & direction.bit() == 0 || first == NONE {
            return None;
        }
        let turn = &mut self.turns[first as usize];
        if std::mem::replace(&mut turn.called, true) {
            return None;
        }
        if let Who::Tasklet(_) = turn.who {
            return Some(turn.who.clone());
        }
        self.unlink(first)
    }

    /// Who else wants to know what is known of a descriptor now, and leaves the queue.
    pub(crate) fn take_watcher(&mut self, token: usize) -> Option<Who> {
        let seat = self.seats.get(token as u32 as usize).filter(|seat| seat.token == token)?;
        let first = [Direction::Read, Direction::Write].into_iter().find_map(|direction| {
            let first = seat.queues[Line { direction, watches: true }.index()].first;
            (seat.ready & direction.bit() != 0 && first != NONE).then_some(first)
        })?;
        self.unlink(first)
    }

    /// Joins the queue of a direction, as the last; its turn, and whom to tell, if it need not have done so.
    pub(crate) fn join(&mut self, slot: u32, direction: Direction, who: Who, operation: &'static str) -> u32 {
        self.append(slot, Line { direction, watches: false }, who, operation)
    }

    /// Joins those who want to know when a direction may be ready, and take no turn; its place among them.
    pub(crate) fn watch(&mut self, slot: u32, direction: Direction, who: Who, operation: &'static str) -> u32 {
        self.append(slot, Line { direction, watches: true }, who, operation)
    }

    fn append(&mut self, slot: u32, line: Line, who: Who, operation: &'static str) -> u32 {
        let seat = &mut self.seats[slot as usize];
        seat.unwanted = 0;
        let queue = &mut seat.queues[line.index()];
        let prev = queue.last;
        let key = self.turns.insert(Turn { who, operation, slot, next: NONE, prev, line, called: false }) as u32;
        queue.last = key;
        match prev {
            NONE => queue.first = key,
            prev => self.turns[prev as usize].next = key,
        }
        key
    }

    /// The first of a queue was called, and has tried in vain: the next event calls it again.
    pub(crate) fn tried(&mut self, key: u32) {
        let turn = &mut self.turns[key as usize];
        turn.called = false;
        self.seats[turn.slot as usize].unwanted = 0;
    }

    /// Whether a turn is this tasklet's still.
    pub(crate) fn has_turn(&self, key: u32, id: TaskletId) -> bool {
        matches!(self.turns.get(key as usize), Some(turn) if matches!(turn.who, Who::Tasklet(who) if who == id))
    }

    /// Leaves the queue; whom to tell, if the direction is ready still.
    pub(crate) fn leave(&mut self, key: u32) -> Option<Who> {
        let turn = self.turns.get(key as usize)?;
        let (slot, direction) = (turn.slot, turn.line.direction);
        self.unlink(key);
        self.call_first(slot, direction)
    }

    /// Somebody does not want to know any more; what comes back is the caller's to drop. None if it was told: the place may be another's.
    pub(crate) fn unwatch(&mut self, key: u32, who: &Rc<dyn Watcher>, number: u32) -> Option<Who> {
        let turn = self.turns.get(key as usize)?;
        let same = matches!(&turn.who, Who::Called(one, its) if Rc::ptr_eq(one, who) && *its == number);
        if same { self.unlink(key) } else { None }
    }

    fn unlink(&mut self, key: u32) -> Option<Who> {
        let turn = self.turns.try_remove(key as usize)?;
        let queue = &mut self.seats[turn.slot as usize].queues[turn.line.index()];
        match turn.prev {
            NONE => queue.first = turn.next,
            prev => self.turns[prev as usize].next = turn.next,
        }
        match turn.next {
            NONE => queue.last = turn.prev,
            next => self.turns[next as usize].prev = turn.prev,
        }
        Some(turn.who)
    }

    /// Some of those that are waited for, after those of the last time.
    pub(crate) fn next_to_review(&mut self, most: usize) -> Vec<(Weak<dyn Watched>, usize)> {
        let mut found = Vec::new();
        for _ in 0..self.seats.capacity().min(16 * most) {
            self.reviewed = if self.reviewed + 1 < self.seats.capacity() { self.reviewed + 1 } else { 0 };
            if let Some(seat) = self.seats.get(self.reviewed)
                && seat.queues.iter().any(|queue| queue.first != NONE)
            {
                found.push((seat.source.clone(), seat.token));
                if found.len() == most {
                    break;
                }
            }
        }
        found
    }

    /// The tasklets before and after one in its queue.
    pub(crate) fn neighbours(&self, key: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        let who = |key: u32| match self.turns.get(key as usize)?.who {
            Who::Tasklet(id) => Some(id),
            Who::Called(..) => None,
        };
        match self.turns.get(key as usize) {
            Some(turn) => (who(turn.prev), who(turn.next)),
            None => (None, None),
        }
    }

    /// What one does in its queue, and on what.
    pub(crate) fn waiter(&self, key: u32) -> Option<(&'static str, Weak<dyn Watched>)> {
        let turn = self.turns.get(key as usize)?;
        Some((turn.operation, self.seats[turn.slot as usize].source.clone()))
    }
}
