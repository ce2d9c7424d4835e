//! test_shutdown.py and test_defects.TestShutdown: the end of a thread and of the process with tasklets alive.

use std::cell::RefCell;
use std::panic::resume_unwind;

use greenlet::Generator;
use tasklets::{Channel, current, enter, kill_all, run, schedule, schedule_remove, stats};

use crate::support::*;

/// Runs one test of this binary again in a process of its own, where it finds `CHILD` set, and gives the exit code.
fn exit_code(test: &str) -> Option<i32> {
    let mut command = crate::common::tool::this_program();
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env("CHILD", test);
    command.output().expect("the test binary runs").status.code()
}

/// Whether this is that process.
fn is_child(test: &str) -> bool {
    std::env::var("CHILD").is_ok_and(|child| child == test)
}

/// Calls itself to a depth, with a yield at every level, and then `last`.
fn recurse(depth: usize, last: &dyn Fn()) {
    if depth == 0 {
        return last();
    }
    schedule().unwrap();
    recurse(depth - 1, last);
    std::hint::black_box(depth);
}

/// Twenty tasklets, each deep in its calls when it comes to `last`.
fn deep_tasklets(last: fn()) -> Vec<tasklets::AnyTasklet> {
    let deep = |_| {
        let builder = tasklets::Builder::new().stack_size(1 << 20);
        builder.spawn(move || recurse(200, &last)).detach()
    };
    (0..20).map(deep).collect()
}

/// test_cstack_new: a blocked stack is alive when the process exits.
#[test]
fn test_cstack_new() {
    let test = "test_shutdown::test_cstack_new";
    if is_child(test) {
        let channel = Channel::<()>::new();
        go(move || drop(channel.receive())).run().unwrap();
        std::process::exit(42);
    }
    assert_eq!(exit_code(test), Some(42));
}

#[test]
fn test_deep_tasklets() {
    let test = "test_shutdown::test_deep_tasklets";
    if is_child(test) {
        let tasklets = deep_tasklets(|| schedule_remove().unwrap());
        run();
        assert!(tasklets.iter().all(|tasklet| tasklet.is_paused()));
        std::process::exit(42);
    }
    assert_eq!(exit_code(test), Some(42));
}

/// The exit comes from deep in a tasklet, while others are suspended.
#[test]
fn test_exit_in_deep_tasklet_1() {
    let test = "test_shutdown::test_exit_in_deep_tasklet_1";
    if is_child(test) {
        deep_tasklets(|| std::process::exit(43));
        run();
        std::process::exit(42);
    }
    assert_eq!(exit_code(test), Some(43));
}

/// The same, in a tasklet that main switched to by hand.
#[test]
fn test_exit_in_deep_tasklet_2() {
    let test = "test_shutdown::test_exit_in_deep_tasklet_2";
    if is_child(test) {
        let tasklets = deep_tasklets(|| {
            schedule_remove().unwrap();
            std::process::exit(43);
        });
        run();
        tasklets[10].switch().unwrap();
        std::process::exit(42);
    }
    assert_eq!(exit_code(test), Some(43));
}

/// What one thread saw of a tasklet's end, which reaches through a thread-local: that is still there.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Left {
    Unstarted,
    Paused,
    Blocked,
    Runnable,
}

