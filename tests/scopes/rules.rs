//! What scopes promise.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tasklets::{
    Builder, Channel, JoinError, ScopeError, ScopePanics, now, run, schedule, scope, scope_deadline, scope_timeout,
    shield, sleep, spawn, timeout, try_scope, with_virtual_time,
};

use crate::common::{checked, scale};
use crate::support::{Log, caught, for_ever, raise, turns};

#[test]
fn it_returns_when_all_have_ended() {
    checked(|| {
        let mut numbers = vec![0; scale(100)];
        let sum = scope(|s| {
            for (n, place) in numbers.iter_mut().enumerate() {
                s.spawn(move || {
                    turns(n % 5);
                    *place = n;
                });
            }
            "the body's value"
        });
        assert_eq!(sum, "the body's value");
        assert!(numbers.iter().enumerate().all(|(n, number)| n == *number));
    });
}

#[test]
fn members_spawn_siblings_and_open_scopes() {
    checked(|| {
        let log = Log::default();
        scope(|s| {
            s.spawn(|| {
                let inside = String::from("inner");
                scope(|t| {
                    t.spawn(|| {
                        turns(2);
                        log.add(&inside);
                    });
                    s.spawn(|| {
                        turns(5);
                        log.add("sibling");
                    });
                });
                log.add("left");
            });
        });
        assert_eq!(log.take(), "inner left sibling");
    });
}

#[test]
fn results_may_borrow() {
    checked(|| {
        let text = String::from("a b c");
        let last: &str = scope(|s| {
            let words = s.spawn(|| text.split(' ').collect::<Vec<_>>());
            let again = words.clone();
            let words = words.join().unwrap();
            assert!(matches!(again.join(), Err(JoinError::Taken)));
            words[2]
        });
        assert_eq!(last, "c");
    });
}

#[test]
fn a_panic_cancels_the_siblings_and_the_body() {
    checked(|| {
        let log = Log::default();
        let channel = Channel::<()>::new();
        let outcome = try_scope(|s| {
            let waiting = s.spawn(|| {
                let _ = caught(for_ever);
                log.add("sibling");
                raise("second")
            });
            s.spawn(|| raise("first"));
            let _ = (waiting, caught(|| channel.receive()));
            log.add("body");
            channel.receive().map_err(|_| ()).unwrap();
        });
        let Err(ScopeError::Panicked(panics)) = outcome else { panic!("{outcome:?}") };
        let text = "a tasklet of the scope panicked: first, and 1 more: second";
        assert_eq!(panics.to_string(), text);
        assert_eq!((panics.rest().len(), greenlet::panic_message(panics.first())), (1, "first"));
        let mut order: Vec<String> = log.take().split(' ').map(str::to_owned).collect();
        order.sort();
        assert_eq!(order, ["body", "sibling"]);
    });
}

#[test]
fn one_panic_goes_on_as_it_was_and_several_together() {
    checked(|| {
        let one = caught(|| scope(|s| drop(s.spawn(|| raise(17_u8)))));
        assert_eq!(one.downcast_ref(), Some(&17_u8));
        let body = caught(|| {
            scope(|s| {
                s.spawn(for_ever);
                raise(18_u8)
            })
        });
        assert_eq!(body.downcast_ref(), Some(&18_u8));
        let many = caught(|| {
            scope(|s| {
                s.spawn(|| {
                    let _ = caught(for_ever);
                    raise("two")
                });
                schedule().unwrap();
                raise("one")
            })
        });
        let (first, rest) = many.downcast::<ScopePanics>().unwrap().into_parts();
        assert_eq!((greenlet::panic_message(&first), greenlet::panic_message(&rest[0])), ("one", "two"));
    });
}

#[test]
fn who_joins_one_that_panicked_is_told_so() {
    checked(|| {
        let told = RefCell::new(None);
        let outcome = try_scope(|s| {
            let bad = s.spawn(|| {
                turns(2);
                raise("bad")
            });
            let told = &told;
            s.spawn(move || shield(|| *told.borrow_mut() = Some(bad.join())));
        });
        assert!(matches!(outcome, Err(ScopeError::Panicked(_))));
        assert!(matches!(told.into_inner(), Some(Err(JoinError::InScope))));
    });
}

#[test]
fn a_kill_of_a_member_concerns_nobody_else() {
    checked(|| {
        let log = Log::default();
        scope(|s| {
            let victim = s.spawn(for_ever);
            let unstarted = s.spawn(|| unreachable!("it was killed before"));
            s.spawn(|| {
                turns(3);
                log.add("other");
            });
            unstarted.kill().unwrap();
            schedule().unwrap();
            victim.kill().unwrap();
            assert!(matches!(victim.join(), Err(JoinError::Killed)));
            assert!(matches!(unstarted.join(), Err(JoinError::Killed)));
            assert!(!s.is_cancelled());
        });
        assert_eq!(log.take(), "other");
    });
}

#[test]
fn a_scope_is_cancelled_by_hand() {
    checked(|| {
        let count = Cell::new(0);
        let value = scope(|s| {
            s.spawn(for_ever);
            schedule().unwrap();
            s.cancel();
            s.spawn(|| count.set(1));
            assert_eq!((s.members(), s.is_cancelled()), (2, true));
            5
        });
        assert_eq!((value, count.get()), (5, 0));
        let outcome = try_scope(|s| {
            s.cancel();
            schedule().unwrap();
        });
        assert!(matches!(outcome, Err(ScopeError::Cancelled)), "{outcome:?}");
        let by_member = try_scope(|s| {
            s.spawn(|| s.cancel());
            for_ever();
        });
        assert!(matches!(by_member, Err(ScopeError::Cancelled)), "{by_member:?}");
    });
}

