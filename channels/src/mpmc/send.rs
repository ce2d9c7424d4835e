//! One send: room in the buffer, a receiver who waits, or waiting.

use std::panic::resume_unwind;
use std::sync::Arc;

use parking_lot::MutexGuard;
use tasklets_runtime::park::{Terms, Unwoken};
use tasklets_runtime::{Scheduler, now};

use super::core::{Core, State};
use super::error::{Operation, Site};
use super::waiting::seat_ticket;
use crate::error::{Origin, Reason, SendError};

impl<T> State<T> {
    /// Whether a value may be put into the buffer, because nobody waits for it and it is not full.
    #[inline]
    fn has_room(&self) -> bool {
        self.receivers != 0 && self.receiving.len() == 0 && self.buffer.len() < self.capacity
    }
}

impl<T> Core<T> {
    pub(crate) fn send_error(
        &self,
        state: MutexGuard<'_, State<T>>,
        value: T,
        reason: Reason,
        at: Site,
    ) -> SendError<T> {
        let place = Origin::Shared(self.place(Operation::Send, &state, at));
        drop(state);
        SendError { value, reason, place }
    }

    /// Sends what a receiver could not take that was to have it: to the next one, or else to the channel's head.
    #[cold]
    pub(crate) fn give_back(&self, mut value: T) {
        let scheduler = Scheduler::local();
        loop {
            let mut state = self.lock();
            let Some(ticket) = state.receiving.claim_first() else {
                if state.receivers == 0 {
                    drop(state);
                    return drop(value);
                }
                return state.buffer.push_front(value);
            };
            *state.receiving.get_mut(ticket) = Some(value);
            match self.hand_over(state, ticket, &scheduler) {
                None => return,
                Some(refused) => value = refused,
            }
        }
    }

    /// Wakes a receiver whose value was put into its node; the value, if its thread has ended.
    #[inline]
    fn hand_over(&self, state: MutexGuard<'_, State<T>>, ticket: u32, scheduler: &Scheduler) -> Option<T> {
        let owner = state.receiving.owner(ticket);
        let wakeup = state.wake_receiver(ticket, scheduler);
        drop(state);
        if wakeup.wake(scheduler) { None } else { self.lock().receiving.bury(ticket, owner).flatten() }
    }
}

impl<T: 'static> Core<T> {
    /// Sends a value; without terms, only if it need not wait.
    #[inline]
    pub(crate) fn send(self: &Arc<Self>, value: T, terms: Option<Terms>, at: Site) -> Result<(), SendError<T>> {
        let mut state = self.lock();
        if state.has_room() {
            state.buffer.push_back(value);
            return Ok(());
        }
        self.send_to_waiter(state, value, terms, at)
    }

    fn send_to_waiter(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State<T>>,
        value: T,
        terms: Option<Terms>,
        at: Site,
    ) -> Result<(), SendError<T>> {
        if state.receivers == 0 {
            return Err(self.send_error(state, value, Reason::Disconnected, at));
        }
        if let Some(ticket) = state.receiving.claim_first() {
            let scheduler = Scheduler::local();
            *state.receiving.get_mut(ticket) = Some(value);
            return match self.hand_over(state, ticket, &scheduler) {
                None => Ok(()),
                Some(value) => self.send(value, terms, at),
            };
        }
        if state.has_room() {
            state.buffer.push_back(value);
            return Ok(());
        }
        let Some(terms) = terms else { return Err(self.send_error(state, value, Reason::Full, at)) };
        self.send_later(state, value, terms, at)
    }

    /// Waits until a receiver has taken the value.
    fn send_later(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State<T>>,
        value: T,
        terms: Terms,
        at: Site,
    ) -> Result<(), SendError<T>> {
        let scheduler = Scheduler::local();
        let me = match scheduler.check_wait(false, terms) {
            Ok(me) => me,
            Err(refusal) => return Err(self.send_error(state, value, Reason::from_refusal(refusal), at)),
        };
        if terms.deadline.is_some_and(|deadline| deadline <= now()) {
            return Err(self.send_error(state, value, Reason::TimedOut, at));
        }
        let thread = state.threads.number(&scheduler);
        let seat = self.seat(&mut state, thread, &scheduler);
        let ticket = state.sending.push(thread, me, None, Some(value));
        drop(state);
        loop {
            let waited = scheduler.wait_on(seat.clone(), seat_ticket(Operation::Send, ticket), at, terms);
            let mut state = self.lock();
            let mut refused = None;
            if waited.is_ok() && state.sending.is_queued(ticket) {
                match scheduler.check_wait(false, terms) {
                    Ok(_) => continue,
                    Err(refusal) => refused = Some(Reason::from_refusal(refusal)),
                }
            }
            let value = state.sending.take(ticket);
            let reason = match (value.is_some(), waited) {
                (_, Err(Unwoken::Thrown(payload))) => {
                    drop(state);
                    // The unwinding drops what was not sent.
                    let _value = value;
                    resume_unwind(payload);
                }
                (false, _) => return Ok(()),
                (true, Ok(())) => refused.unwrap_or(Reason::Disconnected),
                (true, Err(Unwoken::TimedOut)) => Reason::TimedOut,
                (true, Err(Unwoken::Deadlock(report))) => Reason::Deadlock(report),
            };
            let value = value.expect("it was not sent");
            return Err(self.send_error(state, value, reason, at));
        }
    }
}
