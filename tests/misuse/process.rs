//! What ends the process, seen from outside: the test binary runs itself.

use std::process::Output;

use tasklets::{Builder, run, schedule_remove};

use crate::support::*;

/// Runs one test of this binary again in a process of its own, where it is the child.
pub(crate) fn child(test: &str) -> Output {
    let mut command = crate::common::tool::this_program();
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env("CHILD", test).env("RUST_BACKTRACE", "0");
    command.output().expect("the test binary runs")
}

pub(crate) fn is_child(test: &str) -> bool {
    std::env::var("CHILD").is_ok_and(|child| child == test)
}

/// The text of an abort.
fn aborts(test: &str) -> String {
    let out = child(test);
    assert_eq!(out.status.code(), None, "ended by a signal: {out:?}");
    String::from_utf8_lossy(&out.stderr).into_owned()
}

#[inline(never)]
fn recurse(n: u64) -> u64 {
    if n == u64::MAX {
        return n;
    }
    let here = std::hint::black_box([n; 64]);
    recurse(n + 1) + here[(n % 64) as usize]
}

#[test]
fn a_stack_overflow_names_the_tasklet() {
    let test = "process::a_stack_overflow_names_the_tasklet";
    if is_child(test) {
        drop(Builder::new().name("deep").stack_size(128 * 1024).spawn(|| drop(caught(|| recurse(0)))));
        run();
        unreachable!("the frames of the overrun stack were left");
    }
    let text = aborts(test);
    for part in ["\"deep\"", "stack overflow", "its stack has 131072 bytes", "Builder::stack_size"] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

/// An error without a receiver: the second one while the thread unwinds.
#[test]
fn a_panic_while_a_tasklet_unwinds_aborts() {
    let test = "process::a_panic_while_a_tasklet_unwinds_aborts";
    if is_child(test) {
        let tasklet = go(|| {
            let _scope = OnDrop(|| raise("second"));
            schedule_remove().unwrap();
        });
        tasklet.run().unwrap();
        let _ = tasklet.kill();
        unreachable!("a destructor that panics during an unwinding ends the process");
    }
    let text = aborts(test);
    assert!(text.contains("panic in a destructor during cleanup"), "{text}");
}

/// What is told of errors that nobody can receive.
#[test]
fn errors_without_a_receiver_are_printed() {
    let test = "process::errors_without_a_receiver_are_printed";
    if is_child(test) {
        tasklets::set_schedule_callback(Some(std::rc::Rc::new(|_, _| raise("in the callback"))));
        drop(go(|| ()));
        run();
        tasklets::set_schedule_callback(None);
        let tasklet = tasklets::spawn(|| raise("unread"));
        run();
        trapped(|| drop(tasklet));
        return;
    }
    let out = child(test);
    assert!(out.status.success(), "{out:?}");
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(text.contains("a schedule callback panicked, which is ignored: in the callback"), "{text}");
    assert!(text.contains("a tasklet panicked, and nobody can be told now: unread"), "{text}");
}
