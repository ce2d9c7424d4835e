//! Something with a descriptor, that tasklets of any thread do things with which may have to wait.
//!
//! Every operation first asks the kernel. Only if that says that it would block, is the descriptor registered with the thread's
//! poller, and the tasklet waits. A descriptor may be registered with the pollers of several threads: each thread has a seat for it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Registry, Token};
use parking_lot::Mutex;

use super::error::WaitError;
use super::operation::{Direction, Operation};
use super::reactor::{self, Link, Reactor};
use crate::core::Scheduler;
use crate::seams::clock;
use crate::wakeup::inbox::Command;

/// What tasklets can wait for with a poller.
pub(crate) trait Endpoint: AsFd + 'static {
    /// How it is called in messages.
    fn describe(&self) -> String;
}

/// A source as a thread's poller knows it.
pub(crate) trait Watched {
    fn describe(&self) -> String;

    /// Has a poller tell of what is ready now, as if it had just been added.
    fn ask_anew(&self, registry: &Registry, token: usize);

    /// Its tasklets wait elsewhere, if that is so: this thread stops watching it.
    fn leave_thread(&self, scheduler: &Scheduler);
}

/// An endpoint, shared by those who use it. The last handle closes it.
pub(crate) struct Source<T: Endpoint>(Arc<Inner<T>>);

/// One line of the cache, apart from the counts of its owners.
#[repr(align(64))]
struct Inner<T: Endpoint> {
    registered: Registered,
    limits: [Limit; 2],
    /// Taken out by its last owner only.
    io: Option<T>,
}

/// Where a descriptor is registered.
struct Registered {
    /// Where it was waited for last: the thread's number, and the slot of its seat there, in 32 bits each. A hint.
    home: AtomicU64,
    places: Mutex<Vec<Place>>,
}

struct Place {
    link: Arc<Link>,
    slot: u32,
}

const NOWHERE: u64 = u64::MAX;

/// How long an operation may wait, in nanoseconds. 0 is for ever.
#[derive(Default)]
struct Limit(AtomicU64);

/// When an operation gives up.
#[derive(Clone, Copy)]
pub(crate) enum Patience {
    /// As the source has it for the direction.
    Usual,
    Until(Option<Instant>),
}

/// What is to be done with a source.
#[derive(Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) operation: Operation,
    pub(crate) patience: Patience,
    pub(crate) at: &'static Location<'static>,
}

impl Wish {
    /// To do something as soon as it can be done, within the limits of the source.
    #[track_caller]
    #[inline]
    pub(crate) fn new(operation: Operation) -> Wish {
        Wish { operation, patience: Patience::Usual, at: Location::caller() }
    }

    #[inline]
    pub(crate) fn direction(self) -> Direction {
        self.operation.direction()
    }

    /// To give up then.
    pub(crate) fn until(self, deadline: Option<Instant>) -> Wish {
        Wish { patience: Patience::Until(deadline), ..self }
    }

    /// Waits for a time, to try again then.
    pub(crate) fn pause(self, time: Duration, on: impl Fn() -> String) -> io::Result<()> {
        let scheduler = Scheduler::local();
        let again = clock::deadline(&scheduler, time);
        scheduler.nap(again, self.at).map_err(|refused| WaitError::refused(self.operation, on(), refused.into_reason()))
    }

    /// To give up after this much time.
    pub(crate) fn within(self, time: Duration) -> Wish {
        self.until(clock::deadline(&Scheduler::local(), time))
    }
}

impl Limit {
    #[inline]
    fn get(&self) -> Option<Duration> {
        let nanos = self.0.load(Ordering::Relaxed);
        (nanos != 0).then(|| Duration::from_nanos(nanos))
    }

    fn set(&self, limit: Option<Duration>) {
        let nanos = limit.map_or(0, |limit| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX).max(1));
        self.0.store(nanos, Ordering::Relaxed);
    }
}

impl Registered {
    /// Its slot with this thread's poller.
    #[inline]
    fn slot_on(&self, scheduler: &Scheduler, reactor: &Reactor, address: *const ()) -> Option<u32> {
        let home = self.home.load(Ordering::Relaxed);
        let slot = home as u32;
        if home >> 32 == scheduler.inbox().number() & u64::from(u32::MAX) && reactor.seats.borrow().holds(slot, address)
        {
            return Some(slot);
        }
        if home == NOWHERE { None } else { self.look_up(scheduler) }
    }

    #[cold]
    fn look_up(&self, scheduler: &Scheduler) -> Option<u32> {
        let places = self.places.lock();
        let place = places.iter().find(|place| place.link.inbox == *scheduler.inbox())?;
        let slot = place.slot;
        drop(places);
        self.settle(scheduler, slot);
        Some(slot)
    }

    /// Notes that it was waited for here last.
    fn settle(&self, scheduler: &Scheduler, slot: u32) {
        self.home.store(scheduler.inbox().number() << 32 | u64::from(slot), Ordering::Relaxed);
    }

