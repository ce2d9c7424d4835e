//! Answers: one value from one actor to one who waits for it.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tasklets_runtime::park::{Refusal, Terms, Unwoken, arrives_again};
use tasklets_runtime::{Scheduler, now};

use super::node::Pending;
use super::waiter::{Doing, Site, Waiter, bench, ticket};

enum State<R> {
    Open(Option<Waiter>),
    Answered(R),
    /// The answer was dropped, or taken.
    Closed,
    /// Nobody waits any more.
    Abandoned,
}

/// Where an answer is put.
pub(super) struct Slot<R> {
    state: Mutex<State<R>>,
    delegated: AtomicBool,
}

/// The right to answer a question, once. Dropped unused, it tells who asked that there will be no answer.
///
/// It may be kept and used later, and given to others. Who gives it away and asks the one who waits for it should say so by
/// [`delegate`](Reply::delegate).
///
/// # Examples
///
/// ```
/// use tasklets::actor::{self, Reply};
///
/// let double = actor::spawn(|mailbox: &actor::Mailbox<(u32, Reply<u32>)>| {
///     for (number, reply) in mailbox {
///         reply.send(2 * number).ok();
///     }
/// });
/// assert_eq!(double.ask(|reply| (21, reply))?, 42);
/// # Ok::<(), tasklets::actor::AskError<(u32, Reply<u32>)>>(())
/// ```
#[must_use = "who asked is told that there is no answer"]
pub struct Reply<R> {
    slot: Option<Arc<Slot<R>>>,
}

/// Why waiting for an answer came to its end.
pub(super) enum Unanswered {
    Dropped,
    TimedOut,
    MayNotWait(Refusal),
}

pub(super) fn slot<R>() -> (Arc<Slot<R>>, Reply<R>) {
    let slot = Arc::new(Slot { state: Mutex::new(State::Open(None)), delegated: AtomicBool::new(false) });
    (slot.clone(), Reply { slot: Some(slot) })
}

impl<R> Reply<R> {
    /// Answers.
    ///
    /// # Errors
    ///
    /// The answer, if nobody waits for it any more.
    #[inline]
    pub fn send(mut self, answer: R) -> Result<(), R> {
        match self.slot.take() {
            Some(slot) => slot.settle(State::Answered(answer)),
            None => Err(answer),
        }
    }

    /// Whether nobody waits for it any more.
    pub fn is_abandoned(&self) -> bool {
        self.slot.as_ref().is_some_and(|slot| matches!(*slot.state.lock(), State::Abandoned))
    }

    /// Says that it will be used by somebody else than the actor that was asked, so that this may ask the one who waits without being
    /// told of a deadlock.
    pub fn delegate(self) -> Reply<R> {
        if let Some(slot) = &self.slot {
            slot.delegated.store(true, Ordering::Release);
        }
        self
    }
}

impl<R> Drop for Reply<R> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            let nothing = slot.settle(State::Closed);
            debug_assert!(nothing.is_ok());
        }
    }
}

impl<R> fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("abandoned", &self.is_abandoned()).finish()
    }
}

impl<R> Slot<R> {
    /// Brings the answer, or that there is none.
    #[inline]
    fn settle(&self, verdict: State<R>) -> Result<(), R> {
        let waiter = {
            let mut state = self.state.lock();
            match &mut *state {
                State::Open(waiter) => {
                    let waiter = waiter.take();
                    *state = verdict;
                    waiter
                }
                _ => {
                    drop(state);
                    return match verdict {
                        State::Answered(answer) => Err(answer),
                        _ => Ok(()),
                    };
                }
            }
        };
        if let Some(waiter) = waiter {
            waiter.wake();
        }
        Ok(())
    }

    fn take(&self) -> Option<Result<R, Unanswered>> {
        let mut state = self.state.lock();
        match *state {
            State::Open(_) => None,
            State::Closed | State::Abandoned => Some(Err(Unanswered::Dropped)),
            State::Answered(_) => match std::mem::replace(&mut *state, State::Closed) {
                State::Answered(answer) => Some(Ok(answer)),
                _ => None,
            },
        }
    }

    /// Waits for the answer; `id` is the actor's that was asked.
    pub(super) fn wait(&self, id: u64, terms: Terms, at: Site) -> Result<R, Unanswered> {
        if let Some(result) = self.take() {
            return result;
        }
        let scheduler = Scheduler::local();
        loop {
            if terms.deadline.is_some_and(|deadline| deadline <= now()) {
                return self.give_up(Unanswered::TimedOut);
            }
            if let Err(refusal) = scheduler.check_wait(false, terms) {
                return self.give_up(Unanswered::MayNotWait(refusal));
            }
            let listed = match &mut *self.state.lock() {
                State::Open(waiter) => {
                    // The one before is the caller itself, who was woken for nothing.
                    *waiter = Some(Waiter::me(&scheduler));
                    true
                }
                _ => false,
            };
            if !listed && let Some(result) = self.take() {
                return result;
            }
            let waited = scheduler.wait_on(bench(Doing::Ask), ticket(id), at, terms);
            match waited {
                Err(Unwoken::Thrown(payload)) => {
                    // An answer that has come counts; a cancellation comes again where the caller waits next.
                    if arrives_again(&payload)
                        && let Some(result) = self.take()
                    {
                        return result;
                    }
                    let answer = self.give_up(Unanswered::Dropped);
                    drop(answer);
                    resume_unwind(payload)
                }
                // In time or not: what is there counts.
                _ => {
                    if let Some(result) = self.take() {
                        return result;
                    }
                }
            }
        }
    }

    /// Lets nobody answer any more. An answer that has come just in time counts.
    #[cold]
    fn give_up(&self, why: Unanswered) -> Result<R, Unanswered> {
        if let Some(result) = self.take() {
            return result;
        }
        let mut state = self.state.lock();
        if let State::Open(_) = *state {
            *state = State::Abandoned;
            return Err(why);
        }
        drop(state);
        self.take().unwrap_or(Err(why))
    }
}

impl<R: Send> Pending for Slot<R> {
    fn is_pending(&self) -> bool {
        !self.delegated.load(Ordering::Acquire) && matches!(*self.state.lock(), State::Open(_))
    }
}
