//! Any descriptor that a poller can watch.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::time::Duration;

use super::operation::{Direction, Operation};
use super::source::{Endpoint, Source, Wish};
use super::watch::{Readiness, watch};
use crate::whole::{read_whole, write_whole};

/// Makes a nonblocking descriptor wait in a tasklet: a pipe, a terminal, a library's own socket.
///
/// It is as [`Send`] as what it holds. Several tasklets may use it at the same time, on any threads; those who wait in the same
/// direction are served in the order in which they came.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write, pipe};
/// use tasklets_runtime::io::Pollable;
/// use tasklets_runtime::{schedule, spawn};
///
/// let (reader, mut writer) = pipe()?;
/// let reader = Pollable::new(reader)?;
/// let greeting = spawn(move || {
///     let mut text = String::new();
///     (&reader).read_to_string(&mut text).unwrap();
///     text
/// });
/// schedule()?; // it waits
/// writer.write_all(b"hello")?;
/// drop(writer);
/// assert_eq!(greeting.join()?, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pollable<T: AsFd + 'static> {
    source: Source<Plain<T>>,
}

struct Plain<T>(T);

impl<T: AsFd> AsFd for Plain<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl<T: AsFd + 'static> Endpoint for Plain<T> {
    fn describe(&self) -> String {
        format!("descriptor {}", self.as_fd().as_raw_fd())
    }
}

impl<T: AsFd + 'static> Pollable<T> {
    /// Takes a descriptor, and makes it nonblocking: so are then all its duplicates, in other processes, too.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn new(io: T) -> io::Result<Pollable<T>> {
        rustix::io::ioctl_fionbio(&io, true)?;
        Ok(Pollable { source: Source::new(Plain(io)) })
    }

    /// What it was made from. Whatever it does with the descriptor must not block.
    pub fn get_ref(&self) -> &T {
        &self.source.io().0
    }

    /// What it was made from; it is nonblocking still.
    pub fn into_inner(self) -> T {
        let mut source = self.source;
        loop {
            // It has no other handle but that of a thread which describes it to somebody just now.
            match source.into_inner() {
                Ok(plain) => return plain.0,
                Err(described) => source = described,
            }
            std::thread::yield_now();
        }
    }

    /// How long an operation waits for something to read, at the longest; `None` is for ever, which is the default.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for no time at all.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.source.set_limit(Direction::Read, timeout)
    }

    /// How long an operation waits until it can write, at the longest; `None` is for ever, which is the default.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for no time at all.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.source.set_limit(Direction::Write, timeout)
    }

    /// Waits until the descriptor may be read from, or has ended.
    ///
    /// # Errors
    ///
    /// Those of the system, as for a file, which no poller can watch; `TimedOut` and others with a [`WaitError`](super::WaitError) inside.
    #[track_caller]
    pub fn readable(&self) -> io::Result<()> {
        self.source.wait_until(Readiness::Readable, Location::caller())
    }

    /// Waits until the descriptor may be written to, or has ended.
    ///
    /// # Errors
    ///
    /// As [`readable`](Pollable::readable).
    #[track_caller]
    pub fn writable(&self) -> io::Result<()> {
        self.source.wait_until(Readiness::Writable, Location::caller())
    }

    /// Does something that reads: whenever it returns `WouldBlock`, waits until there is something, and does it again.
    ///
    /// # Errors
    ///
    /// What the closure returns but `WouldBlock` and `Interrupted`, and as [`readable`](Pollable::readable).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::unix::net::UnixDatagram;
    /// use tasklets_runtime::io::Pollable;
    ///
    /// let (a, b) = UnixDatagram::pair()?;
    /// let a = Pollable::new(a)?;
    /// b.send(b"hello")?;
    /// let mut buffer = [0; 16];
    /// assert_eq!(a.read_with(|a| a.recv(&mut buffer))?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn read_with<R>(&self, mut f: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.source.perform_whole(Wish::new(Operation::Read), |io| f(&io.0))
    }

    /// Does something that writes: whenever it returns `WouldBlock`, waits until there is room, and does it again.
    ///
    /// # Errors
    ///
    /// As [`read_with`](Pollable::read_with).
    #[track_caller]
    pub fn write_with<R>(&self, mut f: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.source.perform_whole(Wish::new(Operation::Write), |io| f(&io.0))
    }
}

watch!(Pollable<T>, T: AsFd + 'static);

impl<T: AsFd + 'static> AsFd for Pollable<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.io().as_fd()
    }
}

impl<T: AsFd + 'static> AsRawFd for Pollable<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl<T: AsFd + fmt::Debug + 'static> fmt::Debug for Pollable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pollable").field(self.get_ref()).finish()
    }
}

impl<T: AsFd + 'static> Read for &Pollable<T>
where
    for<'a> &'a T: Read,
{
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_with(|mut io| io.read(buffer))
    }

    read_whole!();

    #[track_caller]
    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.read_with(|mut io| io.read_vectored(buffers))
    }
}

impl<T: AsFd + 'static> Write for &Pollable<T>
where
    for<'a> &'a T: Write,
{
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_with(|mut io| io.write(bytes))
    }

    write_whole!();

    #[track_caller]
    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_with(|mut io| io.write_vectored(buffers))
    }

    #[track_caller]
    fn flush(&mut self) -> io::Result<()> {
        self.write_with(|mut io| io.flush())
    }
}

impl<T: AsFd + 'static> Read for Pollable<T>
where
    for<'a> &'a T: Read,
{
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    read_whole!();

    #[track_caller]
    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(buffers)
    }
}

impl<T: AsFd + 'static> Write for Pollable<T>
where
    for<'a> &'a T: Write,
{
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    write_whole!();

    #[track_caller]
    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(buffers)
    }

    #[track_caller]
    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}
