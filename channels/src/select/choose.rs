//! The one loop of every select: try each arm; wait in the queues of all; finish the one that was decided for.

use std::panic::resume_unwind;
use std::rc::Rc;
use std::time::Instant;

use tasklets_runtime::park::{Terms, Unwoken, arrives_again};
use tasklets_runtime::{Scheduler, TaskletError, now};

use super::arm::{Attempt, Entry, Kind, Site};
use super::error::SelectError;
use super::fair;
use super::stand::Stand;
use crate::error::Reason;

/// How long a select waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Until an arm is ready.
    Forever,
    /// Not at all.
    None,
    Until(Instant),
}

/// Which arm comes first where several are ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Fair,
    Biased,
}

/// What ended a wait.
enum End {
    /// The stand was decided for this arm, and its operation is finished.
    Done(usize),
    TimedOut,
    /// Nothing was decided, or what was is not possible any more.
    Again,
    Refused(Reason),
}

/// Finishes one of the arms, and tells which; none if there was no time left to wait.
#[inline]
pub(super) fn choose(
    arms: &[Entry<'_>],
    order: Order,
    patience: Patience,
    at: Site,
) -> Result<Option<usize>, SelectError> {
    let start = match order {
        Order::Fair if arms.len() > 1 => fair::start(arms.len()),
        _ => 0,
    };
    match attempt(arms, start, at) {
        Ok(number) => Ok(Some(number)),
        Err(missed) => choose_later(arms, start, missed, patience, at),
    }
}

/// Tries each arm, from this one on.
#[inline]
fn attempt(arms: &[Entry<'_>], start: usize, at: Site) -> Result<usize, Attempt> {
    let mut missed = Attempt::NotReady;
    let mut number = start;
    for _ in 0..arms.len() {
        match arms[number].arm.attempt(at) {
            Attempt::Done => return Ok(number),
            Attempt::NotReady => {}
            Attempt::Disturbed => missed = Attempt::Disturbed,
        }
        number = after(number, arms);
    }
    Err(missed)
}

/// The number of the next arm, or again of the first one.
#[inline(always)]
fn after(number: usize, arms: &[Entry<'_>]) -> usize {
    if number + 1 == arms.len() { 0 } else { number + 1 }
}

/// None was ready. Apart, so that one that is ready need not make room for all of this.
#[inline(never)]
fn choose_later(
    arms: &[Entry<'_>],
    start: usize,
    mut missed: Attempt,
    patience: Patience,
    at: Site,
) -> Result<Option<usize>, SelectError> {
    loop {
        let in_vain = match patience {
            Patience::None => true,
            Patience::Until(deadline) => deadline <= now(),
            Patience::Forever => false,
        };
        if in_vain {
            match look_at_once(arms, at) {
                End::Done(number) => return Ok(Some(number)),
                End::Again => {}
                _ => return Ok(None),
            }
        } else if missed == Attempt::NotReady
            && let Some(result) = wait_within(arms, start, patience, at)
        {
            return result;
        }
        match attempt(arms, start, at) {
            Ok(number) => return Ok(Some(number)),
            Err(again) => missed = again,
        }
    }
}

/// Nothing was ready, and there is no time to wait. But arms that were looked at one after the other may all have been ready in turn: only who
/// stands in all queues at once knows that there was a moment when none was. `Again` if one may be ready now, `TimedOut` if not.
fn look_at_once(arms: &[Entry<'_>], at: Site) -> End {
    if arms.iter().filter(|entry| entry.kind == Kind::Shared).count() < 2 {
        return End::TimedOut;
    }
    let scheduler = Scheduler::local();
    let stand = Stand::take(scheduler.current_id(), true);
    let mut shared = arms.iter().zip(0..).filter(|(entry, _)| entry.kind == Kind::Shared);
    let listed = shared.all(|(entry, number)| entry.arm.enlist(&stand, number, &scheduler));
    give_up(arms, stand, at, if listed { End::TimedOut } else { End::Again })
}

/// Waits as long as there is time; none if all arms are to be tried again.
#[inline]
fn wait_within(
    arms: &[Entry<'_>],
    start: usize,
    patience: Patience,
    at: Site,
) -> Option<Result<Option<usize>, SelectError>> {
    let mut limit = match patience {
        Patience::Until(deadline) => Some((deadline, None)),
        _ => None,
    };
    let terms = terms(arms, &mut limit);
    match wait(arms, start, terms, at) {
        End::Done(number) => Some(Ok(Some(number))),
        End::TimedOut => {
            let timer = limit.and_then(|(_, timer)| timer);
            if let Some(number) = timer {
                arms[number].arm.collect(None, at);
            }
            Some(Ok(timer))
        }
        End::Again => None,
        End::Refused(reason) => Some(Err(SelectError { reason, arms: arms.len(), at })),
    }
}

/// What may end the wait; and the earliest limit, with the timer that it is.
#[inline]
fn terms(arms: &[Entry<'_>], limit: &mut Option<(Instant, Option<usize>)>) -> Terms {
    let mut outside = false;
    for (number, entry) in arms.iter().enumerate() {
        match entry.kind {
            Kind::Local => {}
            Kind::Shared | Kind::Outside => outside = true,
            Kind::Timer => match entry.arm.deadline() {
                Some(deadline) if limit.is_none_or(|(earliest, _)| deadline < earliest) => {
                    *limit = Some((deadline, Some(number)));
                }
                Some(_) => {}
                // So late that the clock cannot tell: it is no deadlock.
                None => outside = true,
            },
        }
    }
    Terms { deadline: limit.map(|(deadline, _)| deadline), outside }
}

/// Waits in the queues of all arms. Whatever happens, none is in a queue afterwards, save the one that was claimed.
fn wait(arms: &[Entry<'_>], start: usize, terms: Terms, at: Site) -> End {
    let scheduler = Scheduler::local();
    if arms.is_empty() && terms == Terms::LOCAL {
        return End::Refused(Reason::Deadlock(Box::new(scheduler.report())));
    }
    let me = match scheduler.check_wait(false, terms) {
        Ok(me) => me,
        Err(refusal) => return End::Refused(Reason::from_refusal(refusal)),
    };
    let shared = arms.iter().any(|entry| entry.kind == Kind::Shared);
    let stand = Stand::take(me, shared);
    if !enlist(arms, start, &stand, &scheduler) {
        return give_up(arms, stand, at, End::Again);
    }
    let waited = if terms == Terms::LOCAL {
        scheduler.wait(stand.clone(), 0, at)
    } else {
        scheduler.wait_on(stand.clone(), 0, at, terms)
    };
    match (leave(arms, &stand), waited) {
        (None, Err(Unwoken::Thrown(payload))) => resume_unwind(payload),
        (Some(number), Err(Unwoken::Thrown(payload))) if !arrives_again(&payload) => {
            arms[number].arm.abandon();
            resume_unwind(payload)
        }
        (Some(number), _) => collect(arms, number, stand, at),
        (None, waited) => {
            stand.put_back();
            match waited {
                Err(Unwoken::TimedOut) => End::TimedOut,
                Err(Unwoken::Deadlock(report)) => End::Refused(Reason::from_error(TaskletError::Deadlock(report))),
                _ => End::Again,
            }
        }
    }
}

/// Joins the queues of all arms, from this one on: of two arms in one queue, the first is the one that is served. False if an arm need not
/// wait any more.
#[inline]
fn enlist(arms: &[Entry<'_>], start: usize, stand: &Rc<Stand>, scheduler: &Scheduler) -> bool {
    let mut number = start;
    for _ in 0..arms.len() {
        if !arms[number].arm.enlist(stand, number as u32, scheduler) {
            return false;
        }
        number = after(number, arms);
    }
    true
}

/// Leaves the queues without having waited: with what was claimed meanwhile, or with this end.
fn give_up(arms: &[Entry<'_>], stand: Rc<Stand>, at: Site, unclaimed: End) -> End {
    match leave(arms, &stand) {
        Some(number) => collect(arms, number, stand, at),
        None => {
            stand.put_back();
            unclaimed
        }
    }
}

/// Finishes the operation of the arm that was claimed.
#[inline]
fn collect(arms: &[Entry<'_>], number: usize, stand: Rc<Stand>, at: Site) -> End {
    let done = arms[number].arm.collect(Some(&stand), at);
    stand.put_back();
    if done { End::Done(number) } else { End::Again }
}

/// Takes all arms out of their queues, save the one that was claimed.
#[inline]
fn leave(arms: &[Entry<'_>], stand: &Stand) -> Option<usize> {
    let claimed = stand.close().map(|number| number as usize);
    for (number, entry) in arms.iter().enumerate() {
        if claimed != Some(number) {
            entry.arm.leave(stand);
        }
    }
    claimed
}
