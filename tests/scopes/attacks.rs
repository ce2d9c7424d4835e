//! Ways to leave a scope with a member alive, or to use what it borrows too late.

use std::cell::{Cell, RefCell};
use std::mem::forget;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tasklets::{
    AnyTasklet, Channel, ScopeError, ScopedTasklet, TaskletExit, current, schedule, schedule_remove, scope, spawn,
    stats, try_scope,
};

use crate::common::{checked, scale};
use crate::process::{child, is_child};
use crate::support::{Canary, OnDrop, Watch, caught, for_ever, hold, raise, turns};

#[test]
fn handles_are_forgotten_dropped_and_kept() {
    checked(|| {
        let mut kept: Vec<AnyTasklet> = Vec::new();
        {
            let watch = Watch::new();
            scope(|s| {
                for n in 0..9 {
                    let listener = watch.listener();
                    let member = s.spawn(move || {
                        turns(n);
                        listener.0.sing();
                    });
                    match n % 3 {
                        // It only keeps an entry of the table.
                        0 => kept.push((*member).clone()),
                        1 => drop(member),
                        _ => drop(Rc::new(member)),
                    }
                }
            });
        }
        assert!(kept.iter().all(|tasklet| !tasklet.is_alive()));
    });
}

#[test]
fn a_forgotten_handle_of_a_paused_member() {
    std::thread::spawn(|| {
        tasklets::enter(|| {
            let watch = Watch::new();
            let outcome = try_scope(|s| {
                let listener = watch.listener();
                let member = s.spawn(move || hold(listener));
                schedule().unwrap();
                assert!(member.is_paused());
                forget(member);
            });
            // It cannot go on, and is ended.
            assert!(matches!(outcome, Err(ScopeError::Deadlock(_))), "{outcome:?}");
        });
    })
    .join()
    .unwrap();
}

/// Its last handle ends it; a handle that is kept makes that a deadlock.
#[test]
fn a_paused_member_that_has_not_begun() {
    checked(|| {
        let watch = Watch::new();
        let kept = RefCell::new(None);
        for keep in [false, true] {
            let outcome = try_scope(|s| {
                let listener = watch.listener();
                let member = s.spawn(move || drop(listener));
                member.remove().unwrap();
                if keep {
                    *kept.borrow_mut() = Some((*member).clone());
                }
            });
            assert_eq!(matches!(outcome, Err(ScopeError::Deadlock(_))), keep, "{outcome:?}");
        }
    });
}

/// The tasklet of a member is given another body: the member's is gone, and the scope does not wait for the other one.
#[test]
fn a_member_that_is_bound_again() {
    checked(|| {
        let watch = Watch::new();
        let kept: AnyTasklet = scope(|s| {
            let listener = watch.listener();
            let member = s.spawn(move || drop(listener));
            member.remove().unwrap();
            member.bind_paused(for_ever).unwrap();
            let any = (*member).clone();
            // Its handle has the old body until then.
            drop(member);
            assert_eq!(s.members(), 0);
            any
        });
        assert!(kept.is_alive());
        kept.kill().unwrap();
    });
}

/// The body that it had is forgotten with the handle: it cannot end, and the scope takes back what it was lent.
#[test]
fn a_forgotten_handle_of_a_member_that_is_bound_again() {
    std::thread::spawn(|| {
        tasklets::enter(|| {
            let watch = Watch::new();
            let outcome = try_scope(|s| {
                let listener = watch.listener();
                let member = s.spawn(move || drop(listener));
                member.remove().unwrap();
                member.bind_paused(|| ()).unwrap();
                forget(member);
            });
            assert!(matches!(outcome, Err(ScopeError::Deadlock(_))), "{outcome:?}");
        });
    })
    .join()
    .unwrap();
}

#[test]
fn the_closure_of_one_that_was_killed_before_it_began() {
    checked(|| {
        let watch = Watch::new();
        scope(|s| {
            for pending in [true, false] {
                let listener = watch.listener();
                let member = s.spawn(move || unreachable!("{:p}", &listener));
                if pending { member.kill_pending().unwrap() } else { member.kill().unwrap() }
            }
            turns(2);
            assert_eq!(watch.gone.get(), 2);
        });
    });
}

#[test]
fn a_member_that_catches_its_exits() {
    checked(|| {
        let watch = Watch::new();
        let exits = Cell::new(0);
        let outcome = try_scope(|s| {
            let listener = watch.listener();
            s.spawn(|| {
                let _listener = listener;
                while exits.get() < 5 {
                    let _ = caught(for_ever);
                    exits.set(exits.get() + 1);
                }
            });
            schedule().unwrap();
            raise("body")
        });
        assert!(matches!(outcome, Err(ScopeError::Panicked(_))));
        assert_eq!(exits.get(), 5);
    });
}

