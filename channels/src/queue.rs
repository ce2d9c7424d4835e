//! The queue of waiters of a [`Channel`](crate::Channel). Values lie in it while they are handed over.
//!
//! Invariant: waiters that wait here alone all wait in the same direction. An arm of a select stands here beside other places,
//! and may have been decided elsewhere: it is passed over then. A waiter's node outlives its place in the queue: what was handed
//! over lies in it until the waiter runs and takes it.
//!
//! The value of a select's send is not there yet when a receiver comes. The receiver then waits beside the queue, and the two nodes
//! name each other: whoever of the two gives up first says so in the other's node.

use std::error::Error;
use std::rc::Rc;

use tasklets_runtime::park::Waiter;

use crate::list::List;
use crate::select::stand::Stand;

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

/// What lies in a node. Flat, so that every node is eight bytes smaller.
pub(crate) enum Slot<T> {
    /// A receiver's, while it waits.
    Empty,
    /// A sender's while it waits, a receiver's once a sender came.
    Value(T),
    Exception(Box<Box<dyn Error>>),
    /// An arm of a select that waits.
    Arm(u32, Rc<Stand>),
    /// A select's send was met by the receiver with this ticket, which waits for the value.
    Promised(u32),
    /// The receiver's side of it: the ticket of the send.
    Awaits(u32),
    /// The receiver has given up.
    Revoked,
}

pub(crate) struct Node<T> {
    /// It is in the queue, and so blocked, until it is taken out.
    pub(crate) waiter: Waiter,
    pub(crate) slot: Slot<T>,
}

/// A million blocked tasklets have a million of them.
const _: () = assert!(size_of::<Node<usize>>() <= 24);

/// In a ticket: it is a receiver's.
const RECEIVER: u32 = 1 << 31;

pub(crate) struct Queue<T> {
    senders: List<Node<T>>,
    receivers: List<Node<T>>,
    /// Nodes of selects, in the queue or not.
    arms: usize,
}

/// Whom a receiver has met.
pub(crate) enum Sender<T> {
    Waiting(Item<T>, Waiter),
    /// A select that still has to make its value; nothing was done.
    Offering,
    Nobody,
}

/// Who was met, and whether by an arm of a select.
pub(crate) struct Met {
    pub(crate) waiter: Waiter,
    pub(crate) selects: bool,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Queue<T> {
        Queue { senders: List::new(), receivers: List::new(), arms: 0 }
    }

    #[inline(always)]
    fn side(&self, direction: Direction) -> &List<Node<T>> {
        match direction {
            Direction::Send => &self.senders,
            Direction::Receive => &self.receivers,
        }
    }

    #[inline(always)]
    fn side_mut(&mut self, direction: Direction) -> &mut List<Node<T>> {
        match direction {
            Direction::Send => &mut self.senders,
            Direction::Receive => &mut self.receivers,
        }
    }

    /// How many wait in this direction.
    pub(crate) fn waiting(&self, direction: Direction) -> usize {
        let side = self.side(direction);
        if self.arms == 0 { side.len() } else { side.iter().filter(|node| node.waits()).count() }
    }

    /// Whether anybody waits in this direction.
    #[inline(always)]
    pub(crate) fn any(&mut self, direction: Direction) -> bool {
        self.side(direction).len() != 0 && (self.arms == 0 || self.any_open(direction))
    }

    /// Takes out arms at the front that were decided elsewhere.
    #[inline(never)]
    fn any_open(&mut self, direction: Direction) -> bool {
        let side = self.side_mut(direction);
        while let Some(first) = side.first() {
            if side.get(first).waits() {
                return true;
            }
            side.unlink(first);
        }
        false
    }

    /// Queues a waiter; its ticket.
    #[inline(always)]
    pub(crate) fn push(&mut self, waiter: Waiter, direction: Direction, slot: Slot<T>) -> u32 {
        let ticket = self.side_mut(direction).push(Node { waiter, slot });
        assert!(ticket < RECEIVER, "more than two billion waiters");
        match direction {
            Direction::Send => ticket,
            Direction::Receive => ticket | RECEIVER,
        }
    }

    /// Queues an arm of a select.
    pub(crate) fn push_arm(&mut self, stand: &Rc<Stand>, arm: u32, direction: Direction) -> u32 {
        self.arms += 1;
        self.push(stand.waiter().into(), direction, Slot::Arm(arm, stand.clone()))
    }

    /// Takes out the first waiter because the channel is shut down; its node stays as it is.
    pub(crate) fn shut_first(&mut self) -> Option<Waiter> {
        for direction in [Direction::Send, Direction::Receive] {
            let side = self.side_mut(direction);
            while let Some(first) = side.first() {
                side.unlink(first);
                let node = side.get(first);
                if !matches!(&node.slot, Slot::Arm(arm, stand) if !stand.claim(*arm)) {
                    return Some(node.waiter);
                }
            }
        }
        None
    }

    /// Takes a waiter out of the queue, who gives up; its node stays.
    #[inline]
    pub(crate) fn unlink(&mut self, ticket: u32) {
        if !self.side_mut(direction(ticket)).unlink(ticket & !RECEIVER) {
            self.revoke(ticket);
        }
    }

    /// A receiver gives up waiting for the value of a select.
    #[cold]
    fn revoke(&mut self, ticket: u32) {
        let slot = &mut self.side_mut(direction(ticket)).get_mut(ticket & !RECEIVER).slot;
        if let Slot::Awaits(sender) = *slot {
            *slot = Slot::Empty;
            self.senders.get_mut(sender).slot = Slot::Revoked;
        }
    }

