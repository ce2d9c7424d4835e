//! Sockets and other descriptors in tasklets.
#![forbid(unsafe_code)]
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;

mod ends;
mod lost;
mod many;
mod names;
mod pollable;
mod resets;
mod serve;
mod shortage;
mod support;
mod tcp;
mod threads;
mod turns;
mod udp;
mod unix;
