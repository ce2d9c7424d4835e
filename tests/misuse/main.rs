//! Misuse of tasklets and channels: whatever safe code does, nothing is undefined, nothing is lost, and the scheduler works
//! afterwards.

#![forbid(unsafe_code)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../stackless_misc/support.rs"]
mod support;

mod by_hand;
mod callbacks;
mod deeds;
mod drop_channels;
mod drop_payloads;
mod drop_tasklets;
mod exits;
mod greenlets;
mod handles;
mod joins;
mod process;
mod refusers;
mod stacks;
mod unwinding;
