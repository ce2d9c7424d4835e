//! Scopes: every way to leave one with something borrowed alive that safe code could try.

use std::cell::{Cell, RefCell};
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use greenlet::{Greenlet, Lent, Loans, NotShared, SharedLent, main, scope};

use crate::harness::{Count, Log, OnDrop, check, exit_of, go, on_thread, raise, raised, scaled, to_main, unraisable};

/// What tests lend: it knows whether it is alive.
pub(crate) struct Canary(Cell<u64>);

const ALIVE: u64 = 0x00c0_ffee;

impl Canary {
    pub(crate) fn new() -> Canary {
        Canary(Cell::new(ALIVE))
    }

    pub(crate) fn sing(&self) {
        assert_eq!(self.0.get(), ALIVE, "what was borrowed is gone");
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.0.set(0);
    }
}

/// Borrows a canary, and has it sing when it is dropped.
pub(crate) struct Listener<'a>(pub(crate) &'a Canary);

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        self.0.sing();
    }
}

/// A closure that holds something while it waits in main's favour.
pub(crate) fn holding<G>(guards: G) -> impl FnOnce() {
    move || {
        let _guards = guards;
        to_main(());
    }
}

#[test]
fn what_is_lent_is_run_once() {
    check(|| {
        let canary = Canary::new();
        let runs = Cell::new(0);
        scope(|loans| {
            let lent = loans
                .lend(|| {
                    canary.sing();
                    runs.set(runs.get() + 1);
                })
                .unwrap();
            go(&Greenlet::new(|()| lent.run()), ());
            let unused = loans.lend(|| runs.set(100)).unwrap();
            drop(unused);
        });
        assert_eq!(runs.get(), 1);
    });
}

/// The number that is handed out does not keep the closure: it is dropped when the scope is left.
#[test]
fn what_is_forgotten_or_kept_is_dropped_with_the_scope() {
    check(|| {
        let dropped = Count::default();
        let mut kept: Vec<Lent> = Vec::new();
        let mut shared: Option<SharedLent> = None;
        let canary = Canary::new();
        scope(|loans| {
            for n in 0..scaled(10) {
                let guards = (Listener(&canary), dropped.guard());
                let lent = loans.lend(move || unreachable!("{:p}", &guards)).unwrap();
                if n % 2 == 0 { forget(lent) } else { kept.push(lent) }
            }
            let times = AtomicUsize::new(0);
            shared = Some(loans.shared().unwrap().lend(move || _ = times.fetch_add(1, Ordering::Relaxed)).unwrap());
            assert_eq!(dropped.get(), 0);
        });
        assert_eq!(dropped.get(), scaled(10));
        drop(canary);
        kept.into_iter().for_each(Lent::run);
        shared.unwrap().run();
        assert_eq!(dropped.get(), scaled(10));
    });
}

#[test]
fn a_borrower_that_is_suspended_is_killed() {
    check(|| {
        let exits = Count::default();
        let outside = {
            let canary = Canary::new();
            scope(|loans| {
                let lent = loans.lend(|| {
                    let _listener = Listener(&canary);
                    assert!(exit_of(|| to_main(())).is_err());
                    exits.add();
                });
                let lent = lent.unwrap();
                let g = Greenlet::new(|()| lent.run());
                go(&g, ());
                // Neither the handle nor its absence matters.
                g
            })
        };
        assert!(outside.is_dead());
        assert_eq!(exits.get(), 1);
    });
}

#[test]
fn a_borrower_whose_handle_was_forgotten_is_killed() {
    on_thread(|| {
        let ended = Count::default();
        let canary = Canary::new();
        scope(|loans| {
            let lent = loans.lend(holding((ended.guard(), Listener(&canary)))).unwrap();
            let g = Greenlet::new(|()| lent.run());
            go(&g, ());
            forget(g);
        });
        assert_eq!(ended.get(), 1);
    });
}

#[test]
fn a_body_that_panics_leaves_nothing() {
    check(|| {
        let (dropped, kept) = (Count::default(), Log::new());
        let canary = Canary::new();
        let error: &str = raised(|| {
            scope(|loans| {
                for _ in 0..3 {
                    let lent = loans.lend(holding((dropped.guard(), Listener(&canary)))).unwrap();
                    let borrower = Greenlet::new(|()| lent.run());
                    kept.push(borrower.clone());
                    go(&borrower, ());
                }
                raise("body")
            })
        });
        assert_eq!((error, dropped.get()), ("body", 3));
    });
}

