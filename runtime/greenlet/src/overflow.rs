//! The one thing that cannot be reported as an error: a stack that ran over.
//!
//! The frames of the overrun stack are left where they are, so that nothing which they own may be used again: the process
//! ends, with a report. It is written by a signal handler, on a stack of the thread's that is kept for that: everything here
//! only reads what is there and writes to standard error, without locks and without allocating.

use std::fmt::{self, Write};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use crate::context::{Context, Stderr, with_thread_name};
use crate::handle::AnyGreenlet;
use crate::inner::Inner;
use crate::thread::{self, Thread};

/// Writes what ran on the greenlet whose stack ran over: the beginning of the report's first line.
///
/// It is called by a signal handler: it may only read and write to what it is given, and must not allocate, lock or panic.
pub type Describe = fn(&AnyGreenlet, &mut dyn Write) -> fmt::Result;

/// Sets who describes what runs on this thread's greenlets when one of their stacks runs over; returns what was set before.
///
/// For schedulers, which know better than this crate what runs. `None`, as at first, names the greenlet, and where it was made.
///
/// # Examples
///
/// ```
/// use greenlet::describe_overflows;
///
/// describe_overflows(Some(|greenlet, out| write!(out, "{greenlet}, which parses what users send")));
/// ```
pub fn describe_overflows(describe: Option<Describe>) -> Option<Describe> {
    thread::this().describe.replace(describe)
}

impl AnyGreenlet {
    /// Where in the program it was made.
    pub fn made_at(&self) -> &'static std::panic::Location<'static> {
        self.inner().site
    }
}

/// Ends the process if the fault is an overflow of the running greenlet's stack.
pub(crate) fn check(address: usize) {
    let Some(thread) = thread::existing() else { return };
    let ends_there = |context: &Context| context.guard().is_some_and(|guard| guard.contains(&address));
    if let Some(overrun) = overrun(thread, ends_there) {
        abort(thread, overrun, None);
    }
}

/// The greenlet whose stack ran over, if it is one.
pub(crate) fn overrun(thread: &Thread, is_its: impl Fn(&Context) -> bool) -> Option<&Inner> {
    // SAFETY: the context of a greenlet that is active is neither put in place nor taken out.
    let is_overrun = |inner: &&Inner| unsafe { (*inner.context.get()).as_ref() }.is_some_and(&is_its);
    let current = thread.current();
    if is_overrun(&current) {
        return Some(current);
    }
    // In the midst of a switch: who is switched to counts as current, but the stack is still that of who leaves.
    if thread.mail.is_empty() && !thread.visit.is_under_way() {
        return None;
    }
    // SAFETY: a registered greenlet is active, and its block exists as long as it is.
    thread.blocks.find_registered(|inner| is_overrun(&inner).then(|| unsafe { &*ptr::from_ref(inner) }))
}

/// Ends the process with the report.
pub(crate) fn abort(thread: &Thread, overrun: &Inner, other: Option<&str>) -> ! {
    // Nothing can be done if even this fails.
    let _ = report(thread, overrun, other);
    std::process::abort();
}

fn report(thread: &Thread, overrun: &Inner, other: Option<&str>) -> fmt::Result {
    let mut out = Stderr;
    out.write_char('\n')?;
    // Not counted, and so not given back: the process ends before anybody else looks at the count.
    let greenlet = ManuallyDrop::new(AnyGreenlet::adopt(NonNull::from(overrun)));
    match thread.describe.get() {
        Some(describe) => describe(&greenlet, &mut out)?,
        None => write!(out, "{}, made at {}", *greenlet, greenlet.made_at())?,
    }
    with_thread_name(|name| writeln!(out, ", on thread {name:?}: {}", other.unwrap_or("stack overflow")))?;
    let size = overrun.stack_size;
    writeln!(out, "its stack has {size} bytes; give it more with Builder::stack_size, or recurse less\n")
}
