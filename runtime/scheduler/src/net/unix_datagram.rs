//! Datagrams within a machine.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use super::common::{datagrams, socket, timeouts};
use super::unix::again;
use crate::io::operation::{Direction, Operation};
use crate::io::source::{Source, Wish};

/// A socket for datagrams to other processes of the same machine. The names are those of [`std::os::unix::net::UnixDatagram`].
///
/// # Examples
///
/// ```
/// use tasklets_runtime::net::UnixDatagram;
///
/// let (here, there) = UnixDatagram::pair()?;
/// here.send(b"hello")?;
/// let mut buffer = [0; 16];
/// assert_eq!(there.recv(&mut buffer)?, 5);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixDatagram {
    source: Source<std::os::unix::net::UnixDatagram>,
}

socket!(UnixDatagram, std::os::unix::net::UnixDatagram);
timeouts!(UnixDatagram);
datagrams!(UnixDatagram, SocketAddr);

fn describe(io: &std::os::unix::net::UnixDatagram) -> String {
    super::unix::describe(io.local_addr(), io.peer_addr())
}

impl UnixDatagram {
    /// A socket at a path, at which there must be nothing.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixDatagram> {
        UnixDatagram::from_std(std::os::unix::net::UnixDatagram::bind(path)?)
    }

    /// A socket at an address of any kind.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn bind_addr(address: &SocketAddr) -> io::Result<UnixDatagram> {
        UnixDatagram::from_std(std::os::unix::net::UnixDatagram::bind_addr(address)?)
    }

    /// A socket without an address.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn unbound() -> io::Result<UnixDatagram> {
        UnixDatagram::from_std(std::os::unix::net::UnixDatagram::unbound()?)
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = std::os::unix::net::UnixDatagram::pair()?;
        Ok((UnixDatagram::from_std(one)?, UnixDatagram::from_std(other)?))
    }

    /// Sends to this path alone from now on, and receives from it alone.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.source.io().connect(path)
    }

    /// [`connect`](UnixDatagram::connect) to an address of any kind.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn connect_addr(&self, address: &SocketAddr) -> io::Result<()> {
        self.source.io().connect_addr(address)
    }

    /// Sends a datagram to the socket at a path; how many bytes were sent. If that has too many to receive, it is waited for.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UnixDatagram::recv_from).
    #[track_caller]
    pub fn send_to(&self, bytes: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let on = || format!("unix {}", path.as_ref().display());
        again(self.sending(), on, || self.source.io().send_to(bytes, path.as_ref()))
    }

    /// Sends a datagram to the socket at an address of any kind; how many bytes were sent. If that has too many to receive, it is waited for.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UnixDatagram::recv_from).
    #[track_caller]
    pub fn send_to_addr(&self, bytes: &[u8], address: &SocketAddr) -> io::Result<usize> {
        let on = || super::unix::describe(Err(io::ErrorKind::NotConnected.into()), Ok(address.clone()));
        again(self.sending(), on, || self.source.io().send_to_addr(bytes, address))
    }

    /// [`send_to`](UnixDatagram::send_to) that does not wait.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room now; those of the system.
    pub fn try_send_to(&self, bytes: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        self.source.perform_now(Direction::Write, |io| io.send_to(bytes, path.as_ref()), |_| false)
    }

    #[track_caller]
    fn sending(&self) -> Wish {
        let wish = Wish::new(Operation::Send);
        self.source.limit(Direction::Write).map_or(wish.until(None), |limit| wish.within(limit))
    }

    /// Receives a datagram; how many bytes it has, and where it is from. What the buffer has no room for is dropped.
    ///
    /// # Errors
    ///
    /// Those of the system; [`WaitError`](crate::io::WaitError).
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller while it waits.
    #[track_caller]
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.source.perform_whole(Wish::new(Operation::Receive), |io| io.recv_from(buffer))
    }

    /// Receives a datagram; how many bytes it has.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UnixDatagram::recv_from).
    #[track_caller]
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.source.perform_whole(Wish::new(Operation::Receive), |io| io.recv(buffer))
    }

    /// Sends a datagram to where the socket is connected to; how many bytes were sent.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UnixDatagram::recv_from).
    #[track_caller]
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.source.perform_whole(Wish::new(Operation::Send), |io| io.send(bytes))
    }

    /// Where it is bound.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }

    /// Where it is connected to.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().peer_addr()
    }

    /// Ends receiving, sending or both, for all handles.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.source.io().shutdown(how)
    }
}
