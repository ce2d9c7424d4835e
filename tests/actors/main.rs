//! Actors, through the public API: both forms, what becomes of messages, supervision, names, pools.

mod asks;
#[path = "../common/mod.rs"]
mod common;
mod ends;
mod function;
mod handlers;
mod supervision;
mod support;
