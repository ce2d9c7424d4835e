//! The seam under the greenlets: stacks, and the switch between them.
//!
//! An implementation has one job: make a stack ready to run an entry function, and switch from the running context to
//! another one. It knows nothing of greenlets, values, parents or panics. It provides
//!
//! - `Hub`: what one thread needs to switch (`Hub::default()`);
//! - `Context::root()`: the thread's own stack, as a place to come back to;
//! - `Context::new(size, entry)`: a stack that will call `entry` when it is first switched to, or the reason why there is none;
//! - `unsafe fn switch(hub, from, to)`: returns when something switches back to `from`;
//! - `unsafe fn retire(self)`: gives an idle stack back to the system;
//! - `Context::round(size)`: the size that a stack gets if this much is asked for, and `Context::size()`: the one that it has;
//! - `Context::prefetch()`: brings what a switch to it needs nearer, if that can be done.
//!
//! `entry` must not unwind. When a stack is idle (its greenlet ended), it is suspended inside `entry` at a point where no
//! frame holds anything; it is handed the next greenlet simply by switching to it, or told to leave through `retire`.

mod portable;

pub(crate) use portable::{Context, Hub, switch};

/// Why a stack could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutOfStacks(pub(crate) String);
