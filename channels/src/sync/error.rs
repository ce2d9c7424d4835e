//! Why an operation of a primitive did not happen.

use std::error::Error;
use std::fmt;
use std::panic::Location;

use tasklets_runtime::park::Refusal;
use tasklets_runtime::{Report, TaskletError};

/// An operation that did not happen, as a lock that was not taken. Nothing has changed then.
pub struct WaitError {
    /// Why not.
    pub reason: WaitReason,
    pub(crate) operation: &'static str,
    /// What it waited on; not told by an operation that was not to wait, which is cheap to refuse.
    pub(crate) on: Option<Box<str>>,
    pub(crate) at: &'static Location<'static>,
}

/// Why an operation did not happen.
#[non_exhaustive]
#[derive(Debug)]
pub enum WaitReason {
    /// It would have had to wait, and was not to.
    WouldBlock,
    /// It would have had to wait beyond its deadline.
    TimedOut,
    /// Those that are in the report wait for each other, the caller first. A caller that waits for itself is alone in it.
    Deadlock(Box<Report>),
    /// It would have had to wait, and the tasklet's block trap is set.
    BlockTrap,
    /// It would have had to wait, and the thread's switch trap is set; or it was in a callback that must not switch.
    SwitchTrap,
    /// It would have had to wait, and the thread unwinds.
    Unwinding,
}

impl WaitReason {
    #[cold]
    pub(crate) fn from_refusal(refusal: Refusal) -> WaitReason {
        match refusal {
            Refusal::BlockTrap => WaitReason::BlockTrap,
            Refusal::Refused(TaskletError::Deadlock(report)) => WaitReason::Deadlock(report),
            Refusal::Refused(TaskletError::Unwinding) => WaitReason::Unwinding,
            // What may be added is a refusal to switch.
            _ => WaitReason::SwitchTrap,
        }
    }
}

impl WaitError {
    /// Whether its time was up.
    pub fn is_timed_out(&self) -> bool {
        matches!(self.reason, WaitReason::TimedOut)
    }

    /// Whether it would have had to wait, and was not to.
    pub fn is_would_block(&self) -> bool {
        matches!(self.reason, WaitReason::WouldBlock)
    }

    /// Who waits for whom, if it is a deadlock.
    pub fn deadlock(&self) -> Option<&Report> {
        match &self.reason {
            WaitReason::Deadlock(report) => Some(report),
            _ => None,
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitReason::WouldBlock => f.write_str("it would have to wait"),
            WaitReason::TimedOut => f.write_str("its time was up"),
            WaitReason::Deadlock(report) => write!(f, "deadlock: nobody could ever complete it\n{report}"),
            WaitReason::BlockTrap => f.write_str("the tasklet does not like to be blocked: its block trap is set"),
            WaitReason::SwitchTrap => f.write_str("switch_trap: it would switch while switching is trapped"),
            WaitReason::Unwinding => {
                f.write_str("it would switch while the thread unwinds; do it before the panic, or after it was caught")
            }
        }
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WaitError { reason, operation, on, at } = self;
        f.write_str(operation)?;
        if let Some(on) = on {
            write!(f, " on {on}")?;
        }
        write!(f, " at {at}: {reason}")
    }
}

impl fmt::Debug for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WaitError({self})")
    }
}

impl Error for WaitError {}
