//! Actors, through the public API: both forms, what becomes of messages, supervision, names, pools.

mod asks;
mod bank;
#[path = "../common/mod.rs"]
mod common;
mod ends;
mod faults;
mod function;
mod handlers;
mod points;
mod supervision;
mod support;
