//! TCP connections.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use super::addresses::{ToSocketAddrs, each};
use super::common::{socket, stream, timeouts};
use crate::io::WaitError;
use crate::io::operation::{Direction, Operation};
use crate::io::source::{Source, Wish};
use crate::whole::{read_whole, write_whole};

/// A TCP connection. It is closed when the last handle of it is dropped.
///
/// The names are those of [`std::net::TcpStream`]; [`Read`](std::io::Read) and [`Write`](std::io::Write) are there for `&TcpStream`, too, so that one
/// tasklet may read while another one writes.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use tasklets_runtime::net::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut client = TcpStream::connect(listener.local_addr()?)?;
/// let (mut server, peer) = listener.accept()?;
/// assert_eq!(peer, client.local_addr()?);
/// client.write_all(b"ping")?;
/// let mut buffer = [0; 4];
/// server.read_exact(&mut buffer)?;
/// assert_eq!(&buffer, b"ping");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpStream {
    pub(super) source: Source<std::net::TcpStream>,
}

socket!(TcpStream, std::net::TcpStream);
timeouts!(TcpStream);
stream!(TcpStream, short);

/// A read that got something, but less than there was room for, has emptied the socket; a write that placed less than there was, has filled
/// it. At the end a read gets nothing, again and again.
#[inline]
fn short(moved: usize, room: usize) -> bool {
    moved != 0 && moved < room
}

fn describe(io: &std::net::TcpStream) -> String {
    match (io.local_addr(), io.peer_addr()) {
        (Ok(local), Ok(peer)) => format!("tcp {local}->{peer}"),
        (Ok(local), Err(_)) => format!("tcp {local}->nobody"),
        _ => "tcp".to_owned(),
    }
}

impl TcpStream {
    /// Connects to a host: of several addresses to the first that accepts it. A name is looked up without blocking the thread.
    ///
    /// # Errors
    ///
    /// That of the last address, if all fail; those of the lookup; `InvalidInput` if there is no address;
    /// [`WaitError`](crate::io::WaitError).
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller while it waits.
    #[track_caller]
    pub fn connect(address: impl ToSocketAddrs) -> io::Result<TcpStream> {
        let wish = Wish::new(Operation::Connect).until(None);
        each(&address, |address| TcpStream::connect_one(address, wish))
    }

    /// Connects within a time.
    ///
    /// # Errors
    ///
    /// `TimedOut`, and as [`connect`](TcpStream::connect); `InvalidInput` for no time at all.
    #[track_caller]
    pub fn connect_timeout(address: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        if timeout.is_zero() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no time to connect in"));
        }
        TcpStream::connect_one(*address, Wish::new(Operation::Connect).within(timeout))
    }

    /// Connects to a host until a moment of [`now`](crate::now()); of several addresses, each may have all the time that is left.
    ///
    /// # Errors
    ///
    /// `TimedOut`, and as [`connect`](TcpStream::connect).
    #[track_caller]
    pub fn connect_deadline(address: impl ToSocketAddrs, deadline: Instant) -> io::Result<TcpStream> {
        let wish = Wish::new(Operation::Connect).until(Some(deadline));
        each(&address, |address| TcpStream::connect_one(address, wish))
    }

    fn connect_one(address: SocketAddr, wish: Wish) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address.into()) {
            Ok(()) => return Ok(TcpStream { source: Source::new(socket.into()) }),
            // A signal does not undo what has begun.
            Err(error) if error.kind() == io::ErrorKind::Interrupted || in_progress(&error) => {}
            Err(error) => return Err(error),
        }
        let stream = TcpStream { source: Source::new(socket.into()) };
        let connected = stream.source.perform_whole(wish, |io| match io.take_error()? {
            Some(error) => Err(error),
            None => match io.peer_addr() {
                Err(error) if error.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
                other => other,
            },
        });
        match connected {
            Ok(_peer) => Ok(stream),
            Err(error) => Err(WaitError::about(error, format!("tcp {address}"))),
        }
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

    /// Reads without taking out what is read.
    ///
    /// # Errors
    ///
    /// As reading.
    #[track_caller]
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.source.perform_whole(Wish::new(Operation::Peek), |io| io.peek(buffer))
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.source.io().set_nodelay(nodelay)
    }

    /// See [`set_nodelay`](TcpStream::set_nodelay).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.source.io().nodelay()
    }

    /// Whether, and after how long without a word, the kernel asks whether the other side is there still (`SO_KEEPALIVE`). One that
    /// is gone ends reading with an error.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_keepalive(&self, after: Option<Duration>) -> io::Result<()> {
        let socket = SockRef::from(self);
        match after {
            Some(after) => socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(after)),
            None => socket.set_keepalive(false),
        }
    }

    /// See [`set_keepalive`](TcpStream::set_keepalive).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn keepalive(&self) -> io::Result<Option<Duration>> {
        let socket = SockRef::from(self);
        if socket.keepalive()? { socket.tcp_keepalive_time().map(Some) } else { Ok(None) }
    }

    /// What becomes of what was not sent yet when the last handle is dropped (`SO_LINGER`): by default it is sent still. With no time at
    /// all it is thrown away, and the other side sees a reset. With another time, dropping blocks the thread until it is sent, or the time is up.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_linger(&self, time: Option<Duration>) -> io::Result<()> {
        SockRef::from(self).set_linger(time)
    }

    /// See [`set_linger`](TcpStream::set_linger).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        SockRef::from(self).linger()
    }

    /// How many hops what is sent may take.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.source.io().set_ttl(ttl)
    }

    /// See [`set_ttl`](TcpStream::set_ttl).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn ttl(&self) -> io::Result<u32> {
        self.source.io().ttl()
    }
}

fn in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
        || error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}
