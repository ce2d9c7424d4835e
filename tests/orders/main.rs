//! The scheduler as its own model checker: up to four tasklets on every kind of channel, in all orders or in random ones, with
//! kills, deadlines that come in the midst of things, and ends that go away. No order may lose a value or have it twice.
//!
//! A failing order prints the choices that replay it.

#[path = "../common/mod.rs"]
mod common;
mod exhaustive;
mod explore;
mod ledger;
mod pipe;
mod random;
mod scenario;
