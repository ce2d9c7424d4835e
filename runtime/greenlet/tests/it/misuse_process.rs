//! What ends the process, seen from outside: the test binary runs itself.

use std::process::Output;

use greenlet::{Builder, Greenlet};

use crate::harness::{OnDrop, go, raise, suspended, to_main};

/// Set in the processes that the tests start.
const CHILD: &str = "GREENLET_TEST_CHILD";

/// Whether this process was started for one test alone, which does nothing in any other.
pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs one test of this binary in a process of its own.
pub(crate) fn child(test: &str) -> Output {
    child_with(test, &[])
}

/// The same with some variables in its environment.
pub(crate) fn child_with(test: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = crate::tool::this_program();
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env("RUST_BACKTRACE", "0").env(CHILD, "1");
    command.envs(variables.iter().copied());
    command.output().expect("the test binary runs")
}

/// The text of an abort.
pub(crate) fn aborts(test: &str) -> String {
    aborts_with(test, &[])
}

/// The same with some variables in its environment.
pub(crate) fn aborts_with(test: &str, variables: &[(&str, &str)]) -> String {
    let out = child_with(test, variables);
    assert_eq!(out.status.code(), None, "ended by a signal: {out:?}");
    String::from_utf8_lossy(&out.stderr).into_owned()
}

#[inline(never)]
pub(crate) fn recurse(n: u64) -> u64 {
    if n == u64::MAX {
        return n;
    }
    let here = std::hint::black_box([n; 64]);
    recurse(n + 1) + here[(n % 64) as usize]
}

#[test]
fn an_overflow_aborts_with_a_report() {
    let text = aborts("misuse_process::child_overflows");
    for part in ["greenlet 1 \"deep\"", "stack overflow", "its stack has 131072 bytes", "Builder::stack_size"] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

#[test]
fn child_overflows() {
    if !is_child() {
        return;
    }
    let g = Builder::new().name("deep").stack_size(128 * 1024).build(|_| recurse(0));
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| g.switch(0)));
    unreachable!("the frames of the overrun stack were left");
}

/// The same on a stack that another greenlet used before, and from a greenlet.
#[test]
fn an_overflow_in_a_reused_stack_aborts() {
    let text = aborts("misuse_process::child_overflows_later");
    assert!(text.contains("stack overflow") && text.contains("greenlet 3"), "{text}");
}

#[test]
fn child_overflows_later() {
    if !is_child() {
        return;
    }
    go(&Greenlet::new(|v: u64| v), 0);
    go(&Greenlet::new(|v: u64| go(&Greenlet::new(recurse), v)), 0);
}

/// Rust's own rule: a destructor that panics while the thread unwinds ends the process. In a greenlet, too.
#[test]
fn a_second_panic_while_unwinding_aborts() {
    let text = aborts("misuse_process::child_panics_twice");
    assert!(text.contains("panic in a destructor during cleanup"), "{text}");
}

#[test]
fn child_panics_twice() {
    if !is_child() {
        return;
    }
    let g = Greenlet::new(|()| {
        let _guard = OnDrop(|| raise("second"));
        raise("first");
    });
    let _ = g.switch(());
}

/// So does one that a kill from a destructor brings back; a handle that is dropped there gives it to the hook instead.
#[test]
fn a_kill_from_a_destructor_that_brings_a_panic_aborts() {
    let text = aborts("misuse_process::child_kill_brings_a_panic");
    assert!(text.contains("panic in a destructor during cleanup"), "{text}");
}

#[test]
fn child_kill_brings_a_panic() {
    if !is_child() {
        return;
    }
    let g = Greenlet::new(|()| {
        crate::harness::exit_of(|| to_main(())).unwrap_err();
        raise("other");
    });
    go(&g, ());
    let _guard = OnDrop(move || drop(g.kill()));
    raise("first");
}

/// Without a hook, what nobody receives is printed.
#[test]
fn errors_without_a_receiver_are_printed() {
    let out = child("misuse_process::child_prints");
    assert!(out.status.success(), "{out:?}");
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(text.contains("greenlet 1: panicked where nobody waits for it: lost"), "{text}");
    assert!(text.contains("greenlet 2: its last handle is gone, but it caught the exit and lives on"), "{text}");
}

#[test]
fn child_prints() {
    if !is_child() {
        return;
    }
    let g = Greenlet::new(|()| {
        let _ = crate::harness::exit_of(|| to_main(()));
        raise("lost");
    });
    go(&g, ());
    drop(g);
    let g = Greenlet::new(|()| while crate::harness::exit_of(|| to_main(())).is_err() {});
    go(&g, ());
    drop(g);
    drop(suspended());
}
