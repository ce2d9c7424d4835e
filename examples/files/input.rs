//! What a client has sent and nobody has looked at yet.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use tasklets::net::TcpStream;
use tasklets::now;

/// How much is asked for at a time.
const PIECE: usize = 4096;

pub(crate) struct Input<'a> {
    stream: &'a TcpStream,
    bytes: Vec<u8>,
    taken: usize,
}

impl<'a> Input<'a> {
    pub(crate) fn new(stream: &'a TcpStream) -> Input<'a> {
        Input { stream, bytes: Vec::new(), taken: 0 }
    }

    /// What has come.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    /// Forgets so many bytes.
    pub(crate) fn take(&mut self, count: usize) {
        self.taken += count;
        if self.taken == self.bytes.len() {
            self.bytes.clear();
            self.taken = 0;
        }
    }

    /// Waits for more; how much has come, which is nothing at the end.
    pub(crate) fn fill(&mut self, deadline: Instant) -> io::Result<usize> {
        let left = deadline.saturating_duration_since(now());
        // No time at all is no limit there.
        self.stream.set_read_timeout(Some(left.max(Duration::from_nanos(1))))?;
        self.bytes.drain(..std::mem::take(&mut self.taken));
        let begin = self.bytes.len();
        self.bytes.resize(begin + PIECE, 0);
        let got = (&mut &*self.stream).read(&mut self.bytes[begin..]);
        self.bytes.truncate(begin + *got.as_ref().unwrap_or(&0));
        got
    }

    /// Drops what comes, up to so many bytes; whether that was all until the end.
    pub(crate) fn discard(&mut self, mut count: u64, deadline: Instant) -> io::Result<bool> {
        loop {
            let there = self.bytes().len().min(usize::try_from(count).unwrap_or(usize::MAX));
            self.take(there);
            count -= there as u64;
            if count == 0 {
                return Ok(false);
            }
            if self.fill(deadline)? == 0 {
                return Ok(true);
            }
        }
    }
}