#[test]
fn a_scope_has_a_deadline() {
    checked(|| {
        with_virtual_time(|| {
            let hour = Duration::from_secs(3600);
            let began = now();
            let outcome = scope_timeout(hour, |s| {
                s.spawn(|| sleep(hour * 2).unwrap());
                "returned, but its member had not ended"
            });
            assert!(matches!(outcome, Err(ScopeError::TimedOut)), "{outcome:?}");
            let outcome = scope_deadline(began + hour * 2, |s| {
                s.spawn(|| sleep(hour / 2).unwrap());
                sleep(hour * 3).unwrap();
            });
            assert!(matches!(outcome, Err(ScopeError::TimedOut)), "{outcome:?}");
            assert_eq!(now(), began + hour * 2);
            let outcome = scope_timeout(hour, |s| s.spawn(|| sleep(hour / 2).unwrap()).join().unwrap());
            assert!(outcome.is_ok());
        });
    });
}

#[test]
fn a_timeout_around_a_scope_counts_as_well() {
    checked(|| {
        with_virtual_time(|| {
            let log = Log::default();
            let hour = Duration::from_secs(3600);
            let outcome = timeout(hour, || {
                scope(|s| {
                    s.spawn(|| {
                        let _ = caught(|| sleep(hour * 2));
                        shield(|| sleep(hour).unwrap());
                        log.add("cleaned up");
                    });
                });
                log.add("not told");
            });
            assert!(outcome.is_err());
            assert_eq!(log.take(), "cleaned up");
        });
    });
}

#[test]
fn who_cancels_the_owner_awaits_the_members() {
    checked(|| {
        let log = Log::default();
        let inside = log.clone();
        let owner = spawn(move || {
            scope(|s| {
                s.spawn(|| {
                    let _ = caught(for_ever);
                    shield(|| turns(3));
                    inside.add("member");
                });
            });
            inside.add("not told");
        });
        turns(2);
        owner.cancel();
        assert!(matches!(owner.join(), Err(JoinError::Killed)));
        assert_eq!(log.take(), "member");
    });
}

#[test]
fn who_kills_the_owner_awaits_the_members() {
    checked(|| {
        for while_in_body in [true, false] {
            let log = Log::default();
            let inside = log.clone();
            let owner = spawn(move || {
                scope(|s| {
                    s.spawn(|| {
                        let _ = caught(for_ever);
                        shield(|| turns(3));
                        inside.add("member");
                    });
                    if while_in_body {
                        for_ever();
                    }
                });
                inside.add("not told");
            });
            turns(2);
            owner.kill().unwrap();
            assert!(matches!(owner.join(), Err(JoinError::Killed)));
            assert_eq!(log.take(), "member");
        }
    });
}

#[test]
fn a_shield_keeps_a_cancellation_off_a_whole_scope() {
    checked(|| {
        let log = Log::default();
        let inside = log.clone();
        let owner = spawn(move || {
            shield(|| {
                scope(|s| {
                    s.spawn(|| {
                        turns(3);
                        inside.add("member");
                    });
                })
            });
            schedule().unwrap();
            inside.add("not told");
        });
        turns(1);
        owner.cancel();
        assert!(matches!(owner.join(), Err(JoinError::Killed)));
        assert_eq!(log.take(), "member");
    });
}

/// Nobody in the scope can go on: they are cancelled, and that is told.
#[test]
fn a_deadlock_in_a_scope() {
    checked(|| {
        let channel = Channel::<()>::named("nobody sends");
        let outcome = try_scope(|s| {
            for _ in 0..3 {
                s.spawn_by(Builder::new().name("waiter"), || drop(channel.receive()));
            }
        });
        let Err(ScopeError::Deadlock(report)) = outcome else { panic!("{outcome:?}") };
        let text = report.to_string();
        assert!(text.contains("waiter") && text.contains("nobody sends"), "{text}");
    });
}

/// Where main can be woken, it goes on, and sees who is left.
#[test]
fn a_tasklet_that_waits_for_its_scope_is_reported() {
    checked(|| {
        let owner = spawn(|| scope(|s| drop(s.spawn(|| drop(Channel::<()>::new().receive())))));
        let outcome = run();
        let text = outcome.to_string();
        assert!(text.contains("wait") && text.contains("1 tasklets of the scope at"), "{text}");
        owner.kill().unwrap();
    });
}

#[test]
fn a_scope_is_refused_where_nothing_can_be_switched_to() {
    checked(|| {
        let refused = Cell::new(0);
        let ask = || match try_scope(|_| ()) {
            Err(ScopeError::Refused(_)) => refused.set(refused.get() + 1),
            other => panic!("{other:?}"),
        };
        let _ = caught(|| {
            let _guard = crate::support::OnDrop(ask);
            raise("unwinding")
        });
        tasklets::switch_trap(1);
        ask();
        tasklets::switch_trap(-1);
        assert_eq!(refused.get(), 2);
    });
}
