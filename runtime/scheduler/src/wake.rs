//! Waking: the end of a blocked tasklet's wait, by whoever has taken it out of its queue.

use crate::core::Scheduler;
use crate::park::{TaskletId, Waiter};
use crate::table::{Entry, Key, Table};
use crate::trace;

impl Scheduler {
    /// Makes a blocked tasklet, which was taken out of its queue, the last of the runnable ones.
    #[inline]
    pub fn wake(&self, id: TaskletId) {
        self.unpark(id.key, |entry| entry.generation == id.generation, Table::append);
    }

    /// [`wake`](Scheduler::wake) for who was in the queue until now.
    #[inline]
    pub fn wake_waiter(&self, waiter: Waiter) {
        self.unpark(waiter.0, |_| true, Table::append);
    }

    /// Wakes a tasklet as [`wake_waiter`](Scheduler::wake_waiter) does, and yields to the next one in the ring.
    ///
    /// The caller has asked [`check_switch`](Scheduler::check_switch).
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    pub fn wake_and_schedule(&self, waiter: Waiter) {
        self.wake_waiter(waiter);
        self.core.table.borrow_mut().rotate();
        self.go();
        self.deliver();
    }

    /// Wakes a tasklet and switches to it at once; the caller becomes the last of the runnable ones.
    ///
    /// The caller has asked [`check_switch`](Scheduler::check_switch).
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn wake_and_switch(&self, waiter: Waiter) {
        if self.unpark(waiter.0, |_| true, Table::overtake) {
            self.go();
            self.deliver();
        }
    }

    /// Wakes a tasklet if what it waits for lies outside. It looks for itself whether it has been waited for long enough.
    pub(crate) fn wake_outside(&self, id: TaskletId) {
        let is_it = |entry: &Entry| entry.generation == id.generation && entry.waits_outside();
        self.unpark(id.key, is_it, |table, key| {
            table.append(key);
            // It may have been blocked for long.
            table.link(key).prefetch_block();
        });
    }

    /// Ends the wait of a blocked tasklet, if it is the one, and puts it into the ring.
    #[inline]
    fn unpark(&self, key: Key, is_it: impl FnOnce(&Entry) -> bool, place: impl FnOnce(&mut Table, Key)) -> bool {
        let on = {
            let mut table = self.core.table.borrow_mut();
            if !table.entry(key).is_some_and(is_it) {
                return false;
            }
            let Some((on, _ticket)) = table.unblock(key) else { return false };
            place(&mut table, key);
            on
        };
        drop(on);
        trace::woken(self, key);
        true
    }
}
