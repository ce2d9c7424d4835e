//! One receive: a buffered value, a sender who waits, or waiting.

use std::panic::resume_unwind;
use std::sync::Arc;

use parking_lot::MutexGuard;
use tasklets_runtime::park::{Terms, Unwoken};
use tasklets_runtime::{Payload, Scheduler, now};

use super::core::{Core, State};
use super::error::{Operation, RecvError, Site};
use super::waiting::seat_ticket;
use crate::error::Reason;

impl<T> Core<T> {
    pub(crate) fn recv_error(&self, state: &State<T>, reason: Reason, at: Site) -> RecvError {
        RecvError { reason, place: self.place(Operation::Recv, state, at) }
    }

    /// After a value was taken out of the buffer: lets in a sender who waits for room.
    #[inline(never)]
    fn refill(&self, mut state: MutexGuard<'_, State<T>>) {
        if state.buffer.len() >= state.capacity {
            return;
        }
        let Some(ticket) = state.sending.claim_first() else { return };
        let value = state.sent_by(ticket);
        state.buffer.push_back(value);
        self.release(state, ticket, &Scheduler::local());
    }

    /// Wakes a sender whose value was taken.
    #[inline]
    fn release(&self, state: MutexGuard<'_, State<T>>, ticket: u32, scheduler: &Scheduler) {
        let owner = state.sending.owner(ticket);
        let wakeup = state.wake_sender(ticket, scheduler);
        drop(state);
        if !wakeup.wake(scheduler) {
            let buried = self.lock().sending.bury(ticket, owner);
            drop(buried);
        }
    }
}

impl<T: 'static> Core<T> {
    /// Receives a value; without terms, only if it need not wait.
    #[inline]
    pub(crate) fn recv(self: &Arc<Self>, terms: Option<Terms>, at: Site) -> Result<T, RecvError> {
        let mut state = self.lock();
        if let Some(value) = state.buffer.pop_front() {
            if state.sending.len() != 0 {
                self.refill(state);
            }
            return Ok(value);
        }
        self.recv_from_waiter(state, terms, at)
    }

    fn recv_from_waiter(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State<T>>,
        terms: Option<Terms>,
        at: Site,
    ) -> Result<T, RecvError> {
        if let Some(ticket) = state.sending.claim_first() {
            let value = state.sent_by(ticket);
            self.release(state, ticket, &Scheduler::local());
            return Ok(value);
        }
        if state.senders == 0 {
            return Err(self.recv_error(&state, Reason::Disconnected, at));
        }
        let Some(terms) = terms else { return Err(self.recv_error(&state, Reason::Empty, at)) };
        self.recv_later(state, terms, at)
    }

    /// Waits until a sender has brought a value.
    fn recv_later(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State<T>>,
        terms: Terms,
        at: Site,
    ) -> Result<T, RecvError> {
        let scheduler = Scheduler::local();
        let me = match scheduler.check_wait(false, terms) {
            Ok(me) => me,
            Err(refusal) => return Err(self.recv_error(&state, Reason::from_refusal(refusal), at)),
        };
        if terms.deadline.is_some_and(|deadline| deadline <= now()) {
            return Err(self.recv_error(&state, Reason::TimedOut, at));
        }
        let thread = state.threads.number(&scheduler);
        let seat = self.seat(&mut state, thread, &scheduler);
        let ticket = state.receiving.push(thread, me, None, None);
        drop(state);
        loop {
            let waited = scheduler.wait_on(seat.clone(), seat_ticket(Operation::Recv, ticket), at, terms);
            let mut state = self.lock();
            let mut refused = None;
            if waited.is_ok() && state.receiving.is_queued(ticket) {
                match scheduler.check_wait(false, terms) {
                    Ok(_) => continue,
                    Err(refusal) => refused = Some(Reason::from_refusal(refusal)),
                }
            }
            let reason = match (state.receiving.take(ticket), waited) {
                (value, Err(Unwoken::Thrown(payload))) => {
                    drop(state);
                    self.abandon(value, payload);
                }
                (Some(value), _) => return Ok(value),
                (None, Ok(())) => refused.unwrap_or(Reason::Disconnected),
                (None, Err(Unwoken::TimedOut)) => Reason::TimedOut,
                (None, Err(Unwoken::Deadlock(report))) => Reason::Deadlock(report),
            };
            return Err(self.recv_error(&state, reason, at));
        }
    }

    /// A killed receiver's value goes to whoever receives next.
    #[cold]
    fn abandon(&self, value: Option<T>, payload: Payload) -> ! {
        if let Some(value) = value {
            self.give_back(value);
        }
        resume_unwind(payload)
    }
}
