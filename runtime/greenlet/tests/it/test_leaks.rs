//! greenlet's test_leaks.py. What it measures of the process is in `tests/memory.rs`.

use std::rc::Rc;

use greenlet::Greenlet;

use crate::harness::{check, go, left, on_thread, to_main};

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
