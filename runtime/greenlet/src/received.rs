//! What a switch brings back.

use std::borrow::Cow;
use std::fmt;
use std::panic::resume_unwind;

use crate::error::SwitchError;
use crate::inner::Payload;

/// What a switch brings back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received<T> {
    /// A value that another greenlet switched here with, or that a child ended with.
    Value(T),
    /// A child was killed: the exit that ended it, which is a value and not an error.
    Exit(GreenletExit),
}

impl<T> Received<T> {
    /// The value, if it is one.
    pub fn value(self) -> Option<T> {
        match self {
            Received::Value(value) => Some(value),
            Received::Exit(_) => None,
        }
    }

    /// The value.
    ///
    /// # Panics
    ///
    /// If it is an exit.
    #[track_caller]
    pub fn unwrap(self) -> T {
        match self {
            Received::Value(value) => value,
            Received::Exit(exit) => panic!("a greenlet was killed where a value was expected: {exit}"),
        }
    }
}

/// What a switch brings back that is not a value; see [`Greenlet::exchange`](crate::Greenlet::exchange).
#[non_exhaustive]
#[derive(Debug)]
pub enum NoValue<V> {
    /// A child was killed.
    Exit(GreenletExit),
    /// Something was thrown into the caller, or a child panicked. It is to be raised.
    Raised(Payload),
    /// The switch failed.
    Failed(SwitchError<V>),
}

impl<V> NoValue<V> {
    /// What [`Greenlet::switch`](crate::Greenlet::switch) does with it.
    ///
    /// # Errors
    ///
    /// The error that the switch failed with.
    ///
    /// # Panics
    ///
    /// Unwinds with what was raised.
    #[cold]
    #[inline(never)]
    pub fn into_result(self) -> Result<Received<V>, SwitchError<V>> {
        match self {
            NoValue::Exit(exit) => Ok(Received::Exit(exit)),
            NoValue::Raised(payload) => resume_unwind(payload),
            NoValue::Failed(error) => Err(error),
        }
    }
}

/// What a greenlet is killed with. Uncaught, it ends the greenlet silently and reaches the parent as a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GreenletExit {
    reason: Cow<'static, str>,
}

impl GreenletExit {
    /// An exit with a reason, for whoever reads it.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> GreenletExit {
        GreenletExit { reason: reason.into() }
    }

    /// Why the greenlet was killed.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl Default for GreenletExit {
    fn default() -> GreenletExit {
        GreenletExit::new("killed")
    }
}

impl fmt::Display for GreenletExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
