//! What std expects of a condition variable; kills and refusals.

use std::sync::Arc;
use std::time::Duration;

use tasklets::sync::{Condvar, Mutex, WaitReason};
use tasklets::{now, run, schedule, spawn, with_virtual_time};

use crate::common::{checked, scale};
use crate::support::{Log, thread, without_numbers};

const MS: Duration = Duration::from_millis(1);

type Pair = Arc<(Mutex<u32>, Condvar)>;

fn pair() -> Pair {
    Arc::new((Mutex::new(0), Condvar::new()))
}

#[test]
fn smoke() {
    static C: Condvar = Condvar::new();
    checked(|| {
        C.notify_one();
        C.notify_all();
    });
}

#[test]
fn a_notice_is_not_kept() {
    checked(|| {
        with_virtual_time(|| {
            let p = pair();
            p.1.notify_one();
            let (guard, ended) = p.1.wait_timeout(p.0.lock().unwrap(), MS).unwrap();
            assert!(ended.timed_out());
            drop(guard);
            let (_guard, ended) = p.1.wait_deadline(p.0.lock().unwrap(), now() + MS).unwrap();
            assert!(ended.timed_out());
        });
    });
}

#[test]
fn notify_one_wakes_who_waits_longest_and_notify_all_everyone() {
    checked(|| {
        let (p, log) = (pair(), Log::default());
        for name in ["a", "b", "c", "d"] {
            let (p, log) = (p.clone(), log.clone());
            spawn(move || {
                let guard = p.1.wait(p.0.lock().unwrap()).unwrap();
                log.note(name);
                drop(guard);
            });
        }
        schedule().unwrap();
        // The mutex is free while they wait.
        drop(p.0.try_lock().unwrap());
        p.1.notify_one();
        schedule().unwrap();
        log.is("a");
        p.1.notify_all();
        run();
        log.is("b c d");
    });
}

#[test]
fn wait_while_waits_until_it_is_so() {
    checked(|| {
        let p = pair();
        let theirs = p.clone();
        let t = spawn(move || *theirs.1.wait_while(theirs.0.lock().unwrap(), |value| *value < 3).unwrap());
        for _ in 0..3 {
            schedule().unwrap();
            *p.0.lock().unwrap() += 1;
            p.1.notify_all();
        }
        assert_eq!(t.join().unwrap(), 3);
        // Nothing to wait for.
        drop(p.1.wait_while(p.0.lock().unwrap(), |value| *value < 3).unwrap());
    });
}

#[test]
fn wait_timeout_while_tells_what_is_true() {
    checked(|| {
        with_virtual_time(|| {
            let p = pair();
            let (guard, ended) = p.1.wait_timeout_while(p.0.lock().unwrap(), MS, |value| *value == 0).unwrap();
            assert!(ended.timed_out());
            drop(guard);
            let (guard, ended) = p.1.wait_timeout_while(p.0.lock().unwrap(), MS, |value| *value != 0).unwrap();
            assert!(!ended.timed_out());
            drop(guard);
            let theirs = p.clone();
            spawn(move || {
                *theirs.0.lock().unwrap() = 1;
                theirs.1.notify_one();
            });
            let began = now();
            let (guard, ended) = p.1.wait_timeout_while(p.0.lock().unwrap(), 9 * MS, |value| *value == 0).unwrap();
            assert!(!ended.timed_out() && now() == began);
            assert_eq!(*guard, 1);
        });
    });
}

#[test]
fn a_killed_waiter_has_no_guard_and_passes_its_notice_on() {
    checked(|| {
        let (p, log) = (pair(), Log::default());
        let waiters: Vec<_> = ["a", "b", "c"]
            .into_iter()
            .map(|name| {
                let (p, log) = (p.clone(), log.clone());
                spawn(move || {
                    let _guard = p.1.wait(p.0.lock().unwrap()).unwrap();
                    log.note(name);
                })
            })
            .collect();
        schedule().unwrap();
        let held = p.0.lock().unwrap();
        waiters[0].kill().unwrap();
        assert!(!waiters[0].is_alive());
        p.1.notify_one();
        assert!(waiters[1].is_scheduled());
        waiters[1].kill().unwrap();
        drop(held);
        run();
        log.is("c");
        assert!(!p.0.is_locked() && !p.0.is_poisoned());
        // Nobody is there to pass it on to, and it is not kept.
        let theirs = p.clone();
        let last = spawn(move || drop(theirs.1.wait(theirs.0.lock().unwrap()).unwrap()));
        schedule().unwrap();
        p.1.notify_one();
        last.kill().unwrap();
        with_virtual_time(|| {
            let (_guard, ended) = p.1.wait_timeout(p.0.lock().unwrap(), MS).unwrap();
            assert!(ended.timed_out());
        });
    });
}

#[test]
fn one_killed_while_it_locks_again_leaves_everything_in_order() {
    checked(|| {
        let p = pair();
        let theirs = p.clone();
        let t = spawn(move || drop(theirs.1.wait(theirs.0.lock().unwrap()).unwrap()));
        schedule().unwrap();
        let held = p.0.lock().unwrap();
        p.1.notify_one();
        schedule().unwrap();
        // Notified, and waiting for the mutex now.
        assert!(t.is_blocked());
        t.kill().unwrap();
        drop(held);
        assert!(!p.0.is_locked());
    });
}

#[test]
fn a_refused_wait_gives_the_guard_back() {
    checked(|| {
        let p = Arc::new((Mutex::new(0), Condvar::named("changed")));
        tasklets::current().set_block_trap(true);
        let error = p.1.wait(p.0.lock().unwrap()).unwrap_err();
        tasklets::current().set_block_trap(false);
        assert!(matches!(error.error.reason, WaitReason::BlockTrap));
        let text = without_numbers(&error.to_string());
        assert!(text.starts_with("wait on condvar # \"changed\" (# waiting) at tests/sync/condvar.rs:#:#: "), "{text}");
        assert_eq!(*error.guard.unwrap(), 0);
        assert!(!p.0.is_locked());
    });
}

#[test]
fn two_threads_take_turns() {
    checked(|| {
        let rounds = scale(2_000) as u32;
        let p = pair();
        let side = |p: Pair, mine: u32| {
            move || {
                for _ in 0..rounds {
                    let mut turn = p.1.wait_while(p.0.lock().unwrap(), |turn| *turn % 2 != mine).unwrap();
                    *turn += 1;
                    p.1.notify_one();
                }
            }
        };
        let other = thread(side(p.clone(), 1));
        side(p.clone(), 0)();
        other.join().unwrap();
        assert_eq!(*p.0.lock().unwrap(), 2 * rounds);
    });
}
