//! A channel's queue of waiters: a list that is linked through a slab, so that any waiter leaves it in constant time and
//! nothing is allocated once it has grown.
//!
//! Invariant: waiters in the queue all wait in the same direction. A waiter's node outlives its place in the queue: what was
//! handed over lies in it until the waiter runs and takes it.

use slab::Slab;
use std::error::Error;
use tasklets_runtime::park::TaskletId;

const NONE: u32 = u32::MAX;

/// In place of the next one: the node is not in the queue.
const OUT: u32 = u32::MAX - 1;

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
    /// `OUT` if it met a partner or was taken out.
    next: u32,
    prev: u32,
    /// A sender's while it waits, a receiver's once a sender came.
    pub(crate) item: Option<Item<T>>,
}

/// A million blocked tasklets have a million of them.
const _: () = assert!(size_of::<Node<usize>>() <= 40);

pub(crate) struct Queue<T> {
    nodes: Slab<Node<T>>,
    head: u32,
    tail: u32,
    len: usize,
    /// Of the waiters, while there are any.
    direction: Direction,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Queue<T> {
        Queue { nodes: Slab::new(), head: NONE, tail: NONE, len: 0, direction: Direction::Receive }
    }

    /// How many wait in this direction.
    #[inline]
    pub(crate) fn waiting(&self, direction: Direction) -> usize {
        if self.direction == direction { self.len } else { 0 }
    }

    /// Queues a waiter; its ticket.
    #[inline]
    pub(crate) fn push(&mut self, waiter: TaskletId, direction: Direction, item: Option<Item<T>>) -> u32 {
        debug_assert!(self.len == 0 || self.direction == direction);
        self.direction = direction;
        let node = Node { waiter, next: NONE, prev: self.tail, item };
        let ticket = u32::try_from(self.nodes.insert(node)).expect("more than four billion waiters");
        match self.tail {
            NONE => self.head = ticket,
            tail => self.node_mut(tail).next = ticket,
        }
        self.tail = ticket;
        self.len += 1;
        ticket
    }

    /// The first waiter in the queue.
    pub(crate) fn first(&self) -> Option<u32> {
        (self.head != NONE).then_some(self.head)
    }

    /// Takes a waiter out of the queue; its node stays.
    #[inline]
    pub(crate) fn unlink(&mut self, ticket: u32) {
        let Some(node) = self.nodes.get_mut(ticket as usize).filter(|node| node.next != OUT) else { return };
        let (prev, next) = (node.prev, std::mem::replace(&mut node.next, OUT));
        match prev {
            NONE => self.head = next,
            prev => self.node_mut(prev).next = next,
        }
        match next {
            NONE => self.tail = prev,
            next => self.node_mut(next).prev = prev,
        }
        self.len -= 1;
    }

    /// Takes the first waiter out of the queue because a partner came.
    #[inline]
    pub(crate) fn meet(&mut self) -> Option<&mut Node<T>> {
        let first = self.first()?;
        self.unlink(first);
        Some(self.node_mut(first))
    }

    /// Gives up a ticket: the node, to be dropped once the queue is released.
    #[inline]
    pub(crate) fn take(&mut self, ticket: u32) -> Node<T> {
        self.unlink(ticket);
        self.nodes.remove(ticket as usize)
    }

    pub(crate) fn node(&self, ticket: u32) -> &Node<T> {
        &self.nodes[ticket as usize]
    }

    fn node_mut(&mut self, ticket: u32) -> &mut Node<T> {
        &mut self.nodes[ticket as usize]
    }

    /// The waiters before and after this one.
    pub(crate) fn neighbours(&self, ticket: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        let node = self.node(ticket);
        let waiter = |ticket: u32| (ticket < OUT).then(|| self.node(ticket).waiter);
        (waiter(node.prev), waiter(node.next))
    }

    /// The waiters, first come first.
    pub(crate) fn waiters(&self) -> impl Iterator<Item = TaskletId> {
        std::iter::successors(self.first(), |ticket| {
            let next = self.node(*ticket).next;
            (next != NONE).then_some(next)
        })
        .map(|ticket| self.node(ticket).waiter)
    }

    /// What a waiter waits in.
    pub(crate) fn direction(&self) -> Direction {
        self.direction
    }
}
