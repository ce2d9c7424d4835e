//! A thread's poller: which descriptors it watches, and who is woken when one may be ready.
//!
//! It is made when a tasklet of the thread first has to wait for a descriptor. From then on it is what the idle thread sleeps in.
//! A descriptor is registered once, edge-triggered and for both directions; from then on waiting costs no system call.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::Duration;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token, Waker};

use super::foresight::{Coming, Foresight};
use super::precise;
use super::readiness::{Calls, Seats};
use super::review;
use super::seat::{READ, READ_ENDED, WRITE, WRITE_ENDED};
use super::source::Watched;
use super::turns::Who;
use crate::core::Scheduler;
use crate::park::{Description, Inbox, TaskletId, Wait};

/// Events that are taken from the kernel at once. It looks at each descriptor then, and so does the tasklet that is told: if there are not
/// too many between the two, what both look at is in the cache still.
const BATCH: usize = 64;

/// A busy thread does not look at its poller while so many tasklets have been told of events and have not gone on yet: who would be told
/// then had to wait for those all the same.
const BACKLOG: usize = 32;

/// How long a busy thread runs before it looks at its poller, at least, in nanoseconds: a look is a system call.
const BUSY: u64 = 200_000;

/// How long at most, in nanoseconds: not all that were told need go on soon, some may have been taken out of the ring.
const LONG: u64 = 5_000_000;

/// The token of the alarm, with which other threads end the sleep.
const ALARM: Token = Token(usize::MAX);

pub(crate) struct Reactor {
    poll: RefCell<Poll>,
    /// What the kernel told last. Taken out while it is gone through.
    events: Cell<Option<Events>>,
    pub(crate) seats: RefCell<Seats>,
    pub(super) link: Arc<Link>,
    pub(super) foresight: Foresight,
    /// When it last looked, by the clock of [`Pace`](crate::pace::Pace).
    looked: Cell<u64>,
    /// When it last asked anew.
    pub(super) reviewed: Cell<u64>,
    /// Events that a test wants to be lost.
    pub(super) to_lose: Cell<usize>,
}

/// A thread's poller as other threads see it.
pub(crate) struct Link {
    pub(super) registry: Registry,
    pub(super) inbox: Inbox,
}

impl Reactor {
    fn new(inbox: &Inbox) -> io::Result<Reactor> {
        let poll = Poll::new()?;
        let link = Arc::new(Link { registry: poll.registry().try_clone()?, inbox: inbox.clone() });
        // Last, when nothing can fail any more: whoever wakes the thread then rings there.
        inbox.sleep_in_poller(Waker::new(poll.registry(), ALARM)?);
        Ok(Reactor {
            poll: RefCell::new(poll),
            events: Cell::new(Some(Events::with_capacity(BATCH))),
            seats: RefCell::default(),
            foresight: Foresight::default(),
            link,
            looked: Cell::new(0),
            reviewed: Cell::new(0),
            to_lose: Cell::new(0),
        })
    }

    /// Watches a source from now on; its slot. If it is ready now, an event says so.
    pub(super) fn register(&self, source: Weak<dyn Watched>, fd: i32) -> io::Result<u32> {
        let address = source.as_ptr().cast::<()>();
        let (slot, token) = self.seats.borrow_mut().add(source);
        if let Err(error) = self.link.registry.register(&mut SourceFd(&fd), Token(token), interests()) {
            let seat = self.seats.borrow_mut().remove(slot, address);
            drop(seat);
            return Err(error);
        }
        Ok(slot)
    }

    /// Takes from the kernel what has happened, and waits for that no longer than this.
    fn collect(&self, timeout: Option<Duration>) {
        let mut events = self.events.take().unwrap_or_else(|| Events::with_capacity(BATCH));
        let polled = {
            let mut poll = self.poll.borrow_mut();
            precise::poll(&mut poll, &self.link.registry, &mut events, timeout)
        };
        match polled {
            Ok(()) => {}
            // Nothing has happened, or the next look tells of it.
            Err(_) => events.clear(),
        }
        self.events.set(Some(events));
    }

    /// Whether it is long ago that it looked, and somebody wants it to.
    fn is_due(&self, now: u64) -> bool {
        let since = now - self.looked.get();
        since >= BUSY && self.is_wanted() && (since >= LONG || self.seats.borrow().told() < BACKLOG)
    }

    /// Whether anything waits for an event.
    pub(crate) fn is_wanted(&self) -> bool {
        self.seats.borrow().waiting() != 0
    }

    /// The local side of a source that is being dropped, or is watched by another thread only.
    pub(super) fn forget(&self, slot: u32, source: *const ()) {
        let seat = self.seats.borrow_mut().remove(slot, source);
        drop(seat);
    }
}

impl Scheduler {
    /// The thread's poller, made when first wanted.
    pub(super) fn reactor(&self) -> io::Result<&Rc<Reactor>> {
        if let Some(reactor) = self.core.reactor.get() {
            return Ok(reactor);
        }
        let made = Rc::new(Reactor::new(self.inbox())?);
        Ok(self.core.reactor.get_or_init(|| made))
    }

