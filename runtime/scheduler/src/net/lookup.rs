//! Looking up names: the system's own lookup, which blocks, on another thread.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::panic::Location;

use crate::blocking::unblock::unblock_at;

/// Asks the system for the addresses of a name.
#[track_caller]
pub(super) fn addresses_of(name: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let look_up = move || (name.as_str(), port).to_socket_addrs().map(Vec::from_iter);
    unblock_at(look_up, Location::caller())?
}
