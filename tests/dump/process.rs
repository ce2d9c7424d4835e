//! What is printed, seen from outside: the test binary runs itself.

use std::process::Output;

use tasklets::{Channel, kill_all, run, schedule, spawn};

use crate::common::{self, checked};
use crate::{named, wait_for_an_order};

/// Runs one test of this binary again in a process of its own, where it is the child.
fn child(test: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = common::tool::this_program();
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env("CHILD", test);
    command.env("RUST_BACKTRACE", "0").env_remove("TASKLETS_BACKTRACE").envs(variables.iter().copied());
    command.output().expect("the test binary runs")
}

fn is_child(test: &str) -> bool {
    std::env::var("CHILD").is_ok_and(|child| child == test)
}

#[test]
fn a_deadlock_report_has_backtraces_if_the_environment_asks() {
    let test = "process::a_deadlock_report_has_backtraces_if_the_environment_asks";
    if is_child(test) {
        return checked(|| {
            let channel = Channel::<u32>::named("orders");
            let inbox = channel.clone();
            drop(named("clerk").spawn(move || wait_for_an_order(&inbox)));
            schedule().expect("the clerk");
            eprintln!("main: {}", Channel::<u32>::new().receive().expect_err("nobody can send"));
            let outbox = Channel::<u32>::new();
            drop(spawn(move || eprintln!("last: {}", outbox.send(1).expect_err("nobody can receive"))));
            eprintln!("blocked: {}", wait_for_an_order(&Channel::new()));
            eprintln!("run: {}", run());
            assert!(kill_all().is_empty());
        });
    }
    if common::tool::meaningless_under(&["tsan"], "names and lines are looked up in the tasklet, in far larger frames")
    {
        return;
    }
    for (value, wanted) in [("1", true), ("0", false)] {
        let out = child(test, &[("TASKLETS_BACKTRACE", value)]);
        let text = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{text}");
        assert!(text.contains("main: receive by the main tasklet on channel 2 "), "{text}");
        assert!(text.contains("tasklet 1 \"clerk\": receive on channel 1 \"orders\" at tests/dump/main.rs:"), "{text}");
        assert_eq!(text.matches("wait_for_an_order").count() >= 2, wanted, "{text}");
    }
}

/// The backtrace of a panic takes far more stack than a capture: names and lines are looked up in the tasklet.
#[test]
fn a_panic_prints_its_backtrace_on_a_stack_of_default_size() {
    let test = "process::a_panic_prints_its_backtrace_on_a_stack_of_default_size";
    #[inline(never)]
    fn fails_badly() {
        panic!("on purpose");
    }
    if is_child(test) {
        return checked(|| {
            let tasklet = spawn(fails_badly);
            assert!(tasklet.join().is_err());
        });
    }
    for style in ["1", "full"] {
        let out = child(test, &[("RUST_BACKTRACE", style)]);
        let text = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{text}");
        assert!(text.contains("on purpose") && text.contains("stack backtrace:"), "{text}");
        // The end of a stack is a frame at 0 in the full style, on any thread.
        let unknown = text.matches("<unknown>").count() - text.matches(" 0x0 - <unknown>").count();
        assert!(text.contains("fails_badly") && unknown == 0, "{text}");
    }
}
