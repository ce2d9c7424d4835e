//! Clocks that do not go on evenly: virtual time that jumps, and a process that stands still while real time goes on.
#![forbid(unsafe_code)]

#[path = "../common/mod.rs"]
mod common;

mod jumps;
mod random;
#[cfg(unix)]
mod stopped;
mod wall;
