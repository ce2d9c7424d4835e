//! Cancellation: a state of a tasklet, or of a part of what it does, that every blocking point meets; and limits of time.
//!
//! A kill is a single delivery: what catches it lives. To be cancelled is a state. Where a cancelled tasklet blocks, or is blocked
//! when it becomes cancelled, it is taken out of its queue, and a [`Cancelled`](scopes::Cancelled) is raised in it, just as if it had
//! been killed there. If it catches that, it meets it again at the next blocking point. What has been served already is not
//! blocked any more: it goes on with what it got, and meets its cancellation where it blocks next.
//!
//! [`timeout`](timeout::timeout) is the same for a part of what a tasklet does. [`shield`](shield::shield) keeps off what comes from
//! outside of it. Both are *scopes*, and those of a tasklet are nested like the calls that made them.

pub(crate) mod arrive;
pub(crate) mod kill;
pub(crate) mod scopes;
pub(crate) mod shield;
pub(crate) mod timeout;
pub(crate) mod watch;
