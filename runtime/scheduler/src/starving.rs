//! Tasklets that wait for a stack, because there was none when it was their turn to begin.

use crate::table::{Key, Place, Table};

impl Table {
    /// Sets a tasklet of the ring aside until there is a stack for it.
    pub(crate) fn starve(&mut self, key: Key, now: u64) {
        self.unlink(key);
        let entry = self.get_mut(key);
        entry.place = Place::Starved;
        self.link_mut(key).stamp(now);
        self.starved.push_back(key);
        self.starving += 1;
    }

    /// A tasklet does not wait for a stack any more.
    pub(crate) fn sate(&mut self, key: Key) {
        let entry = self.get_mut(key);
        if entry.place == Place::Starved {
            entry.place = Place::Nowhere;
            self.starving -= 1;
        }
    }

    /// Puts the one that has waited longest for a stack into the ring; false if none waits.
    pub(crate) fn feed(&mut self) -> bool {
        while let Some(key) = self.starved.pop_front() {
            let waits = self.entry(key).is_some_and(|entry| entry.place == Place::Starved);
            if waits {
                self.sate(key);
                self.append(key);
                return true;
            }
        }
        false
    }

    /// Whether nobody has waited for a stack since they were last fed.
    #[inline]
    pub(crate) fn nobody_starves(&self) -> bool {
        self.starved.is_empty()
    }

    /// How many wait for a stack.
    pub(crate) fn starving(&self) -> usize {
        self.starving
    }
}
