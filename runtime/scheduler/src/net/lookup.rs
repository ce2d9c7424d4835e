//! Looking up names: the system's own lookup, which blocks, on another thread.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

#[cfg(not(loom))]
use crate::unblock;

/// Models look nothing up, and the pool of threads is not compiled for them.
#[cfg(loom)]
fn unblock<R>(work: impl FnOnce() -> R) -> io::Result<R> {
    Ok(work())
}

/// Asks the system for the addresses of a name.
#[track_caller]
pub(super) fn addresses_of(name: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let look_up = move || (name.as_str(), port).to_socket_addrs().map(Vec::from_iter);
    unblock(look_up)?
}
