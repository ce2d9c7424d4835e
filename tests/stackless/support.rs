//! What the tests share: a log of events, tasklets that are handled as Stackless's objects, and panics that print nothing.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use tasklets::{AnyTasklet, Builder, Payload, TaskletExit, current, schedule, spawn};

/// Events in the order in which they happened, read as one line.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, event: impl Display) {
        self.0.borrow_mut().push(event.to_string());
    }

    /// What was logged since the last call.
    pub(crate) fn take(&self) -> String {
        self.0.take().join(" ")
    }
}

/// A runnable tasklet whose panic nobody joins, as in Stackless.
#[track_caller]
pub(crate) fn tasklet(body: impl FnOnce() + 'static) -> AnyTasklet {
    spawn(body).detach()
}

/// A paused tasklet whose panic nobody joins.
#[track_caller]
pub(crate) fn paused(body: impl FnOnce() + 'static) -> AnyTasklet {
    Builder::new().paused(body).detach()
}

/// Yields.
pub(crate) fn pass() {
    schedule().unwrap();
}

/// Panics without a message on standard error.
pub(crate) fn raise(text: &'static str) -> ! {
    resume_unwind(Box::new(text))
}

/// The value, or a quiet panic with the error's text: what a Python function does that does not catch.
pub(crate) fn uncaught<T>(result: Result<T, impl Display>) -> T {
    result.unwrap_or_else(|error| resume_unwind(Box::new(error.to_string())))
}

/// What something was raised with.
pub(crate) fn text(payload: &(dyn Any + Send)) -> &str {
    if payload.is::<TaskletExit>() {
        return "TaskletExit";
    }
    match payload.downcast_ref::<&'static str>() {
        Some(text) => text,
        None => payload.downcast_ref::<String>().map_or("unknown", String::as_str),
    }
}

/// What `f` returns, or what it raises.
pub(crate) fn attempt<R>(f: impl FnOnce() -> R) -> Result<R, Payload> {
    catch_unwind(AssertUnwindSafe(f))
}

/// The text of what `f` raises; it must raise something.
#[track_caller]
pub(crate) fn raised<R>(f: impl FnOnce() -> R) -> String {
    match attempt(f) {
        Ok(_) => panic!("nothing was raised"),
        Err(payload) => text(&*payload).to_owned(),
    }
}

/// Logs `name:what` if `f` raises, and lets it go on.
pub(crate) fn logged<R>(log: &Log, name: impl Display, f: impl FnOnce() -> R) -> R {
    attempt(f).unwrap_or_else(|payload| {
        log.add(format!("{name}:{}", text(&*payload)));
        resume_unwind(payload)
    })
}

/// Stackless's `seq(2)`: logs `n0`, yields, logs `n1`; an exit is logged, too.
pub(crate) fn seq(log: &Log, name: &'static str) -> AnyTasklet {
    let log = log.clone();
    tasklet(move || {
        log.add(format!("{name}0"));
        logged(&log, name, pass);
        log.add(format!("{name}1"));
    })
}

/// Whether the tasklet is `(alive, paused, blocked, scheduled, current)`.
pub(crate) fn flags(t: &AnyTasklet) -> [bool; 5] {
    [t.is_alive(), t.is_paused(), t.is_blocked(), t.is_scheduled(), t.is_current()]
}

pub(crate) const DEAD: [bool; 5] = [false, false, false, false, false];
pub(crate) const PAUSED: [bool; 5] = [true, true, false, false, false];
pub(crate) const BLOCKED: [bool; 5] = [true, false, true, true, false];
pub(crate) const SCHEDULED: [bool; 5] = [true, false, false, true, false];
pub(crate) const CURRENT: [bool; 5] = [true, false, false, true, true];

/// Runs `f` while the current tasklet may not block.
pub(crate) fn with_block_trap<R>(f: impl FnOnce() -> R) -> R {
    let me = current();
    let old = me.set_block_trap(true);
    let result = f();
    me.set_block_trap(old);
    result
}

/// Counts how many values exist and how often one was dropped.
#[derive(Clone, Default)]
pub(crate) struct Drops(Rc<(Cell<usize>, Cell<usize>)>);

impl Drops {
    pub(crate) fn value(&self, id: usize) -> Counted {
        self.0.0.set(self.0.0.get() + 1);
        Counted { id, drops: self.clone() }
    }

    pub(crate) fn made(&self) -> usize {
        self.0.0.get()
    }

    pub(crate) fn dropped(&self) -> usize {
        self.0.1.get()
    }
}

/// A value that cannot be lost or doubled unnoticed.
pub(crate) struct Counted {
    pub(crate) id: usize,
    drops: Drops,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.drops.0.1.set(self.drops.0.1.get() + 1);
    }
}
