//! Locks and other primitives of `tasklets::sync`.

#[path = "../common/mod.rs"]
mod common;
mod mutex;
mod mutex_ends;
mod support;
