//! What can go wrong on a channel.

use std::error::Error;
use std::fmt;
use std::panic::Location;

use tasklets_runtime::park::Refusal;
use tasklets_runtime::{Report, TaskletError};

use crate::mpmc::error::SharedPlace;

/// Why a channel operation did not happen. Nothing has changed then.
#[non_exhaustive]
#[derive(Debug)]
pub enum Reason {
    /// The channel is closed and nobody waits on the other side; or it was shut down while the operation waited.
    Closed,
    /// Nobody could ever have completed the operation.
    Deadlock(Box<Report>),
    /// The operation would block, and the tasklet's block trap is set.
    BlockTrap,
    /// The operation would switch, and the thread's switch trap is set; or it was made in a callback that must not switch.
    SwitchTrap,
    /// The operation would switch while the thread unwinds.
    Unwinding,
    /// The operation was made in a channel callback.
    Recursive,
    /// The operation would block, and was not to.
    WouldBlock,
    /// The operation would have blocked beyond its deadline.
    TimedOut,
    /// No handle of the other side is left.
    Disconnected,
    /// A send would have to wait, and was not to.
    Full,
    /// A receive would have to wait, and was not to.
    Empty,
}

impl Reason {
    pub(crate) fn from_refusal(refusal: Refusal) -> Reason {
        match refusal {
            Refusal::BlockTrap => Reason::BlockTrap,
            Refusal::Closed => Reason::Closed,
            Refusal::Refused(error) => Reason::from_error(error),
            // What may be added is a refusal to switch.
            _ => Reason::SwitchTrap,
        }
    }

    pub(crate) fn from_error(error: TaskletError) -> Reason {
        match error {
            TaskletError::Deadlock(report) => Reason::Deadlock(report),
            TaskletError::Unwinding => Reason::Unwinding,
            // What else `check_block` and `check_switch` refuse with.
            _ => Reason::SwitchTrap,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Closed => f.write_str("the channel is closed; open it, or stop when it closes"),
            Reason::Deadlock(report) => write!(f, "deadlock: nobody could ever complete it\n{report}"),
            Reason::BlockTrap => f.write_str("the tasklet does not like to be blocked: its block trap is set"),
            Reason::SwitchTrap => f.write_str("switch_trap: it would switch while switching is trapped"),
            Reason::Unwinding => {
                f.write_str("it would switch while the thread unwinds; do it before the panic, or after it was caught")
            }
            Reason::Recursive => f.write_str("recursive channel call due to callbacks"),
            Reason::WouldBlock => f.write_str("nobody waits on the other side"),
            Reason::TimedOut => f.write_str("its time was up before anybody came to the other side"),
            Reason::Disconnected => f.write_str("nobody holds the other side any more; stop when that happens"),
            Reason::Full => f.write_str("it is full; receive from it first, or let `send` wait"),
            Reason::Empty => f.write_str("it is empty; send to it first, or let `recv` wait"),
        }
    }
}

/// Which operation failed, by whom, and where.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) operation: &'static str,
    pub(crate) channel: String,
    pub(crate) tasklet: String,
    pub(crate) at: &'static Location<'static>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {} on {} at {}", self.operation, self.tasklet, self.channel, self.at)
    }
}

/// Which operation failed, on either kind of channel.
pub(crate) enum Origin {
    Local(Box<Place>),
    Shared(SharedPlace),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Local(place) => place.fmt(f),
            Origin::Shared(place) => place.fmt(f),
        }
    }
}

/// A send that did not happen, with what was to be sent.
pub struct SendError<T> {
    /// What was to be sent.
    pub value: T,
    /// Why it was not.
    pub reason: Reason,
    pub(crate) place: Origin,
}

impl<T> SendError<T> {
    /// Whether no receiver is left.
    pub fn is_disconnected(&self) -> bool {
        matches!(self.reason, Reason::Disconnected)
    }

    /// Whether it would have had to wait, and was not to.
    pub fn is_full(&self) -> bool {
        matches!(self.reason, Reason::Full)
    }

    /// Whether its time was up.
    pub fn is_timeout(&self) -> bool {
        matches!(self.reason, Reason::TimedOut)
    }

    /// What was to be sent.
    pub fn into_value(self) -> T {
        self.value
    }

    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> SendError<U> {
        SendError { value: f(self.value), reason: self.reason, place: self.place }
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SendError({self})")
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl<T> Error for SendError<T> {}

/// A receive without a value.
#[non_exhaustive]
pub enum ReceiveError {
    /// The partner sent this error, with [`send_exception`](crate::Channel::send_exception).
    Exception(Box<dyn Error>),
    /// The operation did not happen.
    Failed(Failed),
}

/// A receive that did not happen.
pub struct Failed {
    /// Why not.
    pub reason: Reason,
    pub(crate) place: Box<Place>,
}

impl ReceiveError {
    /// Why the operation did not happen; none if an error was received.
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            ReceiveError::Exception(_) => None,
            ReceiveError::Failed(failed) => Some(&failed.reason),
        }
    }

    /// Whether the channel is closed.
    pub fn is_closed(&self) -> bool {
        matches!(self.reason(), Some(Reason::Closed))
    }

    /// The error that was received, if one was.
    pub fn into_exception(self) -> Option<Box<dyn Error>> {
        match self {
            ReceiveError::Exception(error) => Some(error),
            ReceiveError::Failed(_) => None,
        }
    }
}

impl fmt::Debug for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceiveError({self})")
    }
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReceiveError::Exception(error) => write!(f, "received an error: {error}"),
            ReceiveError::Failed(failed) => failed.fmt(f),
        }
    }
}

impl Error for ReceiveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ReceiveError::Exception(error) => Some(&**error),
            ReceiveError::Failed(_) => None,
        }
    }
}

impl fmt::Debug for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failed({self})")
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

/// Sent as an error, it ends the receiver's iteration over the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StopIteration;

impl fmt::Display for StopIteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sequence ends here")
    }
}

impl Error for StopIteration {}
