//! What Unix sockets have in common.

use std::ffi::OsString;
use std::io;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::SocketAddr;
use std::time::Duration;

use crate::io::WaitError;
use crate::io::source::{Patience, Wish};

/// How one is called: by its path, or that of its other side, if it has one.
pub(super) fn describe(local: io::Result<SocketAddr>, peer: io::Result<SocketAddr>) -> String {
    let path = |address: io::Result<SocketAddr>| {
        let address = address.ok()?;
        Some(address.as_pathname()?.display().to_string())
    };
    match (path(local), path(peer)) {
        (Some(local), Some(peer)) => format!("unix {local}->{peer}"),
        (Some(path), None) => format!("unix {path}"),
        (None, Some(peer)) => format!("unix ->{peer}"),
        (None, None) => "unix socket without a name".to_owned(),
    }
}

/// The path of an address, or its name behind a zero byte.
pub(super) fn name(address: &SocketAddr) -> io::Result<OsString> {
    if let Some(path) = address.as_pathname() {
        return Ok(path.as_os_str().to_owned());
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = abstract_name(address) {
        return Ok(OsString::from_vec([&[0], name].concat()));
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "the address has no name to connect to"))
}

#[cfg(target_os = "linux")]
fn abstract_name(address: &SocketAddr) -> Option<&[u8]> {
    std::os::linux::net::SocketAddrExt::as_abstract_name(address)
}

#[cfg(target_os = "android")]
fn abstract_name(address: &SocketAddr) -> Option<&[u8]> {
    std::os::android::net::SocketAddrExt::as_abstract_name(address)
}

/// The time until something is tried again, of which no poller tells: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// Does what would have to wait for a socket that is somebody else's: for room in its queue. No poller tells of that, so that it is tried
/// again and again.
pub(super) fn again<R>(
    wish: Wish,
    on: impl Fn() -> String,
    mut attempt: impl FnMut() -> io::Result<R>,
) -> io::Result<R> {
    let mut pause = PAUSES.0;
    loop {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let left = match wish.patience {
                    Patience::Until(Some(deadline)) => deadline.saturating_duration_since(crate::now()),
                    _ => Duration::MAX,
                };
                if left.is_zero() {
                    return Err(WaitError::timed_out(wish.operation, on()));
                }
                wish.pause(pause.min(left), &on)?;
                pause = PAUSES.1.min(pause * 2);
            }
            other => return other,
        }
    }
}
