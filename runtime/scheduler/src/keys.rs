//! Numbers for what lies in a table: those that are free are used again, last in first out.

use std::cmp::Reverse;

/// So many that came back in any order are put in order before they are used again.
const MANY: usize = 1024;

#[derive(Default)]
pub(crate) struct Keys {
    free: Vec<u32>,
    /// So many, at the bottom, are in order.
    ordered: usize,
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
        let left = match self.free.len().checked_sub(1) {
            None => return self.make(),
            Some(left) => left,
        };
        if left >= MANY && left.saturating_sub(self.ordered) >= left / 2 {
            self.put_in_order();
        }
        self.ordered = self.ordered.min(left);
        self.free.pop().unwrap_or_default()
    }

    #[inline]
    fn make(&mut self) -> u32 {
        let new = self.next;
        self.next = new.checked_add(1).expect("more than four billion are in use");
        new
    }

    /// Thousands that are taken one after the other go over the table evenly then, which the processor foresees.
    #[cold]
    #[inline(never)]
    fn put_in_order(&mut self) {
        self.free.sort_unstable_by_key(|key| Reverse(*key));
        self.ordered = self.free.len();
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