    /// Whether a busy thread is to look at its poller.
    pub(crate) fn io_is_due(&self) -> bool {
        self.core.reactor.get().is_some_and(|reactor| reactor.is_due(self.core.pace.last_mark()))
    }

    /// Whether something waits for descriptors.
    pub(crate) fn awaits_io(&self) -> bool {
        self.core.reactor.get().is_some_and(|reactor| reactor.is_wanted())
    }

    /// Wakes those who wait for what has happened meanwhile.
    pub(crate) fn look_at_io(&self) {
        if let Some(reactor) = self.core.reactor.get() {
            let now = self.core.pace.last_mark();
            reactor.review(now);
            reactor.collect(Some(Duration::ZERO));
            reactor.looked.set(now);
            self.tell_of_events();
        }
    }

    /// Where an idle thread sleeps until a moment, or until it is woken: in the poller, if there is one.
    pub(crate) fn sleep_in_bed(&self, time: Option<Duration>) {
        match self.core.reactor.get() {
            Some(reactor) => {
                let now = self.core.pace.last_mark();
                reactor.review(now);
                let most = reactor.is_wanted().then_some(review::EVERY);
                reactor.collect([time, most].into_iter().flatten().min());
                reactor.looked.set(now);
            }
            None => self.core.mailroom.park(time),
        }
    }

    /// Wakes those who wait for what was collected.
    pub(crate) fn tell_of_events(&self) {
        let Some(reactor) = self.core.reactor.get() else { return };
        // Waking runs a subscriber, which may do anything.
        let Some(events) = reactor.events.take() else { return };
        let mut coming = Coming::of(&events, reactor, &self.core.table.borrow());
        for event in &events {
            if let Some(coming) = &mut coming {
                coming.go_on(reactor, &self.core.table.borrow());
            }
            if reactor.to_lose.get() != 0 {
                reactor.to_lose.update(|count| count - 1);
                continue;
            }
            if event.token() == ALARM {
                continue;
            }
            let (token, happened) = (event.token().0, happened(event));
            let plain = reactor.seats.borrow_mut().plain_event(token, happened);
            if let Some(id) = plain {
                self.wake_outside(id);
                continue;
            }
            let calls = reactor.seats.borrow_mut().event(token, happened);
            let watched = calls.watched;
            self.call(calls);
            if watched {
                self.tell_onlookers(reactor, token);
            }
        }
        let mut events = events;
        events.clear();
        reactor.events.set(Some(events));
    }

    fn call(&self, calls: Calls) {
        let Calls { who, forsaken, .. } = calls;
        for who in who.into_iter().flatten() {
            self.tell(who);
        }
        if let Some(source) = forsaken.and_then(|source| source.upgrade()) {
            source.leave_thread(self);
        }
    }

    #[cold]
    fn tell_onlookers(&self, reactor: &Reactor, token: usize) {
        loop {
            let who = reactor.seats.borrow_mut().take_watcher(token);
            let Some(who) = who else { break };
            self.tell(who);
        }
    }

    /// Tells one that a direction may be ready.
    pub(crate) fn tell(&self, who: Who) {
        match who {
            Who::Tasklet(id) => self.wake_outside(id),
            Who::Called(what, number) => {
                if let Some(id) = what.ready(number) {
                    self.wake_outside(id);
                }
            }
        }
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seats = self.seats.borrow();
        f.debug_struct("Reactor").field("watched", &seats.len()).field("waiting", &seats.waiting()).finish()
    }
}

/// Makes the thread's poller, if there is none: before connections are accepted that could take the last descriptors, and would then
/// have none to wait in.
#[inline]
pub(crate) fn make_sure() -> io::Result<()> {
    Scheduler::local().reactor().map(drop)
}

/// What is asked about a descriptor.
pub(super) fn interests() -> Interest {
    let both = Interest::READABLE | Interest::WRITABLE;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // A read ends at urgent data, and does not say that there is more behind.
    let both = both | Interest::PRIORITY;
    both
}

fn happened(event: &Event) -> u8 {
    let mut bits = 0;
    if event.is_readable() {
        bits |= READ;
    }
    if event.is_writable() {
        bits |= WRITE;
    }
    if event.is_read_closed() || event.is_priority() {
        bits |= READ | READ_ENDED;
    }
    if event.is_write_closed() {
        bits |= WRITE | WRITE_ENDED;
    }
    if event.is_error() {
        bits |= READ | READ_ENDED | WRITE | WRITE_ENDED;
    }
    bits
}

impl Wait for Reactor {
    fn unlink(&self, ticket: u32) {
        // Nobody is to be told instead: it was not called itself, or else it would not be blocked.
        let next = self.seats.borrow_mut().leave(ticket);
        debug_assert!(next.is_none());
    }

    fn neighbours(&self, ticket: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        self.seats.borrow().neighbours(ticket)
    }

    fn describe(&self, ticket: u32) -> Description {
        let waiter = self.seats.borrow().waiter(ticket);
        let Some((operation, source)) = waiter else {
            return Description { operation: "wait", on: "a descriptor".to_owned() };
        };
        let on = source.upgrade().map_or_else(|| "a descriptor".to_owned(), |source| source.describe());
        Description { operation: operation.name(), on }
    }
}
