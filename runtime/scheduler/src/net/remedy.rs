//! What an error of accepting means.

use std::io;

use rustix::io::Errno;

/// What is to be done when a connection could not be accepted, so that a server goes on for as long as it can.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use tasklets_runtime::net::{AcceptRemedy, TcpListener};
/// use tasklets_runtime::{schedule, sleep, spawn};
///
/// let listener = TcpListener::bind("127.0.0.1:7000")?;
/// loop {
///     match listener.accept() {
///         Ok((stream, _peer)) => drop(spawn(move || drop(stream))),
///         Err(error) => match AcceptRemedy::of(&error) {
///             AcceptRemedy::Again => schedule()?,
///             AcceptRemedy::Later => sleep(Duration::from_millis(50))?,
///             _ => return Err(error.into()),
///         },
///     }
/// }
/// # #[expect(unreachable_code)]
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AcceptRemedy {
    /// It was that one connection's: it was reset before it was accepted, or a filter has refused it, or its network is gone. Accept the next
    /// one; let others run in between, as there may be many of these.
    Again,
    /// Descriptors or memory are short, or it is an error that is not known here: it may pass. Wait a little.
    Later,
    /// The listener cannot be used any more; or the tasklet may not wait, as a [`WaitError`](crate::io::WaitError) says.
    Never,
}

impl AcceptRemedy {
    /// What is to be done about an error of `accept` or `try_accept`; about `WouldBlock`, to wait until there is a connection.
    pub fn of(error: &io::Error) -> AcceptRemedy {
        match Errno::from_io_error(error) {
            Some(
                Errno::CONNABORTED
                | Errno::CONNRESET
                | Errno::INTR
                | Errno::PROTO
                | Errno::PERM
                | Errno::NETDOWN
                | Errno::NOPROTOOPT
                | Errno::HOSTDOWN
                | Errno::HOSTUNREACH
                | Errno::OPNOTSUPP
                | Errno::NETUNREACH,
            ) => AcceptRemedy::Again,
            Some(Errno::BADF | Errno::INVAL | Errno::NOTSOCK | Errno::FAULT) => AcceptRemedy::Never,
            Some(_) => AcceptRemedy::Later,
            // Not the system's: nobody could wake the tasklet, or it may not wait.
            None => AcceptRemedy::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_comes_back_and_a_listener_does_not() {
        let remedy = |errno: Errno| AcceptRemedy::of(&errno.into());
        assert_eq!(remedy(Errno::MFILE), AcceptRemedy::Later);
        assert_eq!(remedy(Errno::CONNABORTED), AcceptRemedy::Again);
        assert_eq!(remedy(Errno::INVAL), AcceptRemedy::Never);
        assert_eq!(remedy(Errno::XDEV), AcceptRemedy::Later);
        assert_eq!(AcceptRemedy::of(&io::ErrorKind::WouldBlock.into()), AcceptRemedy::Never);
    }
}
