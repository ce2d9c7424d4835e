//! Waking: the end of a blocked tasklet's wait, by whoever has taken it out of its queue.

use crate::core::Scheduler;
use crate::park::TaskletId;
use crate::table::{Entry, Key, Table};
use crate::trace;

impl Scheduler {
    /// Makes a blocked tasklet, which was taken out of its queue, the last of the runnable ones.
    #[inline]
    pub fn wake(&self, id: TaskletId) {
        self.unpark(id, Table::append);
    }

    /// Wakes a tasklet as [`wake`](Scheduler::wake) does, and yields to the next one in the ring.
    ///
    /// The caller has asked [`check_switch`](Scheduler::check_switch).
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
    /// The caller has asked [`check_switch`](Scheduler::check_switch).
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn wake_and_switch(&self, id: TaskletId) {
        if self.unpark(id, Table::overtake) {
            self.go();
            self.deliver();
        }
    }

    /// [`wake`](Scheduler::wake) for a tasklet that is known to be blocked.
    #[inline]
    pub(crate) fn wake_blocked(&self, key: Key) {
        let mut table = self.core.table.borrow_mut();
        let Some(waits) = table.unblock(key) else { return };
        table.append(key);
        drop(table);
        drop(waits);
        trace::woken(self, key);
    }

    /// Wakes a tasklet if what it waits for lies outside. It looks for itself whether it has been waited for long enough.
    pub(crate) fn wake_outside(&self, id: TaskletId) {
        let mut table = self.core.table.borrow_mut();
        if !table.find(id.key, id.generation).is_some_and(Entry::waits_outside) {
            return;
        }
        let Some((on, _ticket)) = table.unblock(id.key) else { return };
        table.append(id.key);
        // It may have been blocked for long.
        table.link(id.key).prefetch_block();
        drop(table);
        drop(on);
        trace::woken(self, id.key);
    }

    /// Ends a blocked tasklet's wait and puts it into the ring.
    #[inline]
    fn unpark(&self, id: TaskletId, place: impl FnOnce(&mut Table, Key)) -> bool {
        let on = {
            let mut table = self.core.table.borrow_mut();
            if table.find(id.key, id.generation).is_none() {
                return false;
            }
            let Some((on, _ticket)) = table.unblock(id.key) else { return false };
            place(&mut table, id.key);
            on
        };
        drop(on);
        trace::woken(self, id.key);
        true
    }
}
