//! What is in a folder.

use std::collections::VecDeque;
use std::fmt;
use std::fs::DirEntry;
use std::io;

use crate::blocking::work;

/// How many entries are read at once: a hand-over to another thread costs more than to read one.
const BATCH: usize = 64;

/// The entries of a folder; see [`read_dir`](super::read_dir). They are those of the standard library: their `metadata` is a call that blocks
/// the thread, mostly for a short time; [`metadata`](super::metadata) does not.
pub struct ReadDir {
    /// None at its end, and while it is away.
    rest: Option<std::fs::ReadDir>,
    ready: VecDeque<io::Result<DirEntry>>,
}

impl ReadDir {
    pub(super) fn new(all: std::fs::ReadDir) -> ReadDir {
        ReadDir { rest: Some(all), ready: VecDeque::new() }
    }
}

impl Iterator for ReadDir {
    type Item = io::Result<DirEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty()
            && let Some(mut rest) = self.rest.take()
        {
            let read = work("fs::ReadDir::next", move || {
                let batch: VecDeque<_> = rest.by_ref().take(BATCH).collect();
                Ok((rest, batch))
            });
            match read {
                Ok((rest, batch)) => {
                    self.rest = (batch.len() == BATCH).then_some(rest);
                    self.ready = batch;
                }
                Err(error) => return Some(Err(error)),
            }
        }
        self.ready.pop_front()
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadDir").field("ready", &self.ready.len()).field("at_end", &self.rest.is_none()).finish()
    }
}
