//! The mailbox of an actor that is a function.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::panic::{Location, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tasklets_runtime::park::{Terms, Unwoken};
use tasklets_runtime::{Scheduler, TaskletExit, current, is_cancelled, now};

use super::addr::{Addr, AnyAddr, MonitorId};
use super::arm::Bell;
use super::core::{Core, Order, Phase};
use super::error::MailboxError;
use super::function::Function;
use super::node::{Node, tell_first, wake_some};
use super::reason::{Badge, Down, Reason};
use super::waiter::{Doing, FOREVER, Site, Waiter, bench, ticket, until, within};

/// Where an actor that is a function receives its messages; see [`spawn`](super::spawn).
///
/// It takes messages out in batches: what it has taken out does not count against the capacity any more.
pub struct Mailbox<M: Send + 'static> {
    pub(super) cell: Arc<Function<M>>,
    /// Taken out of the queue, and not received.
    batch: RefCell<VecDeque<M>>,
    pub(super) bell: Bell,
    /// The order that was seen.
    told: Cell<bool>,
}

impl<M: Send + 'static> Mailbox<M> {
    pub(super) fn new(cell: Arc<Function<M>>) -> Mailbox<M> {
        Mailbox { cell, batch: RefCell::default(), bell: Bell::new(), told: Cell::new(false) }
    }

    /// What was taken out and not received.
    pub(super) fn into_left(self) -> VecDeque<M> {
        self.batch.into_inner()
    }

    fn core(&self) -> &Core<M, ()> {
        &self.cell.core
    }

    /// What names the actor in messages.
    pub fn badge(&self) -> &Badge {
        &self.core().badge
    }

    /// An address of the actor itself. While it keeps one, it does not end for want of addresses.
    pub fn addr(&self) -> Addr<M> {
        Addr::new(self.cell.clone())
    }

    /// The next message, waiting for it: what was sent by [`tell_first`](Addr::tell_first) and by monitors comes first, then all
    /// others in their order.
    ///
    /// # Errors
    ///
    /// [`MailboxError`]: the actor was told to stop, and has received what it is to receive before; or it may not wait.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the actor meanwhile.
    #[track_caller]
    #[inline]
    pub fn receive(&self) -> Result<M, MailboxError> {
        match self.poll() {
            Some(result) => result,
            None => self.receive_later(FOREVER, Location::caller()),
        }
    }

    /// [`receive`](Mailbox::receive) that waits for this long at most.
    ///
    /// # Errors
    ///
    /// As [`receive`](Mailbox::receive).
    ///
    /// # Panics
    ///
    /// As [`receive`](Mailbox::receive).
    #[track_caller]
    pub fn receive_timeout(&self, time: Duration) -> Result<M, MailboxError> {
        let at = Location::caller();
        self.poll().unwrap_or_else(|| self.receive_later(within(time), at))
    }

    /// [`receive`](Mailbox::receive) that waits until this moment of [`now`] at most.
    ///
    /// # Errors
    ///
    /// As [`receive`](Mailbox::receive).
    ///
    /// # Panics
    ///
    /// As [`receive`](Mailbox::receive).
    #[track_caller]
    pub fn receive_deadline(&self, deadline: Instant) -> Result<M, MailboxError> {
        let at = Location::caller();
        self.poll().unwrap_or_else(|| self.receive_later(until(deadline), at))
    }

    /// The next message, if it is there. Never switches, and so is no blocking point: a kill does not arrive here.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Stopped`].
    pub fn try_receive(&self) -> Result<Option<M>, MailboxError> {
        let found = self.taken().map_or_else(|| self.poll_desk(), |message| Some(Ok(message))).transpose();
        self.told.set(self.told.get() || found.is_err());
        found
    }

    /// The first message that `wanted` holds for, waiting for it. All others stay in the mailbox, in their order; they do not count
    /// against its capacity any more.
    ///
    /// # Errors
    ///
    /// As [`receive`](Mailbox::receive). One that was told to stop looks at all that is queued first.
    ///
    /// # Panics
    ///
    /// As [`receive`](Mailbox::receive), and if `wanted` does. Nothing is lost then.
    ///
    /// # Examples
    ///
    /// ```
    /// use tasklets::actor;
    ///
    /// let sorter = actor::spawn(|mailbox: &actor::Mailbox<u32>| {
    ///     assert_eq!(mailbox.receive_match(|number| number % 2 == 0).unwrap(), 2);
    ///     assert_eq!(mailbox.receive().unwrap(), 1);
    ///     assert_eq!(mailbox.receive().unwrap(), 3);
    /// });
    /// for number in [1, 2, 3] {
    ///     sorter.tell(number)?;
    /// }
    /// assert_eq!(sorter.join(), actor::Reason::Normal);
    /// # Ok::<(), actor::TellError<u32>>(())
    /// ```
    #[track_caller]
    pub fn receive_match(&self, wanted: impl FnMut(&M) -> bool) -> Result<M, MailboxError> {
        self.matching(wanted, FOREVER, Location::caller())
    }

    /// [`receive_match`](Mailbox::receive_match) that waits for this long at most.
    ///
    /// # Errors
    ///
    /// As [`receive_match`](Mailbox::receive_match).
    ///
    /// # Panics
    ///
    /// As [`receive_match`](Mailbox::receive_match).
    #[track_caller]
    pub fn receive_match_timeout(&self, wanted: impl FnMut(&M) -> bool, time: Duration) -> Result<M, MailboxError> {
        self.matching(wanted, within(time), Location::caller())
    }

    /// [`receive_match`](Mailbox::receive_match) that waits until this moment of [`now`] at most.
    ///
    /// # Errors
    ///
    /// As [`receive_match`](Mailbox::receive_match).
    ///
    /// # Panics
    ///
    /// As [`receive_match`](Mailbox::receive_match).
    #[track_caller]
    pub fn receive_match_deadline(&self, wanted: impl FnMut(&M) -> bool, deadline: Instant) -> Result<M, MailboxError> {
        self.matching(wanted, until(deadline), Location::caller())
    }

    /// All messages, until the actor is to end.
    #[track_caller]
    pub fn iter(&self) -> Messages<'_, M> {
        Messages { mailbox: self, at: Location::caller() }
    }

    /// Has `make` make a message of the end of another actor, which comes before all others.
    pub fn monitor(&self, other: &AnyAddr, make: impl FnOnce(Down) -> M + Send + 'static) -> MonitorId {
        let me = Arc::downgrade(&self.cell);
        other.monitor(move |down| {
            if let Some(me) = me.upgrade() {
                tell_first(&*me, make(down));
            }
        })
    }

    /// [Links](super::link) this actor to another one.
    pub fn link(&self, other: &AnyAddr) {
        super::asking::link(&AnyAddr::new(self.cell.clone()), other);
    }

    /// One message, if it is there, or that the actor is to end. For who would wait otherwise: a kill is raised.
    #[inline]
    pub(super) fn poll(&self) -> Option<Result<M, MailboxError>> {
        if let Some(message) = self.taken() {
            return Some(Ok(message));
        }
        let found = self.poll_desk();
        if let Some(Err(_)) = found {
            self.meet_end();
        }
        found
    }

    /// The next one of those that were taken out, if nothing comes before it.
    #[inline]
    fn taken(&self) -> Option<M> {
        if self.core().attention.load(Ordering::Acquire) { None } else { self.batch.borrow_mut().pop_front() }
    }

    #[inline(never)]
    fn poll_desk(&self) -> Option<Result<M, MailboxError>> {
        let core = self.core();
        let mut batch = self.batch.borrow_mut();
        let mut desk = core.desk.lock();
        if desk.order.is_abrupt() {
            return Some(Err(stopped(&desk.order)));
        }
        if let Some(message) = desk.take_first() {
            if !desk.has_first() {
                core.attention.store(false, Ordering::Release);
            }
            return Some(Ok(message));
        }
        if let Some(message) = batch.pop_front() {
            return Some(Ok(message));
        }
        if desk.queue.is_empty() {
            let over = desk.order != Order::Go;
            return over.then(|| Err(stopped(&desk.order)));
        }
        std::mem::swap(&mut *batch, &mut desk.queue);
        let senders = desk.take_senders();
        drop(desk);
        let message = batch.pop_front();
        drop(batch);
        wake_some(senders);
        message.map(Ok)
    }

    /// Nothing is to be received any more. A kill is a state from here on, too, and raised, unless a shield is in the way of that.
    #[cold]
    fn meet_end(&self) {
        let killed = matches!(self.core().desk.lock().order, Order::Kill(_));
        if killed {
            current().cancel();
            if is_cancelled() {
                resume_unwind(Box::new(TaskletExit));
            }
        }
        self.told.set(true);
    }

    /// Whether the actor's function was told that it is to end.
    pub(super) fn was_told(&self) -> bool {
        self.told.get()
    }

    /// Says that nothing is there, under the same lock under which that is looked at: who puts something in rouses `waiter`.
    pub(super) fn await_message(&self, waiter: impl FnOnce() -> Waiter) -> bool {
        let core = self.core();
        let nothing_taken = self.batch.borrow().is_empty();
        let mut desk = core.desk.lock();
        if !nothing_taken || desk.order != Order::Go || desk.has_first() || !desk.queue.is_empty() {
            return false;
        }
        desk.phase = Phase::Idle;
        desk.waiter = Some(waiter());
        true
    }

    /// Nobody waits any more.
    pub(super) fn await_nothing(&self) {
        let waiter = {
            let mut desk = self.core().desk.lock();
            if desk.phase == Phase::Idle {
                desk.phase = Phase::Busy;
            }
            desk.waiter.take()
        };
        drop(waiter);
    }

    /// Waits until there may be something.
    fn wait(&self, scheduler: &Scheduler, terms: Terms, at: Site) -> Result<(), MailboxError> {
        if terms.deadline.is_some_and(|deadline| deadline <= now()) {
            return Err(MailboxError::TimedOut);
        }
        scheduler.check_wait(false, terms).map_err(MailboxError::MayNotWait)?;
        if !self.await_message(|| Waiter::me(scheduler)) {
            return Ok(());
        }
        let waited = scheduler.wait_on(bench(Doing::Receive), ticket(self.badge().id), at, terms);
        self.await_nothing();
        match waited {
            Err(Unwoken::Thrown(payload)) => resume_unwind(payload),
            // Its time may be up: that is seen above, once it is known that nothing has come.
            _ => Ok(()),
        }
    }

    #[inline(never)]
    fn receive_later(&self, terms: Terms, at: Site) -> Result<M, MailboxError> {
        let scheduler = Scheduler::local();
        loop {
            self.wait(&scheduler, terms, at)?;
            if let Some(result) = self.poll() {
                return result;
            }
        }
    }

    fn matching(&self, mut wanted: impl FnMut(&M) -> bool, terms: Terms, at: Site) -> Result<M, MailboxError> {
        let scheduler = Scheduler::local();
        let mut seen = 0;
        // Those that were looked at are here meanwhile; whatever happens, they go back.
        let mut aside = Aside { mailbox: self, messages: self.batch.take() };
        loop {
            while let Some(message) = aside.messages.get(seen) {
                if wanted(message)
                    && let Some(message) = aside.messages.remove(seen)
                {
                    return Ok(message);
                }
                seen += 1;
            }
            match self.poll() {
                Some(Ok(message)) => aside.messages.push_back(message),
                Some(Err(stopped)) => return Err(stopped),
                None => self.wait(&scheduler, terms, at)?,
            }
        }
    }
}

