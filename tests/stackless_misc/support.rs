//! What the tests here are written with.

#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use tasklets::{AnyTasklet, Builder, ErrorHandler, Payload, set_error_handler, spawn, switch_trap};

pub(crate) use crate::common::checked;

/// What happened, in order. Clones are handles of one log.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, entry: impl fmt::Display) {
        self.0.borrow_mut().push(entry.to_string());
    }

    /// The entries since the last call, with spaces between.
    pub(crate) fn take(&self) -> String {
        self.0.take().join(" ")
    }

    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }
}

/// A flag that closures share.
#[derive(Clone, Default)]
pub(crate) struct Flag(Rc<Cell<usize>>);

impl Flag {
    pub(crate) fn set(&self) {
        self.0.set(self.0.get() + 1);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.get() != 0
    }

    /// How often it was set.
    pub(crate) fn count(&self) -> usize {
        self.0.get()
    }
}

/// Runs a closure when dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A guard that sets a flag when dropped.
pub(crate) fn flagging(flag: &Flag) -> OnDrop<impl FnMut() + use<>> {
    let flag = flag.clone();
    OnDrop(move || flag.set())
}

/// Errors of Python that the originals raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexError(pub(crate) [i32; 3]);
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ZeroDivisionError;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ValueError(pub(crate) i32);

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for ValueError {}

/// Raises without the panic hook's output.
pub(crate) fn raise(payload: impl Any + Send) -> ! {
    resume_unwind(Box::new(payload))
}

pub(crate) fn caught<R>(f: impl FnOnce() -> R) -> Result<R, Payload> {
    catch_unwind(AssertUnwindSafe(f))
}

/// What `f` unwinds with; anything else than an `E` is passed on.
#[track_caller]
pub(crate) fn raised<E: Any, R>(f: impl FnOnce() -> R) -> E {
    match caught(f) {
        Ok(_) => panic!("nothing was raised"),
        Err(payload) => match payload.downcast() {
            Ok(error) => *error,
            Err(payload) => resume_unwind(payload),
        },
    }
}

/// A tasklet that runs in its turn, by a handle that does not hold back its panic.
#[track_caller]
pub(crate) fn go(body: impl FnOnce() + 'static) -> AnyTasklet {
    spawn(body).detach()
}

/// The same, paused.
#[track_caller]
pub(crate) fn paused(body: impl FnOnce() + 'static) -> AnyTasklet {
    Builder::new().paused(body).detach()
}

/// Runs `f` with the switch trap set.
pub(crate) fn trapped<R>(f: impl FnOnce() -> R) -> R {
    switch_trap(1);
    let result = f();
    switch_trap(-1);
    result
}

/// Runs `f` with an error handler set.
pub(crate) fn handled<R>(handler: impl Fn(Payload) + 'static, f: impl FnOnce() -> R) -> R {
    let handler: ErrorHandler = Rc::new(handler);
    let old = set_error_handler(Some(handler));
    let result = caught(f);
    set_error_handler(old);
    result.unwrap_or_else(|payload| resume_unwind(payload))
}

/// Alive, scheduled, blocked, paused.
pub(crate) fn state(tasklet: &AnyTasklet) -> [bool; 4] {
    [tasklet.is_alive(), tasklet.is_scheduled(), tasklet.is_blocked(), tasklet.is_paused()]
}

pub(crate) const DEAD: [bool; 4] = [false, false, false, false];
pub(crate) const RUNNABLE: [bool; 4] = [true, true, false, false];
pub(crate) const BLOCKED: [bool; 4] = [true, true, true, false];
pub(crate) const PAUSED: [bool; 4] = [true, false, false, true];
