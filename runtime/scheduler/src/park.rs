//! What blocking primitives are built on: queue a tasklet on something, and wake it.
//!
//! A primitive keeps its own queue of waiters, each with a ticket. To block, it first asks [`Scheduler::check_block`], then
//! queues [`Scheduler::current_id`], then calls [`Scheduler::park`]. Whoever wakes the tasklet takes it out of the queue and
//! calls one of the `wake` functions. Kills, deadlocks and reports reach the queue through [`Wait`] and nothing else.
//!
//! `Channel`, in the crate `tasklets-channels`, is built on exactly this.
//!
//! A primitive that other threads take part in leaves [`Scheduler::inbox`] with the id, and says by its [`Terms`] that the wait
//! may be ended from outside. Such a wait is a hint: the tasklet looks again whether it has been served, and if not, waits
//! again. What other threads may touch is under a lock of the primitive's own, which must not be held while it waits.

use std::any::Any;
use std::fmt;
use std::panic::{Location, resume_unwind};
use std::rc::Rc;
use std::time::Instant;

use greenlet::Payload;

pub use crate::cancel::arrive::arrives_again;
use crate::core::Scheduler;
use crate::error::TaskletError;
pub use crate::futures::proxy::Proxy;
use crate::report::Report;
use crate::table::{Key, Mail, Waits};
use crate::tasklet::AnyTasklet;
use crate::trace;
pub use crate::wakeup::inbox::Inbox;

/// Something that tasklets queue on.
///
/// No method may switch, or run code that could.
pub trait Wait: Any {
    /// Takes the waiter with this ticket out of the queue: it is being killed, or goes on for another reason.
    fn unlink(&self, ticket: u32);

    /// The waiters before and after this one in the queue; none where there is no queue, or no order in it.
    fn neighbours(&self, ticket: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        let _ = ticket;
        (None, None)
    }

    /// What the waiter is doing, for reports.
    fn describe(&self, ticket: u32) -> Description;

    /// Tells of each tasklet of this thread that has to do something before the waiter can go on, because it holds what that waits
    /// for: cycles of those are deadlocks. It may be called with a lock of the primitive held: it only takes notes.
    fn owners(&self, ticket: u32, tell: &mut dyn FnMut(TaskletId)) {
        let _ = (ticket, tell);
    }
}

/// What a blocked tasklet is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The operation, as `receive`.
    pub operation: &'static str,
    /// What it waits on, as `channel 3`.
    pub on: String,
}

/// Why a tasklet may not block.
#[non_exhaustive]
#[derive(Debug)]
pub enum Refusal {
    /// It has set its block trap.
    BlockTrap,
    /// What it would wait on admits nobody.
    Closed,
    /// It would wait for ever, or switching is refused.
    Refused(TaskletError),
}

/// What ends a wait other than being woken.
#[derive(Debug)]
pub enum Unwoken {
    /// Nobody could ever have woken the tasklet.
    Deadlock(Box<Report>),
    /// Its deadline has come.
    TimedOut,
    /// To be raised in the tasklet, by [`resume_unwind`].
    Thrown(Payload),
}

impl Unwoken {
    #[cold]
    pub(crate) fn from_mail(mail: Mail) -> Unwoken {
        match mail {
            Mail::Deadlock(report) => Unwoken::Deadlock(report),
            Mail::Bomb(payload) => Unwoken::Thrown(payload),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::BlockTrap => f.write_str("the tasklet does not like to be blocked: its block trap is set"),
            Refusal::Closed => f.write_str("what it would wait on is closed"),
            Refusal::Refused(error) => error.fmt(f),
        }
    }
}

/// What may end a wait besides the tasklets of the same thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terms {
    /// It ends at this moment of [`now`](crate::now()), at the latest.
    pub deadline: Option<Instant>,
    /// Something outside the thread may end it, through the [`Inbox`].
    pub outside: bool,
}

impl Terms {
    /// Only tasklets of the same thread can end the wait.
    pub const LOCAL: Terms = Terms { deadline: None, outside: false };

    fn hopeless(self) -> bool {
        self == Terms::LOCAL
    }
}

/// Names a tasklet of this thread without keeping it. A stale one names nothing, and so does the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct TaskletId {
    pub(crate) key: Key,
    pub(crate) generation: u64,
}

/// A tasklet of this thread that waits, by its number alone: four bytes, where a [`TaskletId`] has sixteen. For queues whose waiters are
/// taken out before they go on, as those of tasklets of one thread; who has the number after that is anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Waiter(pub(crate) Key);

