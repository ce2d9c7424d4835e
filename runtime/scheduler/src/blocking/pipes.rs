//! What a child process prints, read to the end.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::thread;

use super::process::{ChildStderr, ChildStdout};
use super::unblocked::Unblocked;

/// Begins to read both pipes to their ends, at once: the child may wait until one of the two is read.
pub(super) fn read_both(
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
) -> blocking::Task<io::Result<(Vec<u8>, Vec<u8>)>> {
    blocking::unblock(move || match stderr {
        None => Ok((read_all(stdout)?, Vec::new())),
        // One of the two on a thread that is not of the pool: all of those may be busy so.
        stderr => thread::scope(|scope| {
            let stderr = thread::Builder::new().spawn_scoped(scope, move || read_all(stderr))?;
            let stdout = read_all(stdout)?;
            Ok((stdout, stderr.join().unwrap_or_else(|panic| resume_unwind(panic))?))
        }),
    })
}

fn read_all<T: Read + Send + 'static>(pipe: Option<Unblocked<T>>) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    pipe.map_or(Ok(0), |pipe| pipe.read_rest(&mut all))?;
    Ok(all)
}
