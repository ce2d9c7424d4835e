//! A list that is linked through a table, so that any member leaves it in constant time and nothing is allocated once it has
//! grown.
//!
//! A node outlives its place in the list: it stays, with what was put into it, until its ticket is given up. The table is not the
//! package slab: that writes what it is given elsewhere first, and a copy of what has just been written in small pieces stalls.

const NONE: u32 = u32::MAX;

/// In place of the next one: the node is not in the list.
const OUT: u32 = u32::MAX - 1;

struct Node<N> {
    /// `OUT` if it is not in the list any more. Of a free one: the next free one.
    next: u32,
    prev: u32,
    /// None if it is free.
    content: Option<N>,
}

/// What a ticket must not be that is used.
const GIVEN_UP: &str = "the ticket was given up";

/// A list whose members are named by tickets.
pub(crate) struct List<N> {
    nodes: Vec<Node<N>>,
    free: u32,
    head: u32,
    tail: u32,
    len: usize,
}

impl<N> List<N> {
    pub(crate) const fn new() -> List<N> {
        List { nodes: Vec::new(), free: NONE, head: NONE, tail: NONE, len: 0 }
    }

    /// How many are in the list.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds a member at the end; its ticket.
    #[inline(always)]
    pub(crate) fn push(&mut self, content: N) -> u32 {
        if self.free == NONE {
            self.grow();
        }
        let ticket = self.free;
        let prev = self.tail;
        let node = &mut self.nodes[ticket as usize];
        self.free = node.next;
        node.next = NONE;
        node.prev = prev;
        node.content = Some(content);
        match prev {
            NONE => self.head = ticket,
            prev => self.nodes[prev as usize].next = ticket,
        }
        self.tail = ticket;
        self.len += 1;
        ticket
    }

    /// Makes a free node.
    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let ticket = u32::try_from(self.nodes.len()).expect("more than four billion waiters");
        assert!(ticket < OUT, "more than four billion waiters");
        self.nodes.push(Node { next: NONE, prev: NONE, content: None });
        self.free = ticket;
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

    /// What lies under all tickets that have not been given up, in the list or not.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &N> {
        self.nodes.iter().filter_map(|node| node.content.as_ref())
    }

    /// What lies under a ticket that may have been given up.
    pub(crate) fn find(&self, ticket: u32) -> Option<&N> {
        self.nodes.get(ticket as usize)?.content.as_ref()
    }

    /// Takes a member out of the list; its node stays. False if it was not in it.
    #[inline]
    pub(crate) fn unlink(&mut self, ticket: u32) -> bool {
        let Some(node) = self.nodes.get_mut(ticket as usize) else { return false };
        if node.next == OUT || node.content.is_none() {
            return false;
        }
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
        let node = &mut self.nodes[ticket as usize];
        let content = node.content.take().expect(GIVEN_UP);
        node.next = self.free;
        self.free = ticket;
        content
    }

    /// Takes the first member out if it is as wanted, and gives up its ticket.
    #[inline(always)]
    pub(crate) fn take_first_if(&mut self, wanted: impl FnOnce(&N) -> bool) -> Option<N> {
        let ticket = self.head;
        let node = self.nodes.get_mut(ticket as usize)?;
        let content = node.content.take_if(|content| wanted(content))?;
        let next = std::mem::replace(&mut node.next, self.free);
        self.free = ticket;
        self.head = next;
        match next {
            NONE => self.tail = NONE,
            next => self.nodes[next as usize].prev = NONE,
        }
        self.len -= 1;
        Some(content)
    }

    /// Gives up the ticket of a node that is out of the list, with nothing left in it whose drop would be noticed.
    #[inline]
    pub(crate) fn free(&mut self, ticket: u32) {
        let node = &mut self.nodes[ticket as usize];
        debug_assert!(node.next == OUT && node.content.is_some());
        node.content = None;
        node.next = self.free;
        self.free = ticket;
    }

    #[inline]
    pub(crate) fn get(&self, ticket: u32) -> &N {
        self.nodes[ticket as usize].content.as_ref().expect(GIVEN_UP)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, ticket: u32) -> &mut N {
        self.nodes[ticket as usize].content.as_mut().expect(GIVEN_UP)
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
