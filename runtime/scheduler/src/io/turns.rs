//! Those who wait in a descriptor's queues, linked through one table of a thread.

use std::rc::Rc;

use slab::Slab;

use super::operation::{Direction, Operation};
use super::watch::Watcher;
use crate::park::TaskletId;

/// No turn.
pub(super) const NONE: u32 = u32::MAX;

/// Who is told that a direction may be ready.
#[derive(Clone)]
pub(crate) enum Who {
    Tasklet(TaskletId),
    /// Something that needs no stack meanwhile. It leaves the queue when it is told.
    /// It is told by this number.
    Called(Rc<dyn Watcher>, u32),
}

impl From<TaskletId> for Who {
    #[inline]
    fn from(id: TaskletId) -> Who {
        Who::Tasklet(id)
    }
}

impl Who {
    pub(super) fn tasklet(&self) -> Option<TaskletId> {
        match self {
            Who::Tasklet(id) => Some(*id),
            Who::Called(..) => None,
        }
    }

    pub(super) fn is(&self, id: TaskletId) -> bool {
        self.tasklet() == Some(id)
    }

    pub(super) fn is_called(&self, who: &Rc<dyn Watcher>, number: u32) -> bool {
        matches!(self, Who::Called(one, its) if Rc::ptr_eq(one, who) && *its == number)
    }
}

/// A place in a queue.
pub(super) struct Turn {
    pub(super) who: Who,
    pub(super) operation: Operation,
    pub(super) slot: u32,
    pub(super) line: Line,
    /// It has been told to try, and has not said since that it was in vain.
    pub(super) called: bool,
    pub(super) next: u32,
    pub(super) prev: u32,
}

/// One of a descriptor's queues: of those who do something in a direction, one after the other, or of those who only want to know.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) direction: Direction,
    pub(super) watches: bool,
}

impl Line {
    pub(super) const fn to_do(direction: Direction) -> Line {
        Line { direction, watches: false }
    }

    pub(super) const fn to_know(direction: Direction) -> Line {
        Line { direction, watches: true }
    }

    fn index(self) -> usize {
        self.direction as usize + if self.watches { 2 } else { 0 }
    }
}

#[derive(Clone, Copy)]
struct Queue {
    first: u32,
    last: u32,
}

/// A descriptor's queues.
pub(super) struct Queues([Queue; 4]);

impl Default for Queues {
    fn default() -> Queues {
        Queues([Queue { first: NONE, last: NONE }; 4])
    }
}

impl Queues {
    /// Who is first in one, or [`NONE`].
    pub(super) fn first(&self, line: Line) -> u32 {
        self.0[line.index()].first
    }

    pub(super) fn are_empty(&self) -> bool {
        self.0.iter().all(|queue| queue.first == NONE)
    }

    /// Whether anybody only wants to know.
    pub(super) fn are_watched(&self) -> bool {
        self.0[2..].iter().any(|queue| queue.first != NONE)
    }
}

/// Everybody in the queues of a thread's descriptors.
#[derive(Default)]
pub(super) struct Turns(Slab<Turn>);

impl Turns {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, key: u32) -> Option<&Turn> {
        self.0.get(key as usize)
    }

    pub(super) fn get_mut(&mut self, key: u32) -> Option<&mut Turn> {
        self.0.get_mut(key as usize)
    }

    /// Puts one at the end of a queue.
    pub(super) fn append(&mut self, queues: &mut Queues, slot: u32, line: Line, who: Who, operation: Operation) -> u32 {
        let queue = &mut queues.0[line.index()];
        let prev = queue.last;
        let key = self.0.insert(Turn { who, operation, slot, line, called: false, next: NONE, prev }) as u32;
        queue.last = key;
        match prev {
            NONE => queue.first = key,
            prev => self.0[prev as usize].next = key,
        }
        key
    }

    /// Takes one out of its queue, which is one of these.
    pub(super) fn unlink(&mut self, queues: &mut Queues, key: u32) -> Option<Turn> {
        let turn = self.0.try_remove(key as usize)?;
        let queue = &mut queues.0[turn.line.index()];
        match turn.prev {
            NONE => queue.first = turn.next,
            prev => self.0[prev as usize].next = turn.next,
        }
        match turn.next {
            NONE => queue.last = turn.prev,
            next => self.0[next as usize].prev = turn.prev,
        }
        Some(turn)
    }
}