/// Of a member that has not begun, of one that ends, and of a handle's value.
#[test]
fn a_destructor_that_panics() {
    checked(|| {
        let watch = Watch::new();
        let outcome = try_scope(|s| {
            let fails = |text: &'static str| (watch.listener(), OnDrop(move || raise(text)), watch.listener());
            let (one, two, three) = (fails("unstarted"), fails("ending"), fails("value"));
            s.spawn(move || drop(one)).kill().unwrap();
            s.spawn(move || drop(two));
            s.spawn(move || three);
        });
        let Err(ScopeError::Panicked(panics)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(greenlet::panic_message(panics.first()), "unstarted");
    });
}

/// A payload whose own destructor panics is never dropped in here, but by who gets it.
#[test]
fn a_payload_that_panics_when_it_is_dropped() {
    checked(|| {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                raise("dropped")
            }
        }
        let watch = Watch::new();
        let outcome = try_scope(|s| {
            for _ in 0..2 {
                let listener = watch.listener();
                s.spawn(move || {
                    let _listener = listener;
                    let _ = caught(for_ever);
                    raise(Bomb)
                });
            }
            schedule().unwrap();
            raise(Bomb)
        });
        let Err(ScopeError::Panicked(panics)) = outcome else { panic!("{outcome:?}") };
        let (first, rest) = panics.into_parts();
        assert_eq!(rest.len(), 2);
        for payload in rest.into_iter().chain([first]) {
            forget(payload.downcast::<Bomb>().unwrap());
        }
    });
}

#[test]
fn an_owner_with_its_block_trap_set() {
    checked(|| {
        let watch = Watch::new();
        let outcome = try_scope(|s| {
            let listener = watch.listener();
            s.spawn(move || hold(listener));
            schedule().unwrap();
            current().set_block_trap(true);
        });
        assert!(matches!(outcome, Err(ScopeError::Refused(_))), "{outcome:?}");
        assert!(current().set_block_trap(false));
    });
}

#[test]
fn a_scope_that_is_left_with_switching_trapped() {
    checked(|| {
        let watch = Watch::new();
        let outcome = try_scope(|s| {
            for started in [true, false] {
                let listener = watch.listener();
                s.spawn(move || hold(listener));
                if started {
                    schedule().unwrap();
                }
            }
            tasklets::switch_trap(1);
        });
        tasklets::switch_trap(-1);
        assert!(matches!(outcome, Err(ScopeError::Refused(_))), "{outcome:?}");
    });
}

/// Members that have no stack end with the deadlock that they are.
#[test]
fn out_of_stacks() {
    checked(|| {
        let watch = Watch::new();
        tasklets::set_max_stacks(stats().greenlets.stacks + stats().greenlets.pooled + 1);
        let outcome = try_scope(|s| {
            for _ in 0..3 {
                let listener = watch.listener();
                s.spawn(move || {
                    let _listener = listener;
                    let _ = Channel::<()>::new().receive();
                });
            }
        });
        tasklets::set_max_stacks(usize::MAX);
        assert!(matches!(outcome, Err(ScopeError::Deadlock(_))), "{outcome:?}");
    });
}

/// Exits that members raise themselves, and what is thrown into them.
#[test]
fn members_that_end_in_odd_ways() {
    checked(|| {
        let watch = Watch::new();
        let outcome = try_scope(|s| {
            let listener = watch.listener();
            s.spawn(move || {
                let _listener = listener;
                raise(TaskletExit)
            });
            let listener = watch.listener();
            let member: ScopedTasklet<'_, ()> = s.spawn(move || hold(listener));
            turns(2);
            assert_eq!(s.members(), 1);
            member.throw(5_u8).unwrap();
        });
        let Err(ScopeError::Panicked(panics)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(panics.first().downcast_ref(), Some(&5_u8));
    });
}

/// A thread ends with a scope open on one of its tasklets: its frames stay, and what has not begun is not dropped any more.
///
/// In a process of its own: stacks that are given up are counted for all threads, and other tests look.
#[test]
fn a_thread_that_ends_without_enter() {
    let test = "attacks::a_thread_that_ends_without_enter";
    if !is_child(test) {
        let out = child(test);
        assert!(out.status.success(), "{out:?}");
        return;
    }
    static SANG: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static BORROWED: Canary = Canary::new();
    }
    for n in 0..scale(4) {
        std::thread::spawn(move || {
            if n % 2 == 0 {
                BORROWED.with(|_| ());
            }
            let owner = spawn(|| {
                BORROWED.with(|canary| {
                    scope(|s| {
                        let sing = move || {
                            canary.sing();
                            SANG.fetch_add(1, Ordering::SeqCst);
                        };
                        let guard = OnDrop(sing);
                        s.spawn(move || hold(guard));
                        let guard = OnDrop(sing);
                        s.spawn(move || drop(guard)).remove().unwrap();
                        let guard = OnDrop(sing);
                        let paused = s.spawn(move || drop(guard));
                        schedule_remove().unwrap();
                        drop(paused);
                    })
                })
            });
            schedule().unwrap();
            forget(owner);
        })
        .join()
        .unwrap();
    }
    // Those that were dropped while the thread was well.
    assert!(SANG.load(Ordering::SeqCst) <= scale(4), "{SANG:?}");
}