/// A greenlet that is in a scope, with a suspended borrower of its own.
fn owner(ended: &Count, kept: &Log<Greenlet>) -> Greenlet {
    let (ended, kept) = (ended.clone(), kept.clone());
    let owner = Greenlet::new(move |()| {
        let canary = Canary::new();
        scope(|loans| {
            let lent = loans.lend(holding((ended.guard(), Listener(&canary)))).unwrap();
            let borrower = Greenlet::new(|()| lent.run());
            // Else it would keep the owner, its parent.
            borrower.set_parent(&main::<()>()).unwrap();
            kept.push(borrower.clone());
            go(&borrower, ());
            forget(loans.lend(|| canary.sing()));
            to_main(());
        });
    });
    go(&owner, ());
    // The borrower went to main, and not to who started it: that one waits.
    go(&owner, ());
    owner
}

#[test]
fn an_owner_that_is_killed_takes_its_borrowers_along() {
    check(|| {
        let (ended, kept) = (Count::default(), Log::new());
        let g = owner(&ended, &kept);
        g.kill().unwrap();
        assert!(g.is_dead());
        assert_eq!(ended.get(), 1);
        drop(owner(&ended, &kept));
        assert_eq!(ended.get(), 2);
    });
}

#[test]
fn an_owner_that_is_killed_while_the_thread_unwinds_takes_its_borrowers_along() {
    check(|| {
        let (ended, kept) = (Count::default(), Log::new());
        let g = owner(&ended, &kept);
        let error: &str = raised(|| {
            let _guard = OnDrop(move || drop(g.kill()));
            raise("first")
        });
        assert_eq!((error, ended.get()), ("first", 1));
    });
}

/// Of a closure that has not begun, and of one that ends. Of one that is killed it ends the process, by Rust's own rule.
#[test]
fn a_destructor_that_panics_is_no_way_out() {
    check(|| {
        let log = unraisable();
        let dropped = Count::default();
        let canary = Canary::new();
        scope(|loans| {
            let [one, two] = std::array::from_fn(|_| {
                let fails = OnDrop(|| raise("cannot clean up"));
                loans.lend(holding((fails, dropped.guard(), Listener(&canary)))).unwrap()
            });
            forget(one);
            let g = Greenlet::new(|()| two.run());
            go(&g, ());
            let error: &str = raised(|| go(&g, ()));
            assert_eq!((error, dropped.get()), ("cannot clean up", 1));
        });
        assert_eq!(dropped.get(), 2);
        assert_eq!(log.take().len(), 1);
        greenlet::set_unraisable_hook(None);
    });
}

/// A destructor in a closure that is taken back wants to lend, and to run another one.
#[test]
fn nothing_is_lent_while_a_scope_is_left() {
    check(|| {
        let told = Log::new();
        let canary = Canary::new();
        let other: RefCell<Option<Lent>> = RefCell::new(None);
        scope(|loans| {
            let guard = OnDrop(|| {
                canary.sing();
                told.push(loans.lend(|| ()).is_err());
                told.push(loans.shared().is_err());
                drop(other.take());
            });
            forget(loans.lend(move || drop(guard)).unwrap());
            let listener = Listener(&canary);
            *other.borrow_mut() = Some(loans.lend(move || drop(listener)).unwrap());
        });
        assert_eq!(told.take(), [true, true]);
    });
}

#[test]
fn a_scope_lends_only_within_open_and_is_opened_once() {
    check(|| {
        let loans = Loans::new();
        let error = loans.lend(|| ()).unwrap_err();
        assert_eq!(error.to_string(), "a scope lends only while it is open, and it is not, or is being left");
        error.into_inner()();
        assert_eq!(loans.shared().unwrap_err(), NotShared::NotOpen);
        loans.open(|| {
            assert!(catch_unwind(AssertUnwindSafe(|| loans.open(|| ()))).is_err());
            loans.lend(|| ()).unwrap().run();
        });
        assert!(loans.lend(|| ()).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| loans.open(|| ()))).is_err());
    });
}

/// The destructor of what was captured switches away: the closure counts as running until it is back.
#[test]
fn a_closure_that_is_being_dropped_counts() {
    check(|| {
        let canary = Canary::new();
        let dropped = Count::default();
        scope(|loans| {
            let guards = (Listener(&canary), OnDrop(|| _ = exit_of(|| to_main(()))), dropped.guard());
            let lent = loans.lend(move || drop(guards)).unwrap();
            let g = Greenlet::new(|()| drop(lent));
            go(&g, ());
            assert_eq!(dropped.get(), 0);
        });
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn scopes_are_nested() {
    check(|| {
        let canary = Canary::new();
        let ended = Count::default();
        scope(|outer| {
            let lent = outer.lend(|| {
                let inside = Canary::new();
                scope(|inner| {
                    let lent = inner.lend(holding((Listener(&inside), Listener(&canary), ended.guard()))).unwrap();
                    go(&Greenlet::new(|()| lent.run()), ());
                    to_main(());
                })
            });
            let lent = lent.unwrap();
            let g = Greenlet::new(|()| lent.run());
            go(&g, ());
            go(&g, ());
        });
        assert_eq!(ended.get(), 1);
    });
}