    /// Hands an item to the first receiver; none if there is none any more.
    #[inline(always)]
    pub(crate) fn meet_receiver(&mut self, item: Item<T>) -> Result<Met, Item<T>> {
        while let Some(first) = self.receivers.first() {
            self.receivers.unlink(first);
            let node = self.receivers.get_mut(first);
            let selects = match &node.slot {
                Slot::Arm(arm, stand) => {
                    if !stand.claim(*arm) {
                        continue;
                    }
                    true
                }
                _ => false,
            };
            let old = std::mem::replace(&mut node.slot, item.into());
            if selects {
                drop(old);
            } else {
                // Nothing lay there: no code to drop it is wanted.
                std::mem::forget(old);
            }
            return Ok(Met { waiter: node.waiter, selects });
        }
        Err(item)
    }

    /// Takes the item of the first sender.
    #[inline(always)]
    pub(crate) fn meet_sender(&mut self) -> Sender<T> {
        let Some(first) = self.senders.first() else { return Sender::Nobody };
        let node = self.senders.get_mut(first);
        if let Slot::Arm(..) = node.slot {
            return Sender::Offering;
        }
        let Some(item) = std::mem::replace(&mut node.slot, Slot::Empty).into_item() else { return Sender::Nobody };
        let waiter = node.waiter;
        self.senders.unlink(first);
        Sender::Waiting(item, waiter)
    }

    /// Decides the first sender, which is a select, for its arm here: it owes its value to `receiver`. The receiver's ticket, and
    /// who is to be woken.
    pub(crate) fn accept_offer(&mut self, receiver: Waiter) -> Option<(u32, Waiter)> {
        let first = self.senders.first()?;
        self.senders.unlink(first);
        let Slot::Arm(arm, stand) = &self.senders.get(first).slot else { return None };
        if !stand.claim(*arm) {
            return None;
        }
        let ticket = self.push(receiver, Direction::Receive, Slot::Awaits(first));
        self.receivers.unlink(ticket & !RECEIVER);
        let node = self.senders.get_mut(first);
        node.slot = Slot::Promised(ticket);
        Some((ticket, node.waiter))
    }

    /// Gives up a ticket: the node, to be dropped once the queue is released.
    #[inline]
    pub(crate) fn take(&mut self, ticket: u32) -> Node<T> {
        self.take_from(direction(ticket), ticket)
    }

    /// The same where the direction is known.
    #[inline(always)]
    pub(crate) fn take_from(&mut self, direction: Direction, ticket: u32) -> Node<T> {
        let node = self.side_mut(direction).take(ticket & !RECEIVER);
        if let Slot::Awaits(sender) = node.slot {
            self.senders.get_mut(sender).slot = Slot::Revoked;
        }
        node
    }

    /// Gives up the ticket of a select's arm, one that owes no value.
    pub(crate) fn take_arm(&mut self, ticket: u32) -> Node<T> {
        self.arms -= 1;
        self.take(ticket)
    }

    /// Gives up the ticket of a select's send. Who awaits its value, if somebody does: the value is handed over, or none if it
    /// could not be made. The item comes back if nobody awaits it.
    pub(crate) fn keep_promise(&mut self, ticket: u32, item: Option<Item<T>>) -> Result<Waiter, Option<Item<T>>> {
        let node = self.take_arm(ticket);
        let Slot::Promised(receiver) = node.slot else { return Err(item) };
        let receiver = self.receivers.get_mut(receiver & !RECEIVER);
        receiver.slot = item.map_or(Slot::Empty, Slot::from);
        Ok(receiver.waiter)
    }

    pub(crate) fn node(&self, ticket: u32) -> &Node<T> {
        self.side(direction(ticket)).get(ticket & !RECEIVER)
    }

    /// The waiters before and after this one.
    pub(crate) fn neighbours(&self, ticket: u32) -> (Option<Waiter>, Option<Waiter>) {
        let side = self.side(direction(ticket));
        let (before, after) = side.neighbours(ticket & !RECEIVER);
        let waiter = |ticket| side.get(ticket).waiter;
        (before.map(waiter), after.map(waiter))
    }

    /// The waiters, first come first.
    pub(crate) fn waiters(&self) -> impl Iterator<Item = Waiter> {
        let nodes = self.senders.iter().chain(self.receivers.iter());
        nodes.filter(|node| node.waits()).map(|node| node.waiter)
    }
}

/// What the holder of a ticket waits in.
#[inline]
pub(crate) fn direction(ticket: u32) -> Direction {
    if ticket & RECEIVER == 0 { Direction::Send } else { Direction::Receive }
}

impl<T> Node<T> {
    /// Whether it can still be served; for one in the queue.
    #[inline]
    pub(crate) fn waits(&self) -> bool {
        match &self.slot {
            Slot::Arm(_, stand) => stand.is_open(),
            _ => true,
        }
    }
}

impl<T> Slot<T> {
    #[inline(always)]
    pub(crate) fn into_item(self) -> Option<Item<T>> {
        match self {
            Slot::Value(value) => Some(Item::Value(value)),
            Slot::Exception(error) => Some(Item::Exception(error)),
            // Each by name, so that no code to drop all of them is wanted.
            Slot::Empty | Slot::Promised(_) | Slot::Awaits(_) | Slot::Revoked => None,
            Slot::Arm(_, stand) => {
                drop(stand);
                None
            }
        }
    }
}

impl<T> From<Item<T>> for Slot<T> {
    #[inline]
    fn from(item: Item<T>) -> Slot<T> {
        match item {
            Item::Value(value) => Slot::Value(value),
            Item::Exception(error) => Slot::Exception(error),
        }
    }
}
