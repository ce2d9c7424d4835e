//! Channels whose ends any thread may hold: `rendezvous`, `bounded`, `unbounded`.

#[path = "../common/mod.rs"]
mod common;

mod disconnect;
mod kills;
mod one_end;
mod support;
mod traffic;
