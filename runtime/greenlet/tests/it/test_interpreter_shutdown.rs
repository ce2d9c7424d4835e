//! greenlet's test_interpreter_shutdown.py: threads and processes that end while greenlets wait.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use greenlet::{Builder, Greenlet, SwitchError, WeakGreenlet, current, main, stats};

use crate::harness::{OnDrop, check, go, on_thread, suspended, to_main};
use crate::misuse_process::{child, is_child};

/// A process may end while greenlets wait: nothing of them runs.
#[test]
fn test_active_greenlet_at_shutdown() {
    let out = child("test_interpreter_shutdown::child_active");
    assert!(out.status.success(), "{out:?}");
}

#[test]
fn child_active() {
    if !is_child() {
        return;
    }
    let nested = Greenlet::new(|()| {
        let many: Vec<_> = (0..50).map(|_| suspended_here()).collect();
        to_main(());
        drop(many);
    });
    go(&nested, ());
    std::thread::spawn(|| std::mem::forget(suspended())).join().unwrap();
    std::process::exit(0);
}

/// Waits in a switch to whoever started it.
fn suspended_here() -> Greenlet {
    let starter = current::<()>();
    let g = Greenlet::new(move |()| drop(starter.switch(())));
    go(&g, ());
    g
}

/// Within `enter`, a thread that ends kills what waits: many, and deeply nested.
#[test]
fn test_cleanup_during_thread_exit() {
    for (many, deep) in [(1, 1), (50, 1), (1, 10)] {
        let ended = Arc::new(AtomicUsize::new(0));
        let count = ended.clone();
        on_thread(move || {
            greenlet::enter(|| {
                for _ in 0..many {
                    nest(deep, &count);
                }
            });
            assert_eq!((stats().active, stats().stacks), (0, 0));
        });
        assert_eq!(ended.load(Ordering::Relaxed), many * deep);
    }
}

/// A greenlet that starts another one and then waits for main; its handle is lost.
fn nest(depth: usize, ended: &Arc<AtomicUsize>) {
    if depth == 0 {
        return;
    }
    let count = ended.clone();
    let g = Greenlet::new(move |()| {
        let guard = count.clone();
        let _guard = OnDrop(move || assert!(guard.fetch_add(1, Ordering::Relaxed) < 50));
        nest(depth - 1, &count);
        main().switch(()).unwrap();
    });
    // With depth, this returns when the innermost one goes to main: so the outer ones wait for their children.
    g.switch(()).unwrap();
    std::mem::forget(g);
}

/// Without `enter`, what waits when the thread ends is given up: nothing of it runs, and it is counted.
#[test]
fn test_unfinished_thread_dealloc_in_main() {
    let before = stats().leaked;
    let ended = Arc::new(AtomicUsize::new(0));
    let count = ended.clone();
    on_thread(move || {
        for _ in 0..20 {
            nest(1, &count);
        }
    });
    assert_eq!(ended.load(Ordering::Relaxed), 0);
    assert!(stats().leaked >= before + 20);
}

type Late = OnDrop<fn()>;

thread_local! {
    static KEPT: RefCell<Option<(Greenlet, WeakGreenlet, Greenlet)>> = const { RefCell::new(None) };
    static LATE: RefCell<Option<Late>> = const { RefCell::new(None) };
}

/// Handles in a user's thread-local, which may be destroyed before or after the thread's own state.
#[test]
fn handles_in_thread_locals() {
    for first in [true, false] {
        for inside in [true, false] {
            on_thread(move || {
                // Whatever is used first is destroyed at another time than the thread's state.
                if first {
                    KEPT.with(|_| ());
                }
                let fill = || {
                    let g = suspended();
                    KEPT.set(Some((g, main::<()>().downgrade(), Greenlet::new(|()| ()))));
                };
                if inside { greenlet::enter(fill) } else { fill() }
            });
        }
    }
}

/// Switching, starting and throwing from the destructor of a thread-local is refused or works, and never crashes.
#[test]
fn operations_in_the_destructors_of_thread_locals() {
    fn late() {
        let g = Greenlet::new(|v: u32| v + 1);
        match g.switch(1) {
            Ok(got) => assert_eq!(got.unwrap(), 2),
            Err(SwitchError::Exited { value }) => assert_eq!(value, Some(1)),
            Err(other) => panic!("{other}"),
        }
        let _ = g.kill();
        let _ = (current::<()>(), main::<()>(), stats(), greenlet::tracer());
        drop(Builder::new().name("late").build(|()| ()));
        greenlet::enter(|| ());
    }
    for first in [true, false] {
        on_thread(move || {
            if first {
                LATE.with(|_| ());
            }
            go(&Greenlet::new(|()| ()), ());
            LATE.set(Some(OnDrop(late as fn())));
        });
    }
    on_thread(|| LATE.set(Some(OnDrop(late as fn()))));
}

/// `enter` ends what waits when its closure panics, too.
#[test]
fn a_panic_leaves_enter() {
    let ended = Arc::new(AtomicUsize::new(0));
    let count = ended.clone();
    on_thread(move || {
        let out: &str = crate::harness::raised(|| {
            greenlet::enter(|| {
                nest(3, &count);
                crate::harness::raise("out")
            })
        });
        assert_eq!(out, "out");
        assert_eq!((stats().active, stats().stacks), (0, 0));
    });
    assert_eq!(ended.load(Ordering::Relaxed), 3);
}

/// In a greenlet, `enter` only calls its closure; it does not stand in the way of main's.
#[test]
fn enter_in_a_greenlet() {
    check(|| {
        let g = Greenlet::new(|()| greenlet::enter(|| to_main(())));
        go(&g, ());
        assert!(g.is_active());
    });
    on_thread(|| {
        let g = Greenlet::new(|()| greenlet::enter(|| to_main(())));
        go(&g, ());
        greenlet::enter(|| ());
        assert!(g.is_dead(), "main's outermost one ends everything");
    });
}
