//! Arms that are ready when a descriptor is. They take nothing from it: which arm is taken changes nothing for others who wait there.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::rc::Rc;

use tasklets_runtime::Scheduler;
use tasklets_runtime::io::watch::{Readiness, Watch, Watching};

use super::arm::{Arm, Attempt, Kind, Operate, Site};
use super::error::SelectError;
use super::stand::Stand;
use crate::error::Reason;

/// A descriptor that becomes ready, as an arm; see [`readable`](super::readable) and [`writable`](super::writable).
pub struct Ready<'a, W: ?Sized> {
    descriptor: &'a W,
    readiness: Readiness,
    watching: Cell<Option<Watching>>,
    /// Why it could not be watched.
    refused: Cell<Option<io::Error>>,
    output: Cell<Option<io::Result<()>>>,
}

impl<'a, W: Watch + ?Sized> Ready<'a, W> {
    pub(super) fn new(descriptor: &'a W, readiness: Readiness) -> Ready<'a, W> {
        Ready { descriptor, readiness, watching: Cell::new(None), refused: Cell::new(None), output: Cell::new(None) }
    }

    /// Whether there is a result now: it is ready, or has failed.
    fn poll(&self) -> bool {
        let output = match self.descriptor.poll_ready(self.readiness) {
            Ok(false) => return false,
            Ok(true) => Ok(()),
            Err(error) => Err(error),
        };
        self.output.set(Some(output));
        true
    }

    fn stop_watching(&self) {
        let watching = self.watching.take();
        drop(watching);
    }
}

impl<W: Watch + ?Sized> Operate for Ready<'_, W> {
    fn attempt(&self, _at: Site) -> Attempt {
        if let Some(error) = self.refused.take() {
            self.output.set(Some(Err(error)));
            return Attempt::Done;
        }
        if self.poll() { Attempt::Done } else { Attempt::NotReady }
    }

    fn enlist(&self, stand: &Rc<Stand>, number: u32, _scheduler: &Scheduler) -> bool {
        match self.descriptor.watch(self.readiness, stand.clone(), number) {
            Ok(Some(watching)) => {
                let (on, ticket) = watching.place();
                stand.add(number, on, ticket);
                self.watching.set(Some(watching));
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.refused.set(Some(error));
                false
            }
        }
    }

    fn leave(&self, _stand: &Stand) {
        self.stop_watching();
    }

    /// It was told to be ready. Who was quicker may have left nothing.
    fn collect(&self, _stand: Option<&Stand>, _at: Site) -> bool {
        self.stop_watching();
        self.poll()
    }

    fn abandon(&self) {
        self.stop_watching();
    }

    fn fail(&self, reason: Reason, at: Site) -> Option<Reason> {
        let kind = match &reason {
            Reason::Deadlock(_) => io::ErrorKind::Deadlock,
            _ => io::ErrorKind::WouldBlock,
        };
        self.output.set(Some(Err(io::Error::new(kind, SelectError { reason, arms: 1, at }))));
        None
    }
}

impl<W: Watch + ?Sized> Arm for Ready<'_, W> {
    type Output = io::Result<()>;

    const KIND: Kind = Kind::Outside;

    fn take(&self) -> Option<io::Result<()>> {
        self.output.take()
    }
}

impl<W: ?Sized> fmt::Debug for Ready<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("readiness", &self.readiness).finish_non_exhaustive()
    }
}
