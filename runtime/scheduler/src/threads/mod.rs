//! Several threads: commands to tasklets of other threads, and a runtime that shares work among them.
//!
//! Every thread has a scheduler of its own; a runtime is a number of threads that each run one, and a few queues of closures that
//! have not begun. A tasklet that has begun never leaves its thread. There is nothing global: a process may have several runtimes.

pub(crate) mod activity;
pub(crate) mod affinity;
pub(crate) mod builder;
pub(crate) mod ended;
pub(crate) mod error;
pub(crate) mod handle;
pub(crate) mod pool;
pub(crate) mod remote;
pub(crate) mod roll;
pub(crate) mod runtime;
pub(crate) mod spawner;
pub(crate) mod stall;
pub(crate) mod task;
pub(crate) mod worker;
