//! What is used again: numbers for what lies in a table, and other things.

use std::cmp::Reverse;

/// So many that came back in any order are put in order before they are used again.
const MANY: usize = 1024;

/// What can be used again, last in first out. Thousands that come back and are then taken one after the other are put in the order of
/// memory: the processor foresees where the next one lies.
pub(crate) struct Pile<T> {
    all: Vec<T>,
    /// So many, at the bottom, are in order.
    ordered: usize,
}

impl<T> Default for Pile<T> {
    fn default() -> Pile<T> {
        Pile { all: Vec::new(), ordered: 0 }
    }
}

impl<T> Pile<T> {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    #[inline]
    pub(crate) fn push(&mut self, one: T) {
        self.all.push(one);
    }

    /// The last one; `place` tells where one lies.
    #[inline]
    pub(crate) fn pop(&mut self, place: impl Fn(&T) -> usize) -> Option<T> {
        let left = self.all.len().checked_sub(1)?;
        if left >= MANY && left.saturating_sub(self.ordered) >= left / 2 {
            self.put_in_order(place);
        }
        self.ordered = self.ordered.min(left);
        self.all.pop()
    }

    #[cold]
    #[inline(never)]
    fn put_in_order(&mut self, place: impl Fn(&T) -> usize) {
        self.all.sort_unstable_by_key(|one| Reverse(place(one)));
        self.ordered = self.all.len();
    }
}

/// Numbers for what lies in a table.
#[derive(Default)]
pub(crate) struct Keys {
    free: Pile<u32>,
    /// The first one that was never used.
    next: u32,
}

impl Keys {
    /// How many are in use.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.next as usize - self.free.len()
    }

    /// One that is not in use; of new ones the first.
    ///
    /// # Panics
    ///
    /// If four billion are in use.
    #[inline]
    pub(crate) fn take(&mut self) -> u32 {
        self.free.pop(|key| *key as usize).unwrap_or_else(|| {
            let new = self.next;
            self.next = new.checked_add(1).expect("more than four billion are in use");
            new
        })
    }

    /// Takes one back that is in use.
    #[inline]
    pub(crate) fn put(&mut self, key: u32) {
        debug_assert!(key < self.next);
        self.free.push(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_that_came_back_is_used_first_and_thousands_are_in_order() {
        let mut keys = Keys::default();
        assert!((0..5_000).all(|key| keys.take() == key));
        [7, 3, 9].into_iter().for_each(|key| keys.put(key));
        assert_eq!([keys.take(), keys.take(), keys.len() as u32, keys.take()], [9, 3, 4_999, 7]);
        // Coprime with 5,000: every one, once.
        (0..5_000).for_each(|step| keys.put(step * 1_237 % 5_000));
        assert_eq!(keys.len(), 0);
        assert!((0..4_000).all(|key| keys.take() == key));
        keys.put(5);
        assert_eq!([keys.take(), keys.take(), keys.len() as u32], [5, 4_000, 4_001]);
    }
}
