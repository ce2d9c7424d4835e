//! Why a tasklet could not wait for a future.

use std::error::Error;
use std::fmt;
use std::io;
use std::panic::Location;

use crate::error::TaskletError;
use crate::park::Refusal;

/// Why a tasklet that waited for a future, or for work on another thread, has no result of it.
pub struct BlockOnError {
    /// Why it did not wait, or not long enough.
    pub reason: BlockOnReason,
    /// The type of what was waited for.
    pub(crate) what: &'static str,
    pub(crate) at: &'static Location<'static>,
}

/// The reason of a [`BlockOnError`].
#[non_exhaustive]
#[derive(Debug)]
pub enum BlockOnReason {
    /// Its time was up.
    TimedOut,
    /// The caller would have had to wait, and its block trap is set.
    BlockTrap,
    /// The caller would have had to wait, and may not switch.
    Refused(TaskletError),
}

impl BlockOnReason {
    pub(crate) fn from_refusal(refusal: Refusal) -> BlockOnReason {
        match refusal {
            Refusal::Refused(error) => BlockOnReason::Refused(error),
            Refusal::BlockTrap | Refusal::Closed => BlockOnReason::BlockTrap,
        }
    }
}

impl BlockOnError {
    /// Whether its time was up.
    pub fn is_timeout(&self) -> bool {
        matches!(self.reason, BlockOnReason::TimedOut)
    }
}

impl From<BlockOnError> for io::Error {
    fn from(error: BlockOnError) -> io::Error {
        let kind = if error.is_timeout() { io::ErrorKind::TimedOut } else { io::ErrorKind::Other };
        io::Error::new(kind, error)
    }
}

impl fmt::Debug for BlockOnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockOnError({self})")
    }
}

impl fmt::Display for BlockOnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "waiting for {} at {}: ", self.what, self.at)?;
        match &self.reason {
            BlockOnReason::TimedOut => f.write_str("its time was up"),
            BlockOnReason::BlockTrap => f.write_str("the tasklet does not like to be blocked: its block trap is set"),
            BlockOnReason::Refused(error) => error.fmt(f),
        }
    }
}

impl Error for BlockOnError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.reason {
            BlockOnReason::Refused(error) => Some(error),
            _ => None,
        }
    }
}
