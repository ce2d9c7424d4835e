//! How a file is opened.

use std::io;
use std::path::Path;

use super::{File, owned};
use crate::blocking::work;

/// How a file is opened, as [`std::fs::OpenOptions`], from which it can be made.
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use tasklets_runtime::fs::OpenOptions;
///
/// let error = OpenOptions::new().append(true).open("no such file").unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// ```
#[derive(Debug, Clone)]
pub struct OpenOptions {
    inner: std::fs::OpenOptions,
}

impl OpenOptions {
    /// None is set.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "as the standard library's")]
    pub fn new() -> OpenOptions {
        std::fs::OpenOptions::new().into()
    }

    /// Whether it can be read.
    pub fn read(&mut self, read: bool) -> &mut OpenOptions {
        self.inner.read(read);
        self
    }

    /// Whether it can be written.
    pub fn write(&mut self, write: bool) -> &mut OpenOptions {
        self.inner.write(write);
        self
    }

    /// Whether all is written at its end.
    pub fn append(&mut self, append: bool) -> &mut OpenOptions {
        self.inner.append(append);
        self
    }

    /// Whether it is emptied first.
    pub fn truncate(&mut self, truncate: bool) -> &mut OpenOptions {
        self.inner.truncate(truncate);
        self
    }

    /// Whether it is made if it is not there.
    pub fn create(&mut self, create: bool) -> &mut OpenOptions {
        self.inner.create(create);
        self
    }

    /// Whether it must not be there yet.
    pub fn create_new(&mut self, create_new: bool) -> &mut OpenOptions {
        self.inner.create_new(create_new);
        self
    }

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// As [`std::fs::OpenOptions::open`], and if the caller may not wait.
    #[track_caller]
    pub fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let (options, path) = (self.inner.clone(), owned(path));
        work("fs::OpenOptions::open", move || options.open(path)).map(File::from)
    }
}

impl From<std::fs::OpenOptions> for OpenOptions {
    fn from(inner: std::fs::OpenOptions) -> OpenOptions {
        OpenOptions { inner }
    }
}
