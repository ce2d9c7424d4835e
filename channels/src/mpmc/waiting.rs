//! What tasklets of one thread wait on: the channel, as their scheduler sees it.

use std::any::Any;
use std::cell::RefCell;
use std::sync::{Arc, Weak};

use slab::Slab;
use tasklets_runtime::park::{Description, TaskletId, Wait};

use super::core::Core;
use super::error::{Handles, Operation};

/// In place of a slot, for reports: who waits on several things, and has none.
pub(crate) const STANDS_TO_RECV: u32 = u32::MAX;
pub(crate) const STANDS_TO_SEND: u32 = u32::MAX - 1;

/// Kept by the scheduler of every thread where somebody has waited on the channel, so that a wait counts an `Rc`. It does not keep the
/// channel: who waits has a handle.
///
/// A partner of the same thread says here what has become of a wait, and takes the waiter's node itself, so that the waiter need
/// not lock the channel once more. Others leave what they bring in the node.
pub(super) struct Seat<T> {
    core: Weak<Core<T>>,
    slots: RefCell<Slots<T>>,
}

/// The waits of a thread, by number. There is rarely more than one at a time: that is number 0, and lies in place.
struct Slots<T> {
    first: Option<Slot<T>>,
    others: Slab<Slot<T>>,
}

/// A wait, as its own thread sees it.
struct Slot<T> {
    operation: Operation,
    /// That of the node, as long as the wait is open.
    ticket: u32,
    fate: Fate<T>,
}

/// What has become of a wait.
pub(super) enum Fate<T> {
    /// The node knows.
    Open,
    /// This was received.
    Received(T),
    /// What was to be sent was taken.
    Sent,
}

impl<T> Seat<T> {
    pub(super) fn new(core: Weak<Core<T>>) -> Seat<T> {
        Seat { core, slots: RefCell::new(Slots { first: None, others: Slab::new() }) }
    }

    fn with<R>(&self, look: impl FnOnce(&Arc<Core<T>>) -> R) -> Option<R> {
        self.core.upgrade().as_ref().map(look)
    }

    /// Reserves a slot; `queue` makes a node with its number, and says the ticket of that.
    #[inline(always)]
    pub(super) fn reserve(&self, operation: Operation, queue: impl FnOnce(u32) -> u32) -> u32 {
        let mut slots = self.slots.borrow_mut();
        let slot = if slots.first.is_none() { 0 } else { slots.vacant() };
        let waits = Slot { operation, ticket: queue(slot), fate: Fate::Open };
        match slot {
            0 => slots.first = Some(waits),
            _ => slots.insert(waits),
        }
        slot
    }

    /// Ends a wait in the name of its waiter, whose node was taken away.
    #[inline]
    pub(super) fn settle(&self, slot: u32, fate: Fate<T>) {
        self.slots.borrow_mut().get(slot).fate = fate;
    }

    /// What has become of a wait; it is over then, unless that is open.
    #[inline]
    pub(super) fn fate(&self, slot: u32) -> Fate<T> {
        let mut slots = self.slots.borrow_mut();
        match slots.get(slot).fate {
            Fate::Open => Fate::Open,
            _ => slots.remove(slot).fate,
        }
    }

    /// The node of a wait that is open.
    pub(super) fn ticket(&self, slot: u32) -> u32 {
        self.slots.borrow_mut().get(slot).ticket
    }

    /// Gives up a slot whose wait is open: the ticket of its node.
    pub(super) fn leave(&self, slot: u32) -> u32 {
        self.slots.borrow_mut().remove(slot).ticket
    }

    /// The operation and its node, if the wait is open.
    fn open(&self, slot: u32) -> (Operation, Option<u32>) {
        let mut slots = self.slots.borrow_mut();
        let slot = slots.get(slot);
        (slot.operation, matches!(slot.fate, Fate::Open).then_some(slot.ticket))
    }
}

impl<T> Slots<T> {
    /// The number of the next one that is not the first.
    #[inline]
    fn vacant(&self) -> u32 {
        u32::try_from(self.others.vacant_key() + 1).expect("more than four billion waiters")
    }

    #[inline]
    fn insert(&mut self, slot: Slot<T>) {
        self.others.insert(slot);
    }

    #[inline]
    fn get(&mut self, slot: u32) -> &mut Slot<T> {
        match slot {
            0 => self.first.as_mut().expect(OVER),
            slot => &mut self.others[slot as usize - 1],
        }
    }

    #[inline]
    fn remove(&mut self, slot: u32) -> Slot<T> {
        match slot {
            0 => self.first.take().expect(OVER),
            slot => self.others.remove(slot as usize - 1),
        }
    }
}

const OVER: &str = "the wait is over";

impl<T: 'static> Seat<T> {
    /// What a scheduler keeps for this channel.
    #[inline]
    pub(super) fn of(kept: &dyn Wait) -> &Seat<T> {
        (kept as &dyn Any).downcast_ref().expect("a channel's seat is kept under its number")
    }
}

impl<T: 'static> Wait for Seat<T> {
    fn unlink(&self, slot: u32) {
        let (operation, Some(ticket)) = self.open(slot) else { return };
        self.with(|core| core.lock_state().waiters(operation).unlink(ticket));
    }

    fn neighbours(&self, slot: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        let (operation, Some(ticket)) = self.open(slot) else { return (None, None) };
        let neighbours = self.with(|core| {
            let mut state = core.lock_state();
            let waiters = state.waiters(operation);
            waiters.neighbours(ticket, waiters.owner(ticket).thread())
        });
        neighbours.unwrap_or_default()
    }

    fn describe(&self, slot: u32) -> Description {
        let operation = match slot {
            STANDS_TO_RECV => Operation::Recv,
            STANDS_TO_SEND => Operation::Send,
            slot => self.open(slot).0,
        };
        let on = self.with(|core| {
            let (senders, receivers) = {
                let state = core.lock_state();
                (state.senders, state.receivers)
            };
            format!("{} ({})", core.label, Handles { senders, receivers })
        });
        Description { operation: operation.name(), on: on.unwrap_or_default() }
    }
}
