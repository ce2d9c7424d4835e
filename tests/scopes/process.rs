//! Members that nothing can end: the process does, with a report.

use std::process::Output;

use tasklets::{schedule, scope, spawn};

use crate::support::{Canary, OnDrop, raise};

/// Runs one test of this binary again in a process of its own, where it is the child.
pub(crate) fn child(test: &str) -> Output {
    let mut command = crate::common::tool::this_program();
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env("CHILD", test).env("RUST_BACKTRACE", "0");
    command.output().expect("the test binary runs")
}

pub(crate) fn is_child(test: &str) -> bool {
    std::env::var("CHILD").is_ok_and(|child| child == test)
}

/// The process aborts, and says why.
#[track_caller]
fn aborts(test: &str) {
    let out = child(test);
    assert_eq!(out.status.code(), None, "ended by a signal: {out:?}");
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(text.contains("a scope cannot be left"), "{text}");
}

/// A member unwinds, and kills its own owner on the way: it cannot end before its owner has, nor the other way round.
#[test]
fn a_member_that_kills_its_owner_while_it_unwinds() {
    let test = "process::a_member_that_kills_its_owner_while_it_unwinds";
    if is_child(test) {
        let owner = spawn(|| {
            let canary = Canary::new();
            let me = tasklets::current();
            scope(|s| {
                s.spawn(|| {
                    let _guard = OnDrop(|| {
                        me.kill().unwrap();
                        canary.sing();
                    });
                    raise("first")
                });
            });
            unreachable!("the scope was left");
        });
        while owner.is_alive() {
            schedule().unwrap();
        }
        unreachable!("the owner has ended");
    }
    aborts(test);
}
