//! What can go wrong, with what was given back.

use std::error::Error;
use std::fmt;

/// A switch, throw or kill that did not happen, or one that came back with something that could not be delivered.
///
/// Where the operation did not happen, `value` is what was given to it ([`SwitchError::into_value`]).
#[non_exhaustive]
#[derive(Debug)]
pub enum SwitchError<V> {
    /// The value is of another type than the receiving greenlet's pending switch awaits.
    ///
    /// Either this greenlet sent it, and has it back; or a greenlet ended with it, this one is the nearest live ancestor,
    /// and the value was dropped.
    Family {
        /// Who sent the value.
        from: String,
        /// Who was to receive it.
        to: String,
        /// The type of the value.
        sent: &'static str,
        /// The type that the receiver awaits.
        awaited: &'static str,
        /// What was given to the operation, if it did not happen.
        value: Option<V>,
    },
    /// The thread is unwinding. Its panic state cannot be taken along to another greenlet, so that only a kill may switch.
    Unwinding {
        /// Who was to be switched to.
        to: String,
        /// What was given to the operation.
        value: Option<V>,
    },
    /// There is no stack for the greenlet that was to be started. It stays unstarted.
    Stack {
        /// Which limit was met, and what to raise.
        error: StackError,
        /// What was given to the operation, if it did not happen.
        value: Option<V>,
    },
    /// The thread is ending and its greenlets have been given up.
    Exited {
        /// What was given to the operation.
        value: Option<V>,
    },
    /// The program is compiled with `panic = "abort"`, so that nothing can be raised in a greenlet.
    Unsupported {
        /// What was given to the operation.
        value: Option<V>,
    },
}

impl<V> SwitchError<V> {
    /// What was given to the operation, if it did not happen.
    pub fn into_value(self) -> Option<V> {
        match self {
            SwitchError::Family { value, .. }
            | SwitchError::Unwinding { value, .. }
            | SwitchError::Stack { value, .. }
            | SwitchError::Exited { value }
            | SwitchError::Unsupported { value } => value,
        }
    }
}

impl<V> fmt::Display for SwitchError<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SwitchError::Family { from, to, sent, awaited, .. } => {
                write!(
                    f,
                    "{from} sent a value of type {sent} to {to}, which awaits {awaited}; switch with a value of that type"
                )
            }
            SwitchError::Unwinding { to, .. } => {
                write!(
                    f,
                    "cannot switch to {to} while the thread unwinds; switch before the panic, or after it was caught"
                )
            }
            SwitchError::Stack { error, .. } => error.fmt(f),
            SwitchError::Exited { .. } => f.write_str("the thread is ending and its greenlets have been given up"),
            SwitchError::Unsupported { .. } => {
                f.write_str("nothing can be raised in a greenlet under panic = \"abort\"")
            }
        }
    }
}

impl<V: fmt::Debug> Error for SwitchError<V> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SwitchError::Stack { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// No stack could be had; tells the limit that was met and what to raise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackError {
    size: usize,
    limit: StackLimit,
    why: String,
}

/// What there was not enough of for one more stack.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StackLimit {
    /// The process's address space (`RLIMIT_AS`, `ulimit -v`).
    AddressSpace,
    /// The process's mappings (`vm.max_map_count`).
    Mappings,
    /// Memory, or what the system promises of it (`RLIMIT_DATA`, `vm.overcommit_memory`).
    Memory,
    /// The thread's own cap ([`set_max_stacks`](crate::set_max_stacks)).
    Cap,
}

impl StackError {
    pub(crate) fn new(size: usize, limit: StackLimit, why: String) -> StackError {
        StackError { size, limit, why }
    }

    /// The limit that was met.
    pub fn limit(&self) -> StackLimit {
        self.limit
    }

    /// The size that was asked for, in bytes.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no stack of {} bytes: {}", self.size, self.why)
    }
}

impl Error for StackError {}

/// A parent that a greenlet cannot have.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParentError {
    /// The parent is the greenlet itself or one of its descendants.
    Cycle {
        /// Whose parent was to be set.
        child: String,
        /// The parent that it was to get.
        parent: String,
    },
    /// The main greenlet has no parent.
    Main,
}

impl fmt::Display for ParentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParentError::Cycle { child, parent } => {
                write!(f, "cyclic parent chain: {parent} descends from {child}; set its parent to another one first")
            }
            ParentError::Main => f.write_str("cannot set the parent of a main greenlet"),
        }
    }
}

impl Error for ParentError {}
