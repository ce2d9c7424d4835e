//! Accepting connections for as long as that is possible.

use std::error::Error;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::graceful::{Acceptor, Connection};
use crate::net::AcceptRemedy;
use crate::sleep;

/// How long to wait before a connection is accepted again after what may pass.
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
                Err(error) => {
                    let goes_on = match AcceptRemedy::of(&error) {
                        // It may be for ever: the others are to run, too.
                        AcceptRemedy::Again => crate::schedule().is_ok(),
                        AcceptRemedy::Later => sleep(PAUSE).is_ok(),
                        _ => false,
                    };
                    if !goes_on {
                        return AcceptError { error };
                    }
                }
            }
        }
    }
}
