//! Accepting connections for as long as that is possible.

use std::error::Error;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;

use super::graceful::{Acceptor, Connection};
use crate::sleep;

/// How long to wait before a connection is accepted again that there were no descriptors, or no memory, for.
const PAUSE: Duration = Duration::from_millis(50);

/// Why a server stopped accepting connections: the listener cannot be used any more, or its tasklet may not wait.
#[derive(Debug)]
pub struct AcceptError {
    error: io::Error,
}

impl AcceptError {
    /// What accepting failed with.
    pub fn into_inner(self) -> io::Error {
        self.error
    }
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no more connections can be accepted: {}", self.error)
    }
}

impl Error for AcceptError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// What to do about an error of accepting.
#[derive(Debug, PartialEq, Eq)]
enum Remedy {
    /// It was that one connection's.
    Again,
    /// Something is short; it comes back when connections end.
    Later,
    Never,
}

impl Remedy {
    fn of(error: &io::Error) -> Remedy {
        match Errno::from_io_error(error) {
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => Remedy::Later,
            Some(Errno::BADF | Errno::INVAL | Errno::NOTSOCK | Errno::FAULT) => Remedy::Never,
            // Of a connection that was reset before it was accepted, or refused by a filter, or of its network.
            Some(_) => Remedy::Again,
            // Not the system's: nobody could wake the tasklet, or it may not wait.
            None => Remedy::Never,
        }
    }
}

impl Acceptor {
    /// Accepts one connection after the other, and serves each in a tasklet of its own, as [`spawn`](Acceptor::spawn) does. Returns only
    /// with an error.
    ///
    /// What is wrong with one connection is not the server's end. Where descriptors or memory are short, it goes on when they have come back:
    /// those who connect meanwhile wait.
    ///
    /// # Errors
    ///
    /// [`AcceptError`], if `accept` fails with what will not go away.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller while it waits.
    pub fn accept<C: 'static>(
        &self,
        mut accept: impl FnMut() -> io::Result<C>,
        serve: impl Fn(C, &Connection) + 'static,
    ) -> AcceptError {
        let serve = Rc::new(serve);
        loop {
            match accept() {
                Ok(stream) => {
                    let serve = serve.clone();
                    self.spawn(move |connection| serve(stream, connection));
                }
                Err(error) => match Remedy::of(&error) {
                    Remedy::Never => return AcceptError { error },
                    Remedy::Later if sleep(PAUSE).is_err() => return AcceptError { error },
                    Remedy::Later => {}
                    // It may be for ever: the others are to run, too.
                    Remedy::Again if crate::schedule().is_err() => return AcceptError { error },
                    Remedy::Again => {}
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_comes_back_and_a_listener_does_not() {
        let remedy = |errno: Errno| Remedy::of(&errno.into());
        assert_eq!(remedy(Errno::MFILE), Remedy::Later);
        assert_eq!(remedy(Errno::CONNABORTED), Remedy::Again);
        assert_eq!(remedy(Errno::INVAL), Remedy::Never);
        assert_eq!(Remedy::of(&io::ErrorKind::WouldBlock.into()), Remedy::Never);
    }
}