impl From<TaskletId> for Waiter {
    #[inline]
    fn from(id: TaskletId) -> Waiter {
        Waiter(id.key)
    }
}

impl Scheduler {
    /// The id of the running tasklet.
    #[inline]
    pub fn current_id(&self) -> TaskletId {
        self.id_of(self.core.current.get())
    }

    /// The id of a tasklet that is in the table.
    #[inline]
    pub(crate) fn id_of(&self, key: Key) -> TaskletId {
        TaskletId { key, generation: self.core.table.borrow().get(key).generation }
    }

    /// The id of a tasklet that waits.
    #[inline]
    pub fn id_of_waiter(&self, waiter: Waiter) -> TaskletId {
        self.id_of(waiter.0)
    }

    /// A handle of the tasklet with this id, if it is still in the table.
    pub fn tasklet(&self, id: TaskletId) -> Option<AnyTasklet> {
        self.core.table.borrow().find(id.key, id.generation)?;
        Some(self.handle(id.key))
    }

    /// Whether the running tasklet may block now; its id, to be queued. `closed` says that what it would wait on admits nobody.
    ///
    /// # Errors
    ///
    /// The first of these that holds: [`Refusal::BlockTrap`], [`Refusal::Closed`], and as [`Refusal::Refused`] a
    /// [`TaskletError::Deadlock`] if it is the last runnable one and nobody could be woken, [`TaskletError::SwitchTrap`] or
    /// [`TaskletError::Unwinding`].
    #[inline]
    pub fn check_block(&self, closed: bool) -> Result<TaskletId, Refusal> {
        self.check_wait(closed, Terms::LOCAL)
    }

