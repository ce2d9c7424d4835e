//! Several threads: commands to tasklets of other threads, and runtimes.

#[path = "../common/mod.rs"]
mod common;

mod handles;
mod remote;
mod runtimes;
mod shutdown;
mod shutdown_waits;
mod stalls;
mod support;
