//! A callback at every switch and throw, as greenlet's `settrace`.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::handle::AnyGreenlet;
use crate::inner::{Inner, Payload};
use crate::lifetime::drop_caught;
use crate::mail::Got;
use crate::thread::{self, Thread};
use crate::transfer::any_handle;

/// What a tracer is told of.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The target is resumed, or started, with a value or an exit.
    Switch,
    /// The target is resumed with a panic: something was thrown into it, or its child ended by a panic.
    Throw,
}

/// One switch.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct Event {
    /// Whether the target is resumed with a value or with a panic.
    pub kind: EventKind,
    /// The greenlet that was left.
    pub origin: AnyGreenlet,
    /// The greenlet that runs now, and in which the tracer is called; or one that had not begun and was ended by a throw,
    /// of which the tracer is told in the thrower.
    pub target: AnyGreenlet,
}

/// A tracer; see [`set_tracer`].
pub type Tracer = Rc<dyn Fn(&Event)>;

/// Sets what is called on this thread after every switch; returns what was set before.
///
/// It is called in the target, before its pending switch returns or its body begins. It may switch itself: what the target
/// was to receive is kept for it. If it panics, it is removed, and the panic takes the place of what the target was to
/// receive.
///
/// # Examples
///
/// ```
/// use std::{cell::RefCell, rc::Rc};
/// use greenlet::{Greenlet, set_tracer};
///
/// let log = Rc::new(RefCell::new(Vec::new()));
/// let events = log.clone();
/// set_tracer(Some(Rc::new(move |event| events.borrow_mut().push(format!("{:?}", event.kind)))));
/// Greenlet::new(|()| ()).switch(()).unwrap();
/// set_tracer(None);
/// assert_eq!(*log.borrow(), ["Switch", "Switch"]);
/// ```
pub fn set_tracer(tracer: Option<Tracer>) -> Option<Tracer> {
    let thread = thread::this();
    thread.set_traced(tracer.is_some());
    thread.tracer.replace(tracer)
}

/// The tracer of this thread.
pub fn tracer() -> Option<Tracer> {
    thread::this().tracer.borrow().clone()
}

/// Calls the tracer; what it raised, after removing it.
#[cold]
pub(crate) fn call(thread: &Thread, origin: &Inner, target: &Inner, kind: EventKind) -> Option<Payload> {
    let tracer = thread.tracer.borrow().clone()?;
    let event = Event { kind, origin: any_handle(origin), target: any_handle(target) };
    let raised = catch_unwind(AssertUnwindSafe(|| {
        tracer(&event);
        drop(event);
    }));
    // It may have removed itself: then this is what its values are dropped with.
    drop_caught(target, tracer);
    let raised = raised.err()?;
    drop_caught(target, set_tracer(None));
    Some(raised)
}

/// Tells the tracer, if there is one, that the running greenlet receives `got`; what it raises takes the place of that.
pub(crate) fn replace<T>(thread: &Thread, origin: &Inner, got: Got<T>) -> Got<T> {
    if !thread.is_traced() {
        return got;
    }
    match call(thread, origin, thread.current(), got.event()) {
        Some(raised) => {
            drop_caught(thread.current(), got);
            Got::Raise(raised)
        }
        None => got,
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EventKind::Switch => "switch",
            EventKind::Throw => "throw",
        })
    }
}
