//! What all sockets have.

/// A socket around one of the standard library: its descriptor, its way there and back, its handles.
macro_rules! socket {
    ($name:ident, $std:ty) => {
        impl $crate::io::source::Endpoint for $std {
            fn describe(&self) -> String {
                describe(self)
            }
        }

        impl $name {
            /// Takes a socket of the standard library, and makes it nonblocking.
            ///
            /// # Errors
            ///
            /// Those of the system.
            pub fn from_std(io: $std) -> std::io::Result<$name> {
                io.set_nonblocking(true)?;
                Ok($name { source: $crate::io::source::Source::new(io) })
            }

            /// The socket as one of the standard library, which blocks the thread. If there are other handles of it, this is a duplicate,
            /// and the blocking is theirs, too: drop them first.
            ///
            /// # Errors
            ///
            /// Those of the system.
            pub fn into_std(self) -> std::io::Result<$std> {
                let io = match self.source.into_inner() {
                    Ok(io) => io,
                    Err(shared) => shared.io().try_clone()?,
                };
                io.set_nonblocking(false)?;
                Ok(io)
            }

            /// Another handle of the same socket. It is closed when the last one is dropped.
            ///
            /// # Errors
            ///
            /// None: the standard library has a `Result` here.
            pub fn try_clone(&self) -> std::io::Result<$name> {
                Ok($name { source: self.source.clone() })
            }

            /// The error that waits in the socket, which is taken out.
            ///
            /// # Errors
            ///
            /// Those of the system.
            pub fn take_error(&self) -> std::io::Result<Option<std::io::Error>> {
                self.source.io().take_error()
            }
        }

        $crate::io::watch::watch!($name);

        impl $name {
            /// Waits until a read would not wait: there is something to read, or the end, or an error; of a listener, a connection. Another
            /// tasklet, or thread, may be quicker to take it.
            ///
            /// # Errors
            ///
            /// Those of the system; `TimedOut` and others with a [`WaitError`](crate::io::WaitError) inside.
            #[track_caller]
            pub fn readable(&self) -> std::io::Result<()> {
                self.source.wait_until($crate::io::watch::Readiness::Readable, std::panic::Location::caller())
            }

            /// Waits until a write would not wait: there is room, or an error.
            ///
            /// # Errors
            ///
            /// As [`readable`](Self::readable).
            #[track_caller]
            pub fn writable(&self) -> std::io::Result<()> {
                self.source.wait_until($crate::io::watch::Readiness::Writable, std::panic::Location::caller())
            }
        }

        impl TryFrom<$std> for $name {
            type Error = std::io::Error;

            fn try_from(io: $std) -> std::io::Result<$name> {
                $name::from_std(io)
            }
        }

        impl TryFrom<$name> for $std {
            type Error = std::io::Error;

            fn try_from(socket: $name) -> std::io::Result<$std> {
                socket.into_std()
            }
        }

        impl TryFrom<std::os::fd::OwnedFd> for $name {
            type Error = std::io::Error;

            fn try_from(fd: std::os::fd::OwnedFd) -> std::io::Result<$name> {
                $name::from_std(fd.into())
            }
        }

        /// Fails where [`into_std`]($name::into_std) does.
        impl TryFrom<$name> for std::os::fd::OwnedFd {
            type Error = std::io::Error;

            fn try_from(socket: $name) -> std::io::Result<std::os::fd::OwnedFd> {
                Ok(socket.into_std()?.into())
            }
        }

        impl std::os::fd::AsFd for $name {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.source.io().as_fd()
            }
        }

        impl std::os::fd::AsRawFd for $name {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.source.io().as_raw_fd()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.source.io().fmt(f)
            }
        }
    };
}

/// Limits of a socket that is read from and written to.
macro_rules! timeouts {
    ($name:ident) => {
        impl $name {
            /// How long an operation waits for something to read, at the longest; `None` is for ever, which is the default. What takes longer
            /// ends with `TimedOut`.
            ///
            /// # Errors
            ///
            /// `InvalidInput` for no time at all.
            pub fn set_read_timeout(&self, timeout: Option<std::time::Duration>) -> std::io::Result<()> {
                self.source.set_limit($crate::io::operation::Direction::Read, timeout)
            }

            /// How long an operation waits until it can write, at the longest; `None` is for ever, which is the default.
            ///
            /// # Errors
            ///
            /// `InvalidInput` for no time at all.
            pub fn set_write_timeout(&self, timeout: Option<std::time::Duration>) -> std::io::Result<()> {
                self.source.set_limit($crate::io::operation::Direction::Write, timeout)
            }

            /// See [`set_read_timeout`](Self::set_read_timeout).
            ///
            /// # Errors
            ///
            /// None: the standard library has a `Result` here.
            pub fn read_timeout(&self) -> std::io::Result<Option<std::time::Duration>> {
                Ok(self.source.limit($crate::io::operation::Direction::Read))
            }

            /// See [`set_write_timeout`](Self::set_write_timeout).
            ///
            /// # Errors
            ///
            /// None: the standard library has a `Result` here.
            pub fn write_timeout(&self) -> std::io::Result<Option<std::time::Duration>> {
                Ok(self.source.limit($crate::io::operation::Direction::Write))
            }
        }
    };
}

