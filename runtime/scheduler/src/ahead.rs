//! Bringing nearer what is known of the tasklets that go on soon.
//!
//! Of thousands that were blocked for long and are woken together, each is met cold: its link, its entry, its greenlet's block, its
//! stack. Each of these says where the next one lies. So the ring is followed some tasklets ahead of the head, and at each step every one
//! of those is brought a step nearer.

use std::cell::Cell;

use crate::table::{Key, NONE, Table};

/// Where fewer are runnable, they are in the cache.
pub(crate) const FAR: usize = 256;

/// So many tasklets ahead of the head the ring is followed.
const STEPS: usize = 3;

/// The tasklets after the head, as they were when the head last moved. They are hints: whoever is not there any more is looked up in
/// vain, and when the head is another one than was expected, they are looked for anew.
pub(crate) struct Ahead {
    next: Cell<[Key; STEPS]>,
}

impl Default for Ahead {
    fn default() -> Ahead {
        Ahead { next: Cell::new([NONE; STEPS]) }
    }
}

impl Ahead {
    /// Looks ahead of the head, which is about to go on.
    #[inline]
    pub(crate) fn look(&self, table: &Table, head: Key) {
        if table.len() >= FAR {
            self.look_far(table, head);
        }
    }

    #[inline(never)]
    fn look_far(&self, table: &Table, head: Key) {
        let mut next = self.next.get();
        let after = |key: Key| table.after(key).map_or(NONE, |(key, _)| key);
        if next[0] == head {
            next.copy_within(1.., 0);
            next[STEPS - 1] = after(next[STEPS - 2]);
        } else {
            let mut key = head;
            for place in &mut next {
                key = after(key);
                *place = key;
            }
        }
        self.next.set(next);
        table.prefetch(next[2]);
        if let Some(link) = table.links.get(next[1] as usize) {
            link.prefetch_target_deeply();
        }
        if let Some(job) = table.entry(next[1]).and_then(|entry| entry.job.as_ref()) {
            greenlet::prefetch(&**job);
        }
    }
}
