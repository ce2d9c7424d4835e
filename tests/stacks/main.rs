//! Tasklets and their stacks: what is reported when one runs over, what happens when there are none left, and what is measured.

#![forbid(unsafe_code)]

#[path = "../common/mod.rs"]
mod common;
mod live;
mod measured;
mod overflow;
mod refused;

use std::process::Output;

/// Set in the processes that the tests start, to the name of what they are to do.
const CHILD: &str = "TASKLETS_TEST_CHILD";

/// Runs one test of this binary in a process of its own, where it does a deed.
fn child(test: &str, deed: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = common::tool::this_program();
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.env("RUST_BACKTRACE", "0").env(CHILD, deed).envs(variables.iter().copied());
    command.output().expect("the test binary runs")
}

/// What this process is to do, if it is a child.
fn deed() -> Option<String> {
    std::env::var(CHILD).ok()
}
