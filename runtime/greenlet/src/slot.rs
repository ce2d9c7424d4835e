//! A place for a shared value that is looked up all the time.

use std::cell::Cell;
use std::fmt;
use std::ptr;
use std::rc::Rc;

/// As a `Cell<Option<Rc<T>>>`, from which a copy is had without taking out what is in it, and putting it back: half of what a look at a
/// thread-local value costs.
///
/// # Examples
///
/// ```
/// use greenlet::RcSlot;
/// use std::rc::Rc;
///
/// let slot = RcSlot::new();
/// assert!(slot.get().is_none());
/// slot.replace(Some(Rc::new(5)));
/// assert_eq!(slot.get().as_deref(), Some(&5));
/// ```
pub struct RcSlot<T> {
    /// Made by `Rc::into_raw`, with its count; or null.
    value: Cell<*const T>,
}

impl<T> RcSlot<T> {
    /// An empty one.
    #[must_use]
    pub const fn new() -> RcSlot<T> {
        RcSlot { value: Cell::new(ptr::null()) }
    }

    /// What is in it.
    #[inline(always)]
    pub fn get(&self) -> Option<Rc<T>> {
        let value = self.value.get();
        if value.is_null() {
            return None;
        }
        // SAFETY: it came from `Rc::into_raw`, and the count that it has is the slot's for as long as it is there: the value exists now.
        // One more is counted, which is that of the copy. Nothing of another thread's: the slot, which holds a pointer, is of one thread.
        unsafe {
            Rc::increment_strong_count(value);
            Some(Rc::from_raw(value))
        }
    }

    /// Puts something into it, or nothing; what was in it.
    pub fn replace(&self, value: Option<Rc<T>>) -> Option<Rc<T>> {
        let old = self.value.replace(value.map_or(ptr::null(), Rc::into_raw));
        // SAFETY: it came from `Rc::into_raw`, and its count was the slot's, where it is not any more.
        (!old.is_null()).then(|| unsafe { Rc::from_raw(old) })
    }
}

impl<T> Default for RcSlot<T> {
    fn default() -> RcSlot<T> {
        RcSlot::new()
    }
}

impl<T> Drop for RcSlot<T> {
    fn drop(&mut self) {
        drop(self.replace(None));
    }
}

impl<T: fmt::Debug> fmt::Debug for RcSlot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RcSlot").field(&self.get()).finish()
    }
}
