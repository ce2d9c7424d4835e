//! Work that blocks its thread, on other threads: closures, files, pipes, child processes.

#[path = "../common/mod.rs"]
mod common;

mod files;
mod pool;
#[cfg(unix)]
mod processes;
mod streams;
