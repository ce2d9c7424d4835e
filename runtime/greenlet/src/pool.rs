//! The thread's idle stacks, last in first out, by size.
//!
//! A greenlet takes a stack at its first switch and gives it back when its result has been taken; a stack that is warm in
//! the cache is so used again first. The pool is bounded, and what it did not need for a while leaves it, too: a stack that
//! leaves it gives its memory back to the system.

use std::cell::{Cell, RefCell};

use crate::context::{Context, Hub};
use crate::error::{StackError, StackLimit};

/// How many idle stacks of one size a thread keeps, unless told otherwise.
const DEFAULT_CAPACITY: usize = 1024;
/// After how many stacks that came back the pool is looked through, unless told otherwise.
const DEFAULT_REVIEW: usize = 16 * 1024;

pub(crate) struct Pool {
    /// One a size. Programs use few sizes, so a scan beats a map.
    shelves: RefCell<Vec<Shelf>>,
    pub(crate) capacity: Cell<usize>,
    pub(crate) idle: Cell<usize>,
    /// Stacks that exist on this thread: bound ones and idle ones.
    pub(crate) total: Cell<usize>,
    /// The thread's own cap on `total`.
    pub(crate) cap: Cell<usize>,
    /// The pool is looked through after so many have come back; 0 is never.
    pub(crate) review: Cell<usize>,
    /// How many have come back since.
    came_back: Cell<usize>,
}

/// The idle stacks of one size.
struct Shelf {
    size: usize,
    stacks: Vec<Context>,
    /// The fewest that there were since the pool was looked through: so many were not needed.
    fewest: usize,
}

impl Default for Pool {
    fn default() -> Pool {
        Pool {
            shelves: RefCell::new(Vec::new()),
            capacity: Cell::new(DEFAULT_CAPACITY),
            idle: Cell::new(0),
            total: Cell::new(0),
            cap: Cell::new(usize::MAX),
            review: Cell::new(DEFAULT_REVIEW),
            came_back: Cell::new(0),
        }
    }
}

impl Pool {
    /// A new stack of this size, that begins in `entry`.
    pub(crate) fn make(&self, hub: &Hub, size: usize, entry: fn()) -> Result<Context, StackError> {
        if self.total.get() >= self.cap.get() {
            let cap = self.cap.get();
            let why = format!("the thread's own cap is {cap} stacks; raise it with set_max_stacks");
            return Err(StackError::new(size, StackLimit::Cap, why));
        }
        let made = Context::new(hub, size, entry).map_err(|error| StackError::new(size, error.limit, error.why))?;
        self.total.set(self.total.get() + 1);
        Ok(made)
    }

    /// An idle stack of this size.
    pub(crate) fn reuse(&self, size: usize) -> Option<Context> {
        let mut shelves = self.shelves.borrow_mut();
        let shelf = shelves.iter_mut().find(|shelf| shelf.size == size)?;
        let context = shelf.stacks.pop()?;
        shelf.fewest = shelf.fewest.min(shelf.stacks.len());
        self.idle.set(self.idle.get() - 1);
        Some(context)
    }

    /// Keeps an idle stack; gives it back if there are enough, with so many of its size that are idle elsewhere.
    pub(crate) fn put(&self, context: Context, elsewhere: usize) -> Result<(), Context> {
        let size = context.size();
        let mut shelves = self.shelves.borrow_mut();
        let shelf = match shelves.iter().position(|shelf| shelf.size == size) {
            Some(at) => at,
            None => {
                shelves.push(Shelf { size, stacks: Vec::new(), fewest: 0 });
                shelves.len() - 1
            }
        };
        if shelves[shelf].stacks.len() + elsewhere >= self.capacity.get() {
            self.total.set(self.total.get() - 1);
            return Err(context);
        }
        shelves[shelf].stacks.push(context);
        self.idle.set(self.idle.get() + 1);
        Ok(())
    }

    /// Counts a stack that came back. Whether it is time to take out what was not needed.
    #[inline]
    pub(crate) fn count_one(&self) -> bool {
        self.came_back.set(self.came_back.get() + 1);
        self.came_back.get() >= self.review.get() && self.review.get() != 0
    }

    /// Takes out, for good, what was not needed since this was last asked.
    pub(crate) fn take_unneeded(&self) -> Vec<Context> {
        self.came_back.set(0);
        let mut unneeded = Vec::new();
        for shelf in self.shelves.borrow_mut().iter_mut() {
            // Those that came first were at the bottom all the time.
            unneeded.extend(shelf.stacks.drain(..shelf.fewest));
            shelf.fewest = shelf.stacks.len();
        }
        self.idle.set(self.idle.get() - unneeded.len());
        self.total.set(self.total.get() - unneeded.len());
        unneeded
    }

    /// Takes any idle stack out for good.
    pub(crate) fn pop_any(&self) -> Option<Context> {
        let context = self.shelves.borrow_mut().iter_mut().find_map(|shelf| {
            let context = shelf.stacks.pop();
            shelf.fewest = shelf.fewest.min(shelf.stacks.len());
            context
        })?;
        self.idle.set(self.idle.get() - 1);
        self.total.set(self.total.get() - 1);
        Some(context)
    }
}
