//! Arms on channels that other threads may take part in: the value of a send is there from the beginning.
//!
//! Whether an arm is ready still is looked at under the lock under which it joins the queue, so that nothing that happens between the
//! two is missed.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use tasklets_runtime::Scheduler;

use super::arm::{Arm, Attempt, Kind, Operate, Site};
use super::stand::Stand;
use crate::error::{Reason, SendError};
use crate::mpmc::core::{Core, NO_SLOT, Parcel};
use crate::mpmc::error::{Operation, RecvError};
use crate::mpmc::recv::Missed;
use crate::mpmc::waiting::{STANDS_TO_RECV, STANDS_TO_SEND};

/// In place of a ticket: not in the queue.
const NOWHERE: u32 = u32::MAX;

/// Takes an arm out of its queue, if it is in it, and gives the stand its claim back: the value that is in its node.
#[inline(always)]
fn leave_queue<T>(core: &Core<T>, side: Operation, ticket: &Cell<u32>, stand: Option<&Stand>) -> Option<T> {
    let ticket = ticket.replace(NOWHERE);
    if ticket == NOWHERE {
        return None;
    }
    // Not with what was set aside: a queue is all that is wanted.
    let (parcel, claim) = core.lock_state().waiters(side).withdraw(ticket);
    if let (Some(stand), Some(claim)) = (stand, claim) {
        stand.keep(claim);
    }
    parcel.value
}

/// A receive from a [`Receiver`](crate::Receiver), as an arm; see [`recv`](super::recv).
pub struct SharedRecv<'a, T: 'static> {
    core: &'a Arc<Core<T>>,
    ticket: Cell<u32>,
    outcome: Cell<Outcome<T>>,
}

/// What has become of a receive. Small: an error says a lot, and is made when it is taken.
enum Outcome<T> {
    Nothing,
    Received(T),
    Failed(Reason, Site),
}

impl<'a, T: 'static> SharedRecv<'a, T> {
    #[inline]
    pub(super) fn new(core: &'a Arc<Core<T>>) -> SharedRecv<'a, T> {
        SharedRecv { core, ticket: Cell::new(NOWHERE), outcome: Cell::new(Outcome::Nothing) }
    }

    #[inline(never)]
    fn attempt_closely(&self, at: Site) -> Attempt {
        match self.core.poll_recv() {
            Ok(value) => self.outcome.set(Outcome::Received(value)),
            Err(Missed::Empty) => return Attempt::NotReady,
            Err(Missed::Disconnected) => self.outcome.set(Outcome::Failed(Reason::Disconnected, at)),
        }
        Attempt::Done
    }

    /// What was handed over, if anything was.
    #[inline(always)]
    fn leave_queue(&self, stand: Option<&Stand>) -> Option<T> {
        leave_queue(self.core, Operation::Recv, &self.ticket, stand)
    }
}

impl<T: 'static> Operate for SharedRecv<'_, T> {
    fn attempt(&self, at: Site) -> Attempt {
        // Alone, so that nothing is saved on the stack for an arm that is not ready.
        if self.core.is_stirred() { self.attempt_closely(at) } else { Attempt::NotReady }
    }

    fn enlist(&self, stand: &Rc<Stand>, number: u32, scheduler: &Scheduler) -> bool {
        let seat = {
            let mut state = self.core.lock();
            let (thread, me) = (state.thread(scheduler), stand.waiter());
            if !state.buffer.is_empty() || state.senders == 0 || state.sending.has_other(thread, me) {
                return false;
            }
            let parcel = Parcel { value: None, slot: NO_SLOT };
            self.ticket.set(state.receiving.push_claim(thread, me, stand.claim_for(number), parcel));
            self.core.seat_number(&mut state, thread, scheduler)
        };
        stand.add_kept(number, seat, STANDS_TO_RECV);
        true
    }

    #[inline]
    fn leave(&self, stand: &Stand) {
        let value = self.leave_queue(Some(stand));
        debug_assert!(value.is_none());
    }

    fn collect(&self, stand: Option<&Stand>, at: Site) -> bool {
        let value = self.leave_queue(stand);
        self.outcome.set(value.map_or(Outcome::Failed(Reason::Disconnected, at), Outcome::Received));
        true
    }

    /// What was received goes to whoever receives next.
    fn abandon(&self) {
        if let Some(value) = self.leave_queue(None) {
            self.core.give_back(value);
        }
    }

