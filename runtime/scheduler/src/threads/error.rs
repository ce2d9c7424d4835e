//! What can go wrong when something is spawned on a runtime.

use std::error::Error;
use std::fmt;

/// Why a closure was not spawned; the closure comes back with it.
pub struct SpawnError<F> {
    closure: F,
    reason: SpawnRefusal,
}

/// Why a runtime did not take a closure.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpawnRefusal {
    /// The runtime is being shut down.
    ShutDown,
    /// The caller's thread is not one of a runtime.
    NoRuntime,
    /// A scope that is not main's own spawns on other threads, and its own is not in [`enter`](crate::enter).
    NotEntered,
    /// The runtime has no such worker.
    NoWorker {
        /// The worker that was asked for.
        worker: usize,
        /// How many there are.
        workers: usize,
    },
}

impl<F> SpawnError<F> {
    pub(crate) fn new(closure: F, reason: SpawnRefusal) -> SpawnError<F> {
        SpawnError { closure, reason }
    }

    /// Why it was refused.
    pub fn reason(&self) -> SpawnRefusal {
        self.reason
    }

    /// The closure, to be run in another way.
    pub fn into_closure(self) -> F {
        self.closure
    }
}

impl fmt::Display for SpawnRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpawnRefusal::ShutDown => f.write_str("the runtime is being shut down, and takes nothing new"),
            SpawnRefusal::NoRuntime => {
                f.write_str("this thread is not a worker of a runtime; spawn on a Runtime or with a Spawner")
            }
            SpawnRefusal::NotEntered => f.write_str(
                "a scope in a tasklet lends to other threads only where its own is in enter: put enter around what the thread does",
            ),
            SpawnRefusal::NoWorker { worker, workers } => {
                write!(f, "there is no worker {worker}: the runtime has {workers}, counted from 0")
            }
        }
    }
}

impl Error for SpawnRefusal {}

impl<F> fmt::Display for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<F> fmt::Debug for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpawnError({:?})", self.reason)
    }
}

impl<F> Error for SpawnError<F> {}
