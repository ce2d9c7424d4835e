//! Sockets that make only their tasklet wait: the types of [`std::net`] and `std::os::unix::net`, with their names and traits.
//!
//! Where an operation would block the thread, the tasklet is parked and the others go on; see [`io`](crate::io). Handles are [`Send`] and
//! [`Sync`], and may be used by tasklets of any thread, and outside tasklets.
//!
//! ```
//! use std::io::{Read, Write};
//! use tasklets_runtime::net::{TcpListener, TcpStream};
//! use tasklets_runtime::spawn;
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//! let echo = spawn(move || {
//!     let (mut stream, _peer) = listener.accept()?;
//!     std::io::copy(&mut stream.try_clone()?, &mut stream)
//! });
//! let mut stream = TcpStream::connect(address)?;
//! stream.write_all(b"hello")?;
//! stream.shutdown(std::net::Shutdown::Write)?;
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer)?;
//! assert_eq!(answer, "hello");
//! assert_eq!(echo.join().unwrap().unwrap(), 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What differs from the standard library
//!
//! - `try_clone` makes another handle of the same descriptor, not another descriptor.
//! - Timeouts end an operation with `TimedOut`, and belong to the socket as its tasklets see it: the kernel does not know of them.
//! - Errors of waiting have a [`WaitError`](crate::io::WaitError) inside, which names both sides.
//! - The sockets are nonblocking, which other processes and duplicates of the descriptor see. There is no `set_nonblocking`.

mod addresses;
mod common;
mod lookup;
mod remedy;
mod serve;
mod tcp_listener;
mod tcp_stream;
mod udp;
mod unix;
mod unix_datagram;
mod unix_listener;
mod unix_stream;

pub use addresses::{Target, ToSocketAddrs, lookup_host};
pub use remedy::AcceptRemedy;
pub use serve::{Listen, Next, Served, Server, Stopper, serve};
pub use tcp_listener::{Incoming, TcpListener};
pub use tcp_stream::TcpStream;
pub use udp::UdpSocket;
pub use unix_datagram::UnixDatagram;
pub use unix_listener::{UnixIncoming, UnixListener};
pub use unix_stream::UnixStream;
