//! greenlet's test_weakref.py, and what of test_gc.py has a meaning where nothing is collected.

use std::cell::RefCell;
use std::rc::Rc;

use greenlet::{Builder, Greenlet, WeakGreenlet, main};

use crate::harness::{OnDrop, check, go, suspended};

#[test]
fn test_dead_weakref() {
    check(|| {
        let dead = Greenlet::new(|()| ());
        go(&dead, ());
        let weak = dead.downgrade();
        assert!(weak.upgrade().is_some());
        drop(dead);
        assert!(weak.upgrade().is_none());
    });
}

#[test]
fn test_inactive_weakref() {
    check(|| {
        let pending = Greenlet::<()>::new(|()| ());
        let weak = pending.downgrade();
        assert_eq!(weak.clone().upgrade().unwrap(), pending);
        drop(pending);
        assert!(weak.upgrade().is_none());
    });
}

/// While the body of an unstarted greenlet is dropped, and while its parent is released, weak handles find nothing.
#[test]
fn test_dealloc_weakref() {
    check(|| {
        let weak = Rc::new(RefCell::new(None::<WeakGreenlet>));
        let look = weak.clone();
        let unseen = move || assert!(look.borrow().as_ref().unwrap().upgrade().is_none());
        let parent = Greenlet::new({
            let guard = OnDrop(unseen.clone());
            move |()| drop(guard)
        });
        let guard = OnDrop(unseen);
        let child = Builder::new().parent(&parent).build(move |()| drop(guard));
        weak.replace(Some(child.downgrade()));
        drop(parent);
        drop(child);
        weak.replace(None);
    });
}

/// Greenlets that hold handles of themselves or each other: dead and unstarted ones go once the circle is opened.
#[test]
fn test_dead_circular_ref() {
    check(|| {
        let slot = Rc::new(RefCell::new(None));
        let own = slot.clone();
        let g = Greenlet::new(move |()| {
            own.borrow_mut().replace(greenlet::current::<()>());
        });
        let weak = g.downgrade();
        go(&g, ());
        drop(g);
        assert!(weak.upgrade().is_some_and(|g| g.is_dead()));
        // The handles of a body that has ended are gone: what is left is the slot.
        slot.take();
        assert!(weak.upgrade().is_none());
    });
}

#[test]
fn test_inactive_ref() {
    check(|| drop(Greenlet::<()>::new(|()| ())));
}

/// The running greenlet and main can be asked for weakly at any time.
#[test]
fn weak_handles_of_the_running() {
    check(|| {
        assert!(main::<()>().downgrade().upgrade().is_some());
        let g = suspended();
        let weak = g.downgrade();
        let inside = weak.clone();
        let other = Greenlet::new(move |()| assert!(inside.upgrade().is_some()));
        go(&other, ());
        drop(g);
        assert!(weak.upgrade().is_none());
    });
}
