//! How a cancellation comes to its tasklet.

use greenlet::Payload;

use crate::cancel::scopes::Cancelled;
use crate::core::Scheduler;
use crate::flags::Flag;
use crate::hooks::alert;
#[cfg(doc)]
use crate::park::Unwoken;
use crate::table::{Key, Life, Mail, Place};
use crate::trace;

impl Scheduler {
    /// What a tasklet that has begun meets at a blocking point.
    #[cold]
    #[inline(never)]
    fn due(&self, key: Key) -> Option<Cancelled> {
        let (id, cancelled) = {
            let table = self.core.table.borrow();
            let entry = table.get(key);
            // Under `panic = "abort"` nothing can be raised in what has begun.
            if entry.life != Life::Started || cfg!(panic = "abort") {
                return None;
            }
            let id = crate::park::TaskletId { key, generation: entry.generation };
            (id, entry.flags.has(Flag::Cancelled))
        };
        self.core.scopes.borrow().due(id, cancelled)
    }

    /// Whether the running tasklet meets a cancellation if it blocks now.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.core.hooks.alerted(alert::CANCEL) && self.due(self.core.current.get()).is_some()
    }

    /// Raises in the running tasklet what it meets at a blocking point at which it would not leave the ring.
    #[inline]
    pub(crate) fn meet_here(&self) {
        if self.core.hooks.alerted(alert::CANCEL)
            && !std::thread::panicking()
            && let Some(due) = self.due(self.core.current.get())
        {
            std::panic::resume_unwind(Box::new(due));
        }
    }

    /// Makes a tasklet runnable that waits for something and is to meet a cancellation there. It may be the one that is just being
    /// left: then it is the last of the runnable ones, as if it had been killed right after it was queued.
    #[cold]
    #[inline(never)]
    pub(crate) fn meet(&self, key: Key) {
        if !matches!(self.core.table.borrow().get(key).place, Place::Blocked | Place::Nowhere) {
            return;
        }
        let Some(due) = self.due(key) else { return };
        self.unblock(key);
        self.core.table.borrow_mut().append(key);
        self.post(key, Mail::Bomb(Box::new(due)));
        trace::woken(self, key);
    }

    /// Cancels a tasklet.
    pub(crate) fn cancel(&self, key: Key) {
        let life = {
            let mut table = self.core.table.borrow_mut();
            let entry = table.get_mut(key);
            if !entry.alive()
                || entry.flags.has(Flag::Cancelled)
                || (cfg!(panic = "abort") && entry.life == Life::Started)
            {
                return;
            }
            entry.flags.set(Flag::Cancelled, true);
            entry.life
        };
        self.expect_cancelled(1);
        if life == Life::Started {
            return self.meet(key);
        }
        // It has nothing to put in order, and never begins.
        self.link(key);
        self.post(key, Mail::Bomb(Box::new(Cancelled::WHOLLY)));
    }

    /// A tasklet ends: it is cancelled no more, and who waits for that on other threads is told.
    pub(crate) fn note_end(&self, key: Key) {
        self.tell_watchers(key);
        let was = self.core.table.borrow_mut().get_mut(key).flags.set(Flag::Cancelled, false);
        if was {
            self.expect_cancelled(-1);
        }
    }

    /// The time of a limit is up.
    pub(crate) fn reach(&self, scope: u32) {
        let Some(owner) = self.core.scopes.borrow_mut().reach(scope) else { return };
        self.expect_cancelled(1);
        let alive = self.core.table.borrow().find(owner.key, owner.generation).is_some();
        if alive {
            self.meet(owner.key);
        }
    }

    /// Keeps count of what tasklets are to meet. While there is any, no switch is a plain one.
    pub(crate) fn expect_cancelled(&self, delta: isize) {
        let expected = &self.core.cancelled;
        expected.set(expected.get().wrapping_add_signed(delta));
        self.core.hooks.alert(alert::CANCEL, expected.get() != 0);
    }
}

/// Whether what was caught, or arrived in a wait, is going to arrive again where the running tasklet blocks next: it is a cancellation,
/// or the end of a [`timeout`](crate::timeout()), and holds still.
///
/// A primitive asks this when a wait [ends](Unwoken::Thrown) with a payload, and it has been served meanwhile, by another thread: the
/// operation has happened then, and says so, and what has arrived is dropped. All else that is thrown is delivered once, and to be
/// raised; what the waiter got goes to the next one.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::park::arrives_again;
///
/// let payload: tasklets_runtime::Payload = Box::new(tasklets_runtime::TaskletExit);
/// assert!(!arrives_again(&payload)); // a kill is delivered once
/// ```
pub fn arrives_again(payload: &Payload) -> bool {
    payload.is::<Cancelled>() && Scheduler::local().is_due()
}
