//! greenlet's test_contextvars.py, on greenlet-local values.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use greenlet::{Greenlet, GreenletLocal, Locals, main};

use crate::harness::{Count, check, go, to_main};

static ID: GreenletLocal<Cell<Option<usize>>> = GreenletLocal::new(|| Cell::new(None));

fn id() -> Option<usize> {
    ID.with(Cell::get)
}

/// Four greenlets that each write their number and count what they read, in turns; `locals` says what each is given.
fn counts(locals: impl Fn() -> Option<Locals>, expected: impl Fn(usize) -> Option<usize>) -> Vec<usize> {
    ID.with(|id| id.set(Some(0)));
    let counts = Rc::new(RefCell::new(vec![0; 5]));
    let greenlets: Vec<Greenlet> = (1..5)
        .map(|n| {
            let (counts, expected) = (counts.clone(), expected(n));
            let g = Greenlet::new(move |()| {
                assert_eq!(id(), expected);
                ID.with(|id| id.set(Some(n)));
                for _ in 0..2 {
                    counts.borrow_mut()[id().unwrap()] += 1;
                    to_main(());
                }
            });
            if let Some(locals) = locals() {
                g.set_locals(locals);
            }
            g
        })
        .collect();
    for _ in 0..2 {
        counts.borrow_mut()[id().unwrap()] += 1;
        greenlets.iter().for_each(|g| go(g, ()));
    }
    // The last turn, in the order that is not the one of the starts.
    greenlets.iter().rev().for_each(|g| go(g, ()));
    assert!(greenlets.iter().all(|g| g.is_dead() && g.locals().is_empty()));
    counts.take()
}

/// A set of its own with a copy of main's value.
fn copied() -> Locals {
    let copy = main::<()>().locals().copy();
    copy.set(&ID, Cell::new(id()));
    copy
}

#[test]
fn test_context_propagated_by_context_run() {
    check(|| assert_eq!(counts(|| Some(copied()), |_| Some(0)), [2; 5]));
}

#[test]
fn test_context_propagated_by_setting_attribute() {
    check(|| {
        assert_eq!(counts(|| Some(copied()), |_| Some(0)), [2; 5]);
        assert_eq!(id(), Some(0));
    });
}

#[test]
fn test_context_not_propagated() {
    check(|| assert_eq!(counts(|| None, |_| None), [2; 5]));
}

#[test]
fn test_context_shared() {
    check(|| {
        let shared = || Some(main::<()>().locals());
        assert_eq!(counts(shared, |n| Some(n - 1)), [1, 1, 1, 1, 6]);
    });
}

/// Values that were taken out may go in any order, not only last in first out.
#[test]
fn test_not_broken_if_using_attribute_instead_of_context_run() {
    check(|| {
        let make = |n: usize| {
            let g = Greenlet::new(move |()| {
                assert_eq!(id(), Some(n));
                to_main(());
                assert_eq!(id(), Some(n));
            });
            let locals = Locals::new();
            locals.set(&ID, Cell::new(Some(n)));
            g.set_locals(locals);
            g
        };
        let (g1, g2) = (make(1), make(2));
        go(&g1, ());
        go(&g2, ());
        go(&g1, ());
        go(&g2, ());
        assert!(g1.is_dead() && g2.is_dead());
    });
}

#[test]
fn test_context_assignment_while_running() {
    check(|| {
        let g = Greenlet::new(|()| {
            let me = greenlet::current::<()>();
            assert!(me.locals().is_empty());
            ID.with(|id| id.set(Some(1)));
            let old = me.set_locals(Locals::new());
            assert_eq!(id(), None);
            ID.with(|id| id.set(Some(2)));
            me.set_locals(old);
            assert_eq!(id(), Some(1));
            to_main(());
            assert_eq!(id(), Some(3));
        });
        go(&g, ());
        assert_eq!(g.locals().get(&ID).get(), Some(1));
        let locals = Locals::new();
        locals.set(&ID, Cell::new(Some(3)));
        g.set_locals(locals);
        go(&g, ());
        assert!(g.is_dead());
    });
}

static GUARDED: GreenletLocal<RefCell<Vec<Box<dyn std::any::Any>>>> = GreenletLocal::new(|| RefCell::new(Vec::new()));

/// Local values are dropped in their greenlet when it ends, also if their destructors use local values; what is given to a
/// dead or unstarted one goes with it.
#[test]
fn local_values_are_dropped() {
    check(|| {
        let dropped = Count::default();
        let (inner, outer) = (dropped.clone(), dropped.clone());
        let g = Greenlet::new(move |()| {
            let again = inner.clone();
            let guard = crate::harness::OnDrop(move || {
                again.add();
                assert!(!greenlet::current::<()>().is_main());
                let last = again.guard();
                GUARDED.with(|list| list.borrow_mut().push(Box::new(last)));
            });
            GUARDED.with(|list| list.borrow_mut().push(Box::new(guard)));
        });
        go(&g, ());
        assert_eq!(outer.get(), 2);
        g.locals().get(&GUARDED).borrow_mut().push(Box::new(dropped.guard()));
        drop(g);
        assert_eq!(outer.get(), 3);
        let pending = Greenlet::<()>::new(|()| ());
        pending.locals().get(&GUARDED).borrow_mut().push(Box::new(dropped.guard()));
        drop(pending);
        assert_eq!(outer.get(), 4);
        assert_eq!(format!("{GUARDED:?}").matches("GreenletLocal<").count(), 1);
    });
}
