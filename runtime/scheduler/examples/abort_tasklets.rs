//! What is left of tasklets under `panic = "abort"`: everything but unwinding. Exits with 0 if it is as documented.
//!
//! `cargo run -p tasklets-runtime --example abort_tasklets --config 'profile.dev.panic="abort"'`

use std::cell::Cell;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tasklets_runtime::{
    JoinError, Runtime, ScopeError, TaskletError, kill_all, now, run, schedule, schedule_remove, scope, scope_timeout,
    sleep, spawn, stats, switch_trap, timeout, try_scope,
};

fn main() {
    if cfg!(panic = "unwind") {
        println!("compiled with panic = \"unwind\": nothing to see");
        return;
    }
    if std::env::args().any(|arg| arg == STUCK) {
        return stuck();
    }
    tasklets();
    drop(kill_all());
    cancellations();
    scopes();
    scopes_of_several_threads();
    a_scope_that_cannot_end_aborts();
}

fn tasklets() {
    let answer = spawn(|| schedule().map(|()| 42));
    assert!(matches!(answer.join(), Ok(Ok(42))), "tasklets run and are joined");

    // Nothing can be raised in frames.
    let started = spawn(schedule);
    schedule().unwrap();
    assert!(matches!(started.kill(), Err(TaskletError::Unsupported)));
    assert!(matches!(started.kill_pending(), Err(TaskletError::Unsupported)));
    assert!(matches!(started.throw("payload"), Err(TaskletError::Unsupported)));
    run();
    assert!(!started.is_alive(), "and the tasklet goes on to its end");

    // Where there are no frames, an exit ends a tasklet as ever.
    let unstarted = spawn(|| ());
    unstarted.kill().unwrap();
    assert!(!unstarted.is_alive());

    // A paused one whose last handle is dropped is given up, and counted.
    let before = stats().greenlets.leaked;
    let paused = spawn(schedule_remove);
    paused.run().unwrap();
    assert!(paused.is_paused());
    drop(paused);
    assert_eq!(stats().greenlets.leaked, before + 1);
    assert_eq!(stats().tasklets, 3, "the three that have handles");

    // What has frames refuses to end.
    let endless = spawn(schedule_remove);
    endless.run().unwrap();
    assert_eq!(kill_all(), [(*endless).clone()]);
}

/// What has begun is never interrupted, and is waited for.
fn cancellations() {
    let slow = spawn(|| sleep(Duration::from_millis(200)).map(|()| 42).unwrap());
    slow.run().unwrap();
    let unstarted = spawn(|| unreachable!("it never begins"));
    assert!(unstarted.kill_and_wait(now() + Duration::from_secs(60)).unwrap());
    assert!(!slow.kill_and_wait(now() + Duration::from_millis(10)).unwrap(), "it sleeps on");
    assert!(!slow.is_cancelled());
    assert!(slow.kill_and_wait(now() + Duration::from_secs(60)).unwrap(), "and comes to its own end");
    assert_eq!(slow.join().unwrap(), 42);
    assert_eq!(timeout(Duration::from_millis(1), || sleep(Duration::from_millis(10)).is_ok()), Ok(true));
}

/// Members borrow, and have ended when the scope goes on, whatever cancels it.
fn scopes() {
    let (began, ended) = (Cell::new(0), Cell::new(0));
    let member = |turns: usize| {
        began.set(began.get() + 1);
        (0..turns).for_each(|_| schedule().unwrap());
        ended.set(ended.get() + 1);
    };
    let (total, joined) = scope(|s| {
        let members = [1, 2, 3].map(|turns| s.spawn(move || (member(turns), turns).1));
        (members.iter().map(|member| member.join().unwrap()).sum::<usize>(), ended.get())
    });
    assert_eq!((total, joined), (6, 3));

    // Cancelled: who has begun goes on to its end, and who has not never does.
    let outcome = try_scope(|s| {
        s.spawn(|| member(5));
        schedule().unwrap();
        let never = s.spawn(|| member(0));
        s.cancel();
        assert!(s.is_cancelled());
        assert!(matches!(never.join(), Err(JoinError::Killed)));
        "the body's value"
    });
    assert!(matches!(outcome, Ok("the body's value")), "{outcome:?}");
    assert_eq!((began.get(), ended.get()), (4, 4));

    // Time limits interrupt nobody; the members are awaited.
    let outcome = scope_timeout(Duration::from_millis(1), |s| {
        s.spawn(|| sleep(Duration::from_millis(20)).map(|()| ended.set(ended.get() + 1)).unwrap());
    });
    assert!(matches!(outcome, Ok(()) | Err(ScopeError::TimedOut)), "{outcome:?}");
    assert_eq!(ended.get(), 5);

    // So does a kill of the owner: it is refused.
    let owner = spawn(|| scope(|s| drop(s.spawn(schedule))));
    owner.run().unwrap();
    assert!(matches!(owner.kill(), Err(TaskletError::Unsupported)));
    assert!(owner.join().is_ok());
}

fn scopes_of_several_threads() {
    let runtime = Runtime::builder().threads(2).build().unwrap();
    let ended = AtomicUsize::new(0);
    let outcome = try_scope(|s| {
        let (remote, ended) = (s.remote().unwrap(), &ended);
        let spawns = move || {
            for _ in 0..10 {
                drop(remote.spawn_anywhere(|| {
                    sleep(Duration::from_millis(5)).unwrap();
                    ended.fetch_add(1, Ordering::Relaxed);
                }));
            }
            ended.fetch_add(1, Ordering::Relaxed);
        };
        let first = s.spawn_at(&runtime.spawner(), spawns).unwrap();
        first.join().unwrap();
        s.cancel();
    });
    assert!(outcome.is_ok(), "{outcome:?}");
    // Those that had not begun never do.
    assert!((1..=11).contains(&ended.into_inner()));
    drop(runtime);
}

const STUCK: &str = "stuck";

/// A member that has begun, and nobody may be switched to when the scope is left: what it borrows would be gone.
fn stuck() {
    let text = String::from("borrowed");
    scope(|s| {
        s.spawn(|| schedule().map(|()| println!("{text}")));
        schedule().unwrap();
        switch_trap(1);
    });
    println!("the scope was left");
}

fn a_scope_that_cannot_end_aborts() {
    let mut again = Command::new(std::env::current_exe().unwrap());
    let output = again.arg(STUCK).output().unwrap();
    let (out, report) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success() && out.is_empty(), "{out}");
    assert!(report.contains("a scope cannot be left"), "{report}");
}
