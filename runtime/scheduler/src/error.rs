//! What can go wrong with a tasklet operation.

use std::any::Any;
use std::error::Error;
use std::fmt;

use greenlet::StackError;

use crate::cancel::scopes::Cancelled;
use crate::park::Refusal;
use crate::report::Report;

/// Why an operation on a tasklet, or a switch, did not happen. Nothing has changed then.
#[non_exhaustive]
#[derive(Debug)]
pub enum TaskletError {
    /// The tasklet has ended, or was never given a body.
    Dead {
        /// The tasklet.
        tasklet: String,
    },
    /// The tasklet is blocked; only what it waits for, or a kill, can make it go on.
    Blocked {
        /// The tasklet, and what it waits for.
        tasklet: String,
    },
    /// The running tasklet cannot be removed or bound again by itself.
    Current {
        /// The tasklet.
        tasklet: String,
    },
    /// The tasklet is in the run queue or blocked, and cannot be given another body.
    Scheduled {
        /// The tasklet.
        tasklet: String,
    },
    /// The tasklet is alive already.
    Alive {
        /// The tasklet.
        tasklet: String,
    },
    /// The tasklet has begun: it has a stack, which only its own code and a kill can end.
    Started {
        /// The tasklet.
        tasklet: String,
    },
    /// No body was bound to the tasklet.
    Unbound {
        /// The tasklet.
        tasklet: String,
    },
    /// The main tasklet is the thread's own flow, and has no body that could be replaced.
    Main,
    /// The operation would block the caller, which has set its block trap.
    BlockTrap,
    /// The operation would switch while the thread's switch trap is set, or in a callback.
    SwitchTrap,
    /// The operation would switch while the thread unwinds. Rust's panic state belongs to the thread, not to the tasklet.
    Unwinding,
    /// The operation would block the last runnable tasklet for ever.
    Deadlock(Box<Report>),
    /// There is no stack for a tasklet that was to be started. It is as it was.
    Stack(StackError),
    /// The program is compiled with `panic = "abort"`, so that nothing can be raised in a tasklet.
    Unsupported,
}

impl TaskletError {
    /// For an operation whose caller may not block.
    pub(crate) fn from_refusal(refusal: Refusal) -> TaskletError {
        match refusal {
            Refusal::Refused(error) => error,
            Refusal::BlockTrap | Refusal::Closed => TaskletError::BlockTrap,
        }
    }
}

impl fmt::Display for TaskletError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskletError::Dead { tasklet } => write!(f, "{tasklet} is dead or unbound; bind it before it is run"),
            TaskletError::Blocked { tasklet } => {
                write!(f, "{tasklet}, which only what it waits for or a kill can make go on")
            }
            TaskletError::Current { tasklet } => {
                write!(f, "{tasklet} is the current tasklet; use schedule_remove to pause it")
            }
            TaskletError::Scheduled { tasklet } => write!(f, "{tasklet} is scheduled; remove or kill it first"),
            TaskletError::Alive { tasklet } => write!(f, "{tasklet} is alive already; wait for its end, or kill it"),
            TaskletError::Started { tasklet } => write!(f, "{tasklet} has begun and has a stack; kill it first"),
            TaskletError::Unbound { tasklet } => write!(f, "{tasklet} was not bound to a function; bind it first"),
            TaskletError::Main => f.write_str("the main tasklet cannot be bound, set up or unbound"),
            TaskletError::BlockTrap => f.write_str("the tasklet does not like to be blocked: its block trap is set"),
            TaskletError::SwitchTrap => f.write_str("switch_trap: this would switch while switching is trapped"),
            TaskletError::Unwinding => f.write_str(
                "cannot switch tasklets while the thread unwinds; do it before the panic, or after it was caught",
            ),
            TaskletError::Deadlock(report) => {
                write!(f, "deadlock: the last runnable tasklet cannot be blocked\n{report}")
            }
            TaskletError::Stack(error) => error.fmt(f),
            TaskletError::Unsupported => f.write_str("nothing can be raised in a tasklet under panic = \"abort\""),
        }
    }
}

impl Error for TaskletError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            TaskletError::Stack(error) => Some(error),
            _ => None,
        }
    }
}

/// What a tasklet is killed with. Uncaught, it ends the tasklet silently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskletExit;

impl fmt::Display for TaskletExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the tasklet was killed")
    }
}

impl Error for TaskletExit {}

/// Whether a payload ends a tasklet silently: its own exit, that of the greenlet under it, or a cancellation.
pub(crate) fn is_exit(payload: &(dyn Any + Send)) -> bool {
    payload.is::<TaskletExit>() || payload.is::<greenlet::GreenletExit>() || payload.is::<Cancelled>()
}
