//! What users can have called, or forbidden, around switches.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use greenlet::Payload;

use crate::core::Scheduler;
use crate::tasklet::AnyTasklet;

/// Called before each switch with who leaves and who comes; see [`set_schedule_callback`].
pub type ScheduleCallback = Rc<dyn Fn(&AnyTasklet, &AnyTasklet)>;

/// Called with what a tasklet panicked with; see [`set_error_handler`].
pub type ErrorHandler = Rc<dyn Fn(Payload)>;

#[derive(Default)]
pub(crate) struct Hooks {
    /// Whether anything has to be done around a switch at all: the hot path's one branch.
    busy: Cell<bool>,
    trap: Cell<i32>,
    schedule: RefCell<Option<ScheduleCallback>>,
    error: RefCell<Option<ErrorHandler>>,
    /// A `run_for` is under way.
    pub(crate) budgets: Cell<usize>,
    /// Tasklets whose spans somebody listens to.
    pub(crate) spans: Cell<usize>,
}

impl Hooks {
    #[inline]
    pub(crate) fn busy(&self) -> bool {
        self.busy.get()
    }

    #[inline]
    pub(crate) fn trapped(&self) -> bool {
        self.trap.get() != 0
    }

    /// To be called after every change to the fields.
    pub(crate) fn refresh(&self) {
        let callback = self.schedule.borrow().is_some();
        self.busy.set(callback || self.budgets.get() != 0 || self.spans.get() != 0);
    }

    pub(crate) fn error_handler(&self) -> Option<ErrorHandler> {
        self.error.borrow().clone()
    }
}

impl Scheduler {
    /// Runs user code that must not switch, because the caller is in the midst of a switch. What it raises is given back.
    pub(crate) fn trapped<R>(&self, f: impl FnOnce() -> R) -> Result<R, Payload> {
        let trap = &self.core.hooks.trap;
        trap.set(trap.get() + 1);
        let result = catch_unwind(AssertUnwindSafe(f));
        trap.set(trap.get() - 1);
        result
    }

    /// Tells the schedule callback. Its panics are printed and ignored.
    pub(crate) fn call_schedule_callback(&self, prev: u32, next: u32) {
        let Some(callback) = self.core.hooks.schedule.borrow().clone() else { return };
        let (prev, next) = (self.handle(prev), self.handle(next));
        let result = self.trapped(move || {
            callback(&prev, &next);
            drop((callback, prev, next));
        });
        if let Err(payload) = result {
            eprintln!("a schedule callback panicked, which is ignored: {}", crate::error::message(&payload));
            let _ = self.trapped(move || drop(payload));
        }
    }
}

/// Sets what this thread calls at every real switch, in the tasklet that leaves, with it and the next one; returns what was
/// set before.
///
/// The callback must not switch: operations that would fail with [`SwitchTrap`](crate::TaskletError::SwitchTrap) in it. If it
/// panics, that is printed and ignored.
///
/// Semantics: Stackless's `set_schedule_callback`, for one thread.
///
/// # Examples
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use tasklets_runtime::{run, set_schedule_callback, spawn};
///
/// let switches = Rc::new(Cell::new(0));
/// let count = switches.clone();
/// set_schedule_callback(Some(Rc::new(move |_, _| count.set(count.get() + 1))));
/// spawn(|| ()).detach();
/// run();
/// set_schedule_callback(None);
/// assert_eq!(switches.get(), 2); // to the tasklet, and back
/// ```
pub fn set_schedule_callback(callback: Option<ScheduleCallback>) -> Option<ScheduleCallback> {
    let scheduler = Scheduler::local();
    let old = scheduler.core.hooks.schedule.replace(callback);
    scheduler.core.hooks.refresh();
    old
}

/// What this thread calls at every switch.
pub fn schedule_callback() -> Option<ScheduleCallback> {
    Scheduler::local().core.hooks.schedule.borrow().clone()
}

/// Sets what this thread does with the panic of a tasklet that nobody can join; returns what was set before.
///
/// It is called in the tasklet that ends, and then the others go on. Without a handler the panic surfaces in the innermost
/// [`run`](crate::run()), or in what the main tasklet is doing. If the handler itself panics, that surfaces there.
///
/// Semantics: Stackless's `set_error_handler`, for one thread.
///
/// # Examples
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use tasklets_runtime::{run, set_error_handler, spawn};
///
/// let seen = Rc::new(Cell::new(false));
/// let flag = seen.clone();
/// set_error_handler(Some(Rc::new(move |_payload| flag.set(true))));
/// spawn(|| std::panic::resume_unwind(Box::new("oh"))).detach();
/// run();
/// set_error_handler(None);
/// assert!(seen.get());
/// ```
pub fn set_error_handler(handler: Option<ErrorHandler>) -> Option<ErrorHandler> {
    Scheduler::local().core.hooks.error.replace(handler)
}

/// Adds `delta` to this thread's switch trap; returns what it was before. While it is not 0, every operation that would
/// switch fails with [`SwitchTrap`](crate::TaskletError::SwitchTrap), and changes nothing.
///
/// Semantics: Stackless's `switch_trap`.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{schedule, spawn, switch_trap};
///
/// let t = spawn(|| ());
/// switch_trap(1);
/// assert!(schedule().is_err());
/// switch_trap(-1);
/// assert!(schedule().is_ok());
/// ```
pub fn switch_trap(delta: i32) -> i32 {
    let scheduler = Scheduler::local();
    let trap = &scheduler.core.hooks.trap;
    trap.replace(trap.get() + delta)
}
