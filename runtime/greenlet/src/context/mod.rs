//! The seam under the greenlets: stacks, and the switch between them.
//!
//! An implementation has one job: make a stack ready to run an entry function, and switch from the running context to
//! another one. It knows nothing of greenlets, values, parents or panics. It provides
//!
//! - `Hub`: what one thread needs to switch and to have stacks (`Hub::new(on_fault)`); it stays in place while it has stacks;
//! - `Context::root()`: the thread's own stack, as a place to come back to;
//! - `Context::new(hub, size, entry)`: a stack that calls `entry` when it is first switched to, or the reason why there is none;
//! - `unsafe fn switch(hub, from, to, with)`: returns when something switches back to `from`, with what that one gave for `with`;
//! - `unsafe fn switch_finally(hub, from, to, with)`: leaves a stack whose greenlet has ended;
//! - `unsafe fn reset(&self)`: makes such a stack ready for the next greenlet;
//! - `unsafe fn retire(self, hub)`: gives an idle stack back to the system;
//! - `Context::round(size)`: the size that a stack gets if this much is asked for, and `Context::size()`: the one that it has;
//! - `Context::used()`, `give_back_unused()` and `guard()`: how deep it was used, and where an overflow faults, if that is known;
//! - `Stderr` and `with_thread_name(f)`: what an overflow's report is written with; natively by a signal handler;
//! - `Context::prefetch()` and `prefetch_below()`: bring what a switch to it needs nearer, if that can be done;
//! - `here()`: about where the running stack is left by a switch that is made here, with `FRAME` bytes that the switch stores there;
//! - `Hub::memory()`, `Hub::refuse(refusals)`, `set_guard_size(bytes)`: figures, failures on demand, and the one setting.
//!
//! `entry` must not unwind. A stack is idle once its greenlet has ended: no frame on it holds anything then. Depending on the
//! implementation the switch that left it never returns, or returns when the next greenlet is to run: `entry` is a loop.
//!
//! `native` is used where there is a switch for the instruction set, `portable` everywhere else and under
//! `--cfg greenlet_portable`. The condition stands in the manifest, too: only one of them is compiled, with what it depends on.

use crate::error::StackLimit;

cfg_select! {
    all(unix, any(target_arch = "x86_64", target_arch = "aarch64"), not(greenlet_portable)) => {
        mod native;
        pub(crate) use native::{Context, FRAME, Hub, Stderr, here, set_guard_size, switch, switch_finally, with_thread_name};
    }
    _ => {
        mod portable;
        pub(crate) use portable::{Context, FRAME, Hub, Stderr, here, set_guard_size, switch, switch as switch_finally, with_thread_name};
    }
}

/// Why a stack could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutOfStacks {
    pub(crate) limit: StackLimit,
    pub(crate) why: String,
}

/// Requests for stacks that are refused on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Refusals {
    /// How many are granted first.
    pub(crate) after: usize,
    pub(crate) count: usize,
}

impl Refusals {
    /// Whether the request that is made now is one of them.
    pub(crate) fn next(&mut self) -> bool {
        let refused = self.after == 0 && self.count != 0;
        self.count -= usize::from(refused);
        self.after = self.after.saturating_sub(1);
        refused
    }
}

/// What a thread has mapped for stacks, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Memory {
    pub(crate) reserved: usize,
    pub(crate) resident: usize,
}
