//! What can go wrong on a channel of several threads. A failed `try_` operation allocates and formats nothing.

use std::error::Error;
use std::fmt;
use std::panic::Location;

use super::core::Label;
use crate::error::Reason;

pub(crate) type Site = &'static Location<'static>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Send,
    Recv,
}

impl Operation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::Send => "send",
            Operation::Recv => "recv",
        }
    }
}

/// Which operation failed, on what, and where.
#[derive(Clone)]
pub(crate) struct SharedPlace {
    pub(crate) operation: Operation,
    pub(crate) label: Label,
    pub(crate) senders: usize,
    pub(crate) receivers: usize,
    pub(crate) at: Site,
}

/// Live handles of each side, for messages.
pub(crate) struct Handles {
    pub(crate) senders: usize,
    pub(crate) receivers: usize,
}

impl fmt::Display for Handles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        let Handles { senders, receivers } = *self;
        write!(f, "{senders} sender{}, {receivers} receiver{}", plural(senders), plural(receivers))
    }
}

impl fmt::Display for SharedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handles = Handles { senders: self.senders, receivers: self.receivers };
        write!(f, "{} on {} ({handles}) at {}", self.operation.name(), self.label, self.at)
    }
}

/// A receive without a value.
pub struct RecvError {
    /// Why there was none.
    pub reason: Reason,
    pub(crate) place: SharedPlace,
}

impl RecvError {
    /// Whether the channel is empty and no sender is left.
    pub fn is_disconnected(&self) -> bool {
        matches!(self.reason, Reason::Disconnected)
    }

    /// Whether it would have had to wait, and was not to.
    pub fn is_empty(&self) -> bool {
        matches!(self.reason, Reason::Empty)
    }

    /// Whether its time was up.
    pub fn is_timeout(&self) -> bool {
        matches!(self.reason, Reason::TimedOut)
    }
}

impl fmt::Debug for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecvError({self})")
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl Error for RecvError {}
