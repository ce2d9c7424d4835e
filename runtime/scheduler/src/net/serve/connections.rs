//! The connections of a server: those that wait, those that have something to read, those that are being served.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::panic::{Location, resume_unwind};
use std::rc::{Rc, Weak};
use std::time::Instant;

use slab::Slab;

use super::Served;
use super::listen::sealed::{Called, Connected};
use super::work::Each;
use crate::core::Scheduler;
use crate::io::WaitError;
use crate::io::operation::Operation;
use crate::io::turns::Who;
use crate::io::watch::Watcher;
use crate::park::{Description, TaskletId, Terms, Unwoken, Wait};

/// A connection, and what is kept for it.
pub(super) struct Connection<T, S> {
    pub(super) stream: T,
    pub(super) state: S,
}

/// Where a connection is.
enum Place<T, S> {
    /// It waits, with this turn, since this sweep.
    Idle(Connection<T, S>, u32, u32),
    /// There may be something to read.
    Ready(Connection<T, S>),
    /// A tasklet serves it.
    Served(TaskletId),
}

/// Whether connections are still wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    No,
    /// Those that have asked for something are answered.
    Finishing,
    Ended,
}

pub(super) struct Connections<T: 'static, S: 'static> {
    this: Weak<Connections<T, S>>,
    pub(super) each: Each<T, S>,
    places: RefCell<Slab<Place<T, S>>>,
    ready: RefCell<VecDeque<u32>>,
    /// A tasklet is in the ring that will look at those that are ready.
    standby: Cell<bool>,
    /// Sweeps so far.
    sweeps: Cell<u32>,
    served: Cell<Served>,
    closing: Cell<Closing>,
    /// Who serves, and whether that waits for a connection to be closed.
    server: TaskletId,
    dozing: Cell<bool>,
    on: String,
}

/// Sweeps that an idle connection survives.
const SURVIVED: u32 = 4;

