//! One send: room in the buffer, a receiver who waits, or waiting.

use std::panic::resume_unwind;
use std::sync::Arc;

use crate::shared::lock::Locked;
use tasklets_runtime::Scheduler;
use tasklets_runtime::park::{Terms, Unwoken, arrives_again};

use super::core::{Core, Parcel, State};
use super::error::{Operation, Site};
use super::patience::may_wait;
use super::waiting::{Fate, Seat};
use crate::error::{Origin, Reason, SendError};

impl<T: 'static> Core<T> {
    /// Sends a value; without terms, only if it need not wait.
    #[inline(always)]
    pub(crate) fn send(self: &Arc<Self>, value: T, terms: Option<Terms>, at: Site) -> Result<(), SendError<T>> {
        let mut state = self.lock_state();
        if state.has_room() {
            state.buffer.push_back(value);
            self.stir();
            return Ok(());
        }
        self.send_to_waiter(state, value, terms, at)
    }

    /// Sends a value, if it need not wait; else it comes back.
    #[inline]
    pub(crate) fn poll_send(self: &Arc<Self>, value: T, at: Site) -> Result<Result<(), SendError<T>>, T> {
        let mut state = self.lock();
        if state.has_room() {
            state.buffer.push_back(value);
            self.stir();
            return Ok(Ok(()));
        }
        if state.receivers != 0 && state.receiving.len() == 0 {
            return Err(value);
        }
        match self.send_to_waiter(state, value, None, at) {
            Err(error) if error.is_full() => Err(error.into_value()),
            result => Ok(result),
        }
    }

    /// Apart from the above, and with all of the below in it: after a switch, the processor mispredicts every return.
    #[inline(never)]
    fn send_to_waiter<'a>(
        self: &'a Arc<Self>,
        mut state: Locked<'a, State<T>>,
        value: T,
        terms: Option<Terms>,
        at: Site,
    ) -> Result<(), SendError<T>> {
        if state.stashed != 0 {
            drop(state);
            state = self.lock_for_room();
        }
        if state.receivers == 0 {
            return Err(self.send_error(state, value, Reason::Disconnected, at));
        }
        let scheduler = Scheduler::local();
        if let Some((here, _)) = state.first_here(Operation::Recv, &scheduler) {
            drop(state);
            here.settle(Fate::Received(value), &scheduler);
            return Ok(());
        }
        if state.receiving.len() != 0
            && let Some(ticket) = state.receiving.claim_first()
        {
            return match self.hand_over(state, ticket, value, &scheduler) {
                None => Ok(()),
                Some(value) => self.send_again(value, terms, at),
            };
        }
        if state.has_room() {
            state.buffer.push_back(value);
            self.stir();
            return Ok(());
        }
        let Some(terms) = terms else { return Err(self.send_error(state, value, Reason::Full, at)) };
        self.send_later(state, value, terms, at, &scheduler)
    }

    /// The receiver's thread has ended.
    #[cold]
    #[inline(never)]
    fn send_again(self: &Arc<Self>, value: T, terms: Option<Terms>, at: Site) -> Result<(), SendError<T>> {
        self.send(value, terms, at)
    }

    /// Gives a value to a receiver who was claimed; it comes back if the receiver's thread has ended.
    #[inline(never)]
    fn hand_over(&self, mut state: Locked<'_, State<T>>, ticket: u32, value: T, scheduler: &Scheduler) -> Option<T> {
        if let Some(here) = state.take_here(Operation::Recv, ticket, scheduler) {
            drop(state);
            here.settle(Fate::Received(value), scheduler);
            return None;
        }
        self.hand_out(state, ticket, value, scheduler)
    }

    /// The same through the receiver's node.
    #[inline(never)]
    fn hand_out(&self, mut state: Locked<'_, State<T>>, ticket: u32, value: T, scheduler: &Scheduler) -> Option<T> {
        state.receiving.get_mut(ticket).value = Some(value);
        let owner = state.receiving.owner(ticket);
        let wakeup = state.receiving.wakeup(ticket, &state.threads, scheduler);
        drop(state);
        if wakeup.wake(scheduler) {
            return None;
        }
        self.lock_state().bury(Operation::Recv, ticket, owner)?.value
    }

    /// Waits until a receiver has taken the value.
    #[inline(always)]
    fn send_later(
        self: &Arc<Self>,
        mut state: Locked<'_, State<T>>,
        value: T,
        terms: Terms,
        at: Site,
        scheduler: &Scheduler,
    ) -> Result<(), SendError<T>> {
        let me = match may_wait(scheduler, terms) {
            Ok(me) => me,
            Err(reason) => return Err(self.send_error(state, value, reason, at)),
        };
        let thread = state.thread(scheduler);
        let seat = self.seat(&mut state, thread, scheduler);
        let slots = Seat::<T>::of(&*seat);
        let slot = slots
            .reserve(Operation::Send, |slot| state.sending.push(thread, me, None, Parcel { value: Some(value), slot }));
        self.stir();
        drop(state);
        loop {
            let waited = scheduler.wait_on(seat.clone(), slot, at, terms);
            if let Fate::Sent = slots.fate(slot) {
                return match waited {
                    Err(Unwoken::Thrown(payload)) if !arrives_again(&payload) => resume_unwind(payload),
                    _ => Ok(()),
                };
            }
            if let Some(result) = self.see_after_sending(waited, slots, slot, at, terms, scheduler) {
                return result;
            }
        }
    }

    /// The wait may be over, and the node has the answer; none if it is not.
    #[inline(never)]
    fn see_after_sending(
        &self,
        waited: Result<(), Unwoken>,
        slots: &Seat<T>,
        slot: u32,
        at: Site,
        terms: Terms,
        scheduler: &Scheduler,
    ) -> Option<Result<(), SendError<T>>> {
        let mut state = self.lock_state();
        let mut refused = None;
        if waited.is_ok() && state.sending.is_queued(slots.ticket(slot)) {
            match scheduler.check_wait(false, terms) {
                Ok(_) => return None,
                Err(refusal) => refused = Some(Reason::from_refusal(refusal)),
            }
        }
        let value = state.sending.take(slots.leave(slot)).value;
        let reason = match waited {
            Err(Unwoken::Thrown(payload)) => {
                drop(state);
                if value.is_none() && arrives_again(&payload) {
                    return Some(Ok(()));
                }
                // The unwinding drops what was not sent.
                let _value = value;
                resume_unwind(payload);
            }
            Ok(()) => refused.unwrap_or(Reason::Disconnected),
            Err(Unwoken::TimedOut) => Reason::TimedOut,
            Err(Unwoken::Deadlock(report)) => Reason::Deadlock(report),
        };
        Some(match value {
            None => Ok(()),
            Some(value) => Err(self.send_error(state, value, reason, at)),
        })
    }

    /// Sends what a receiver was to have who cannot take it: to the next one, or else to the channel's head.
    #[cold]
    #[inline(never)]
    pub(crate) fn give_back(&self, mut value: T) {
        let scheduler = Scheduler::local();
        loop {
            let mut state = self.lock();
            let Some(ticket) = state.receiving.claim_first() else {
                if state.receivers == 0 {
                    drop(state);
                    return drop(value);
                }
                state.buffer.push_front(value);
                return self.stir();
            };
            match self.hand_over(state, ticket, value, &scheduler) {
                None => return,
                Some(refused) => value = refused,
            }
        }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn send_error(&self, state: Locked<'_, State<T>>, value: T, reason: Reason, at: Site) -> SendError<T> {
        let place = Origin::Shared(self.place(Operation::Send, &state, at));
        drop(state);
        SendError { value, reason, place }
    }
}
