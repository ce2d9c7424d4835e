//! What blocks its thread in reads and writes, for tasklets.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use parking_lot::Mutex;

use super::work;
use crate::whole::{read_whole, write_whole};

/// How much is read ahead.
const CHUNK: usize = 8 * 1024;

/// A reader or writer whose operations block their thread, as a pipe's or a device's, made one whose operations only make their tasklet
/// wait: they are done on a thread of the pool that [`unblock`](crate::unblock) uses.
///
/// It reads ahead. What was read for a caller who is gone (killed, or out of time) is there for the next one. One operation is under
/// way at a time: it is for what goes in one direction.
///
/// # Examples
///
/// ```
/// use std::io::{BufRead, BufReader, Read};
/// use tasklets_runtime::Unblocked;
///
/// let mut reader = BufReader::new(Unblocked::new(std::io::repeat(b'x').take(10_000)));
/// let mut text = String::new();
/// reader.read_line(&mut text)?;
/// assert_eq!(text.len(), 10_000);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Unblocked<T> {
    shared: Arc<Shared<T>>,
}

/// What is shared with an operation that is under way.
struct Shared<T> {
    /// Locked on threads of the pool alone, for as long as an operation lasts.
    inner: Mutex<T>,
    /// Locked for moments. Added to while the other is locked, so that all comes in order.
    ahead: Mutex<VecDeque<u8>>,
}

impl<T> Unblocked<T> {
    /// Takes a reader or writer over.
    pub fn new(inner: T) -> Unblocked<T> {
        Unblocked { shared: Arc::new(Shared { inner: Mutex::new(inner), ahead: Mutex::default() }) }
    }

    /// The reader or writer, to be used otherwise, as a pipe for another child process.
    ///
    /// # Errors
    ///
    /// It comes back as it was while an operation is under way for a caller who is gone, or if something was read ahead.
    pub fn into_inner(self) -> Result<T, Unblocked<T>> {
        if !self.shared.ahead.lock().is_empty() {
            return Err(self);
        }
        Arc::try_unwrap(self.shared).map(|shared| shared.inner.into_inner()).map_err(|shared| Unblocked { shared })
    }
}

impl<T: Read + Send + 'static> Unblocked<T> {
    /// Takes something of what is there; reads more as long as there is nothing to take, unless the end is there. `take` is told whether
    /// that is so.
    #[track_caller]
    pub(super) fn take_when<R>(&self, mut take: impl FnMut(&mut VecDeque<u8>, bool) -> Option<R>) -> io::Result<R> {
        let mut at_end = false;
        loop {
            let there = {
                let mut ahead = self.shared.ahead.lock();
                match take(&mut ahead, at_end) {
                    Some(taken) => return Ok(taken),
                    None => ahead.len(),
                }
            };
            at_end = self.fill(there)?;
        }
    }

    /// Takes as much as is there; nothing at the end.
    #[track_caller]
    pub(super) fn take_into(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.take_when(|ahead, at_end| (at_end || !ahead.is_empty()).then(|| ahead.read(buffer)))?
    }

    /// Reads all the rest; to be called where the thread may block.
    pub(super) fn read_rest(&self, all: &mut Vec<u8>) -> io::Result<usize> {
        let mut inner = self.shared.inner.lock();
        let ahead = self.shared.ahead.lock().read_to_end(all)?;
        Ok(ahead + inner.read_to_end(all)?)
    }

    /// Reads once, unless there is more than so much since; whether that was the end.
    #[track_caller]
    fn fill(&self, there: usize) -> io::Result<bool> {
        let shared = self.shared.clone();
        work("a read", move || {
            let mut inner = shared.inner.lock();
            if shared.ahead.lock().len() > there {
                return Ok(false);
            }
            let mut chunk = [0; CHUNK];
            let read = retry(|| inner.read(&mut chunk))?;
            shared.ahead.lock().extend(&chunk[..read]);
            Ok(read == 0)
        })
    }
}

/// What a signal has interrupted is done again.
fn retry(mut operation: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

impl<T: Read + Send + 'static> Read for Unblocked<T> {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.take_into(buffer)
    }

    read_whole!();
}

impl<T: Write + Send + 'static> Write for Unblocked<T> {
    /// Writes at most 8 KiB.
    #[track_caller]
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let chunk = buffer[..buffer.len().min(CHUNK)].to_vec();
        let shared = self.shared.clone();
        work("a write", move || retry(|| shared.inner.lock().write(&chunk)))
    }

    write_whole!();

    #[track_caller]
    fn flush(&mut self) -> io::Result<()> {
        let shared = self.shared.clone();
        work("a flush", move || shared.inner.lock().flush())
    }
}

impl<T> fmt::Debug for Unblocked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ahead = self.shared.ahead.lock().len();
        f.debug_struct("Unblocked").field("ahead", &ahead).finish_non_exhaustive()
    }
}
