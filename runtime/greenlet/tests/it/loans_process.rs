//! Scopes that cannot be left: the process ends, with a report.

use std::cell::{Cell, RefCell};
use std::mem::forget;
use std::rc::Rc;

use greenlet::{Greenlet, Lent, enter, scope};

use crate::harness::{exit_of, go, to_main};
use crate::loans::{Canary, Listener};
use crate::misuse_process::{aborts, is_child};

/// A borrower that catches every exit.
fn refuse() {
    while exit_of(|| to_main(())).is_err() {}
}

#[test]
fn a_borrower_that_refuses_to_end() {
    let text = aborts("loans_process::child_refuses");
    assert!(text.contains("a scope cannot be left") && text.contains("1 of its closures"), "{text}");
}

#[test]
fn child_refuses() {
    if is_child() {
        scope(|loans| {
            let lent = loans.lend(refuse).unwrap();
            go(&Greenlet::new(|()| lent.run()), ());
        });
        unreachable!("the scope was left");
    }
}

/// It is main that is in the midst of the closure of another greenlet's scope.
#[test]
fn a_borrower_that_cannot_be_killed() {
    let text = aborts("loans_process::child_borrows_in_main");
    assert!(text.contains("a scope cannot be left"), "{text}");
}

#[test]
fn child_borrows_in_main() {
    if is_child() {
        let place: Rc<RefCell<Option<Lent>>> = Rc::default();
        let slot = place.clone();
        let g = Greenlet::new(move |()| {
            let canary = Canary::new();
            let me = greenlet::current::<()>();
            scope(|loans| {
                let listener = Listener(&canary);
                let lent = loans.lend(move || {
                    let _listener = listener;
                    drop(me.switch(()));
                });
                *slot.borrow_mut() = Some(lent.unwrap());
                to_main(());
            });
            unreachable!("the scope was left");
        });
        go(&g, ());
        place.take().unwrap().run();
        unreachable!("the closure was left");
    }
}

#[test]
fn a_borrower_of_another_thread_that_is_given_up() {
    for test in ["child_gives_up_in_enter", "child_gives_up"] {
        let text = aborts(&format!("loans_process::{test}"));
        assert!(text.contains("a scope cannot be left") && text.contains("a thread that ends"), "{text}");
    }
}

fn lend_to_one_who_is_given_up(thread: fn(&dyn Fn())) {
    scope(|loans| {
        let begun = std::sync::Barrier::new(2);
        let begun: &'static _ = Box::leak(Box::new(begun));
        let lent = loans.shared().unwrap().lend(refuse).unwrap();
        std::thread::spawn(move || {
            let lent = Cell::new(Some(lent));
            thread(&|| {
                let lent = lent.take().unwrap();
                let g = Greenlet::new(move |()| lent.run());
                go(&g, ());
                forget(g);
                begun.wait();
            });
        });
        begun.wait();
    });
    unreachable!("the scope was left");
}

#[test]
fn child_gives_up_in_enter() {
    if is_child() {
        lend_to_one_who_is_given_up(|body| enter(body));
    }
}

#[test]
fn child_gives_up() {
    if is_child() {
        lend_to_one_who_is_given_up(|body| body());
    }
}
