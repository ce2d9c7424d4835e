//! UDP.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::addresses::{ToSocketAddrs, each};
use super::common::{datagrams, socket, timeouts};
use crate::io::operation::{Direction, Operation};
use crate::io::source::{Source, Wish};

/// A UDP socket. The names are those of [`std::net::UdpSocket`].
///
/// # Examples
///
/// ```
/// use tasklets_runtime::net::UdpSocket;
/// use tasklets_runtime::spawn;
///
/// let socket = UdpSocket::bind("127.0.0.1:0")?;
/// let address = socket.local_addr()?;
/// spawn(move || UdpSocket::bind("127.0.0.1:0")?.send_to(b"hello", address)).detach();
/// let mut buffer = [0; 16];
/// let (length, _from) = socket.recv_from(&mut buffer)?;
/// assert_eq!(&buffer[..length], b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UdpSocket {
    source: Source<std::net::UdpSocket>,
}

socket!(UdpSocket, std::net::UdpSocket);
timeouts!(UdpSocket);
datagrams!(UdpSocket, SocketAddr);

fn describe(io: &std::net::UdpSocket) -> String {
    match (io.local_addr(), io.peer_addr()) {
        (Ok(local), Ok(peer)) => format!("udp {local}->{peer}"),
        (Ok(local), Err(_)) => format!("udp {local}"),
        _ => "udp".to_owned(),
    }
}

impl UdpSocket {
    /// A socket at an address: of several at the first that is free. Port 0 is any port. A name is looked up without blocking the thread.
    ///
    /// # Errors
    ///
    /// That of the last address, if all fail; those of the lookup; `InvalidInput` if there is no address.
    #[track_caller]
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<UdpSocket> {
        each(&address, |address| UdpSocket::from_std(std::net::UdpSocket::bind(address)?))
    }

    /// Sends to this address alone from now on, and receives from it alone.
    ///
    /// # Errors
    ///
    /// As [`bind`](UdpSocket::bind).
    #[track_caller]
    pub fn connect(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        each(&address, |address| self.source.io().connect(address))
    }

    /// Sends a datagram to the first of these addresses; how many bytes were sent.
    ///
    /// # Errors
    ///
    /// Those of the system and of the lookup; `InvalidInput` if there is no address; [`WaitError`](crate::io::WaitError).
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller while it waits.
    #[track_caller]
    pub fn send_to(&self, bytes: &[u8], address: impl ToSocketAddrs) -> io::Result<usize> {
        let Some(address) = super::lookup_host(address)?.into_iter().next() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no address to send to"));
        };
        self.source.perform_whole(Wish::new(Operation::Send), |io| io.send_to(bytes, address))
    }

    /// Sends a datagram to an address, without waiting; how many bytes were sent.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room now; those of the system.
    pub fn try_send_to(&self, bytes: &[u8], address: SocketAddr) -> io::Result<usize> {
        self.source.perform_now(Direction::Write, |io| io.send_to(bytes, address), |_| false)
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
    /// As [`recv_from`](UdpSocket::recv_from).
    #[track_caller]
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.source.perform_whole(Wish::new(Operation::Receive), |io| io.recv(buffer))
    }

    /// Sends a datagram to where the socket is connected to; how many bytes were sent.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UdpSocket::recv_from).
    #[track_caller]
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.source.perform_whole(Wish::new(Operation::Send), |io| io.send(bytes))
    }

    /// [`recv_from`](UdpSocket::recv_from) that leaves the datagram where it is.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UdpSocket::recv_from).
    #[track_caller]
    pub fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.source.perform_whole(Wish::new(Operation::Peek), |io| io.peek_from(buffer))
    }

    /// [`recv`](UdpSocket::recv) that leaves the datagram where it is.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UdpSocket::recv_from).
    #[track_caller]
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.source.perform_whole(Wish::new(Operation::Peek), |io| io.peek(buffer))
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

    /// Whether it may send to all of a network.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.source.io().set_broadcast(broadcast)
    }

    /// See [`set_broadcast`](UdpSocket::set_broadcast).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.source.io().broadcast()
    }

    /// How many hops what is sent may take.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.source.io().set_ttl(ttl)
    }

    /// See [`set_ttl`](UdpSocket::set_ttl).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn ttl(&self) -> io::Result<u32> {
        self.source.io().ttl()
    }

    /// Whether what it sends to a group comes back to this host.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_multicast_loop_v4(&self, own: bool) -> io::Result<()> {
        self.source.io().set_multicast_loop_v4(own)
    }

    /// See [`set_multicast_loop_v4`](UdpSocket::set_multicast_loop_v4).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.source.io().multicast_loop_v4()
    }

    /// How many hops what is sent to a group may take.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.source.io().set_multicast_ttl_v4(ttl)
    }

    /// See [`set_multicast_ttl_v4`](UdpSocket::set_multicast_ttl_v4).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.source.io().multicast_ttl_v4()
    }

    /// Whether what it sends to a group comes back to this host.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_multicast_loop_v6(&self, own: bool) -> io::Result<()> {
        self.source.io().set_multicast_loop_v6(own)
    }

    /// See [`set_multicast_loop_v6`](UdpSocket::set_multicast_loop_v6).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.source.io().multicast_loop_v6()
    }

    /// Joins a group at an interface.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.source.io().join_multicast_v4(group, interface)
    }

    /// Joins a group at an interface, which its index names.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.source.io().join_multicast_v6(group, interface)
    }

    /// Leaves a group.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.source.io().leave_multicast_v4(group, interface)
    }

    /// Leaves a group.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.source.io().leave_multicast_v6(group, interface)
    }
}