/// `Read` and `Write` of a stream, for the handle and for a reference to it. `$short` says whether an operation that moved so much of so
/// much has emptied, or filled, the socket.
macro_rules! stream {
    ($name:ident, $short:expr) => {
        impl $name {
            /// Reads what is there, without waiting.
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is nothing now; those of the system.
            pub fn try_read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                use std::io::Read;
                let room = buffer.len();
                self.source.perform_now(Direction::Read, |mut io| io.read(buffer), |moved| $short(*moved, room))
            }

            /// Writes as much as there is room for, without waiting; how much.
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is no room now; those of the system.
            pub fn try_write(&self, bytes: &[u8]) -> std::io::Result<usize> {
                use std::io::Write;
                self.source.perform_now(Direction::Write, |mut io| io.write(bytes), |moved| $short(*moved, bytes.len()))
            }
        }

        impl std::io::Read for &$name {
            #[track_caller]
            #[inline]
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let (wish, room) = (Wish::new(Operation::Read), buffer.len());
                self.source.perform(wish, |mut io| std::io::Read::read(&mut io, buffer), |moved| $short(*moved, room))
            }

            read_whole!();

            #[track_caller]
            fn read_vectored(&mut self, buffers: &mut [std::io::IoSliceMut<'_>]) -> std::io::Result<usize> {
                let room = buffers.iter().map(|buffer| buffer.len()).sum();
                let wish = Wish::new(Operation::Read);
                self.source.perform(wish, |mut io| io.read_vectored(buffers), |moved| $short(*moved, room))
            }
        }

        impl std::io::Write for &$name {
            #[track_caller]
            #[inline]
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                let wish = Wish::new(Operation::Write);
                self.source.perform(wish, |mut io| io.write(bytes), |moved| $short(*moved, bytes.len()))
            }

            write_whole!();

            #[track_caller]
            fn write_vectored(&mut self, buffers: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                let room = buffers.iter().map(|buffer| buffer.len()).sum();
                let wish = Wish::new(Operation::Write);
                self.source.perform(wish, |mut io| io.write_vectored(buffers), |moved| $short(*moved, room))
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }

        impl std::io::Read for $name {
            #[track_caller]
            #[inline]
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                (&*self).read(buffer)
            }

            read_whole!();

            #[track_caller]
            fn read_vectored(&mut self, buffers: &mut [std::io::IoSliceMut<'_>]) -> std::io::Result<usize> {
                (&*self).read_vectored(buffers)
            }
        }

        impl std::io::Write for $name {
            #[track_caller]
            #[inline]
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                (&*self).write(bytes)
            }

            write_whole!();

            #[track_caller]
            fn write_vectored(&mut self, buffers: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                (&*self).write_vectored(buffers)
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
    };
}

/// What both kinds of sockets for datagrams do without waiting.
macro_rules! datagrams {
    ($name:ident, $address:ty) => {
        impl $name {
            /// [`recv_from`](Self::recv_from) that does not wait.
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is nothing now; those of the system.
            pub fn try_recv_from(&self, buffer: &mut [u8]) -> std::io::Result<(usize, $address)> {
                self.source.perform_now(Direction::Read, |io| io.recv_from(buffer), |_| false)
            }

            /// [`recv`](Self::recv) that does not wait.
            ///
            /// # Errors
            ///
            /// As [`try_recv_from`](Self::try_recv_from).
            pub fn try_recv(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.source.perform_now(Direction::Read, |io| io.recv(buffer), |_| false)
            }

            /// [`send`](Self::send) that does not wait.
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is no room now; those of the system.
            pub fn try_send(&self, bytes: &[u8]) -> std::io::Result<usize> {
                self.source.perform_now(Direction::Write, |io| io.send(bytes), |_| false)
            }
        }
    };
}

pub(super) use {datagrams, socket, stream, timeouts};
