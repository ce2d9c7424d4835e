//! The one thing that cannot be reported as an error: a stack that ran over.

use crate::thread;

/// Ends the process with a report. The frames of the overrun stack were left without being unwound, so that nothing they own
/// may be used again.
pub(crate) fn stack_overflow(other: Option<&str>) -> ! {
    let current = thread::this().current();
    let what = other.unwrap_or("stack overflow");
    eprintln!(
        "\n{} on thread {:?}: {what}\nits stack has {} bytes; give it more with Builder::stack_size, or recurse less\n",
        current.label(),
        std::thread::current().name().unwrap_or("<unnamed>"),
        current.stack_size,
    );
    std::process::abort();
}
