//! Who waits for the end of a tasklet.

use std::cell::Cell;
use std::collections::VecDeque;

use crate::table::{Key, NONE};

/// A queue of tasklets by their keys: each is blocked in here, and so alive, until it is taken out.
///
/// Hardly any tasklet is joined by several. The first needs no allocation.
pub(crate) struct Joiners {
    first: Cell<Key>,
    #[allow(clippy::box_collection, reason = "a million tasklets have none, and 24 bytes each are saved")]
    others: Cell<Option<Box<VecDeque<Key>>>>,
}

impl Joiners {
    pub(crate) fn new() -> Joiners {
        Joiners { first: Cell::new(NONE), others: Cell::new(None) }
    }

    pub(crate) fn push(&self, joiner: Key) {
        if self.first.get() == NONE {
            return self.first.set(joiner);
        }
        self.with_others(|others| others.push_back(joiner));
    }

    /// Takes out who has waited longest.
    #[inline]
    pub(crate) fn pop(&self) -> Option<Key> {
        let first = self.first.get();
        if first == NONE {
            return None;
        }
        self.advance();
        Some(first)
    }

    pub(crate) fn remove(&self, joiner: Key) {
        if self.first.get() == joiner {
            return self.advance();
        }
        self.with_others(|others| others.retain(|other| *other != joiner));
    }

    /// Who waits right before and right after a joiner.
    pub(crate) fn neighbours(&self, joiner: Key) -> (Option<Key>, Option<Key>) {
        let all = self.with_others(|others| {
            let first = Some(self.first.get()).filter(|first| *first != NONE);
            first.into_iter().chain(others.iter().copied()).collect::<Vec<Key>>()
        });
        let Some(at) = all.iter().position(|other| *other == joiner) else { return (None, None) };
        (at.checked_sub(1).map(|before| all[before]), all.get(at + 1).copied())
    }

    /// The second one is the first from now on.
    #[inline]
    fn advance(&self) {
        let Some(mut others) = self.others.take() else { return self.first.set(NONE) };
        self.first.set(others.pop_front().unwrap_or(NONE));
        self.others.set((!others.is_empty()).then_some(others));
    }

    fn with_others<V>(&self, f: impl FnOnce(&mut VecDeque<Key>) -> V) -> V {
        let mut others = self.others.take().unwrap_or_default();
        let value = f(&mut others);
        self.others.set((!others.is_empty()).then_some(others));
        value
    }
}
