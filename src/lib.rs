//! Micro-threads in plain blocking style: spawn a tasklet, send and receive on a channel, write an actor as a loop.
//!
//! A tasklet is a closure with a stack of its own. It may call anything and block anywhere; the others go on meanwhile. All
//! tasklets of a thread take turns, in an order that the program alone decides. It is the model of
//! [Stackless Python](https://github.com/stackless-dev/stackless), above the primitive of
//! [greenlet](https://greenlet.readthedocs.io).
//!
//! ```
//! use tasklets::{Channel, run, spawn};
//!
//! let ch = Channel::new();
//! let rx = ch.clone();
//! spawn(move || for name in rx { println!("hello {name}") });
//! spawn(move || { for name in ["ada", "grace"] { ch.send(name).unwrap() } ch.shutdown() });
//! println!("{}", run()); // "all 2 tasklets finished", or who is still blocked, on what, and where
//! ```
//!
//! | You want | Take |
//! | --- | --- |
//! | a flow of control that takes turns with others | [`spawn`], [`Builder`], [`Tasklet`] |
//! | tasklets that borrow, and have ended when a function goes on | [`scope()`], [`try_scope`] |
//! | to let them run | [`run`], [`run_for`], [`schedule`], [`Tasklet::join`] |
//! | to pass values between them | [`Channel`] |
//! | to pass values between threads | [`rendezvous`], [`bounded`], [`unbounded`] |
//! | to share values between tasklets and threads, and to wait for each other | [`sync`] |
//! | sockets that make only their tasklet wait | [`net`], and [`io`] for other descriptors |
//! | to wait for a time | [`sleep`], [`interval`], [`Channel::receive_timeout`] |
//! | a limit of time around anything | [`timeout`], [`timeout_at`] |
//! | tasklets on several threads | [`Runtime`], [`spawn_anywhere`], [`Handle`], [`RemoteTasklet`] |
//! | actors, and supervisors that begin them again when they fail | [`actor`] |
//! | to end them | [`AnyTasklet::kill`], [`kill_all`], [`enter`] |
//! | to know what stacks take, and how large they have to be | [`stack_memory`], [`measure_stacks`] |
//! | to build a blocking primitive of your own | [`park`] |
//! | to wait for a future | [`block_on`] |
//! | to wait for futures in code that is itself a future | [`sync_task`], [`wait_for`] |
//! | files, child processes, standard input | [`fs`], [`process`], [`stdin`] |
//! | to call what blocks its thread | [`unblock`] |
//! | Ctrl-C, and an orderly end of a server | [`signal`], [`server`] |
//! | stacks that you switch by hand | the crate `greenlet` |
//!
//! # Features
//!
//! `tracing` (default): a span per tasklet, entered while it runs and left while it does not, so that your events carry its name;
//! and events for spawn, block, wake and end, with the target `tasklets`. It costs a branch while nobody listens. A span of your own
//! that you hold entered across a switch stays entered in the tasklets that run meanwhile: leave it first.

#![forbid(unsafe_code)]

#[cfg(doctest)]
mod doctests;

pub mod actor;
#[cfg(unix)]
pub mod server;
#[cfg(unix)]
pub mod signal;

pub use tasklets_channels::{
    Channel, ChannelCallback, ChannelEvent, Failed, IntoIter, IntoValues, Iter, Preference, Reason, ReceiveError,
    Receiver, RecvError, RecvFuture, Results, Select, SelectError, SendError, SendFuture, Sender, StopIteration,
    TryValues, ValueStream, Values, bounded, bounded_named, channel_callback, rendezvous, rendezvous_named, select,
    set_channel_callback, set_select_seed, sync, unbounded, unbounded_named,
};
pub use tasklets_runtime::{
    Activity, AnyTasklet, BlockOnError, BlockOnReason, BlockedOn, Budget, Builder, Cancelled, Dump, Elapsed, Ending,
    ErrorHandler, GreenletExit, Handle, Interrupted, Interval, JoinError, Missed, Outcome, Payload, Picker,
    RemoteScope, RemoteTasklet, Report, Runtime, RuntimeBuilder, RuntimeReport, ScheduleCallback, Scheduler, Scope,
    ScopeError, ScopePanics, ScopedHandle, ScopedTasklet, Shutdown, Since, SpawnError, SpawnRefusal, Spawner,
    StackError, StackLimit, StackMemory, StackPeak, Starved, State, Stats, Stdin, SyncTask, Tasklet, TaskletDump,
    TaskletError, TaskletExit, ThreadEnded, Unblocked, WaitForError, Waiting, advance, block_on, block_on_deadline,
    block_on_timeout, current, dump, dump_with_backtraces, enter, fs, in_sync_task, interval, is_cancelled, kill_all,
    main_tasklet, measure_stacks, now, park, process, refuse_stacks, run, run_count, run_for, schedule,
    schedule_callback, schedule_remove, scope, scope_deadline, scope_timeout, set_error_handler, set_guard_size,
    set_max_stacks, set_pool_capacity, set_pool_review, set_schedule_callback, shield, sleep, sleep_until, spawn,
    spawn_anywhere, stack_memory, stack_peaks, stats, stdin, switch_trap, sync_task, timeout, timeout_at, trim,
    try_scope, unblock, unblock_deadline, unblock_timeout, wait_for, with_picker, with_virtual_time,
};
#[cfg(unix)]
pub use tasklets_runtime::{io, net};

/// What nearly every program needs.
pub mod prelude {
    pub use crate::{Channel, Receiver, Sender, Tasklet, bounded, rendezvous, run, schedule, select, spawn, unbounded};
}
