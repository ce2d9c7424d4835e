//! Tasklets: micro-threads in plain blocking style, scheduled round robin on one OS thread.
//!
//! A tasklet is a closure with a stack of its own. It runs until it calls something that switches: [`schedule`], [`run`],
//! an operation on another tasklet, a channel. Nothing interrupts it in between, so that the order in which tasklets run is
//! decided by the program alone: the same program runs in the same order, always.
//!
//! The rules are those of [Stackless Python](https://github.com/stackless-dev/stackless): the runnable tasklets form a ring
//! whose head is the current one; the thread's own flow is the main tasklet; [`run`] returns when nothing is runnable.
//!
//! ```
//! use tasklets_runtime::{run, schedule, spawn};
//!
//! for name in ["ada", "grace"] {
//!     spawn(move || {
//!         println!("{name} begins");
//!         schedule().unwrap();
//!         println!("{name} goes on");
//!     })
//!     .detach();
//! }
//! assert_eq!(run().to_string(), "all 2 tasklets finished");
//! ```
//!
//! Channels are in `tasklets-channels`; what they are built on is in [`park`]. Most programs use both through `tasklets`.

#![forbid(unsafe_code)]

mod ahead;
#[cfg(not(loom))]
mod blocking;
mod by_hand;
mod cancel;
mod control;
mod core;
mod cycle;
mod dump;
mod ending;
mod error;
mod fate;
mod flags;
mod frames;
mod futures;
mod hooks;
mod interval;
#[cfg(unix)]
pub mod io;
mod job;
mod joinable;
mod keys;
mod link;
mod nested;
#[cfg(all(unix, not(loom)))]
pub mod net;
mod overflow;
mod pace;
pub mod park;
mod report;
mod ring;
mod run;
mod scope;
mod seams;
mod sleep;
mod spare;
mod spawn;
mod stacks;
mod starving;
mod stats;
mod switch;
mod table;
mod tasklet;
mod threads;
mod trace;
mod wake;
mod wakeup;
mod whole;

#[cfg(not(loom))]
pub use crate::blocking::stdin::{Stdin, stdin};
#[cfg(not(loom))]
pub use crate::blocking::unblock::{unblock, unblock_deadline, unblock_timeout};
#[cfg(not(loom))]
pub use crate::blocking::unblocked::Unblocked;
#[cfg(not(loom))]
pub use crate::blocking::{fs, process};
pub use crate::core::Scheduler;
pub use crate::futures::block_on::{block_on, block_on_deadline, block_on_timeout};
pub use crate::futures::error::{BlockOnError, BlockOnReason};
pub use cancel::scopes::Cancelled;
pub use cancel::shield::{is_cancelled, shield};
pub use cancel::timeout::{Elapsed, timeout, timeout_at};
pub use dump::{BlockedOn, Dump, State, TaskletDump, dump, dump_with_backtraces};
pub use error::{TaskletError, TaskletExit};
pub use greenlet::{
    GreenletExit, Payload, StackError, StackLimit, StackMemory, StackPeak, SyncTask, WaitForError, in_sync_task,
    refuse_stacks, set_guard_size, set_max_stacks, set_pool_capacity, set_pool_review, stack_memory, stack_peaks,
    sync_task, trim, wait_for,
};
pub use hooks::{
    ErrorHandler, ScheduleCallback, schedule_callback, set_error_handler, set_schedule_callback, switch_trap,
};
pub use interval::{Interval, Missed, interval};
pub use job::JoinError;
pub use joinable::Tasklet;
pub use nested::{enter, kill_all};
pub use pace::Since;
pub use report::{Report, Starved, Waiting};
pub use run::{Budget, Ending, Outcome, run, run_for};
pub use scope::error::{ScopeError, ScopePanics};
pub use scope::handle::ScopedTasklet;
pub use scope::remote::ScopedHandle;
pub use scope::remote_scope::RemoteScope;
pub use scope::{Scope, scope, scope_deadline, scope_timeout, try_scope};
pub use seams::clock::{advance, now, with_virtual_time};
pub use seams::picker::{Picker, with_picker};
pub use sleep::{Interrupted, sleep, sleep_until};
pub use spawn::{Builder, spawn};
pub use stacks::measure_stacks;
pub use stats::{Stats, run_count, stats};
pub use tasklet::AnyTasklet;
pub use threads::activity::Activity;
pub use threads::builder::RuntimeBuilder;
pub use threads::error::{SpawnError, SpawnRefusal};
pub use threads::handle::Handle;
pub use threads::remote::{RemoteTasklet, ThreadEnded};
pub use threads::runtime::{Runtime, Shutdown};
pub use threads::spawner::{Spawner, spawn_anywhere};
pub use threads::stall::RuntimeReport;

/// Yields to the next runnable tasklet; the caller becomes the last one. Returns at once if nobody else is runnable.
///
/// Semantics: Stackless's `schedule`.
///
/// # Errors
///
/// [`TaskletError::SwitchTrap`] and [`TaskletError::Unwinding`], if there is anybody to switch to.
///
/// # Panics
///
/// Unwinds with what is thrown into the caller meanwhile.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn schedule() -> Result<(), TaskletError> {
    let scheduler = Scheduler::local();
    if scheduler.yield_plainly() {
        return Ok(());
    }
    std::hint::cold_path();
    scheduler.schedule_slowly()
}

/// Yields and leaves the run queue: the caller is paused until somebody inserts or runs it.
///
/// Main alone returns at once. In a caller of whom nobody has a handle a [`TaskletExit`] is raised instead, as nobody could
/// make it go on.
///
/// Semantics: Stackless's `schedule_remove`.
///
/// # Errors
///
/// [`TaskletError::Deadlock`] if nobody else is runnable and the main tasklet is blocked, and as [`schedule`].
///
/// # Panics
///
/// Unwinds with what is thrown into the caller meanwhile.
pub fn schedule_remove() -> Result<(), TaskletError> {
    Scheduler::local().schedule_remove()
}

/// The running tasklet.
pub fn current() -> AnyTasklet {
    Scheduler::local().current()
}

/// The main tasklet: this thread's own flow.
pub fn main_tasklet() -> AnyTasklet {
    let scheduler = Scheduler::local();
    scheduler.handle(crate::core::MAIN)
}
