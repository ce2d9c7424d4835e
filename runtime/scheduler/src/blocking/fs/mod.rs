//! Files and folders, as in [`std::fs`], while only the calling tasklet waits.
//!
//! Each operation is done on a thread of the pool that [`unblock`](crate::unblock) uses. What is said there of a caller that is killed while it
//! waits holds here: an operation that has begun is finished, and nobody hears of it. A hand-over to another thread costs some
//! microseconds: where speed matters, wrap a [`File`] in a [`BufReader`](std::io::BufReader) or a [`BufWriter`](std::io::BufWriter) with a large
//! buffer.
//!
//! Besides what [`std::fs`] returns, an operation fails with a [`BlockOnError`](crate::BlockOnError) inside the error if the caller may
//! not wait.
//!
//! ```
//! use tasklets_runtime::{fs, spawn};
//!
//! let lines = spawn(|| fs::read_to_string("Cargo.toml").map(|text| text.lines().count()));
//! assert!(lines.join()?? > 10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod entries;
mod file;
mod options;

pub use entries::ReadDir;
pub use file::File;
pub use options::OpenOptions;

use std::fs::Metadata;
use std::io::{self, BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};

use super::work;

/// How much is read or written at once, at most.
const CHUNK: usize = 256 * 1024;

fn owned(path: impl AsRef<Path>) -> PathBuf {
    path.as_ref().to_owned()
}

/// The whole file, as [`std::fs::read`].
///
/// # Errors
///
/// See the [module](self).
#[track_caller]
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let path = owned(path);
    work("fs::read", || std::fs::read(path))
}

/// The whole file as text, as [`std::fs::read_to_string`].
///
/// # Errors
///
/// See the [module](self).
#[track_caller]
pub fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let path = owned(path);
    work("fs::read_to_string", || std::fs::read_to_string(path))
}

/// Makes a file of this content, or replaces that of one, as [`std::fs::write`].
///
/// The content is copied first, as it goes to the other thread.
///
/// # Errors
///
/// See the [module](self).
#[track_caller]
pub fn write(path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> io::Result<()> {
    let (path, content) = (owned(path), content.as_ref().to_vec());
    work("fs::write", || std::fs::write(path, content))
}

/// Copies a file with its permissions; the number of bytes. As [`std::fs::copy`].
///
/// # Errors
///
/// See the [module](self).
#[track_caller]
pub fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    let (from, to) = (owned(from), owned(to));
    work("fs::copy", || std::fs::copy(from, to))
}

/// Gives a file or folder another name, as [`std::fs::rename`].
///
/// # Errors
///
/// See the [module](self).
#[track_caller]
pub fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let (from, to) = (owned(from), owned(to));
    work("fs::rename", || std::fs::rename(from, to))
}

/// Removes a file, as [`std::fs::remove_file`].
///
/// # Errors
///
/// See the [module](self).
#[track_caller]
pub fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    let path = owned(path);
    work("fs::remove_file", || std::fs::remove_file(path))
}

/// Removes an empty folder, as [`std::fs::remove_dir`].
///
/// # Errors
///
/// See the [module](self).
#[track_caller]
pub fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let path = owned(path);
    work("fs::remove_dir", || std::fs::remove_dir(path))
}

/// Removes a folder with all that is in it, as [`std::fs::remove_dir_all`].
///
/// # Errors
///
/// See the [module](self).
#[track_caller]
pub fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = owned(path);
    work("fs::remove_dir_all", || std::fs::remove_dir_all(path))
}

/// Makes a folder, as [`std::fs::create_dir`].
///
/// # Errors
///
/// See the [module](self).
#[track_caller]
pub fn create_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let path = owned(path);
    work("fs::create_dir", || std::fs::create_dir(path))
}

/// Makes a folder and those that it is in, as [`std::fs::create_dir_all`].
///
/// # Errors
///
/// See the [module](self).
#[track_caller]
pub fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = owned(path);
    work("fs::create_dir_all", || std::fs::create_dir_all(path))
}

/// What is known of a file or folder, or of that which a link leads to, as [`std::fs::metadata`].
///
/// # Errors
///
/// See the [module](self).
#[track_caller]
pub fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = owned(path);
    work("fs::metadata", || std::fs::metadata(path))
}

/// What is known of a file, a folder or a link itself, as [`std::fs::symlink_metadata`].
///
/// # Errors
///
/// See the [module](self).
#[track_caller]
pub fn symlink_metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = owned(path);
    work("fs::symlink_metadata", || std::fs::symlink_metadata(path))
}

/// The absolute path without links, as [`std::fs::canonicalize`].
///
/// # Errors
///
/// See the [module](self).
#[track_caller]
pub fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = owned(path);
    work("fs::canonicalize", || std::fs::canonicalize(path))
}

/// Whether something is there, as [`std::fs::exists`].
///
/// # Errors
///
/// See the [module](self).
#[track_caller]
pub fn exists(path: impl AsRef<Path>) -> io::Result<bool> {
    let path = owned(path);
    work("fs::exists", || std::fs::exists(path))
}

/// What is in a folder, as [`std::fs::read_dir`]. It is read in batches.
///
/// # Errors
///
/// See the [module](self).
#[track_caller]
pub fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    let path = owned(path);
    work("fs::read_dir", || std::fs::read_dir(path)).map(ReadDir::new)
}

/// The lines of a text file, one after the other, without their ends.
///
/// # Errors
///
/// See the [module](self).
///
/// # Examples
///
/// ```
/// use tasklets_runtime::fs;
///
/// let sections = fs::lines("Cargo.toml")?.map_while(Result::ok).filter(|line| line.starts_with('[')).count();
/// assert!(sections > 2);
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn lines(path: impl AsRef<Path>) -> io::Result<Lines<BufReader<File>>> {
    Ok(BufReader::with_capacity(CHUNK, File::open(path)?).lines())
}
