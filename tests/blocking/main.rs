//! Work that blocks its thread, on other threads: closures, files, pipes, child processes.

#[path = "../common/mod.rs"]
mod common;

mod files;
#[cfg(unix)]
mod interrupted;
mod pool;
#[cfg(unix)]
mod processes;
mod streams;
