//! Futures and tasklets: waiting for the ones in the others.

#[path = "../common/mod.rs"]
mod common;

mod blocked;
mod support;
mod wakers;
