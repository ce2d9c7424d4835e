//! Scopes that lend to other threads, and scopes on threads that end.

use std::cell::{Cell, RefCell};
use std::mem::forget;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use greenlet::{Greenlet, Lent, SharedLent, enter, scope};

use crate::harness::{Count, OnDrop, check, exit_of, go, on_thread, scaled, to_main};
use crate::loans::{Canary, Listener};

#[test]
fn another_thread_is_waited_for() {
    check(|| {
        let canary = Canary::new();
        let done = AtomicBool::new(false);
        let begun = std::sync::Barrier::new(2);
        let slow = scope(|loans| {
            let lent = loans.shared().unwrap().lend(|| {
                begun.wait();
                std::thread::sleep(Duration::from_millis(30));
                done.store(true, Ordering::SeqCst);
            });
            let lent = lent.unwrap();
            let slow = std::thread::spawn(move || lent.run());
            begun.wait();
            slow
        });
        assert!(done.load(Ordering::SeqCst));
        canary.sing();
        slow.join().unwrap();
    });
}

/// Threads take what a scope lends, while it is left: each closure is run or dropped once, before the scope's end.
#[test]
fn threads_race_with_the_end_of_a_scope() {
    check(|| {
        for _ in 0..scaled(20) {
            let (runs, drops) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let takers: Vec<_> = scope(|loans| {
                let shared = loans.shared().unwrap();
                let lent: Vec<_> = (0..8)
                    .map(|_| {
                        let guard = OnDrop(|| _ = drops.fetch_add(1, Ordering::SeqCst));
                        let runs = &runs;
                        shared
                            .lend(move || {
                                let _guard = guard;
                                runs.fetch_add(1, Ordering::SeqCst);
                                // From another thread, too.
                                if let Ok(more) = shared.lend(|| _ = runs.fetch_add(1, Ordering::SeqCst)) {
                                    more.run();
                                }
                            })
                            .unwrap()
                    })
                    .collect();
                let take = |lent: SharedLent| std::thread::spawn(move || lent.run());
                lent.into_iter().map(take).collect()
            });
            let at_the_end = (runs.load(Ordering::SeqCst), drops.load(Ordering::SeqCst));
            assert_eq!(at_the_end.1, 8);
            takers.into_iter().for_each(|taker| taker.join().unwrap());
            assert_eq!((runs.into_inner(), drops.into_inner()), at_the_end);
        }
    });
}

/// If the thread ended, the greenlet would be given up while others use what it lent.
#[test]
fn a_greenlet_lends_to_other_threads_only_within_enter() {
    on_thread(|| {
        scope(|loans| assert!(loans.shared().is_ok()));
        let asks = || go(&Greenlet::new(|_| scope(|loans| u8::from(loans.shared().is_ok()))), 2);
        assert_eq!(asks(), 0);
        assert_eq!(enter(asks), 1);
        scope(|loans| {
            let lent = loans.lend(|| assert!(loans.shared().is_ok())).unwrap();
            go(&Greenlet::new(|()| lent.run()), ());
        });
    });
}

/// One that catches its exits is given up by `enter`, which waits for those who use what it lent.
#[test]
fn enter_waits_for_what_was_lent_by_those_who_are_given_up() {
    on_thread(|| {
        static USED: AtomicBool = AtomicBool::new(false);
        let slow = enter(|| {
            greenlet::set_unraisable_hook(Some(Rc::new(|_, _| ())));
            let slow: Rc<Cell<Option<std::thread::JoinHandle<()>>>> = Rc::default();
            let handle = slow.clone();
            let g = Greenlet::new(move |()| {
                let text = String::from("lent");
                scope(|loans| {
                    let (begun, text) = (std::sync::Barrier::new(2), &text);
                    let begun: &'static _ = Box::leak(Box::new(begun));
                    let lent = loans.shared().unwrap().lend(move || {
                        begun.wait();
                        std::thread::sleep(Duration::from_millis(30));
                        assert_eq!(text, "lent");
                        USED.store(true, Ordering::SeqCst);
                    });
                    let lent = lent.unwrap();
                    handle.set(Some(std::thread::spawn(move || lent.run())));
                    begun.wait();
                    while exit_of(|| to_main(())).is_err() {}
                });
            });
            go(&g, ());
            slow
        });
        assert!(USED.load(Ordering::SeqCst));
        slow.take().unwrap().join().unwrap();
        greenlet::set_unraisable_hook(None);
    });
}

/// A thread ends without `enter`: the borrower's frames and the owner's are leaked, and what has not begun is not dropped by the
/// thread-local that has it, because what that borrows is gone.
#[test]
fn what_borrows_from_a_thread_local_does_not_outlive_it() {
    static SANG: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static HOLDER: RefCell<Option<Lent>> = const { RefCell::new(None) };
        static BORROWED: Canary = Canary::new();
    }
    on_thread(|| {
        // The holder is destroyed after what is borrowed, or before it: one of the two orders happens.
        for first in [true, false] {
            on_thread(move || {
                if first {
                    HOLDER.with(|_| ());
                }
                BORROWED.with(|_| ());
                let g = Greenlet::new(|()| {
                    BORROWED.with(|canary| {
                        scope(|loans| {
                            let listener = Listener(canary);
                            let guard = OnDrop(|| _ = SANG.fetch_add(1, Ordering::SeqCst));
                            let lent = loans.lend(move || drop((listener, guard))).unwrap();
                            HOLDER.with(|holder| *holder.borrow_mut() = Some(lent));
                            to_main(());
                        });
                    });
                });
                go(&g, ());
                forget(g);
            });
        }
    });
    assert_eq!(SANG.load(Ordering::SeqCst), 0);
}

/// Main drops it while the thread is well: it is the scope that drops the closure then.
#[test]
fn what_main_drops_outside_enter_is_dropped_with_the_scope() {
    on_thread(|| {
        let dropped = Count::default();
        let place: Rc<RefCell<Option<Lent>>> = Rc::default();
        let (guard, slot) = (dropped.guard(), place.clone());
        let g = Greenlet::new(move |()| {
            scope(|loans| {
                *slot.borrow_mut() = Some(loans.lend(move || drop(guard)).unwrap());
                to_main(());
            });
        });
        go(&g, ());
        drop(place.take());
        assert_eq!(dropped.get(), 0);
        go(&g, ());
        assert!(g.is_dead());
        assert_eq!(dropped.get(), 1);
    });
}
