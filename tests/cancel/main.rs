//! Cancellation and limits of time: what arrives where, what became of the operation that was interrupted, and what is left afterwards.

#[path = "../common/mod.rs"]
mod common;
#[path = "../orders/explore.rs"]
mod explore;
mod forms;
mod kills;
mod limits;
mod points;
mod races;
mod remote_kills;
mod rules;
mod served;
#[cfg(unix)]
mod sockets;
mod sources;
mod storms;
mod traces;