thread_local! {
    static LOCAL: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Leaves a tasklet behind in a state, suspended in a generator of its own if `nested`; it notes how it ends.
fn leave(left: Left, nested: bool) -> tasklets::AnyTasklet {
    let suspend = move || {
        let channel = Channel::<()>::new();
        let exit = caught(|| match left {
            Left::Paused => schedule_remove().unwrap(),
            Left::Blocked => drop(channel.receive()),
            _ => schedule().unwrap(),
        });
        LOCAL.with_borrow_mut(|log| log.push("killed"));
        resume_unwind(exit.unwrap_err());
    };
    let noted = OnDrop(|| LOCAL.with_borrow_mut(|log| log.push("dropped")));
    let tasklet = go(move || {
        let _noted = noted;
        match nested {
            true => drop(Generator::<()>::new(suspend).next()),
            false => suspend(),
        }
    });
    if left != Left::Unstarted {
        tasklet.run().unwrap();
        assert!(tasklet.is_alive());
    }
    tasklet
}

/// TestThreadShutdown and TestInterpreterShutdown: every tasklet ends before the thread does, while its thread-locals are
/// there. One that has not begun never runs.
fn shutdown(lefts: &'static [Left], nested: bool, held: bool) {
    on_a_thread(move || {
        let kept = enter(|| {
            let kept: Vec<_> = lefts.iter().map(|left| leave(*left, nested)).collect();
            // Whether the tasklets are held beyond the end; without handles, paused ones end at once.
            held.then_some(kept)
        });
        assert!(kept.iter().flatten().all(|tasklet| !tasklet.is_alive()));
        drop(kept);
        let started = lefts.iter().filter(|left| **left != Left::Unstarted).count();
        let count = |what| LOCAL.with_borrow(|log| log.iter().filter(|entry| **entry == what).count());
        let case = format!("{lefts:?}, nested: {nested}, held: {held}");
        assert_eq!((count("killed"), count("dropped")), (started, lefts.len()), "{case}");
        let stats = stats();
        assert_eq!(
            (stats.tasklets, stats.blocked, stats.greenlets.greenlets, stats.greenlets.stacks),
            (0, 0, 0, 0),
            "{case}"
        );
    });
}

/// Runs `f` on a thread of its own, whose end is part of the test.
fn on_a_thread(f: impl FnOnce() + Send + 'static) {
    std::thread::spawn(f).join().unwrap_or_else(|payload| resume_unwind(payload));
}

#[test]
fn test_interpreter_shutdown() {
    for (nested, held) in [(false, false), (false, true), (true, false), (true, true)] {
        shutdown(&[], nested, held);
        shutdown(&[Left::Unstarted], nested, held);
        shutdown(&[Left::Paused], nested, held);
        shutdown(&[Left::Blocked], nested, held);
        shutdown(&[Left::Runnable], nested, held);
        shutdown(&[Left::Unstarted, Left::Paused, Left::Blocked, Left::Runnable], nested, held);
    }
}

/// deep_thread: a thread ends while its tasklets are deep in their calls.
#[test]
fn test_deep_thread() {
    on_a_thread(|| {
        let tasklets = enter(|| {
            let tasklets = deep_tasklets(|| schedule_remove().unwrap());
            run();
            assert!(tasklets.iter().all(|tasklet| tasklet.is_paused()));
            tasklets
        });
        assert!(tasklets.iter().all(|tasklet| !tasklet.is_alive()));
        drop(tasklets);
        assert_eq!((stats().tasklets, stats().greenlets.greenlets), (0, 0));
    });
}

/// test_kill_modifies_slp_cstack_chain: ending one tasklet ends others, while all are being ended.
#[test]
fn test_kill_modifies_chain() {
    checked(|| {
        let finally = Flag::default();
        let sleeper = |guard: Vec<tasklets::AnyTasklet>| {
            let flag = flagging(&finally);
            let tasklet = go(move || {
                let _flag = flag;
                let _killer = OnDrop(move || guard.iter().for_each(|tasklet| tasklet.kill().unwrap()));
                schedule_remove().unwrap();
            });
            tasklet.run().unwrap();
            tasklet
        };
        let mut chain = Vec::new();
        for _ in 0..10 {
            let next = sleeper(chain.clone());
            chain.push(next);
        }
        assert!(kill_all().is_empty());
        assert_eq!(finally.count(), 10);
        // From the other end, where each kills all that came before.
        let mut chain = Vec::new();
        for _ in 0..10 {
            let next = sleeper(chain.clone());
            chain.push(next);
        }
        chain.pop().unwrap().kill().unwrap();
        assert!(chain.iter().all(|tasklet| !tasklet.is_alive()));
        assert_eq!((finally.count(), current().is_main()), (20, true));
    });
}
