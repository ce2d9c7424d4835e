//! Connections within a machine.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use super::common::{socket, stream, timeouts};
use super::unix::again;
use crate::io::operation::{Direction, Operation};
use crate::io::source::{Source, Wish};
use crate::whole::{read_whole, write_whole};

/// A connection to another process of the same machine. The names are those of [`std::os::unix::net::UnixStream`].
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use tasklets_runtime::net::UnixStream;
/// use tasklets_runtime::spawn;
///
/// let (mut here, mut there) = UnixStream::pair()?;
/// let upper = spawn(move || {
///     let mut text = String::new();
///     there.read_to_string(&mut text)?;
///     there.write_all(text.to_uppercase().as_bytes())
/// });
/// here.write_all(b"hello")?;
/// here.shutdown(std::net::Shutdown::Write)?;
/// let mut answer = String::new();
/// here.read_to_string(&mut answer)?;
/// assert_eq!(answer, "HELLO");
/// # upper.join().unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixStream {
    pub(super) source: Source<std::os::unix::net::UnixStream>,
}

socket!(UnixStream, std::os::unix::net::UnixStream);
timeouts!(UnixStream);
stream!(UnixStream, short);

/// Nothing is known from how much was read: a read ends where descriptors were sent along, too.
#[inline]
fn short(_moved: usize, _room: usize) -> bool {
    false
}

fn describe(io: &std::os::unix::net::UnixStream) -> String {
    super::unix::describe(io.local_addr(), io.peer_addr())
}

impl UnixStream {
    /// Connects to the listener at a path. One that has too many connections to accept is waited for.
    ///
    /// # Errors
    ///
    /// Those of the system; [`WaitError`](crate::io::WaitError).
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller while it waits.
    #[track_caller]
    pub fn connect(path: impl AsRef<Path>) -> io::Result<UnixStream> {
        let wish = Wish::new(Operation::Connect).until(None);
        UnixStream::connect_as(&SockAddr::unix(&path)?, path.as_ref(), wish)
    }

    /// Connects within a time.
    ///
    /// # Errors
    ///
    /// `TimedOut`, and as [`connect`](UnixStream::connect).
    #[track_caller]
    pub fn connect_timeout(path: impl AsRef<Path>, timeout: Duration) -> io::Result<UnixStream> {
        let wish = Wish::new(Operation::Connect).within(timeout);
        UnixStream::connect_as(&SockAddr::unix(&path)?, path.as_ref(), wish)
    }

    /// Connects until a moment of [`now`](crate::now()).
    ///
    /// # Errors
    ///
    /// `TimedOut`, and as [`connect`](UnixStream::connect).
    #[track_caller]
    pub fn connect_deadline(path: impl AsRef<Path>, deadline: Instant) -> io::Result<UnixStream> {
        let wish = Wish::new(Operation::Connect).until(Some(deadline));
        UnixStream::connect_as(&SockAddr::unix(&path)?, path.as_ref(), wish)
    }

    /// [`connect`](UnixStream::connect) to an address of any kind.
    ///
    /// # Errors
    ///
    /// As [`connect`](UnixStream::connect); `InvalidInput` for an address that is none.
    #[track_caller]
    pub fn connect_addr(address: &SocketAddr) -> io::Result<UnixStream> {
        let wish = Wish::new(Operation::Connect).until(None);
        let name = super::unix::name(address)?;
        UnixStream::connect_as(&SockAddr::unix(&name)?, name.as_ref(), wish)
    }

    fn connect_as(address: &SockAddr, path: &Path, wish: Wish) -> io::Result<UnixStream> {
        let on = || format!("unix {}", path.display());
        again(wish, on, || {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            socket.set_nonblocking(true)?;
            socket.connect(address)?;
            UnixStream::from_std(std::os::unix::net::UnixStream::from(socket))
        })
    }

    /// Two ends of a connection.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = std::os::unix::net::UnixStream::pair()?;
        Ok((UnixStream::from_std(one)?, UnixStream::from_std(other)?))
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().peer_addr()
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }

    /// Ends reading, writing or both, for all handles. Who waits in that direction goes on: at the end, or with an error.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.source.io().shutdown(how)
    }
}
