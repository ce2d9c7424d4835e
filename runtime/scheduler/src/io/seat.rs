//! What is known of one descriptor: which directions may be ready, and who waits for them.

use std::sync::Weak;

use super::operation::{Direction, Operation};
use super::source::Watched;
use super::turns::{Line, NONE, Queues, Who};

/// An operation may succeed in this direction, for all that is known.
pub(crate) const READ: u8 = 1;
pub(crate) const WRITE: u8 = 2;
/// The direction has been closed, or has failed: no event need follow, so that only a refusal by the kernel says that it is drained.
pub(crate) const READ_ENDED: u8 = 4;
pub(crate) const WRITE_ENDED: u8 = 8;

impl Direction {
    #[inline]
    pub(super) fn bit(self) -> u8 {
        match self {
            Direction::Read => READ,
            Direction::Write => WRITE,
        }
    }
}

/// A descriptor that the thread watches: one line of the cache, as nothing else of it is met where a tasklet reads, and nobody else
/// waits.
#[repr(align(64))]
pub(super) struct Seat {
    pub(super) source: Weak<dyn Watched>,
    /// Where that is: told by itself, as to ask the handle takes a look at its type.
    pub(super) address: *const (),
    /// Who wants to read, and came when nobody else wanted to: it precedes those in the queue.
    pub(super) reader: Option<Who>,
    /// Everybody else who waits. There are none until somebody has.
    pub(super) queues: Option<Box<Queues>>,
    /// Tells apart those that have had the same slot.
    pub(super) number: u32,
    pub(super) ready: u8,
    /// Events in a row that nobody here waited for.
    pub(super) unwanted: u8,
    /// What the reader does.
    pub(super) operation: Operation,
    /// The reader has been told to try, and has not said since that it was in vain.
    pub(super) called: bool,
}

const _: () = assert!(size_of::<Option<Seat>>() <= 64);

impl Seat {
    #[inline]
    pub(super) fn token(&self, slot: u32) -> usize {
        ((u64::from(self.number) << 32) | u64::from(slot)) as usize
    }

    /// An operation moved less than it could have: the next one would block, unless the direction has ended.
    #[inline]
    pub(super) fn fell_short(&mut self, direction: Direction) {
        let ended = if direction == Direction::Read { READ_ENDED } else { WRITE_ENDED };
        if self.ready & ended == 0 {
            self.ready &= !direction.bit();
        }
    }

    #[inline]
    pub(super) fn first(&self, line: Line) -> u32 {
        self.queues.as_ref().map_or(NONE, |queues| queues.first(line))
    }

    /// Whether nobody is in a queue.
    #[inline]
    pub(super) fn has_no_queue(&self) -> bool {
        self.queues.as_ref().is_none_or(|queues| queues.are_empty())
    }

    pub(super) fn is_waited_for(&self) -> bool {
        self.reader.is_some() || !self.has_no_queue()
    }

    /// Whether nobody waits to do something in a direction.
    #[inline]
    pub(super) fn is_free(&self, direction: Direction) -> bool {
        (direction == Direction::Write || self.reader.is_none()) && self.first(Line::to_do(direction)) == NONE
    }
}
