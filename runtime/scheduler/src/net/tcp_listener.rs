//! Waiting for TCP connections.

use std::io;
use std::iter::FusedIterator;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::addresses::{ToSocketAddrs, each};
use super::common::socket;
use super::tcp_stream::TcpStream;
use crate::io::operation::{Direction, Operation};
use crate::io::reactor;
use crate::io::source::{Source, Wish};

/// Connections that the kernel completes before they are accepted; it has a limit of its own, too.
pub(super) const BACKLOG: i32 = 4096;

/// Waits for TCP connections.
///
/// The names are those of [`std::net::TcpListener`]. Several tasklets, of any threads, may accept from one.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::net::{TcpListener, TcpStream};
/// use tasklets_runtime::spawn;
///
/// let listener = TcpListener::bind(("127.0.0.1", 0))?;
/// let address = listener.local_addr()?;
/// let client = spawn(move || TcpStream::connect(address));
/// let (_stream, peer) = listener.accept()?;
/// assert!(peer.ip().is_loopback());
/// # client.join().unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpListener {
    pub(super) source: Source<std::net::TcpListener>,
}

socket!(TcpListener, std::net::TcpListener);

fn describe(io: &std::net::TcpListener) -> String {
    io.local_addr().map_or_else(|_| "tcp".to_owned(), |local| format!("tcp {local}"))
}

impl TcpListener {
    /// Listens at an address: of several at the first that is free. Port 0 is any port; see
    /// [`local_addr`](TcpListener::local_addr).
    ///
    /// A name is looked up without blocking the thread. An address whose last connections are not yet forgotten counts as free.
    ///
    /// # Errors
    ///
    /// That of the last address, if all fail; those of the lookup; `InvalidInput` if there is no address.
    #[track_caller]
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
        each(&address, |address| {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
            socket.set_reuse_address(true)?;
            socket.bind(&address.into())?;
            socket.listen(BACKLOG)?;
            socket.set_nonblocking(true)?;
            Ok(TcpListener { source: Source::new(socket.into()) })
        })
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
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.accept_as(Wish::new(Operation::Accept))
    }

    /// Waits for the next connection, for no longer than this.
    ///
    /// # Errors
    ///
    /// `TimedOut`, and as [`accept`](TcpListener::accept).
    #[track_caller]
    pub fn accept_timeout(&self, timeout: Duration) -> io::Result<(TcpStream, SocketAddr)> {
        self.accept_as(Wish::new(Operation::Accept).within(timeout))
    }

    /// Waits for the next connection until a moment of [`now`](crate::now()).
    ///
    /// # Errors
    ///
    /// `TimedOut`, and as [`accept`](TcpListener::accept).
    #[track_caller]
    pub fn accept_deadline(&self, deadline: Instant) -> io::Result<(TcpStream, SocketAddr)> {
        self.accept_as(Wish::new(Operation::Accept).until(Some(deadline)))
    }

    pub(super) fn accept_as(&self, wish: Wish) -> io::Result<(TcpStream, SocketAddr)> {
        reactor::make_sure()?;
        let (stream, peer) = self.source.perform_whole(wish, |io| io.accept())?;
        Ok((TcpStream::from_std(stream)?, peer))
    }

    /// The next connection, if there is one now.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; those of the system.
    pub fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        reactor::make_sure()?;
        let (stream, peer) = self.source.perform_now(Direction::Read, |io| io.accept(), |_| false)?;
        Ok((TcpStream::from_std(stream)?, peer))
    }

    /// Accepts one connection after the other, for ever.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }

    /// How many hops what is sent on its connections may take.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.source.io().set_ttl(ttl)
    }

    /// See [`set_ttl`](TcpListener::set_ttl).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn ttl(&self) -> io::Result<u32> {
        self.source.io().ttl()
    }
}

/// The connections of a listener; see [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    #[track_caller]
    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _peer)| stream))
    }
}

impl FusedIterator for Incoming<'_> {}
