//! Work that blocks its thread, on other threads.

#[path = "../common/mod.rs"]
mod common;

mod pool;
