//! Channels whose ends any thread may hold: `rendezvous`, `bounded`, `unbounded`.

#[path = "../common/mod.rs"]
mod common;

mod comings;
mod disconnect;
mod handover;
mod kills;
mod ledger;
mod model;
mod one_end;
mod orders;
mod reentrant;
mod storm;
mod support;
mod told;
mod traffic;
