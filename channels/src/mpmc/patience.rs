//! How long an operation waits. Other threads may always end the wait.

use std::time::{Duration, Instant};

use tasklets_runtime::park::{TaskletId, Terms};
use tasklets_runtime::{Scheduler, now};

use crate::error::Reason;

pub(crate) const FOREVER: Option<Terms> = Some(Terms { deadline: None, outside: true });

/// Until a moment of [`now`].
pub(crate) fn until(deadline: Instant) -> Option<Terms> {
    Some(Terms { deadline: Some(deadline), outside: true })
}

/// For so long; for ever if the clock cannot tell the end of it.
pub(crate) fn within(time: Duration) -> Option<Terms> {
    now().checked_add(time).map_or(FOREVER, until)
}

/// Whether the running tasklet may wait now.
#[inline(always)]
pub(super) fn may_wait(scheduler: &Scheduler, terms: Terms) -> Result<TaskletId, Reason> {
    let me = scheduler.check_wait(false, terms).map_err(Reason::from_refusal)?;
    match terms.deadline {
        Some(deadline) if deadline <= now() => Err(Reason::TimedOut),
        _ => Ok(me),
    }
}
