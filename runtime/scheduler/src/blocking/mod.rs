//! Work that blocks its thread, done on other threads while the tasklet waits.

pub mod fs;
mod pipes;
pub mod process;
pub(crate) mod stdin;
pub(crate) mod unblock;
pub(crate) mod unblocked;

use std::io;
use std::panic::Location;

/// Does I/O on another thread; errors and reports of waiting call it `what`.
#[track_caller]
fn work<R: Send + 'static>(what: &'static str, job: impl FnOnce() -> io::Result<R> + Send + 'static) -> io::Result<R> {
    unblock::unblock_as(what, job, None, Location::caller())?
}
