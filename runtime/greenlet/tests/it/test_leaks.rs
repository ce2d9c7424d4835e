//! greenlet's test_leaks.py.

use std::rc::Rc;

use greenlet::{Greenlet, stats};

use crate::harness::{Count, check, go, left, on_thread, scaled, to_main};

/// Resident pages of this process.
fn resident() -> Option<usize> {
    std::fs::read_to_string("/proc/self/statm").ok()?.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn test_arg_refs() {
    check(|| {
        let value = Rc::new(());
        let g = Greenlet::new(|first: Rc<()>| {
            let mut value = first;
            loop {
                value = to_main(value);
            }
        });
        for _ in 0..100 {
            drop(go(&g, value.clone()));
            assert_eq!(Rc::strong_count(&value), 1);
        }
    });
}

#[test]
fn test_kwarg_refs() {
    check(|| {
        let value = Rc::new(());
        for _ in 0..100 {
            let g = Greenlet::new(|v: Option<Rc<()>>| v);
            drop(go(&g, Some(value.clone())));
        }
        let unsent = Greenlet::new({
            let value = value.clone();
            move |()| drop(value)
        });
        assert_eq!(Rc::strong_count(&value), 2);
        drop(unsent);
        assert_eq!(Rc::strong_count(&value), 1);
    });
}

/// Threads that are gone leave nothing: what they had is theirs, and these end it.
#[test]
fn test_threaded_leak() {
    for _ in 0..10 {
        on_thread(|| {
            greenlet::enter(|| {
                let finished = Greenlet::new(|()| ());
                go(&finished, ());
                let waiting = crate::harness::suspended();
                std::mem::forget(waiting);
            });
            // The forgotten handle keeps a block, and no stack.
            assert_eq!(left(), (1, 0, 0, 0));
        });
    }
}

#[test]
fn test_threaded_adv_leak() {
    for _ in 0..10 {
        on_thread(|| {
            greenlet::enter(|| {
                let parent = Greenlet::new(|()| ());
                let child = Greenlet::new(|()| ());
                child.set_parent(&parent).unwrap();
                go(&child, ());
            });
            assert_eq!(left(), (0, 0, 0, 0));
        });
    }
}

#[test]
fn test_untracked_memory_doesnt_increase() {
    on_thread(|| {
        let batch = || (0..scaled(2_000)).for_each(|n| assert_eq!(go(&Greenlet::new(|v| v), n), n));
        batch();
        let (before, stacks) = (resident(), stats());
        for _ in 0..5 {
            batch();
        }
        assert_eq!((stats().stacks, stats().pooled), (stacks.stacks, stacks.pooled));
        if let (Some(before), Some(after)) = (before, resident()) {
            assert!(after <= before + 2_560, "grew by {} pages", after - before);
        }
    });
}

#[test]
fn test_untracked_memory_doesnt_increase_unfinished_thread_dealloc_in_thread() {
    on_thread(|| {
        let exits = Count::default();
        let batch = || {
            let greenlets: Vec<_> = (0..scaled(500))
                .map(|_| {
                    let guard = exits.guard();
                    let g = Greenlet::new(move |()| {
                        let _guard = guard;
                        to_main(());
                    });
                    go(&g, ());
                    g
                })
                .collect();
            drop(greenlets);
        };
        batch();
        let before = resident();
        for _ in 0..4 {
            batch();
        }
        assert_eq!(exits.get(), 5 * scaled(500));
        assert_eq!(stats().active, 0);
        if let (Some(before), Some(after)) = (before, resident()) {
            assert!(after <= before + 2_560, "grew by {} pages", after - before);
        }
    });
}
