//! The thread's idle stacks, last in first out, by size.
//!
//! A greenlet takes a stack at its first switch and gives it back when its result has been taken; a stack that is warm in
//! the cache is so used again first. The pool is bounded; what does not fit goes back to the system.

use std::cell::{Cell, RefCell};

use crate::context::{Context, Hub};
use crate::error::{StackError, StackLimit};

/// How many idle stacks of one size a thread keeps, unless told otherwise.
const DEFAULT_CAPACITY: usize = 1024;

pub(crate) struct Pool {
    /// One list a size. Programs use few sizes, so a scan beats a map.
    shelves: RefCell<Vec<(usize, Vec<Context>)>>,
    pub(crate) capacity: Cell<usize>,
    pub(crate) idle: Cell<usize>,
    /// Stacks that exist on this thread: bound ones and idle ones.
    pub(crate) total: Cell<usize>,
    /// The thread's own cap on `total`.
    pub(crate) cap: Cell<usize>,
}

impl Default for Pool {
    fn default() -> Pool {
        Pool {
            shelves: RefCell::new(Vec::new()),
            capacity: Cell::new(DEFAULT_CAPACITY),
            idle: Cell::new(0),
            total: Cell::new(0),
            cap: Cell::new(usize::MAX),
        }
    }
}

impl Pool {
    /// An idle stack of this size, or a new one that begins in `entry`.
    pub(crate) fn take(&self, hub: &Hub, size: usize, entry: fn()) -> Result<Context, StackError> {
        let idle = self.shelves.borrow_mut().iter_mut().find(|(of, _)| *of == size).and_then(|(_, shelf)| shelf.pop());
        if let Some(context) = idle {
            self.idle.set(self.idle.get() - 1);
            return Ok(context);
        }
        if self.total.get() >= self.cap.get() {
            let cap = self.cap.get();
            let why = format!("the thread's own cap is {cap} stacks; raise it with set_max_stacks");
            return Err(StackError::new(size, StackLimit::Cap, why));
        }
        let made = Context::new(hub, size, entry).map_err(|error| StackError::new(size, error.limit, error.why))?;
        self.total.set(self.total.get() + 1);
        Ok(made)
    }

    /// Keeps an idle stack; gives it back if there are enough.
    pub(crate) fn put(&self, context: Context) -> Result<(), Context> {
        let size = context.size();
        let mut shelves = self.shelves.borrow_mut();
        let shelf = match shelves.iter().position(|(of, _)| *of == size) {
            Some(at) => at,
            None => {
                shelves.push((size, Vec::new()));
                shelves.len() - 1
            }
        };
        if shelves[shelf].1.len() >= self.capacity.get() {
            self.total.set(self.total.get() - 1);
            return Err(context);
        }
        shelves[shelf].1.push(context);
        self.idle.set(self.idle.get() + 1);
        Ok(())
    }

    /// Takes any idle stack out for good.
    pub(crate) fn pop_any(&self) -> Option<Context> {
        let context = self.shelves.borrow_mut().iter_mut().find_map(|(_, shelf)| shelf.pop())?;
        self.idle.set(self.idle.get() - 1);
        self.total.set(self.total.get() - 1);
        Some(context)
    }
}
