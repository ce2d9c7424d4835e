//! Tests of Stackless Python and of its re-implementations, translated. Which row of which file became which test is in
//! `docs/stackless-tests-2.md`.

#![forbid(unsafe_code)]

#[path = "../common/mod.rs"]
mod common;
mod support;

mod carbon_blocked;
mod carbon_channel;
mod carbon_scheduler;
mod miscell_bind;
mod miscell_kill;
mod miscell_switch;
mod miscell_throw;
mod miscell_trap;
mod pypy;
mod pypy_channels;
mod syncless;
mod test_defects;
mod test_others;
mod test_shutdown;
mod test_transfer_errors;
mod testsuite_channel;
mod testsuite_tasklet;