/// What is received when nothing is to be received any more.
fn stopped(order: &Order) -> MailboxError {
    MailboxError::Stopped(order.reason().cloned().unwrap_or(Reason::Stopped))
}

/// Messages that a selective receive has looked at.
struct Aside<'a, M: Send + 'static> {
    mailbox: &'a Mailbox<M>,
    messages: VecDeque<M>,
}

impl<M: Send + 'static> Drop for Aside<'_, M> {
    fn drop(&mut self) {
        let mut batch = self.mailbox.batch.borrow_mut();
        self.messages.append(&mut batch);
        std::mem::swap(&mut *batch, &mut self.messages);
    }
}

/// The messages of a mailbox; see [`Mailbox::iter`].
pub struct Messages<'a, M: Send + 'static> {
    mailbox: &'a Mailbox<M>,
    at: Site,
}

impl<M: Send + 'static> Iterator for Messages<'_, M> {
    type Item = M;

    fn next(&mut self) -> Option<M> {
        self.mailbox.poll().unwrap_or_else(|| self.mailbox.receive_later(FOREVER, self.at)).ok()
    }
}

impl<'a, M: Send + 'static> IntoIterator for &'a Mailbox<M> {
    type Item = M;
    type IntoIter = Messages<'a, M>;

    #[track_caller]
    fn into_iter(self) -> Messages<'a, M> {
        self.iter()
    }
}

impl<M: Send + 'static> fmt::Debug for Mailbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken = self.batch.try_borrow().map_or(0, |batch| batch.len());
        write!(f, "Mailbox({}, {} queued)", self.badge(), self.cell.queued() + taken)
    }
}

impl<M: Send + 'static> fmt::Debug for Messages<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Messages({})", self.mailbox.badge())
    }
}