    fn fail(&self, reason: Reason, at: Site) -> Option<Reason> {
        self.outcome.set(Outcome::Failed(reason, at));
        None
    }
}

impl<T: 'static> Arm for SharedRecv<'_, T> {
    type Output = Result<T, RecvError>;

    const KIND: Kind = Kind::Shared;

    #[inline]
    fn take(&self) -> Option<Self::Output> {
        match self.outcome.replace(Outcome::Nothing) {
            Outcome::Nothing => None,
            Outcome::Received(value) => Some(Ok(value)),
            Outcome::Failed(reason, at) => Some(Err(self.core.recv_error(self.core.lock(), reason, at))),
        }
    }
}

/// A send to a [`Sender`](crate::Sender), as an arm; see [`send`](super::send).
pub struct SharedSend<'a, T: 'static> {
    core: &'a Arc<Core<T>>,
    ticket: Cell<u32>,
    value: Cell<Option<T>>,
    output: Cell<Option<Result<(), SendError<T>>>>,
}

impl<'a, T: 'static> SharedSend<'a, T> {
    #[inline]
    pub(super) fn new(core: &'a Arc<Core<T>>, value: T) -> SharedSend<'a, T> {
        SharedSend { core, ticket: Cell::new(NOWHERE), value: Cell::new(Some(value)), output: Cell::new(None) }
    }

    /// What it did not send; the arm is never ready then.
    pub fn take_value(&self) -> Option<T> {
        self.value.take()
    }

    /// Gives it another value to send; the one that it did not send comes back.
    pub fn refill(&self, value: T) -> Option<T> {
        self.value.replace(Some(value))
    }

    /// What was not sent, if that is so.
    #[inline(always)]
    fn leave_queue(&self, stand: Option<&Stand>) -> Option<T> {
        leave_queue(self.core, Operation::Send, &self.ticket, stand)
    }
}

impl<T: 'static> Operate for SharedSend<'_, T> {
    fn attempt(&self, at: Site) -> Attempt {
        let Some(value) = self.value.take() else { return Attempt::NotReady };
        match self.core.poll_send(value, at) {
            Ok(result) => {
                self.output.set(Some(result));
                Attempt::Done
            }
            Err(value) => {
                self.value.set(Some(value));
                Attempt::NotReady
            }
        }
    }

    fn enlist(&self, stand: &Rc<Stand>, number: u32, scheduler: &Scheduler) -> bool {
        let Some(value) = self.value.take() else { return true };
        let seat = {
            let mut state = self.core.lock();
            let (thread, me) = (state.thread(scheduler), stand.waiter());
            let room = state.buffer.len() < self.core.capacity;
            if room || state.receivers == 0 || state.receiving.has_other(thread, me) {
                self.value.set(Some(value));
                return false;
            }
            let parcel = Parcel { value: Some(value), slot: NO_SLOT };
            self.ticket.set(state.sending.push_claim(thread, me, stand.claim_for(number), parcel));
            self.core.stir();
            self.core.seat_number(&mut state, thread, scheduler)
        };
        stand.add_kept(number, seat, STANDS_TO_SEND);
        true
    }

    fn leave(&self, stand: &Stand) {
        if let Some(value) = self.leave_queue(Some(stand)) {
            self.value.set(Some(value));
        }
    }

    fn collect(&self, stand: Option<&Stand>, at: Site) -> bool {
        match self.leave_queue(stand) {
            None => self.output.set(Some(Ok(()))),
            Some(value) => {
                self.value.set(Some(value));
                self.fail(Reason::Disconnected, at);
            }
        }
        true
    }

    fn abandon(&self) {
        self.value.set(self.leave_queue(None));
    }

    #[cold]
    fn fail(&self, reason: Reason, at: Site) -> Option<Reason> {
        let Some(value) = self.value.take() else { return Some(reason) };
        let error = self.core.send_error(self.core.lock(), value, reason, at);
        self.output.set(Some(Err(error)));
        None
    }
}

impl<T: 'static> Arm for SharedSend<'_, T> {
    type Output = Result<(), SendError<T>>;

    const KIND: Kind = Kind::Shared;

    #[inline]
    fn take(&self) -> Option<Self::Output> {
        self.output.take()
    }
}

impl<T: 'static> fmt::Debug for SharedRecv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedRecv({})", self.core.label)
    }
}

impl<T: 'static> fmt::Debug for SharedSend<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedSend({})", self.core.label)
    }
}
