//! Being told when a descriptor is ready, besides other things that are waited for: what the arms `readable` and `writable` of a select
//! are made of.
//!
//! To watch is not to take part: all who watch a direction are told, and so is the first of those who wait there to do something.
//!
//! ```
//! use std::cell::Cell;
//! use std::io::Write;
//! use std::rc::Rc;
//! use std::time::Duration;
//! use tasklets_runtime::io::watch::{Readiness, Watch, Watcher};
//! use tasklets_runtime::net::UnixStream;
//! use tasklets_runtime::park::TaskletId;
//! use tasklets_runtime::sleep;
//!
//! struct Bell(Cell<u32>);
//!
//! impl Watcher for Bell {
//!     fn ready(&self, number: u32) -> Option<TaskletId> {
//!         self.0.set(number);
//!         None // nobody is to be woken
//!     }
//! }
//!
//! let (here, mut there) = UnixStream::pair()?;
//! let bell = Rc::new(Bell(Cell::new(0)));
//! assert!(!here.poll_ready(Readiness::Readable)?);
//! let _watching = here.watch(Readiness::Readable, bell.clone(), 7)?;
//! there.write_all(b"ding")?;
//! while bell.0.get() != 7 {
//!     sleep(Duration::from_millis(1)).unwrap();
//! }
//! assert!(here.poll_ready(Readiness::Readable)?);
//! # Ok::<(), std::io::Error>(())
//! ```

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::panic::Location;
use std::rc::Rc;

use rustix::event::{PollFd, PollFlags, Timespec};

use super::operation::Operation;
use super::perform::{SeatOf, persistently};
use super::reactor::Reactor;
use super::source::{Endpoint, Source, Wish};
use super::turns::Who;
use crate::core::Scheduler;
use crate::park::{TaskletId, Wait};

/// What a descriptor is watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// A read would not wait: there is something, or the end, or an error. Of a listener, a connection.
    Readable,
    /// A write would not wait: there is room, or an error.
    Writable,
}

impl Readiness {
    fn operation(self) -> Operation {
        match self {
            Readiness::Readable => Operation::Readable,
            Readiness::Writable => Operation::Writable,
        }
    }

    fn flags(self) -> PollFlags {
        match self {
            Readiness::Readable => PollFlags::IN,
            Readiness::Writable => PollFlags::OUT,
        }
    }
}

/// Who is told of descriptors.
pub trait Watcher {
    /// What it watches under this number may be ready, and is not watched any more. Returns who is to be woken, of those tasklets of
    /// the thread that wait with [`outside`](crate::park::Terms::outside). It must neither switch nor run foreign code.
    fn ready(&self, number: u32) -> Option<TaskletId>;
}

/// What can be watched: the sockets of [`net`](crate::net), and [`Pollable`](super::Pollable). Other types cannot implement it.
pub trait Watch: sealed::Sealed {
    /// Whether it is ready now, as the kernel says.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn poll_ready(&self, readiness: Readiness) -> io::Result<bool>;

    /// Has somebody on this thread told once when it may be ready, as long as what is returned lives. None if it may be now, for all that
    /// is known without asking the kernel: ask [`poll_ready`](Watch::poll_ready) first, and again then.
    ///
    /// # Errors
    ///
    /// Those of the system, as where the thread has no poller yet and there is no descriptor left for one.
    fn watch(&self, readiness: Readiness, who: Rc<dyn Watcher>, number: u32) -> io::Result<Option<Watching>>;
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

impl<W: Watch + ?Sized> sealed::Sealed for &W {}

impl<W: Watch + ?Sized> Watch for &W {
    fn poll_ready(&self, readiness: Readiness) -> io::Result<bool> {
        (**self).poll_ready(readiness)
    }

    fn watch(&self, readiness: Readiness, who: Rc<dyn Watcher>, number: u32) -> io::Result<Option<Watching>> {
        (**self).watch(readiness, who, number)
    }
}

/// Implements [`Watch`] for what has a `source`.
macro_rules! watch {
    ($name:ty $(, $($generics:tt)+)?) => {
        impl $(<$($generics)+>)? $crate::io::watch::sealed::Sealed for $name {}

        impl $(<$($generics)+>)? $crate::io::watch::Watch for $name {
            fn poll_ready(&self, readiness: $crate::io::watch::Readiness) -> std::io::Result<bool> {
                self.source.poll_ready(readiness)
            }

            fn watch(
                &self,
                readiness: $crate::io::watch::Readiness,
                who: std::rc::Rc<dyn $crate::io::watch::Watcher>,
                number: u32,
            ) -> std::io::Result<Option<$crate::io::watch::Watching>> {
                self.source.watch(readiness, who, number)
            }
        }
    };
}

pub(crate) use watch;

/// Somebody watches a descriptor; no longer than this lives.
pub struct Watching {
    reactor: Rc<Reactor>,
    place: u32,
    who: Rc<dyn Watcher>,
    number: u32,
}

impl Watching {
    /// What is waited on, and the ticket there, for reports.
    pub fn place(&self) -> (Rc<dyn Wait>, u32) {
        (self.reactor.clone(), self.place)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let who = self.reactor.seats.borrow_mut().unwatch(self.place, &self.who, self.number);
        drop(who);
    }
}

impl fmt::Debug for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watching").field("number", &self.number).finish_non_exhaustive()
    }
}

impl<T: Endpoint> Source<T> {
    pub(crate) fn poll_ready(&self, readiness: Readiness) -> io::Result<bool> {
        let is_ready = persistently(|| is_ready_now(self.io(), readiness))?;
        if !is_ready {
            // What was known from an event is out of date: the next one tells.
            self.drained(&Scheduler::local(), readiness.operation().direction());
        }
        Ok(is_ready)
    }

    pub(crate) fn watch(
        &self,
        readiness: Readiness,
        who: Rc<dyn Watcher>,
        number: u32,
    ) -> io::Result<Option<Watching>> {
        let (scheduler, operation) = (Scheduler::local(), readiness.operation());
        let SeatOf { reactor, slot } = self.seat_or_register(&scheduler, operation.direction())?;
        let mut seats = reactor.seats.borrow_mut();
        if seats.is_ready(slot, operation.direction()) {
            return Ok(None);
        }
        let place = seats.watch(slot, Who::Called(who.clone(), number), operation);
        drop(seats);
        Ok(Some(Watching { reactor: reactor.clone(), place, who, number }))
    }

    /// Waits until it is ready.
    pub(crate) fn wait_until(&self, readiness: Readiness, at: &'static Location<'static>) -> io::Result<()> {
        let wish = Wish { at, ..Wish::new(readiness.operation()) };
        self.perform_whole(wish, |io| {
            if is_ready_now(io, readiness)? { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
        })
    }
}

/// Asks the kernel whether the descriptor is ready.
fn is_ready_now(io: &impl AsFd, readiness: Readiness) -> io::Result<bool> {
    let ready = rustix::event::poll(&mut [PollFd::new(io, readiness.flags())], Some(&Timespec::default()))?;
    Ok(ready != 0)
}
