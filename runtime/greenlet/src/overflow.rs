//! The one thing that cannot be reported as an error: a stack that ran over.
//!
//! The frames of the overrun stack are left where they are, so that nothing which they own may be used again: the process
//! ends, with a report. It is written by a signal handler, on a stack of the thread's that is kept for that: everything here
//! only reads what is there and writes to standard error, without locks and without allocating.

use std::fmt::{self, Write};

use crate::context::{Stderr, with_thread_name};
use crate::thread::{self, Thread};

/// Writes what ran on the overrun stack: its first line of the report, without a line break.
///
/// It is called by a signal handler: it may only read and write to what it is given, and must not allocate, lock or panic.
pub type Describe = fn(&mut dyn Write) -> fmt::Result;

/// Sets who describes what runs on this thread's greenlets when one of their stacks runs over; returns what was set before.
///
/// For schedulers, which know better than this crate what runs. `None`, as at first, names the greenlet, and where it was made.
pub fn describe_overflows(describe: Option<Describe>) -> Option<Describe> {
    thread::this().describe.replace(describe)
}

/// Ends the process if the fault is an overflow of the running greenlet's stack.
pub(crate) fn check(address: usize) {
    let Some(thread) = thread::existing() else { return };
    let current = thread.current.get();
    // SAFETY: the running greenlet exists, and its context is neither put in place nor taken out while it runs.
    let guard = unsafe { (*(*current).context.get()).as_ref() }.and_then(|context| context.guard());
    if guard.is_some_and(|guard| guard.contains(&address)) {
        abort(thread, None);
    }
}

/// Ends the process with the report.
pub(crate) fn abort(thread: &Thread, other: Option<&str>) -> ! {
    // Nothing can be done if even this fails.
    let _ = report(thread, other);
    std::process::abort();
}

fn report(thread: &Thread, other: Option<&str>) -> fmt::Result {
    let current = thread.current();
    let mut out = Stderr;
    out.write_char('\n')?;
    match thread.describe.get() {
        Some(describe) => describe(&mut out)?,
        None => {
            write!(out, "greenlet {}", current.id)?;
            if let Some(name) = &current.name {
                write!(out, " {name:?}")?;
            }
            write!(out, ", made at {}", current.site)?;
        }
    }
    with_thread_name(|name| writeln!(out, ", on thread {name:?}: {}", other.unwrap_or("stack overflow")))?;
    let size = current.stack_size;
    writeln!(out, "its stack has {size} bytes; give it more with Builder::stack_size, or recurse less\n")
}
