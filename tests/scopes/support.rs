//! What the tests of scopes have in common.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tasklets::{Runtime, current, schedule, schedule_remove};

/// What members borrow: it knows whether it is alive.
pub(crate) struct Canary(Cell<u64>);

const ALIVE: u64 = 0x00c0_ffee;

impl Canary {
    pub(crate) fn new() -> Canary {
        Canary(Cell::new(ALIVE))
    }

    pub(crate) fn sing(&self) {
        assert_eq!(self.0.get(), ALIVE, "what was borrowed is gone");
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.0.set(0);
    }
}

/// Borrows a canary, has it sing when it is dropped, and counts that.
pub(crate) struct Listener<'a>(pub(crate) &'a Canary, pub(crate) &'a Cell<usize>);

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        self.0.sing();
        self.1.set(self.1.get() + 1);
    }
}

/// What must be so when a scope has been left: as many listeners as were made are gone.
pub(crate) struct Watch {
    pub(crate) canary: Canary,
    pub(crate) made: Cell<usize>,
    pub(crate) gone: Cell<usize>,
}

impl Watch {
    pub(crate) fn new() -> Watch {
        Watch { canary: Canary::new(), made: Cell::new(0), gone: Cell::new(0) }
    }

    pub(crate) fn listener(&self) -> Listener<'_> {
        self.made.set(self.made.get() + 1);
        Listener(&self.canary, &self.gone)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        assert_eq!(self.made.get(), self.gone.get(), "something of a scope is left");
    }
}

/// Counts itself out when it is dropped, on whatever thread.
pub(crate) struct Guest<'a>(&'a AtomicUsize);

impl<'a> Guest<'a> {
    pub(crate) fn new(house: &'a AtomicUsize) -> Guest<'a> {
        house.fetch_add(1, Ordering::SeqCst);
        Guest(house)
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Longer than any test.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// Two workers.
pub(crate) fn runtime() -> Runtime {
    // Frames are large where they are instrumented, and scopes are opened within scopes.
    Runtime::builder().threads(2).stack_size(1 << 20).build().unwrap()
}

/// Calls a closure when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)()
    }
}

/// Unwinds with a value, without a message on standard error.
pub(crate) fn raise<E: Any + Send>(error: E) -> ! {
    resume_unwind(Box::new(error))
}

/// What `f` unwinds with.
#[track_caller]
pub(crate) fn caught<R>(f: impl FnOnce() -> R) -> Box<dyn Any + Send> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("nothing was raised"),
        Err(payload) => payload,
    }
}

/// Lets everybody else have so many turns.
pub(crate) fn turns(n: usize) {
    for _ in 0..n {
        schedule().unwrap();
    }
}

/// Blocks until somebody ends it.
pub(crate) fn for_ever() {
    // With a handle of its own it is paused.
    let _me = current();
    schedule_remove().unwrap();
    unreachable!("nobody inserts it");
}

/// Blocks until somebody ends it, and has something to drop then.
pub(crate) fn hold<T>(_what: T) {
    for_ever();
}

#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, entry: impl ToString) {
        self.0.borrow_mut().push(entry.to_string());
    }

    pub(crate) fn take(&self) -> String {
        self.0.take().join(" ")
    }
}
