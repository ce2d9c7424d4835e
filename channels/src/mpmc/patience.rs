//! How long an operation waits. Other threads may always end the wait.

use std::time::{Duration, Instant};

use tasklets_runtime::now;
use tasklets_runtime::park::Terms;

pub(crate) const FOREVER: Option<Terms> = Some(Terms { deadline: None, outside: true });

/// Until a moment of [`now`].
pub(crate) fn until(deadline: Instant) -> Option<Terms> {
    Some(Terms { deadline: Some(deadline), outside: true })
}

/// For so long; for ever if the clock cannot tell the end of it.
pub(crate) fn within(time: Duration) -> Option<Terms> {
    now().checked_add(time).map_or(FOREVER, until)
}
