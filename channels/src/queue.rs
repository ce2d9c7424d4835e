//! The queue of waiters of a [`Channel`](crate::Channel). Values lie in it while they are handed over.
//!
//! Invariant: waiters in the queue all wait in the same direction. A waiter's node outlives its place in the queue: what was
//! handed over lies in it until the waiter runs and takes it.

use std::error::Error;
use tasklets_runtime::park::TaskletId;

use crate::list::List;

/// What is handed over.
pub(crate) enum Item<T> {
    Value(T),
    /// Boxed twice, so that every node is eight bytes smaller.
    Exception(Box<Box<dyn Error>>),
}

/// Which operation waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Send,
    Receive,
}

pub(crate) struct Node<T> {
    pub(crate) waiter: TaskletId,
    /// A sender's while it waits, a receiver's once a sender came.
    pub(crate) item: Option<Item<T>>,
}

/// A million blocked tasklets have a million of them.
const _: () = assert!(size_of::<Node<usize>>() <= 32);

pub(crate) struct Queue<T> {
    waiters: List<Node<T>>,
    /// Of the waiters, while there are any.
    direction: Direction,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Queue<T> {
        Queue { waiters: List::new(), direction: Direction::Receive }
    }

    /// How many wait in this direction.
    #[inline]
    pub(crate) fn waiting(&self, direction: Direction) -> usize {
        if self.direction == direction { self.waiters.len() } else { 0 }
    }

    /// Queues a waiter; its ticket.
    #[inline]
    pub(crate) fn push(&mut self, waiter: TaskletId, direction: Direction, item: Option<Item<T>>) -> u32 {
        debug_assert!(self.waiters.len() == 0 || self.direction == direction);
        self.direction = direction;
        self.waiters.push(Node { waiter, item })
    }

    /// The first waiter in the queue.
    pub(crate) fn first(&self) -> Option<u32> {
        self.waiters.first()
    }

    /// Takes a waiter out of the queue; its node stays.
    #[inline]
    pub(crate) fn unlink(&mut self, ticket: u32) {
        self.waiters.unlink(ticket);
    }

    /// Takes the first waiter out of the queue because a partner came.
    #[inline]
    pub(crate) fn meet(&mut self) -> Option<&mut Node<T>> {
        let first = self.first()?;
        self.waiters.unlink(first);
        Some(self.waiters.get_mut(first))
    }

    /// Gives up a ticket: the node, to be dropped once the queue is released.
    #[inline]
    pub(crate) fn take(&mut self, ticket: u32) -> Node<T> {
        self.waiters.take(ticket)
    }

    pub(crate) fn node(&self, ticket: u32) -> &Node<T> {
        self.waiters.get(ticket)
    }

    /// The waiters before and after this one.
    pub(crate) fn neighbours(&self, ticket: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        let (before, after) = self.waiters.neighbours(ticket);
        let waiter = |ticket| self.node(ticket).waiter;
        (before.map(waiter), after.map(waiter))
    }

    /// The waiters, first come first.
    pub(crate) fn waiters(&self) -> impl Iterator<Item = TaskletId> {
        self.waiters.iter().map(|node| node.waiter)
    }

    /// What a waiter waits in.
    pub(crate) fn direction(&self) -> Direction {
        self.direction
    }
}