impl<T: Connected, S> Connections<T, S> {
    pub(super) fn new(each: Each<T, S>, on: String, server: TaskletId) -> Rc<Connections<T, S>> {
        Rc::new_cyclic(|this| Connections {
            this: this.clone(),
            each,
            places: RefCell::default(),
            ready: RefCell::default(),
            standby: Cell::new(false),
            sweeps: Cell::new(0),
            served: Cell::default(),
            closing: Cell::new(Closing::No),
            server,
            dozing: Cell::new(false),
            on,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.places.borrow().len()
    }

    pub(super) fn served(&self) -> Served {
        self.served.get()
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Served)) {
        let mut served = self.served.get();
        change(&mut served);
        self.served.set(served);
    }

    fn this(&self) -> Rc<Connections<T, S>> {
        self.this.upgrade().expect("it is borrowed")
    }

    /// Takes in a new connection. If it cannot be waited for, it is closed.
    pub(super) fn admit(&self, scheduler: &Scheduler, stream: T, state: S) {
        self.count(|served| served.accepted += 1);
        let number = self.places.borrow_mut().insert(Place::Served(self.server)) as u32;
        self.let_wait(scheduler, number, Connection { stream, state });
    }

    /// A connection that has been served waits for more; or is served again, if there is more.
    pub(super) fn let_wait(&self, scheduler: &Scheduler, number: u32, connection: Connection<T, S>) {
        let attended = match self.closing.get() {
            Closing::No => self.attend(scheduler, number, &connection.stream),
            Closing::Finishing if !connection.stream.is_drained() => Ok(None),
            _ => return self.close(scheduler, number, connection),
        };
        let place = match attended {
            Err(_) => return self.close(scheduler, number, connection),
            Ok(Some(turn)) => Place::Idle(connection, turn, self.sweeps.get()),
            Ok(None) => Place::Ready(connection),
        };
        let is_ready = matches!(place, Place::Ready(_));
        self.places.borrow_mut()[number as usize] = place;
        if is_ready {
            self.make_ready(number);
        }
    }

    /// Its turn, if there is nothing to read now.
    fn attend(&self, scheduler: &Scheduler, number: u32, stream: &T) -> io::Result<Option<u32>> {
        let ask = || stream.tell(Called(scheduler, Who::Called(self.this(), number)));
        if let Some(turn) = ask()? {
            return Ok(Some(turn));
        }
        // It is not known: a closure that were to read nothing would keep its stack while it waits.
        if stream.is_drained() { ask() } else { Ok(None) }
    }

    fn make_ready(&self, number: u32) {
        self.ready.borrow_mut().push_back(number);
        self.stand_by();
    }

    /// Sees to it that somebody looks at those that are ready.
    pub(super) fn stand_by(&self) {
        if !self.standby.replace(true) {
            let this = self.this();
            crate::spawn(move || this.work()).detach();
        }
    }

    pub(super) fn begin(&self) {
        self.standby.set(false);
    }

    /// Takes the one that has been ready for longest, to be served by a tasklet. If there are more, another tasklet stands by, and
    /// goes on with them if this one has to wait.
    pub(super) fn take_ready(&self, by: TaskletId) -> Option<(u32, Connection<T, S>)> {
        loop {
            let number = self.ready.borrow_mut().pop_front()?;
            let mut places = self.places.borrow_mut();
            let Some(place) = places.get_mut(number as usize) else { continue };
            match std::mem::replace(place, Place::Served(by)) {
                Place::Ready(connection) => {
                    drop(places);
                    if !self.ready.borrow().is_empty() {
                        self.stand_by();
                    }
                    return Some((number, connection));
                }
                other => *place = other,
            }
        }
    }

    /// Closes a connection that is served. What is kept for it may do anything when it is dropped.
    pub(super) fn close(&self, scheduler: &Scheduler, number: u32, connection: Connection<T, S>) {
        self.forget(scheduler, number);
        drop(connection);
    }

    /// A connection that was served is gone.
    pub(super) fn forget(&self, scheduler: &Scheduler, number: u32) {
        let place = self.places.borrow_mut().try_remove(number as usize);
        drop(place);
        if self.dozing.get() {
            scheduler.wake_outside(self.server);
        }
    }

    /// Closes those that have waited for too long.
    pub(super) fn sweep(&self, scheduler: &Scheduler) {
        let now = self.sweeps.get().wrapping_add(1);
        self.sweeps.set(now);
        let closed = self.close_those(scheduler, |since| now.wrapping_sub(since) > SURVIVED);
        self.count(|served| served.timed_out += closed);
    }

    /// Closes those that wait, and from now on all that have been served, except if there is something to read: to close those would
    /// reset them, and what was asked before the end is answered.
    pub(super) fn close_idle(&self, scheduler: &Scheduler) {
        self.closing.set(Closing::Finishing);
        let asked = |place: &Place<T, S>| matches!(place, Place::Idle(idle, ..) if !idle.stream.is_drained());
        let numbers: Vec<usize> =
            self.places.borrow().iter().filter(|(_, place)| asked(place)).map(|(number, _)| number).collect();
        for number in numbers {
            let turn = match self.places.borrow().get(number) {
                Some(Place::Idle(_, turn, _)) => *turn,
                _ => continue,
            };
            leave_queue(scheduler, turn);
            self.ready(number as u32);
        }
        self.close_those(scheduler, |_| true);
    }

    /// Closes all that nobody serves just now, and from now on the others when they have been served.
    pub(super) fn close_all(&self, scheduler: &Scheduler) {
        self.closing.set(Closing::Ended);
        self.close_those(scheduler, |_| true);
        loop {
            let Some(number) = self.ready.borrow_mut().pop_front() else { break };
            let mut places = self.places.borrow_mut();
            let is_ready = matches!(places.get(number as usize), Some(Place::Ready(_)));
            let place = is_ready.then(|| places.remove(number as usize));
            drop(places);
            drop(place);
        }
    }

    fn close_those(&self, scheduler: &Scheduler, which: impl Fn(u32) -> bool) -> u64 {
        let idle = |place: &Place<T, S>| matches!(place, Place::Idle(_, _, since) if which(*since));
        let numbers: Vec<usize> =
            self.places.borrow().iter().filter(|(_, place)| idle(place)).map(|(number, _)| number).collect();
        let mut closed = 0;
        for number in numbers {
            // What was closed before may have done something to this one when it was dropped.
            let mut places = self.places.borrow_mut();
            if !places.get(number).is_some_and(idle) {
                continue;
            }
            let Place::Idle(connection, turn, _) = places.remove(number) else { continue };
            drop(places);
            leave_queue(scheduler, turn);
            closed += 1;
            drop(connection);
        }
        closed
    }

    /// Kills the tasklets that serve a connection still.
    pub(super) fn kill_all(&self, scheduler: &Scheduler) {
        let served = self.places.borrow();
        let by = served.iter().filter_map(|(_, place)| if let Place::Served(by) = place { Some(*by) } else { None });
        let by: Vec<TaskletId> = by.collect();
        drop(served);
        for id in by {
            if let Some(tasklet) = scheduler.tasklet(id) {
                self.count(|served| served.killed += 1);
                let _ = tasklet.kill();
            }
        }
    }

    /// Waits until a connection is closed, until a moment, or for no reason.
    pub(super) fn doze(
        &self,
        scheduler: &Scheduler,
        until: Option<Instant>,
        at: &'static Location<'static>,
    ) -> io::Result<()> {
        let terms = Terms { deadline: until, outside: true };
        let refuse = |refusal| WaitError::refused(Operation::Serve, self.on.clone(), refusal);
        scheduler.check_wait(false, terms).map_err(refuse)?;
        self.dozing.set(true);
        let waited = scheduler.wait_on(self.this(), 0, at, terms);
        self.dozing.set(false);
        match waited {
            Ok(()) | Err(Unwoken::TimedOut) => Ok(()),
            Err(Unwoken::Thrown(payload)) => resume_unwind(payload),
            Err(Unwoken::Deadlock(report)) => Err(WaitError::deadlock(Operation::Serve, self.on.clone(), report)),
        }
    }
}

/// Nothing is waited for any more with this turn.
fn leave_queue(scheduler: &Scheduler, turn: u32) {
    if let Some(reactor) = scheduler.core.reactor.get() {
        let next = reactor.seats.borrow_mut().leave(turn);
        if let Some(next) = next {
            scheduler.tell(next);
        }
    }
}

impl<T: Connected, S> Watcher for Connections<T, S> {
    fn ready(&self, number: u32) -> Option<TaskletId> {
        let mut places = self.places.borrow_mut();
        let place = places.get_mut(number as usize)?;
        // For a moment it is served by nobody.
        match std::mem::replace(place, Place::Served(TaskletId::default())) {
            Place::Idle(connection, _, _) => *place = Place::Ready(connection),
            other => *place = other,
        }
        drop(places);
        self.make_ready(number);
        None
    }
}

impl<T, S> Wait for Connections<T, S> {
    fn unlink(&self, _ticket: u32) {}

    fn describe(&self, _ticket: u32) -> Description {
        Description { operation: "serve", on: self.on.clone() }
    }
}
