//! What blocking primitives are built on: queue a tasklet on something, and wake it.
//!
//! A primitive keeps its own queue of waiters, each with a ticket. To block, it first asks [`Scheduler::check_block`], then
//! queues [`Scheduler::current_id`], then calls [`Scheduler::park`]. Whoever wakes the tasklet takes it out of the queue and
//! calls one of the `wake` functions. Kills, deadlocks and reports reach the queue through [`Wait`] and nothing else.
//!
//! [`Channel`](https://docs.rs/tasklets-channels) is built on exactly this.

use std::panic::{Location, resume_unwind};
use std::rc::Rc;

use crate::core::Scheduler;
use crate::error::TaskletError;
use crate::report::Report;
use crate::table::{Key, Mail, Place, Waits};
use crate::tasklet::AnyTasklet;
use crate::trace;

/// Something that tasklets queue on.
///
/// No method may switch, or run code that could.
pub trait Wait {
    /// Takes the waiter with this ticket out of the queue: it is being killed, or goes on for another reason.
    fn unlink(&self, ticket: u32);

    /// The waiters before and after this one in the queue.
    fn neighbours(&self, ticket: u32) -> (Option<TaskletId>, Option<TaskletId>);

    /// What the waiter is doing, for reports.
    fn describe(&self, ticket: u32) -> Description;
}

/// What a blocked tasklet is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The operation, as `receive`.
    pub operation: &'static str,
    /// What it waits on, as `channel 3`.
    pub on: String,
}

/// Names a tasklet of this thread without keeping it. A stale one names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskletId {
    pub(crate) key: Key,
    pub(crate) generation: u32,
}

impl Scheduler {
    /// The id of the running tasklet.
    #[inline]
    pub fn current_id(&self) -> TaskletId {
        let key = self.core.current.get();
        TaskletId { key, generation: self.core.table.borrow().get(key).generation }
    }

    /// A handle of the tasklet with this id, if it is still in the table.
    pub fn tasklet(&self, id: TaskletId) -> Option<AnyTasklet> {
        self.core.table.borrow().find(id.key, id.generation)?;
        Some(self.handle(id.key))
    }

    /// Whether the running tasklet has set its block trap.
    #[inline]
    pub fn block_trap(&self) -> bool {
        self.core.table.borrow().get(self.core.current.get()).flags.block_trap
    }

    /// Whether the running tasklet may block now.
    ///
    /// # Errors
    ///
    /// [`TaskletError::Deadlock`] if it is the last runnable one and nobody could be woken,
    /// [`TaskletError::SwitchTrap`] and [`TaskletError::Unwinding`].
    #[inline]
    pub fn check_block(&self) -> Result<(), TaskletError> {
        if self.core.table.borrow().len() == 1 {
            let waker = self.waker();
            let stuck = waker == self.core.current.get() || self.core.table.borrow().get(waker).place == Place::Blocked;
            if stuck {
                return Err(TaskletError::Deadlock(Box::new(self.report())));
            }
        }
        self.check_switch()
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
    #[inline]
    pub fn park(&self, on: Rc<dyn Wait>, ticket: u32, at: &'static Location<'static>) -> Result<(), Box<Report>> {
        let me = self.core.current.get();
        trace::blocked(self, me, &*on, ticket);
        {
            let mut table = self.core.table.borrow_mut();
            table.unlink(me);
            table.block(me, Waits { on, ticket, at });
        }
        self.go();
        match self.collect(me) {
            None => Ok(()),
            Some(Mail::Deadlock(report)) => Err(report),
            Some(Mail::Bomb(payload)) => resume_unwind(payload),
        }
    }

    /// Makes a blocked tasklet, which was taken out of its queue, the last of the runnable ones.
    #[inline]
    pub fn wake(&self, id: TaskletId) {
        if self.unpark(id) {
            self.core.table.borrow_mut().append(id.key);
        }
    }

    /// Wakes a tasklet as [`wake`](Scheduler::wake) does, and yields to the next one in the ring.
    ///
    /// The caller has asked [`check_switching`](Scheduler::check_switching).
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    pub fn wake_and_schedule(&self, id: TaskletId) {
        self.wake(id);
        self.core.table.borrow_mut().rotate();
        self.go();
        self.deliver();
    }

    /// Wakes a tasklet and switches to it at once; the caller becomes the last of the runnable ones.
    ///
    /// The caller has asked [`check_switching`](Scheduler::check_switching).
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    #[inline]
    pub fn wake_and_switch(&self, id: TaskletId) {
        if self.unpark(id) {
            self.core.table.borrow_mut().overtake(id.key);
            self.go();
            self.deliver();
        }
    }

    /// Whether a switch is possible now.
    ///
    /// # Errors
    ///
    /// [`TaskletError::SwitchTrap`] and [`TaskletError::Unwinding`].
    #[inline]
    pub fn check_switching(&self) -> Result<(), TaskletError> {
        self.check_switch()
    }

    /// Ends a blocked tasklet's wait.
    #[inline]
    fn unpark(&self, id: TaskletId) -> bool {
        let waits = {
            let mut table = self.core.table.borrow_mut();
            if table.find(id.key, id.generation).is_none_or(|entry| entry.place != Place::Blocked) {
                return false;
            }
            table.unblock(id.key)
        };
        drop(waits);
        trace::woken(self, id.key);
        true
    }

    /// Raises what was thrown into the running tasklet while it was switched away.
    #[inline]
    pub(crate) fn deliver(&self) {
        match self.collect(self.core.current.get()) {
            None | Some(Mail::Deadlock(_)) => {}
            Some(Mail::Bomb(payload)) => resume_unwind(payload),
        }
    }
}
