//! Signals, the orderly end of servers, and the programs of `examples/` that serve.
#![forbid(unsafe_code)]
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;

#[path = "../common/example.rs"]
mod example;

mod graceful;
mod programs;
mod signals;
mod stop_on;
