//! A list that is linked through a slab, so that any member leaves it in constant time and nothing is allocated once it has
//! grown.
//!
//! A node outlives its place in the list: it stays, with what was put into it, until its ticket is given up.

use slab::Slab;

const NONE: u32 = u32::MAX;

/// In place of the next one: the node is not in the list.
const OUT: u32 = u32::MAX - 1;

struct Node<N> {
    /// `OUT` if it is not in the list any more.
    next: u32,
    prev: u32,
    content: N,
}

/// A list whose members are named by tickets.
pub(crate) struct List<N> {
    nodes: Slab<Node<N>>,
    head: u32,
    tail: u32,
    len: usize,
}

impl<N> List<N> {
    pub(crate) const fn new() -> List<N> {
        List { nodes: Slab::new(), head: NONE, tail: NONE, len: 0 }
    }

    /// How many are in the list.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds a member at the end; its ticket.
    #[inline]
    pub(crate) fn push(&mut self, content: N) -> u32 {
        let node = Node { next: NONE, prev: self.tail, content };
        let ticket = u32::try_from(self.nodes.insert(node)).expect("more than four billion waiters");
        match self.tail {
            NONE => self.head = ticket,
            tail => self.nodes[tail as usize].next = ticket,
        }
        self.tail = ticket;
        self.len += 1;
        ticket
    }

    /// The first member.
    #[inline]
    pub(crate) fn first(&self) -> Option<u32> {
        (self.head != NONE).then_some(self.head)
    }

    /// Whether the node with this ticket is in the list still.
    #[inline]
    pub(crate) fn is_member(&self, ticket: u32) -> bool {
        self.nodes[ticket as usize].next != OUT
    }

    /// What lies under a ticket that may have been given up.
    pub(crate) fn find(&self, ticket: u32) -> Option<&N> {
        self.nodes.get(ticket as usize).map(|node| &node.content)
    }

    /// Takes a member out of the list; its node stays. False if it was not in it.
    #[inline]
    pub(crate) fn unlink(&mut self, ticket: u32) -> bool {
        let Some(node) = self.nodes.get_mut(ticket as usize).filter(|node| node.next != OUT) else { return false };
        let (prev, next) = (node.prev, std::mem::replace(&mut node.next, OUT));
        match prev {
            NONE => self.head = next,
            prev => self.nodes[prev as usize].next = next,
        }
        match next {
            NONE => self.tail = prev,
            next => self.nodes[next as usize].prev = prev,
        }
        self.len -= 1;
        true
    }

    /// Gives up a ticket: the content, to be dropped once the list is released.
    #[inline]
    pub(crate) fn take(&mut self, ticket: u32) -> N {
        self.unlink(ticket);
        self.nodes.remove(ticket as usize).content
    }

    #[inline]
    pub(crate) fn get(&self, ticket: u32) -> &N {
        &self.nodes[ticket as usize].content
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, ticket: u32) -> &mut N {
        &mut self.nodes[ticket as usize].content
    }

    /// The members before and after this one; none for what is not in the list.
    pub(crate) fn neighbours(&self, ticket: u32) -> (Option<u32>, Option<u32>) {
        let node = &self.nodes[ticket as usize];
        let member = |ticket: u32| (ticket < OUT).then_some(ticket);
        if node.next == OUT { (None, None) } else { (member(node.prev), member(node.next)) }
    }

    /// The members, first come first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &N> {
        std::iter::successors(self.first(), |ticket| {
            let next = self.nodes[*ticket as usize].next;
            (next != NONE).then_some(next)
        })
        .map(|ticket| self.get(ticket))
    }
}
