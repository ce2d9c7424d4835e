//! Errors that have no receiver, and the hook that is told of them.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::handle::AnyGreenlet;
use crate::inner::Payload;
use crate::thread;

/// Something that nobody can be given as an error.
#[non_exhaustive]
pub enum Unraisable {
    /// User code panicked where nobody waits for the outcome: while a greenlet was killed because its last handle went
    /// away, or in the destructor of a body or value that had to be dropped.
    Panicked(Payload),
    /// A greenlet was killed because its last handle went away, caught the exit and suspended again. It stays suspended.
    Survived,
}

impl fmt::Debug for Unraisable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unraisable::Panicked(payload) => f.debug_tuple("Panicked").field(&panic_message(payload)).finish(),
            Unraisable::Survived => f.write_str("Survived"),
        }
    }
}

pub(crate) type Hook = dyn Fn(&AnyGreenlet, Unraisable);

/// Sets what is called, on this thread, with errors that have no receiver; returns what was set before.
///
/// Without a hook they are printed to standard error. It corresponds to Python's `sys.unraisablehook`.
///
/// # Examples
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use greenlet::{Greenlet, main, set_unraisable_hook};
///
/// let seen = Rc::new(Cell::new(0));
/// let count = seen.clone();
/// set_unraisable_hook(Some(Rc::new(move |_, _| count.set(count.get() + 1))));
///
/// struct Fails;
/// impl Drop for Fails {
///     fn drop(&mut self) {
///         std::panic::resume_unwind(Box::new("cannot clean up"));
///     }
/// }
/// drop(Greenlet::<()>::new({ let fails = Fails; move |()| drop(fails) }));
/// assert_eq!(seen.get(), 1);
/// # set_unraisable_hook(None);
/// ```
pub fn set_unraisable_hook(hook: Option<Rc<Hook>>) -> Option<Rc<Hook>> {
    thread::this().hook.replace(hook)
}

pub(crate) fn report(hook: Option<Rc<Hook>>, greenlet: AnyGreenlet, what: Unraisable) {
    // The handle and the hook are dropped in here, too: they may be the last ones.
    let told = catch_unwind(AssertUnwindSafe(move || match hook {
        Some(hook) => hook(&greenlet, what),
        None => match what {
            Unraisable::Panicked(payload) => {
                eprintln!("{greenlet}: panicked where nobody waits for it: {}", panic_message(&payload))
            }
            Unraisable::Survived => {
                eprintln!("{greenlet}: its last handle is gone, but it caught the exit and lives on")
            }
        },
    }));
    // A payload whose own destructor panics would leave through here.
    if let Err(payload) = told {
        std::mem::forget(payload);
    }
}

/// The text of a panic: what was given to `panic!`, if that was text.
///
/// # Examples
///
/// ```
/// let payload = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new("oh"))).unwrap_err();
/// assert_eq!(greenlet::panic_message(&payload), "oh");
/// ```
pub fn panic_message(payload: &Payload) -> &str {
    match payload.downcast_ref::<&'static str>() {
        Some(text) => text,
        None => payload.downcast_ref::<String>().map_or("a value that is not text", String::as_str),
    }
}
