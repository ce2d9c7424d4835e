//! What Unix sockets have in common.

use std::io;
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
                if let Patience::Until(Some(deadline)) = wish.patience
                    && deadline <= crate::now()
                {
                    return Err(WaitError::timed_out(wish.operation, on()));
                }
                wish.pause(pause, &on)?;
                pause = PAUSES.1.min(pause * 2);
            }
            other => return other,
        }
    }
}
