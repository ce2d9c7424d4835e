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

/// Why a switch is not a plain one. Together in one byte, so that the hot path asks once before it and once after.
pub(crate) mod alert {
    /// There is a callback, a budget, a span, or a tasklet in which something was raised by hand.
    pub(crate) const BUSY: u8 = 1;
    /// Switching is trapped.
    pub(crate) const TRAP: u8 = 2;
    /// Something waits in a mailbox.
    pub(crate) const MAIL: u8 = 4;
    /// How deep stacks are used is noted when tasklets end.
    pub(crate) const MEASURE: u8 = 8;
    /// A timer is due, or there is something in the inbox.
    pub(crate) const LOOK: u8 = 16;
    /// A picker decides who goes on.
    pub(crate) const PICK: u8 = 32;
    /// A tasklet is cancelled, or a limit of time is reached.
    pub(crate) const CANCEL: u8 = 64;
    /// The end of a tasklet is waited for on other threads.
    pub(crate) const WATCH: u8 = 128;
    /// What makes a switch no plain one.
    pub(crate) const ODD: u8 = BUSY | LOOK | PICK | CANCEL;
}

#[derive(Default)]
pub(crate) struct Hooks {
    alerts: Cell<u8>,
    trap: Cell<i32>,
    schedule: RefCell<Option<ScheduleCallback>>,
    error: RefCell<Option<ErrorHandler>>,
    /// A `run_for` is under way.
    pub(crate) budgets: Cell<usize>,
    /// Tasklets in which something was raised by hand.
    pub(crate) by_hand: Cell<usize>,
    /// Tasklets whose spans somebody listens to.
    pub(crate) spans: Cell<usize>,
}

impl Hooks {
    /// Whether there is one of these alerts.
    #[inline]
    pub(crate) fn alerted(&self, alerts: u8) -> bool {
        self.alerts.get() & alerts != 0
    }

    pub(crate) fn alert(&self, alert: u8, on: bool) {
        let others = self.alerts.get() & !alert;
        self.alerts.set(if on { others | alert } else { others });
    }

    #[inline]
    pub(crate) fn busy(&self) -> bool {
        self.alerted(alert::ODD)
    }

    #[inline]
    pub(crate) fn trapped(&self) -> bool {
        self.alerted(alert::TRAP)
    }

    /// Adds to the switch trap; what it was before.
    fn add_trap(&self, delta: i32) -> i32 {
        let old = self.trap.replace(self.trap.get() + delta);
        self.alert(alert::TRAP, self.trap.get() != 0);
        old
    }

    /// To be called after every change to the fields.
    pub(crate) fn refresh(&self) {
        let callback = self.schedule.borrow().is_some();
        self.alert(alert::BUSY, callback || self.budgets.get() + self.spans.get() + self.by_hand.get() != 0);
    }

    pub(crate) fn error_handler(&self) -> Option<ErrorHandler> {
        self.error.borrow().clone()
    }
}

impl Scheduler {
    /// Runs user code that must not switch, because the caller is in the midst of a switch. What it raises is given back.
    pub(crate) fn trapped<R>(&self, f: impl FnOnce() -> R) -> Result<R, Payload> {
        self.core.hooks.add_trap(1);
        let result = catch_unwind(AssertUnwindSafe(f));
        self.core.hooks.add_trap(-1);
        result
    }

    /// Drops what users own while the caller is in the midst of a switch: a destructor must not switch there. What it
    /// panics with has no receiver, and is printed.
    pub(crate) fn discard<T>(&self, what: T) {
        if let Err(payload) = self.trapped(move || drop(what)) {
            eprintln!("a destructor panicked, and nobody can be told: {}", greenlet::panic_message(&payload));
            let _ = self.trapped(move || drop(payload));
        }
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
            eprintln!("a schedule callback panicked, which is ignored: {}", greenlet::panic_message(&payload));
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
    Scheduler::local().core.hooks.add_trap(delta)
}
