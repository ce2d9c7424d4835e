//! What is under way from one greenlet to another.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::ptr;

use crate::error::{StackError, SwitchError};
use crate::inner::{Inner, Payload};
use crate::received::{GreenletExit, NoValue, Received};
use crate::trace::EventKind;

/// The thread's mailbox: filled by who switches, emptied by who is switched to before any user code runs.
pub(crate) struct Mailbox {
    /// A value of the type that the receiver awaits, in the sender's frame, to be moved out once; or null.
    value: Cell<*mut ()>,
    /// The same, where more is to be done than to move it out: a tracer is set, or who left it has ended and its stack is to be
    /// given back.
    with_care: Cell<*mut ()>,
    /// What arrives if there is no value.
    cold: Cell<Option<Box<Got<()>>>>,
}

impl Default for Mailbox {
    fn default() -> Mailbox {
        Mailbox { value: Cell::new(ptr::null_mut()), with_care: Cell::new(ptr::null_mut()), cold: Cell::new(None) }
    }
}

impl Mailbox {
    /// Leaves a value. No tracer is set.
    #[inline]
    pub(crate) fn leave(&self, value: *mut ()) {
        self.value.set(value);
    }

    /// Leaves a value, such as the result of a greenlet that has ended, to be received with care.
    pub(crate) fn leave_to_care(&self, value: *mut ()) {
        self.with_care.set(value);
    }

    /// Leaves something else than a value. A value in there stays with its sender: the receiver takes anything.
    pub(crate) fn leave_cold<T>(&self, got: Got<T>) {
        self.cold.set(Some(Box::new(match got {
            Got::Value(_) | Got::Nothing => Got::Nothing,
            Got::Exit(exit) => Got::Exit(exit),
            Got::Raise(payload) => Got::Raise(payload),
            Got::Failed(failure) => Got::Failed(failure),
        })));
    }

    /// The value, which stays in the mailbox; or null.
    #[inline]
    pub(crate) fn peek(&self) -> *mut () {
        self.value.get()
    }

    #[inline]
    pub(crate) fn clear(&self) {
        self.value.set(ptr::null_mut());
    }

    /// The value that is to be received with care, or null.
    pub(crate) fn take_with_care(&self) -> *mut () {
        self.with_care.replace(ptr::null_mut())
    }

    /// Whether nothing is under way.
    pub(crate) fn is_empty(&self) -> bool {
        let cold = self.cold.take();
        let empty = self.value.get().is_null() && self.with_care.get().is_null() && cold.is_none();
        self.cold.set(cold);
        empty
    }

    pub(crate) fn take_cold<T>(&self) -> Got<T> {
        match self.cold.take().map(|got| *got) {
            None | Some(Got::Value(()) | Got::Nothing) => Got::Nothing,
            Some(Got::Exit(exit)) => Got::Exit(exit),
            Some(Got::Raise(payload)) => Got::Raise(payload),
            Some(Got::Failed(failure)) => Got::Failed(failure),
        }
    }
}

/// What arrives at a pending switch.
pub(crate) enum Got<T> {
    Value(T),
    Exit(GreenletExit),
    Raise(Payload),
    Failed(Box<Failure>),
    Nothing,
}

impl<T> Got<T> {
    /// What the pending switch returns. Unwinds if something was raised.
    pub(crate) fn open(self) -> Result<Received<T>, Box<Failure>> {
        match self {
            Got::Value(value) => Ok(Received::Value(value)),
            Got::Exit(exit) => Ok(Received::Exit(exit)),
            Got::Raise(payload) => resume_unwind(payload),
            Got::Failed(failure) => Err(failure),
            Got::Nothing => unreachable!("nothing is sent only to an operation that takes anything"),
        }
    }

    /// What came, small if it is a value.
    pub(crate) fn into_value(self) -> Result<T, Box<NoValue<T>>> {
        match self {
            Got::Value(value) => Ok(value),
            Got::Exit(exit) => Err(Box::new(NoValue::Exit(exit))),
            Got::Raise(payload) => Err(Box::new(NoValue::Raised(payload))),
            Got::Failed(failure) => Err(Box::new(NoValue::Failed(failure.into_error(None)))),
            Got::Nothing => unreachable!("nothing is sent only to an operation that takes anything"),
        }
    }

    pub(crate) fn is_exit(&self) -> bool {
        matches!(self, Got::Exit(_))
    }

    pub(crate) fn event(&self) -> EventKind {
        if matches!(self, Got::Raise(_)) { EventKind::Throw } else { EventKind::Switch }
    }
}

/// Something that could not be delivered, told to the nearest live ancestor.
#[derive(Debug)]
pub(crate) enum Failure {
    Family { from: String, to: String, sent: &'static str, awaited: &'static str },
    Stack(StackError),
}

impl Failure {
    pub(crate) fn family<T>(from: &Inner, to: &Inner) -> Box<Failure> {
        let awaited = (to.awaits.get().name)();
        let sent = std::any::type_name::<T>();
        Box::new(Failure::Family { from: from.label(), to: to.label(), sent, awaited })
    }

    pub(crate) fn into_error<V>(self, value: Option<V>) -> SwitchError<V> {
        match self {
            Failure::Family { from, to, sent, awaited } => SwitchError::Family { from, to, sent, awaited, value },
            Failure::Stack(error) => SwitchError::Stack { error, value },
        }
    }
}