    #[cold]
    fn register(&self, scheduler: &Scheduler, source: Weak<dyn Watched>, fd: RawFd) -> io::Result<u32> {
        let reactor = scheduler.reactor()?;
        let slot = reactor.register(source, fd)?;
        let place = Place { link: reactor.link.clone(), slot };
        let mut places = self.places.lock();
        places.reserve_exact(1);
        places.push(place);
        drop(places);
        self.settle(scheduler, slot);
        Ok(slot)
    }

    /// Stops being watched by the thread's poller, if others have waited for it since.
    fn leave_thread(&self, scheduler: &Scheduler, address: *const (), fd: RawFd) {
        if self.home.load(Ordering::Relaxed) >> 32 == scheduler.inbox().number() & u64::from(u32::MAX) {
            return;
        }
        let mut places = self.places.lock();
        let Some(at) = places.iter().position(|place| place.link.inbox == *scheduler.inbox()) else { return };
        let place = places.swap_remove(at);
        drop(places);
        place.dismiss(address, fd);
    }

    /// Stops being watched at all. What a descriptor has in pollers would outlive it where another one is a duplicate of it.
    fn dismiss(&mut self, address: *const (), fd: RawFd) {
        for place in self.places.get_mut().drain(..) {
            place.dismiss(address, fd);
        }
    }
}

impl Place {
    fn dismiss(self, address: *const (), fd: RawFd) {
        // A poller that does not know of it, has nothing to forget.
        let _ = self.link.registry.deregister(&mut SourceFd(&fd));
        let (slot, address) = (self.slot, address as usize);
        let here = Scheduler::existing().filter(|here| *here.inbox() == self.link.inbox);
        match here {
            Some(here) => forget(&here, slot, address),
            // Of a thread that has ended, nothing is left.
            None => drop(self.link.inbox.post(Command::Do(Box::new(move |there| forget(there, slot, address))))),
        }
    }
}

fn forget(scheduler: &Scheduler, slot: u32, address: usize) {
    if let Some(reactor) = scheduler.core.reactor.get() {
        reactor.forget(slot, std::ptr::without_provenance(address));
    }
}

impl<T: Endpoint> Inner<T> {
    #[inline]
    fn io(&self) -> &T {
        self.io.as_ref().expect("only its last owner takes it out")
    }

    fn fd(&self) -> RawFd {
        self.io().as_fd().as_raw_fd()
    }

    fn address(&self) -> *const () {
        std::ptr::from_ref(self).cast()
    }

    fn dismiss(&mut self) {
        if let Some(io) = &self.io {
            let (fd, address) = (io.as_fd().as_raw_fd(), std::ptr::from_ref(&*self).cast());
            self.registered.dismiss(address, fd);
        }
    }
}

impl<T: Endpoint> Drop for Inner<T> {
    fn drop(&mut self) {
        self.dismiss();
    }
}

impl<T: Endpoint> Watched for Inner<T> {
    fn describe(&self) -> String {
        self.io().describe()
    }

    fn ask_anew(&self, registry: &Registry, token: usize) {
        // Where that fails, things are as they were.
        let _ = registry.reregister(&mut SourceFd(&self.fd()), Token(token), reactor::interests());
    }

    fn leave_thread(&self, scheduler: &Scheduler) {
        self.registered.leave_thread(scheduler, self.address(), self.fd());
    }
}

impl<T: Endpoint> Clone for Source<T> {
    fn clone(&self) -> Source<T> {
        Source(self.0.clone())
    }
}

impl<T: Endpoint> Source<T> {
    pub(crate) fn new(io: T) -> Source<T> {
        let registered = Registered { home: AtomicU64::new(NOWHERE), places: Mutex::default() };
        Source(Arc::new(Inner { registered, limits: Default::default(), io: Some(io) }))
    }

    #[inline]
    pub(crate) fn io(&self) -> &T {
        self.0.io()
    }

    /// The endpoint, if this is its only handle.
    pub(crate) fn into_inner(self) -> Result<T, Source<T>> {
        let mut inner = Arc::try_unwrap(self.0).map_err(Source)?;
        inner.dismiss();
        Ok(inner.io.take().expect("only its last owner takes it out"))
    }

    /// How long operations in this direction may wait.
    #[inline]
    pub(crate) fn limit(&self, direction: Direction) -> Option<Duration> {
        self.0.limits[direction as usize].get()
    }

    pub(crate) fn set_limit(&self, direction: Direction, limit: Option<Duration>) -> io::Result<()> {
        if limit == Some(Duration::ZERO) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no time at all is no timeout; None is for ever"));
        }
        self.0.limits[direction as usize].set(limit);
        Ok(())
    }

    /// Its slot with this thread's poller, if that watches it.
    #[inline]
    pub(super) fn slot(&self, scheduler: &Scheduler, reactor: &Reactor) -> Option<u32> {
        self.0.registered.slot_on(scheduler, reactor, self.0.address())
    }

    /// Lets this thread's poller watch it; its slot.
    pub(super) fn register(&self, scheduler: &Scheduler) -> io::Result<u32> {
        let watched: Arc<dyn Watched> = self.0.clone();
        self.0.registered.register(scheduler, Arc::downgrade(&watched), self.0.fd())
    }

    pub(super) fn watched(&self) -> &dyn Watched {
        &*self.0
    }
}
