//! What `Read` and `Write` do in several steps. In the standard library's own loops a wait would be reported with a line of theirs;
//! in these it is the caller's.

use std::io::{Error, ErrorKind, Read, Result, Write};

/// For an implementation of `Read`.
macro_rules! read_whole {
    () => {
        /// As usual; reports name the caller's line.
        #[track_caller]
        #[inline]
        fn read_exact(&mut self, buffer: &mut [u8]) -> std::io::Result<()> {
            $crate::whole::read_exact(self, buffer)
        }
    };
}

/// For an implementation of `Write`.
macro_rules! write_whole {
    () => {
        /// As usual; reports name the caller's line.
        #[track_caller]
        #[inline]
        fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
            $crate::whole::write_all(self, bytes)
        }
    };
}

pub(crate) use {read_whole, write_whole};

#[track_caller]
#[inline]
pub(crate) fn read_exact(from: &mut impl Read, mut buffer: &mut [u8]) -> Result<()> {
    while !buffer.is_empty() {
        match from.read(buffer) {
            Ok(0) => return Err(Error::new(ErrorKind::UnexpectedEof, "the end came before the buffer was full")),
            Ok(read) => buffer = &mut buffer[read..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[track_caller]
#[inline]
pub(crate) fn write_all(to: &mut impl Write, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(Error::new(ErrorKind::WriteZero, "nothing more is taken of what is to be written")),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
