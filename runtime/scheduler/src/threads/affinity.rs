//! Keeping a thread on one processor.

use std::io;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::io;

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub(crate) fn available() -> io::Result<Vec<usize>> {
        let set = sched_getaffinity(None)?;
        Ok((0..CpuSet::MAX_CPU).filter(|processor| set.is_set(*processor)).collect())
    }

    pub(crate) fn pin(processor: usize) -> io::Result<()> {
        let mut set = CpuSet::new();
        set.set(processor);
        Ok(sched_setaffinity(None, &set)?)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod elsewhere {
    use std::io;

    pub(crate) fn available() -> io::Result<Vec<usize>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "workers can be kept on their processors on Linux only"))
    }

    pub(crate) fn pin(_processor: usize) -> io::Result<()> {
        available().map(drop)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
use elsewhere as system;
#[cfg(any(target_os = "linux", target_os = "android"))]
use linux as system;

/// The processors that the calling thread may use.
pub(crate) fn available() -> io::Result<Vec<usize>> {
    system::available()
}

/// Keeps the calling thread on a processor.
pub(crate) fn pin(processor: usize) -> io::Result<()> {
    system::pin(processor)
}
