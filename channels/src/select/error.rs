//! What can go wrong with a select as a whole.

use std::error::Error;
use std::fmt;
use std::panic::Location;

use crate::error::Reason;

/// A select that could not wait: none of its operations has happened.
pub struct SelectError {
    /// Why not.
    pub reason: Reason,
    pub(super) arms: usize,
    pub(super) at: &'static Location<'static>,
}

impl fmt::Debug for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SelectError({self})")
    }
}

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.arms == 1 { "" } else { "s" };
        write!(f, "select of {} arm{plural} at {}: {}", self.arms, self.at, self.reason)
    }
}

impl Error for SelectError {}
