//! Futures and tasklets: waiting for the ones in the others.

#[path = "../common/mod.rs"]
mod common;

mod blocked;
mod bridge;
mod channels;
mod executors;
mod handles;
mod support;
mod wakers;
