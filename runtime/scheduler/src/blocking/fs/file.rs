//! A file that is open.

use std::fmt;
use std::fs::Metadata;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use super::{CHUNK, OpenOptions};
use crate::blocking::work;
use crate::whole::{read_whole, write_whole};

/// An open file, as [`std::fs::File`], which it can be made of and into.
///
/// A read or a write of a caller that is killed meanwhile, or whose time is up, has moved the position if it had begun.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Seek, SeekFrom};
/// use tasklets_runtime::fs::File;
///
/// let mut file = File::open("Cargo.toml")?;
/// let length = file.metadata()?.len();
/// assert_eq!(file.seek(SeekFrom::End(0))?, length);
/// file.rewind()?;
/// let mut text = String::new();
/// assert_eq!(file.read_to_string(&mut text)? as u64, length);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct File {
    /// Shared with what is under way for a caller who is gone.
    inner: Arc<std::fs::File>,
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::open`], and if the caller may not wait.
    #[track_caller]
    pub fn open(path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::new().read(true).open(path)
    }

    /// Makes a file for writing, or empties one.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::create`], and if the caller may not wait.
    #[track_caller]
    pub fn create(path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path)
    }

    /// Makes a file for reading and writing that must not be there yet.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::create_new`], and if the caller may not wait.
    #[track_caller]
    pub fn create_new(path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(path)
    }

    /// How to open a file otherwise.
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Sees to it that content and metadata are on the disk.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::sync_all`], and if the caller may not wait.
    #[track_caller]
    pub fn sync_all(&self) -> io::Result<()> {
        self.work("fs::File::sync_all", std::fs::File::sync_all)
    }

    /// Sees to it that the content is on the disk.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::sync_data`], and if the caller may not wait.
    #[track_caller]
    pub fn sync_data(&self) -> io::Result<()> {
        self.work("fs::File::sync_data", std::fs::File::sync_data)
    }

    /// Cuts it off there, or fills it up with zeros.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::set_len`], and if the caller may not wait.
    #[track_caller]
    pub fn set_len(&self, length: u64) -> io::Result<()> {
        self.work("fs::File::set_len", move |file| file.set_len(length))
    }

    /// What is known of it.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::metadata`], and if the caller may not wait.
    #[track_caller]
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.work("fs::File::metadata", std::fs::File::metadata)
    }

    /// Another descriptor of the same open file, with the same position.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::try_clone`].
    pub fn try_clone(&self) -> io::Result<File> {
        self.inner.try_clone().map(File::from)
    }

    /// The file of the standard library.
    ///
    /// # Errors
    ///
    /// As [`try_clone`](File::try_clone), where something is under way still for a caller who is gone.
    pub fn into_std(self) -> io::Result<std::fs::File> {
        Arc::try_unwrap(self.inner).or_else(|shared| shared.try_clone())
    }

    #[track_caller]
    fn work<R: Send + 'static>(
        &self,
        what: &'static str,
        job: impl FnOnce(&std::fs::File) -> io::Result<R> + Send + 'static,
    ) -> io::Result<R> {
        let file = self.inner.clone();
        work(what, move || job(&file))
    }
}

impl From<std::fs::File> for File {
    fn from(file: std::fs::File) -> File {
        File { inner: Arc::new(file) }
    }
}

impl Read for &File {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(CHUNK);
        let chunk = self.work("fs::File::read", move |mut file| {
            let mut chunk = vec![0; wanted];
            let read = file.read(&mut chunk)?;
            chunk.truncate(read);
            Ok(chunk)
        })?;
        buffer[..chunk.len()].copy_from_slice(&chunk);
        Ok(chunk.len())
    }

    read_whole!();

    /// All the rest at once.
    #[track_caller]
    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let (rest, result) = self.work("fs::File::read_to_end", |mut file| {
            let mut rest = Vec::new();
            let result = file.read_to_end(&mut rest);
            Ok((rest, result))
        })?;
        buffer.extend_from_slice(&rest);
        result
    }
}

impl Write for &File {
    #[track_caller]
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let chunk = buffer[..buffer.len().min(CHUNK)].to_vec();
        self.work("fs::File::write", move |mut file| file.write(&chunk))
    }

    write_whole!();

    /// There is nothing to do: nothing is buffered here.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for &File {
    #[track_caller]
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.work("fs::File::seek", move |mut file| file.seek(to))
    }
}

impl Read for File {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    read_whole!();

    #[track_caller]
    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        (&*self).read_to_end(buffer)
    }
}

impl Write for File {
    #[track_caller]
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        (&*self).write(buffer)
    }

    write_whole!();

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for File {
    #[track_caller]
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        (&*self).seek(to)
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
