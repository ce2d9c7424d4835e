//! Whatever it comes from, a cancellation is a state: each blocking point meets it again, a shield keeps it off, and no value is lost by it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::Duration;

use tasklets::{
    Cancelled, Handle, Runtime, Scheduler, is_cancelled, now, rendezvous, schedule, schedule_remove, scope_timeout,
    shield, sleep, spawn, timeout, try_scope,
};

use crate::common::checked;

const HOUR: Duration = Duration::from_secs(3600);
const TIMES: u32 = 3;

/// How often it is met, and whether something was lost.
type Tell = mpsc::Sender<u32>;

/// What is to be cancelled: waits for that, meets it a few times, and tells how often it has. It ends then.
fn target(tell: &Tell) {
    let (tx, rx) = rendezvous::<u32>();
    let caught = |f: &dyn Fn()| catch_unwind(AssertUnwindSafe(f)).is_err_and(|payload| payload.is::<Cancelled>());
    let mut met = u32::from(caught(&|| drop(rx.recv())));
    assert!(is_cancelled());
    for _ in 1..TIMES {
        met += u32::from(caught(&|| tx.send(1).unwrap()));
    }
    // Nothing of it arrives in here, and no value of the operations that were interrupted has.
    let received = shield(|| {
        assert!(!is_cancelled());
        let theirs = tx.clone();
        spawn(move || theirs.send(7).unwrap()).detach();
        rx.recv().unwrap()
    });
    assert_eq!(received, 7);
    met += u32::from(caught(&|| schedule().unwrap()));
    tell.send(met).unwrap();
    sleep(HOUR).unwrap();
    unreachable!("it is met once more");
}

/// Has a target cancelled in some way; the target has ended when that returns.
fn check(cancel: impl FnOnce(&Tell) + Send + 'static) {
    checked(move || {
        let (tell, told) = mpsc::channel();
        cancel(&tell);
        assert_eq!(told.recv().unwrap(), TIMES + 1);
    });
}

/// A target that waits, on a worker.
fn on_a_worker(tell: &Tell) -> (Runtime, Handle<()>) {
    let runtime = Runtime::builder().threads(1).build().unwrap();
    let tell = tell.clone();
    let handle = runtime.spawn(move || target(&tell)).unwrap();
    while handle.remote().is_none() {
        sleep(Duration::from_millis(1)).unwrap();
    }
    (runtime, handle)
}

#[test]
fn handles() {
    check(|tell| {
        let tell = tell.clone();
        let t = spawn(move || target(&tell));
        schedule().unwrap();
        t.cancel();
        assert!(t.join().is_err());
    });
    check(|tell| {
        let tell = tell.clone();
        let t = spawn(move || target(&tell));
        schedule().unwrap();
        assert!(t.kill_and_wait(now() + HOUR).unwrap());
    });
    check(|tell| {
        let (runtime, handle) = on_a_worker(tell);
        handle.cancel();
        assert!(handle.join().is_err());
        drop(runtime);
    });
    check(|tell| {
        let (runtime, handle) = on_a_worker(tell);
        assert!(handle.kill_and_wait(now() + HOUR).unwrap());
        drop(runtime);
    });
    check(|tell| {
        let (runtime, handle) = on_a_worker(tell);
        handle.remote().unwrap().cancel().unwrap();
        assert!(handle.join().is_err());
        drop(runtime);
    });
    check(|tell| {
        let (runtime, handle) = on_a_worker(tell);
        assert!(handle.remote().unwrap().kill_and_wait(now() + HOUR).unwrap());
        drop(runtime);
    });
}

#[test]
fn limits_of_time() {
    check(|tell| assert!(timeout(Duration::from_millis(10), || target(tell)).is_err()));
    check(|tell| {
        assert!(scope_timeout(Duration::from_millis(10), |s| drop(s.spawn(|| target(tell)))).is_err());
    });
    // The body of a scope.
    check(|tell| assert!(scope_timeout(Duration::from_millis(10), |_| target(tell)).is_err()));
}

#[test]
fn scopes() {
    check(|tell| {
        let cancelled = try_scope(|s| {
            s.spawn(|| target(tell));
            schedule().unwrap();
            s.cancel();
        });
        assert!(cancelled.is_ok(), "the body has returned");
    });
    check(|tell| {
        let panicked = try_scope(|s| {
            s.spawn(|| target(tell));
            schedule().unwrap();
            std::panic::resume_unwind(Box::new("of the body"));
        });
        assert!(panicked.is_err());
    });
    check(|tell| {
        let panicked = try_scope(|s| {
            s.spawn(|| target(tell));
            s.spawn(|| std::panic::resume_unwind(Box::new("of a sibling")));
        });
        assert!(panicked.is_err());
    });
    // The owner is killed, once; its members are cancelled.
    check(|tell| {
        let tell = tell.clone();
        let owner = spawn(move || try_scope(|s| drop(s.spawn(|| target(&tell)))));
        schedule().unwrap();
        schedule().unwrap();
        owner.kill().unwrap();
        assert!(owner.join().is_err());
    });
    // On another thread, from there.
    check(|tell| {
        let runtime = Runtime::builder().threads(1).build().unwrap();
        let spawner = runtime.spawner();
        let cancelled = try_scope(|s| {
            let remote = s.remote().unwrap();
            let tell = tell.clone();
            s.spawn_at(&spawner, move || target(&tell)).unwrap();
            let cancels = move || {
                sleep(Duration::from_millis(10)).unwrap();
                remote.cancel();
            };
            s.spawn_at(&spawner, cancels).unwrap();
        });
        assert!(cancelled.is_ok(), "the body has returned");
        drop(runtime);
    });
}

#[test]
fn the_end_of_a_runtime() {
    check(|tell| {
        let (runtime, handle) = on_a_worker(tell);
        let ended = runtime.shutdown_timeout(Duration::from_millis(1));
        assert!(ended.killed != 0 && ended.survived == 0, "{ended}");
        assert!(handle.join().is_err());
    });
}

/// A kill is no state: who catches it lives, and meets nothing again.
#[test]
fn a_kill_is_none_of_these() {
    checked(|| {
        let t = spawn(|| {
            let payload = catch_unwind(|| schedule_remove().unwrap()).unwrap_err();
            assert!(!payload.is::<Cancelled>() && !is_cancelled());
            assert!(!tasklets::park::arrives_again(&payload));
            for _ in 0..TIMES {
                schedule().unwrap();
            }
            "lives"
        });
        t.run().unwrap();
        t.kill_pending().unwrap();
        assert_eq!(t.join().unwrap(), "lives");
        assert_eq!(Scheduler::local().current(), tasklets::main_tasklet());
    });
}
