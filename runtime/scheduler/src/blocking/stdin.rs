//! Standard input.

use std::io::{self, Read};
use std::sync::LazyLock;

use super::unblocked::Unblocked;
use crate::whole::read_whole;

/// Read ahead by all handles together.
static STDIN: LazyLock<Unblocked<io::Stdin>> = LazyLock::new(|| Unblocked::new(io::stdin()));

/// A handle of standard input whose reads only make their tasklet wait; see [`stdin`].
#[derive(Debug, Clone, Copy)]
pub struct Stdin {
    _private: (),
}

/// Standard input, for tasklets: a read waits on a thread of the pool that [`unblock`](crate::unblock) uses.
///
/// All handles read from one place. What was read ahead for a tasklet that is gone is there for the next one; but [`std::io::stdin`] does not see
/// it: use one of the two.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{spawn, stdin};
///
/// # fn main_of_a_program() -> Result<(), tasklets_runtime::JoinError> {
/// let words = spawn(|| stdin().lines().map_while(Result::ok).map(|line| line.split(' ').count()).sum::<usize>());
/// println!("{} words", words.join()?);
/// # Ok(())
/// # }
/// ```
pub fn stdin() -> Stdin {
    Stdin { _private: () }
}

impl Stdin {
    /// Reads a line, with its end, to the end of a text; the number of bytes, 0 at the end of the input.
    ///
    /// # Errors
    ///
    /// As [`std::io::Stdin::read_line`], and if the caller may not wait.
    #[track_caller]
    pub fn read_line(&self, text: &mut String) -> io::Result<usize> {
        // Nothing is taken before all of it is there: the line of a caller who is gone is the next one's.
        let line = STDIN.take_when(|ahead, at_end| {
            let end = ahead.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            end.or(at_end.then_some(ahead.len())).map(|end| ahead.drain(..end).collect::<Vec<u8>>())
        })?;
        let line = String::from_utf8(line).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        text.push_str(&line);
        Ok(line.len())
    }

    /// The lines, without their ends.
    pub fn lines(self) -> impl Iterator<Item = io::Result<String>> {
        std::iter::from_fn(move || {
            let mut line = String::new();
            match self.read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
            let end = if line.ends_with("\r\n") { 2 } else { usize::from(line.ends_with('\n')) };
            line.truncate(line.len() - end);
            Some(Ok(line))
        })
    }
}

impl Read for Stdin {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        STDIN.take_into(buffer)
    }

    read_whole!();
}