    /// [`check_block`](Scheduler::check_block) for a wait that something else may end, too: it is no deadlock then.
    ///
    /// # Errors
    ///
    /// As [`check_block`](Scheduler::check_block).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn check_wait(&self, closed: bool, terms: Terms) -> Result<TaskletId, Refusal> {
        let key = self.core.current.get();
        let (id, plain) = {
            let table = self.core.table.borrow();
            let entry = table.get(key);
            (TaskletId { key, generation: entry.generation }, !entry.is_block_trapped() && table.len() != 1)
        };
        if plain && !closed && self.may_switch() { Ok(id) } else { self.check_block_closely(closed, id, terms) }
    }

    #[cold]
    #[inline(never)]
    fn check_block_closely(&self, closed: bool, id: TaskletId, terms: Terms) -> Result<TaskletId, Refusal> {
        if self.core.table.borrow().get(id.key).is_block_trapped() {
            return Err(Refusal::BlockTrap);
        }
        if closed {
            return Err(Refusal::Closed);
        }
        // The last one to run gives those that wait for a stack another try first.
        self.feed(usize::MAX);
        if self.core.table.borrow().len() == 1 && terms.hopeless() && !self.awaits_outside() && !self.is_due() {
            let waker = self.waker();
            if waker == id.key || self.is_blocked(waker) {
                return Err(Refusal::Refused(TaskletError::Deadlock(Box::new(self.report()))));
            }
        }
        self.check_switch().map_err(Refusal::Refused)?;
        Ok(id)
    }

    /// Blocks the running tasklet on `on`, where it was queued under `ticket`, and lets the next one run. Returns when it has
    /// been woken.
    ///
    /// # Errors
    ///
    /// The report of a deadlock, if the tasklet was taken out of the queue because nobody could ever have woken it.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the tasklet meanwhile. It has been taken out of the queue then.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn park(&self, on: Rc<dyn Wait>, ticket: u32, at: &'static Location<'static>) -> Result<(), Box<Report>> {
        match self.wait(on, ticket, at) {
            Ok(()) => Ok(()),
            Err(Unwoken::Deadlock(report)) => Err(report),
            Err(Unwoken::Thrown(payload)) => resume_unwind(payload),
            Err(Unwoken::TimedOut) => unreachable!("no deadline was set"),
        }
    }

    /// [`park`](Scheduler::park), with what is thrown into the tasklet given to the caller, to be raised once it has put in order
    /// what has to be: every frame with something to drop makes an unwinding a third longer.
    ///
    /// # Errors
    ///
    /// [`Unwoken`]. The tasklet has been taken out of the queue then.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn wait(&self, on: Rc<dyn Wait>, ticket: u32, at: &'static Location<'static>) -> Result<(), Unwoken> {
        trace::blocked(self, self.core.current.get(), &*on, ticket);
        self.wait_plainly(|| on, ticket, at, false)
    }

    /// Inlined wherever it is called, as [`go`](Scheduler::go) is and for the same reason.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn wait_plainly(
        &self,
        on: impl FnOnce() -> Rc<dyn Wait>,
        ticket: u32,
        at: &'static Location<'static>,
        outside: bool,
    ) -> Result<(), Unwoken> {
        let me = self.core.current.get();
        self.leave_to_wait(me, on, ticket, at, outside, false);
        match self.collect(me) {
            None => Ok(()),
            Some(mail) => Err(Unwoken::from_mail(mail)),
        }
    }

    /// Blocks the running tasklet `me`, and goes on to the next one. Returns when it runs again, for whatever reason.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn leave_to_wait(
        &self,
        me: Key,
        on: impl FnOnce() -> Rc<dyn Wait>,
        ticket: u32,
        at: &'static Location<'static>,
        outside: bool,
        timed: bool,
    ) {
        // Made right where it goes: what is put together elsewhere in small pieces, and copied at once, stalls.
        let waits = move || Waits { on: on(), ticket, outside, timed, at };
        self.core.table.borrow_mut().block(me, outside, waits, self.core.pace.switches());
        self.go();
    }

    /// [`wait`](Scheduler::wait) that something else may end, too. A wait with [`Terms::outside`] may end for no reason: look whether
    /// there is one, and wait again if not.
    ///
    /// # Errors
    ///
    /// [`Unwoken`]; `TimedOut` only if nobody has woken the tasklet before its deadline. It has been taken out of the queue then
    /// by [`Wait::unlink`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn wait_on(
        &self,
        on: Rc<dyn Wait>,
        ticket: u32,
        at: &'static Location<'static>,
        terms: Terms,
    ) -> Result<(), Unwoken> {
        match terms.deadline {
            None => {
                trace::blocked(self, self.core.current.get(), &*on, ticket);
                self.wait_plainly(|| on, ticket, at, terms.outside)
            }
            Some(deadline) => self.wait_until(on, ticket, at, deadline, terms.outside),
        }
    }

    /// [`wait_on`](Scheduler::wait_on) for something outside, without a handle of it that would have to be dropped if something panicked
    /// before it is where it goes.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn wait_outside<W: Wait>(
        &self,
        on: &Rc<W>,
        ticket: u32,
        at: &'static Location<'static>,
        deadline: Option<Instant>,
    ) -> Result<(), Unwoken> {
        match deadline {
            None => {
                trace::blocked(self, self.core.current.get(), &**on, ticket);
                self.wait_plainly(|| on.clone(), ticket, at, true)
            }
            Some(deadline) => self.wait_until(on.clone(), ticket, at, deadline, true),
        }
    }

    /// [`wait_on`](Scheduler::wait_on) for what no thread of the caller's runtime need know of: that is not stuck meanwhile, even if all
    /// its tasklets are blocked.
    pub(crate) fn wait_on_the_world(
        &self,
        on: Rc<dyn Wait>,
        at: &'static Location<'static>,
        terms: Terms,
    ) -> Result<(), Unwoken> {
        let awaiting = &self.core.awaiting;
        awaiting.set(awaiting.get() + 1);
        let waited = self.wait_on(on, 0, at, terms);
        awaiting.set(awaiting.get() - 1);
        waited
    }

    /// How other threads wake the tasklets of this one.
    pub fn inbox(&self) -> &Inbox {
        &self.core.mailroom.inbox
    }

    /// Keeps what a primitive of several threads has on this one, until [`discard_kept`](Scheduler::discard_kept) or the thread's end; its
    /// number, which is not that of anything else kept here meanwhile.
    ///
    /// # Panics
    ///
    /// If four billion things are kept.
    pub fn keep(&self, what: Rc<dyn Wait>) -> u32 {
        u32::try_from(self.core.kept.borrow_mut().insert(what)).expect("more than four billion things are kept")
    }

    /// What is kept under a number.
    #[inline]
    pub fn kept(&self, number: u32) -> Option<Rc<dyn Wait>> {
        self.core.kept.borrow().get(number as usize).cloned()
    }

    /// Lets go of what is kept under a number.
    pub fn discard_kept(&self, number: u32) {
        let what = self.core.kept.borrow_mut().try_remove(number as usize);
        drop(what);
    }

    /// Raises what was thrown into the running tasklet while it was switched away.
    #[inline]
    pub(crate) fn deliver(&self) {
        // No deadlock ends what was not blocked.
        if let Some(Mail::Bomb(payload)) = self.collect(self.core.current.get()) {
            resume_unwind(payload);
        }
    }
}
