//! greenlet's test_greenlet.py: what happens when handles go away.

use std::cell::RefCell;
use std::rc::Rc;

use greenlet::{Builder, Greenlet, GreenletExit, current, main};

use crate::harness::{Count, Log, check, exit_of, go, raise, suspended, to_main, unraisable};

#[test]
fn test_dealloc() {
    check(|| {
        let seen = Log::new();
        let body = || {
            let seen = seen.clone();
            move |()| {
                let exit = exit_of(|| to_main(())).unwrap_err();
                seen.push(exit.to_string());
                raise(exit)
            }
        };
        let (g1, g2) = (Greenlet::new(body()), Greenlet::new(body()));
        go(&g1, ());
        go(&g2, ());
        assert!(seen.take().is_empty());
        drop(g1);
        assert_eq!(seen.take(), ["the last handle of the greenlet went away"]);
        drop(g2);
        assert_eq!(seen.take().len(), 1);
    });
}

#[test]
fn test_dealloc_catches_greenlet_exit_throws_other() {
    check(|| {
        let errors = unraisable();
        let g = Greenlet::new(|()| {
            exit_of(|| to_main(())).unwrap_err();
            raise("other");
        });
        go(&g, ());
        let id = g.id();
        drop(g);
        assert_eq!(errors.take(), [format!("greenlet {id}: Panicked(\"other\")")]);
    });
}

#[test]
fn test_parent_restored_on_kill() {
    check(|| {
        unraisable();
        let hub = suspended();
        let seen = Log::new();
        let into = seen.clone();
        let kept = Rc::new(RefCell::new(None));
        let keep = kept.clone();
        let parent = || current::<()>().parent().unwrap().id();
        let g = Builder::new().parent(&hub).build(move |()| {
            into.push(parent());
            let _ = exit_of(|| to_main(()));
            into.push(parent());
            keep.replace(Some(current::<()>()));
            // Survives: the switch goes to who dropped it.
            to_main(());
        });
        go(&g, ());
        drop(g);
        let g: Greenlet = kept.take().expect("it came back");
        assert_eq!(seen.take(), [hub.id(), 0], "while it is killed its parent is the dropper");
        assert_eq!(g.parent().unwrap().id(), hub.id());
        assert!(g.is_active());
    });
}

/// While a greenlet is killed its parent is still taken, and another one may be set for afterwards.
#[test]
fn the_parent_is_set_while_it_is_lent() {
    check(|| {
        unraisable();
        let hub = suspended();
        let kept = Rc::new(RefCell::new(None));
        let (keep, below, other) = (kept.clone(), hub.clone(), suspended());
        let id = other.id();
        let g = Builder::new().parent(&hub).build(move |()| {
            let _ = exit_of(|| to_main(()));
            assert!(below.set_parent(&current::<()>()).is_err());
            current::<()>().set_parent(&other).unwrap();
            assert!(current::<()>().parent().unwrap().is_main());
            keep.replace(Some(current::<()>()));
            to_main(());
        });
        go(&g, ());
        drop(g);
        let g: Greenlet = kept.take().expect("it came back");
        assert_eq!(g.parent().unwrap().id(), id);
    });
}

#[test]
fn test_issue_245_reference_counting_subclass_no_threads() {
    check(|| {
        let count = Count::default();
        for _ in 0..100 {
            let guard = count.guard();
            let g = Greenlet::new(move |()| {
                let _guard = guard;
                to_main(());
            });
            go(&g, ());
        }
        assert_eq!(count.get(), 100);
    });
}

#[test]
fn test_issue_245_reference_counting_subclass_threads() {
    let work = || {
        let count = Count::default();
        let guard = count.guard();
        let g = Greenlet::new(move |()| {
            let _guard = guard;
            to_main(());
        });
        go(&g, ());
        drop(g);
        assert_eq!(count.get(), 1);
    };
    let threads: Vec<_> = (0..50).map(|_| std::thread::spawn(move || greenlet::enter(work))).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// A swallowed kill is not retried: it is reported, and the greenlet lives on without a handle until `enter` ends.
#[test]
fn a_kill_that_is_swallowed_is_told_once() {
    check(|| {
        let errors = unraisable();
        let kills = Count::default();
        let count = kills.clone();
        let g = Greenlet::new(move |()| {
            while count.get() < 3 {
                if exit_of(|| to_main(())).is_err() {
                    count.add();
                }
            }
        });
        go(&g, ());
        let id = g.id();
        drop(g);
        assert_eq!(errors.take(), [format!("greenlet {id}: Survived")]);
        assert_eq!(kills.get(), 1);
        assert_eq!(greenlet::stats().active, 1);
    });
}

/// One that never gives in is told ten times by `enter`, then reported and given up.
#[test]
fn a_greenlet_that_refuses_to_end_is_given_up() {
    let (told, stats) = crate::harness::on_thread(|| {
        let before = greenlet::stats().leaked;
        let (errors, kills) = (unraisable(), Count::default());
        let count = kills.clone();
        greenlet::enter(|| {
            let g = Greenlet::new(move |()| {
                loop {
                    if exit_of(|| to_main(())).is_err() {
                        count.add();
                    }
                }
            });
            go(&g, ());
        });
        assert_eq!(errors.take().len(), 2, "by the drop, and by the end of enter");
        (kills.get(), greenlet::stats().leaked - before)
    });
    assert_eq!(told, 11);
    // Other tests of this process leak nothing.
    assert!(stats >= 1);
}

#[test]
fn a_weak_handle_finds_a_greenlet_that_is_being_killed() {
    check(|| {
        let kept = Rc::new(RefCell::new(None));
        let keep = kept.clone();
        let slot = Rc::new(RefCell::new(None::<greenlet::WeakGreenlet>));
        let own = slot.clone();
        let g = Greenlet::new(move |()| {
            let exit: GreenletExit = exit_of(|| to_main(())).unwrap_err();
            *keep.borrow_mut() = own.borrow().as_ref().unwrap().upgrade();
            raise(exit)
        });
        *slot.borrow_mut() = Some(g.downgrade());
        go(&g, ());
        drop(g);
        let g: Greenlet = kept.take().expect("resurrected");
        assert!(g.is_dead());
        g.switch(()).unwrap();
        drop(g);
        assert!(slot.borrow().as_ref().unwrap().upgrade().is_none());
    });
}

/// The kill happens in the greenlet that drops, not in main.
#[test]
fn the_dropper_goes_on_where_it_was() {
    check(|| {
        let log = Log::new();
        let into = log.clone();
        let victim = suspended();
        let dropper = Greenlet::new(move |()| {
            into.push("before");
            drop(victim);
            into.push("after");
            assert!(!current::<()>().is_main());
        });
        go(&dropper, ());
        assert_eq!(log.take(), ["before", "after"]);
        assert!(main::<()>().is_current());
    });
}
