//! What can go wrong in a scope.

use std::error::Error;
use std::fmt;

use greenlet::{Payload, panic_message};

use crate::error::TaskletError;
use crate::report::Report;

/// Why a scope has no result. Its members have ended all the same.
#[non_exhaustive]
pub enum ScopeError {
    /// The body or a member panicked.
    Panicked(ScopePanics),
    /// Nobody in the scope could have gone on, nor the caller.
    Deadlock(Box<Report>),
    /// The time was up.
    TimedOut,
    /// The scope's body was unwound by [`Scope::cancel`](crate::Scope::cancel).
    Cancelled,
    /// A scope cannot be entered, or waited for, now. The members were killed.
    Refused(TaskletError),
}

impl ScopeError {
    /// Goes on with it as a panic: with the one that there was, where there was one.
    #[track_caller]
    pub(crate) fn raise(self) -> ! {
        match self {
            ScopeError::Panicked(panics) => std::panic::resume_unwind(panics.into_payload()),
            error => panic!("{error}"),
        }
    }
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScopeError::Panicked(panics) => panics.fmt(f),
            ScopeError::Deadlock(report) => write!(f, "deadlock: nobody in the scope could go on\n{report}"),
            ScopeError::TimedOut => f.write_str("the scope's time was up before everything in it had ended"),
            ScopeError::Cancelled => f.write_str("the scope was cancelled before its body returned"),
            ScopeError::Refused(error) => write!(f, "a scope cannot wait for its tasklets here: {error}"),
        }
    }
}

impl fmt::Debug for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScopeError({self})")
    }
}

impl Error for ScopeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ScopeError::Panicked(panics) => Some(panics),
            ScopeError::Refused(error) => Some(error),
            _ => None,
        }
    }
}

/// What the body and the members of a scope panicked with: the first of them, and those that came while the others were ended.
pub struct ScopePanics {
    pub(crate) first: Payload,
    pub(crate) rest: Vec<Payload>,
}

impl ScopePanics {
    /// Of some, the first; none without any.
    pub(crate) fn of(panics: Vec<Payload>) -> Option<ScopePanics> {
        let mut panics = panics.into_iter();
        panics.next().map(|first| ScopePanics { first, rest: panics.collect() })
    }

    /// All of them as one.
    pub(crate) fn into_payload(self) -> Payload {
        if self.rest.is_empty() { self.first } else { Box::new(self) }
    }

    /// The first panic.
    pub fn first(&self) -> &Payload {
        &self.first
    }

    /// Those that came after it.
    pub fn rest(&self) -> &[Payload] {
        &self.rest
    }

    /// The first one, and the rest; to go on with `std::panic::resume_unwind`.
    pub fn into_parts(self) -> (Payload, Vec<Payload>) {
        (self.first, self.rest)
    }
}

impl fmt::Display for ScopePanics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a tasklet of the scope panicked: {}", panic_message(&self.first))?;
        match self.rest.len() {
            0 => Ok(()),
            n => write!(f, ", and {n} more: {}", self.rest.iter().map(panic_message).collect::<Vec<_>>().join(", ")),
        }
    }
}

impl fmt::Debug for ScopePanics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScopePanics({self})")
    }
}

impl Error for ScopePanics {}
