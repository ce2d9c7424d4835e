//! What an operation fails with that could not wait, or not as long as it would have had to.

use std::error::Error;
use std::fmt;
use std::io;

use super::operation::Operation;
use crate::error::TaskletError;
use crate::park::Refusal;
use crate::report::Report;

/// Why a tasklet could not wait for a descriptor: what an [`io::Error`] of this crate has inside, if the kernel has not made it.
///
/// # Examples
///
/// ```
/// use std::io::Read;
/// use std::time::Duration;
/// use tasklets_runtime::io::WaitError;
/// use tasklets_runtime::net::UnixStream;
///
/// let (a, b) = UnixStream::pair()?;
/// a.set_read_timeout(Some(Duration::from_millis(1)))?;
/// let error = (&a).read(&mut [0; 8]).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
/// assert_eq!(error.get_ref().unwrap().downcast_ref::<WaitError>().unwrap().operation(), "read");
/// # drop(b);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct WaitError {
    operation: Operation,
    on: String,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    TimedOut,
    BlockTrap,
    Refused(TaskletError),
}

impl WaitError {
    /// What the tasklet would have done, as `read`.
    pub fn operation(&self) -> &'static str {
        self.operation.name()
    }

    /// What it would have waited for, as `tcp 127.0.0.1:4000->127.0.0.1:80`.
    pub fn on(&self) -> &str {
        &self.on
    }

    /// Why it may not wait; none if its time was up, or it does not like to be blocked.
    pub fn refusal(&self) -> Option<&TaskletError> {
        match &self.reason {
            Reason::Refused(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operation, on) = (self.operation(), &self.on);
        match &self.reason {
            Reason::TimedOut => write!(f, "{operation} on {on}: the time was up"),
            Reason::BlockTrap => write!(
                f,
                "{operation} on {on}: it would have to wait, and the tasklet does not like to be blocked: its block trap is set"
            ),
            Reason::Refused(error) => write!(f, "{operation} on {on}: it would have to wait, and cannot: {error}"),
        }
    }
}

impl Error for WaitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.reason {
            Reason::Refused(error) => Some(error),
            _ => None,
        }
    }
}

impl WaitError {
    #[cold]
    fn make(kind: io::ErrorKind, operation: Operation, on: String, reason: Reason) -> io::Error {
        io::Error::new(kind, WaitError { operation, on, reason })
    }

    /// The time was up.
    pub(crate) fn timed_out(operation: Operation, on: String) -> io::Error {
        WaitError::make(io::ErrorKind::TimedOut, operation, on, Reason::TimedOut)
    }

    /// Nobody could ever have woken the tasklet.
    pub(crate) fn deadlock(operation: Operation, on: String, report: Box<Report>) -> io::Error {
        let reason = Reason::Refused(TaskletError::Deadlock(report));
        WaitError::make(io::ErrorKind::Deadlock, operation, on, reason)
    }

    /// The tasklet may not wait.
    pub(crate) fn refused(operation: Operation, on: String, refusal: Refusal) -> io::Error {
        match refusal {
            Refusal::Refused(TaskletError::Deadlock(report)) => WaitError::deadlock(operation, on, report),
            Refusal::Refused(error) => {
                WaitError::make(io::ErrorKind::WouldBlock, operation, on, Reason::Refused(error))
            }
            // What is waited for never closes to waiters.
            Refusal::BlockTrap | Refusal::Closed => {
                WaitError::make(io::ErrorKind::WouldBlock, operation, on, Reason::BlockTrap)
            }
        }
    }

    /// An error of this crate's, where what it was about is known better.
    pub(crate) fn about(mut error: io::Error, on: String) -> io::Error {
        if let Some(wait) = error.get_mut().and_then(|inner| inner.downcast_mut::<WaitError>()) {
            wait.on = on;
        }
        error
    }
}
