//! One receive: a buffered value, a sender who waits, or waiting.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::shared::lock::Locked;
use tasklets_runtime::park::{Terms, Unwoken, arrives_again};
use tasklets_runtime::{Payload, Scheduler};

use super::core::{Core, Parcel, State};
use super::error::{Operation, RecvError, Site};
use super::patience::may_wait;
use super::waiting::{Fate, Seat};
use crate::error::Reason;

/// Why there was no value without waiting.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    Empty,
    /// For ever.
    Disconnected,
}

impl<T: 'static> Core<T> {
    /// Receives a value; without terms, only if it need not wait.
    #[inline(always)]
    pub(crate) fn recv(self: &Arc<Self>, terms: Option<Terms>, at: Site) -> Result<T, RecvError> {
        if self.contended.load(Ordering::Relaxed) {
            return match self.take_stashed() {
                Ok(value) => Ok(value),
                Err(state) => self.recv_patiently(state, terms, at),
            };
        }
        self.recv_from(self.lock_to_receive(), terms, at)
    }

    #[inline(never)]
    fn recv_patiently<'a>(
        self: &'a Arc<Self>,
        mut state: Locked<'a, State<T>>,
        terms: Option<Terms>,
        at: Site,
    ) -> Result<T, RecvError> {
        if terms.is_some() {
            state = match self.await_stashed(state) {
                Ok(value) => return Ok(value),
                Err(state) => state,
            };
        }
        self.recv_from(state, terms, at)
    }

    /// From a state in which everything is that may have been set aside.
    #[inline(always)]
    fn recv_from(
        self: &Arc<Self>,
        mut state: Locked<'_, State<T>>,
        terms: Option<Terms>,
        at: Site,
    ) -> Result<T, RecvError> {
        if let Some(value) = state.buffer.pop_front() {
            if state.sending.len() != 0 {
                self.refill(state);
            }
            return Ok(value);
        }
        self.recv_from_waiter(state, terms, at)
    }

    /// Receives a value, if it need not wait; else nothing has happened.
    #[inline(always)]
    pub(crate) fn poll_recv(self: &Arc<Self>) -> Result<T, Missed> {
        if !self.is_stirred() {
            return Err(Missed::Empty);
        }
        let mut state = self.lock();
        if let Some(value) = state.buffer.pop_front() {
            self.settle(&state);
            if state.sending.len() != 0 {
                self.refill(state);
            }
            return Ok(value);
        }
        match self.take_from_waiter(state, &Scheduler::local()) {
            Ok(value) => Ok(value),
            Err(state) => {
                self.settle(&state);
                Err(if state.senders == 0 { Missed::Disconnected } else { Missed::Empty })
            }
        }
    }

    /// The value of a sender who waits; else the state.
    #[inline(always)]
    fn take_from_waiter<'a>(
        &self,
        mut state: Locked<'a, State<T>>,
        scheduler: &Scheduler,
    ) -> Result<T, Locked<'a, State<T>>> {
        if let Some((here, Some(value))) = state.first_here(Operation::Send, scheduler) {
            self.settle(&state);
            drop(state);
            here.settle(Fate::<T>::Sent, scheduler);
            return Ok(value);
        }
        if state.sending.len() == 0 { Err(state) } else { self.take_from_other(state, scheduler) }
    }

    /// The same if that is not known to be of this thread.
    #[inline(never)]
    fn take_from_other<'a>(
        &self,
        mut state: Locked<'a, State<T>>,
        scheduler: &Scheduler,
    ) -> Result<T, Locked<'a, State<T>>> {
        let Some(ticket) = state.sending.claim_first() else { return Err(state) };
        let value = state.sent_by(ticket);
        self.settle(&state);
        self.release(state, ticket, scheduler);
        Ok(value)
    }

    /// After a value was taken out of the buffer: lets in a sender who waits for room.
    #[inline(never)]
    fn refill(&self, mut state: Locked<'_, State<T>>) {
        if state.buffer.len() >= state.capacity {
            return;
        }
        let Some(ticket) = state.sending.claim_first() else { return };
        let value = state.sent_by(ticket);
        state.buffer.push_back(value);
        self.release(state, ticket, &Scheduler::local());
    }

    /// Apart from the above, and with all of the below in it: after a switch, the processor mispredicts every return.
    #[inline(never)]
    fn recv_from_waiter(
        self: &Arc<Self>,
        state: Locked<'_, State<T>>,
        terms: Option<Terms>,
        at: Site,
    ) -> Result<T, RecvError> {
        let scheduler = Scheduler::local();
        let state = match self.take_from_waiter(state, &scheduler) {
            Ok(value) => return Ok(value),
            Err(state) => state,
        };
        if state.senders == 0 {
            return Err(self.recv_error(state, Reason::Disconnected, at));
        }
        let Some(terms) = terms else { return Err(self.recv_error(state, Reason::Empty, at)) };
        self.recv_later(state, terms, at, &scheduler)
    }

    /// Wakes a sender whose value was taken.
    #[inline(always)]
    fn release(&self, mut state: Locked<'_, State<T>>, ticket: u32, scheduler: &Scheduler) {
        if let Some(here) = state.take_here(Operation::Send, ticket, scheduler) {
            drop(state);
            return here.settle(Fate::<T>::Sent, scheduler);
        }
        self.release_there(state, ticket, scheduler);
    }

    /// The same through the sender's node.
    #[inline(never)]
    fn release_there(&self, state: Locked<'_, State<T>>, ticket: u32, scheduler: &Scheduler) {
        let owner = state.sending.owner(ticket);
        let wakeup = state.sending.wakeup(ticket, &state.threads, scheduler);
        drop(state);
        if !wakeup.wake(scheduler) {
            let buried = self.lock_state().bury(Operation::Send, ticket, owner);
            drop(buried);
        }
    }

    /// Waits until a sender has brought a value.
    #[inline(always)]
    fn recv_later(
        self: &Arc<Self>,
        mut state: Locked<'_, State<T>>,
        terms: Terms,
        at: Site,
        scheduler: &Scheduler,
    ) -> Result<T, RecvError> {
        let me = match may_wait(scheduler, terms) {
            Ok(me) => me,
            Err(reason) => return Err(self.recv_error(state, reason, at)),
        };
        let thread = state.thread(scheduler);
        let seat = self.seat(&mut state, thread, scheduler);
        let slots = Seat::<T>::of(&*seat);
        let slot =
            slots.reserve(Operation::Recv, |slot| state.receiving.push(thread, me, None, Parcel { value: None, slot }));
        drop(state);
        loop {
            let waited = scheduler.wait_on(seat.clone(), slot, at, terms);
            if let Fate::Received(value) = slots.fate(slot) {
                return match waited {
                    Err(Unwoken::Thrown(payload)) if !arrives_again(&payload) => self.abandon(Some(value), payload),
                    _ => Ok(value),
                };
            }
            if let Some(result) = self.see_after_receiving(waited, slots, slot, at, terms, scheduler) {
                return result;
            }
        }
    }

    /// The wait may be over, and the node has the answer; none if it is not.
    #[inline(never)]
    fn see_after_receiving(
        &self,
        waited: Result<(), Unwoken>,
        slots: &Seat<T>,
        slot: u32,
        at: Site,
        terms: Terms,
        scheduler: &Scheduler,
    ) -> Option<Result<T, RecvError>> {
        let mut state = self.lock_state();
        let mut refused = None;
        if waited.is_ok() && state.receiving.is_queued(slots.ticket(slot)) {
            match scheduler.check_wait(false, terms) {
                Ok(_) => return None,
                Err(refusal) => refused = Some(Reason::from_refusal(refusal)),
            }
        }
        let value = state.receiving.take(slots.leave(slot)).value;
        let reason = match waited {
            Err(Unwoken::Thrown(payload)) => {
                drop(state);
                match value {
                    Some(value) if arrives_again(&payload) => return Some(Ok(value)),
                    value => self.abandon(value, payload),
                }
            }
            Ok(()) => refused.unwrap_or(Reason::Disconnected),
            Err(Unwoken::TimedOut) => Reason::TimedOut,
            Err(Unwoken::Deadlock(report)) => Reason::Deadlock(report),
        };
        Some(value.ok_or_else(|| self.recv_error(state, reason, at)))
    }

    /// A killed receiver's value goes to whoever receives next.
    #[cold]
    #[inline(never)]
    fn abandon(&self, value: Option<T>, payload: Payload) -> ! {
        if let Some(value) = value {
            self.give_back(value);
        }
        resume_unwind(payload)
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn recv_error(&self, state: Locked<'_, State<T>>, reason: Reason, at: Site) -> RecvError {
        RecvError { reason, place: self.place(Operation::Recv, &state, at) }
    }
}
