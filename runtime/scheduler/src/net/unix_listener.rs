//! Waiting for connections within a machine.

use std::io;
use std::iter::FusedIterator;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use super::common::socket;
use super::unix_stream::UnixStream;
use crate::io::operation::{Direction, Operation};
use crate::io::reactor;
use crate::io::source::{Source, Wish};

/// Waits for connections at a path. The names are those of [`std::os::unix::net::UnixListener`].
///
/// The path stays when it is dropped: remove it before the next one is bound there.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::net::{UnixListener, UnixStream};
///
/// let path = std::env::temp_dir().join(format!("listener-{}", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// let client = UnixStream::connect(&path)?;
/// let (server, _) = listener.accept()?;
/// assert_eq!(client.peer_addr()?.as_pathname(), Some(path.as_path()));
/// # drop(server);
/// std::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixListener {
    pub(super) source: Source<std::os::unix::net::UnixListener>,
}

socket!(UnixListener, std::os::unix::net::UnixListener);

fn describe(io: &std::os::unix::net::UnixListener) -> String {
    super::unix::describe(io.local_addr(), Err(io::ErrorKind::NotConnected.into()))
}

impl UnixListener {
    /// Listens at a path, at which there must be nothing.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixListener> {
        UnixListener::from_std(std::os::unix::net::UnixListener::bind(path)?)
    }

    /// Listens at an address of any kind.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn bind_addr(address: &SocketAddr) -> io::Result<UnixListener> {
        UnixListener::from_std(std::os::unix::net::UnixListener::bind_addr(address)?)
    }

    /// Waits for the next connection; it, and the address of its other side.
    ///
    /// # Errors
    ///
    /// Those of the system: too many open files is no end, try again when some are closed. [`WaitError`](crate::io::WaitError).
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller while it waits.
    #[track_caller]
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.accept_as(Wish::new(Operation::Accept))
    }

    /// Waits for the next connection, for no longer than this.
    ///
    /// # Errors
    ///
    /// `TimedOut`, and as [`accept`](UnixListener::accept).
    #[track_caller]
    pub fn accept_timeout(&self, timeout: Duration) -> io::Result<(UnixStream, SocketAddr)> {
        self.accept_as(Wish::new(Operation::Accept).within(timeout))
    }

    /// Waits for the next connection until a moment of [`now`](crate::now()).
    ///
    /// # Errors
    ///
    /// `TimedOut`, and as [`accept`](UnixListener::accept).
    #[track_caller]
    pub fn accept_deadline(&self, deadline: Instant) -> io::Result<(UnixStream, SocketAddr)> {
        self.accept_as(Wish::new(Operation::Accept).until(Some(deadline)))
    }

    fn accept_as(&self, wish: Wish) -> io::Result<(UnixStream, SocketAddr)> {
        reactor::make_sure()?;
        let (stream, peer) = self.source.perform_whole(wish, |io| io.accept())?;
        Ok((UnixStream::from_std(stream)?, peer))
    }

    /// The next connection, if there is one now.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; those of the system.
    pub fn try_accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        reactor::make_sure()?;
        let (stream, peer) = self.source.perform_now(Direction::Read, |io| io.accept(), |_| false)?;
        Ok((UnixStream::from_std(stream)?, peer))
    }

    /// Accepts one connection after the other, for ever.
    pub fn incoming(&self) -> UnixIncoming<'_> {
        UnixIncoming { listener: self }
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }
}

/// The connections of a listener; see [`UnixListener::incoming`].
#[derive(Debug)]
pub struct UnixIncoming<'a> {
    listener: &'a UnixListener,
}

impl Iterator for UnixIncoming<'_> {
    type Item = io::Result<UnixStream>;

    #[track_caller]
    fn next(&mut self) -> Option<io::Result<UnixStream>> {
        Some(self.listener.accept().map(|(stream, _peer)| stream))
    }
}

impl FusedIterator for UnixIncoming<'_> {}

impl<'a> IntoIterator for &'a UnixListener {
    type Item = io::Result<UnixStream>;
    type IntoIter = UnixIncoming<'a>;

    fn into_iter(self) -> UnixIncoming<'a> {
        self.incoming()
    }
}
