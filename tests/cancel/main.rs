//! Cancellation and limits of time: what arrives where, what became of the operation that was interrupted, and what is left afterwards.

#[path = "../common/mod.rs"]
mod common;
mod kills;
mod limits;
mod rules;
