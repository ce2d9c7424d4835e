//! Kills, panics, deadlocks and reports.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tasklets::sync::{Mutex, WaitReason};
use tasklets::{Builder, JoinError, Report, dump, run, schedule, schedule_remove, sleep, spawn, with_virtual_time};

use crate::common::checked;
use crate::support::{Log, deadlock, fails, thread, timed_out, without_numbers};

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_killed_holder_unlocks_and_it_is_noted() {
    checked(|| {
        let m = Arc::new(Mutex::new(0));
        let theirs = m.clone();
        let holder = spawn(move || {
            let mut held = theirs.lock().unwrap();
            *held = 1;
            let _ = schedule_remove();
        });
        let theirs = m.clone();
        let waiter = spawn(move || *theirs.lock().unwrap());
        schedule().unwrap();
        assert!(waiter.is_blocked() && !m.is_poisoned());
        holder.kill().unwrap();
        assert_eq!(waiter.join().unwrap(), 1);
        assert!(m.is_poisoned());
        m.clear_poison();
        assert!(!m.is_poisoned());
    });
}

#[test]
fn a_panic_unlocks_and_it_is_noted() {
    checked(|| {
        let m = Arc::new(Mutex::new(0));
        let theirs = m.clone();
        let t = spawn(move || {
            let _held = theirs.lock().unwrap();
            std::panic::resume_unwind(Box::new("a panic"));
        });
        assert!(matches!(t.join(), Err(JoinError::Panicked(_))));
        assert!(m.is_poisoned());
        drop(m.lock().unwrap());
    });
}

#[test]
fn a_killed_waiter_leaves_the_queue() {
    checked(|| {
        let (m, log) = (Arc::new(Mutex::new(())), Log::default());
        let held = m.lock().unwrap();
        let waiters: Vec<_> = ["a", "b", "c"]
            .into_iter()
            .map(|name| {
                let (m, log) = (m.clone(), log.clone());
                spawn(move || {
                    let _held = m.lock().unwrap();
                    log.note(name);
                })
            })
            .collect();
        schedule().unwrap();
        waiters[1].kill().unwrap();
        drop(held);
        run();
        log.is("a c");
        assert!(!m.is_locked() && !m.is_poisoned());
    });
}

#[test]
fn a_waiter_killed_after_the_hand_over_passes_it_on() {
    checked(|| {
        let (m, log) = (Arc::new(Mutex::new(())), Log::default());
        let held = m.lock().unwrap();
        let waiters: Vec<_> = ["a", "b"]
            .into_iter()
            .map(|name| {
                let (m, log) = (m.clone(), log.clone());
                spawn(move || {
                    let _held = m.lock().unwrap();
                    log.note(name);
                })
            })
            .collect();
        schedule().unwrap();
        drop(held);
        // The first one has it, and is runnable.
        assert!(waiters[0].is_scheduled() && waiters[1].is_blocked());
        waiters[0].kill().unwrap();
        run();
        log.is("b");
        assert!(!m.is_locked());
    });
}

#[test]
fn everybody_killed_after_the_hand_over_leaves_it_unlocked() {
    checked(|| {
        let m = Arc::new(Mutex::new(()));
        let held = m.lock().unwrap();
        for _ in 0..3 {
            let m = m.clone();
            spawn(move || drop(m.lock().unwrap()));
        }
        schedule().unwrap();
        drop(held);
        assert!(m.is_locked());
        assert!(tasklets::kill_all().is_empty());
        assert!(!m.is_locked());
    });
}

#[test]
fn a_timeout_that_loses_the_race_has_the_lock() {
    checked(|| {
        with_virtual_time(|| {
            let m = Arc::new(Mutex::new(()));
            let theirs = m.clone();
            // Both are due at once, and the holder, which unlocks, runs after that: its time was up.
            let first = spawn(move || {
                let _held = theirs.lock().unwrap();
                sleep(2 * MS).unwrap();
            });
            let theirs = m.clone();
            let second = spawn(move || theirs.lock_timeout(2 * MS).is_ok());
            run();
            first.join().unwrap();
            assert!(!second.join().unwrap());
            assert!(!m.is_locked());
            // The lock is handed over in time, and the waiter runs later.
            let theirs = m.clone();
            let held = m.lock().unwrap();
            let served = spawn(move || theirs.lock_timeout(MS).is_ok());
            schedule().unwrap();
            drop(held);
            sleep(2 * MS).unwrap();
            assert!(served.join().unwrap());
        });
    });
}

#[test]
fn a_killed_waiter_of_another_thread_passes_it_on() {
    checked(|| {
        let (m, unlocked) = (Arc::new(Mutex::new(0)), Arc::new(AtomicBool::new(false)));
        let held = m.lock().unwrap();
        let (theirs, flag) = (m.clone(), unlocked.clone());
        let (tell, told) = std::sync::mpsc::channel();
        let other = thread(move || {
            let t = spawn(move || *theirs.lock().unwrap() += 1);
            schedule().unwrap();
            assert!(t.is_blocked());
            tell.send(()).unwrap();
            // It has been given the lock, and its thread has not looked into its inbox.
            while !flag.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            assert!(t.is_blocked());
            t.kill().unwrap();
        });
        told.recv().unwrap();
        drop(held);
        assert!(m.is_locked());
        unlocked.store(true, Ordering::Release);
        assert_eq!(*m.lock().unwrap(), 0);
        other.join().unwrap();
    });
}

#[test]
fn locking_twice_is_an_error_that_says_where() {
    checked(|| {
        let m = Mutex::named("accounts", ());
        let held = m.lock().unwrap();
        let error = m.lock().unwrap_err();
        let text = without_numbers(&error.to_string());
        let place = "tests/sync/mutex_ends.rs:#:#";
        let on = format!("mutex # \"accounts\" (held by the main tasklet since {place})");
        let cycle = format!("# tasklet blocked:\n  the main tasklet: lock on {on} at {place}");
        assert_eq!(text, format!("lock on {on} at {place}: deadlock: nobody could ever complete it\n{cycle}"));
        // Nobody but the caller could end it before its time is up.
        fails(m.lock_timeout(MS), deadlock);
        drop(held);
        drop(m.lock().unwrap());
    });
}

#[test]
fn a_cycle_of_locks_names_its_members() {
    checked(|| {
        let (a, b) = (Arc::new(Mutex::named("a", ())), Arc::new(Mutex::named("b", ())));
        let (first, second) = (a.clone(), b.clone());
        let clerk = Builder::new().name("clerk").spawn(move || {
            let _a = first.lock().unwrap();
            schedule().unwrap();
            let error = second.lock().unwrap_err();
            without_numbers(&error.deadlock().unwrap().to_string())
        });
        let second = b.clone();
        let teller = Builder::new().name("teller").spawn(move || {
            let _b = second.lock().unwrap();
            drop(a.lock().unwrap());
        });
        // One who waits as well, and is no member.
        let customer = spawn(move || drop(b.lock().unwrap()));
        let place = "tests/sync/mutex_ends.rs:#:#";
        let expected = format!(
            "# tasklets blocked:\n  tasklet # \"clerk\": lock on mutex # \"b\" (held by tasklet # \"teller\" since {place}) \
             at {place}, spawned at {place}\n  tasklet # \"teller\": lock on mutex # \"a\" (held by tasklet # \"clerk\" \
             since {place}) at {place}, spawned at {place}"
        );
        assert_eq!(clerk.join().unwrap(), expected);
        teller.join().unwrap();
        customer.join().unwrap();
    });
}

#[test]
fn a_join_may_close_a_cycle() {
    checked(|| {
        let m = Arc::new(Mutex::named("m", ()));
        let held = m.lock().unwrap();
        let theirs = m.clone();
        let waiter = Builder::new().name("waiter").spawn(move || drop(theirs.lock().unwrap()));
        schedule().unwrap();
        let report: Box<Report> = match waiter.join() {
            Err(JoinError::Deadlock(report)) => report,
            other => panic!("{other:?}"),
        };
        let place = "tests/sync/mutex_ends.rs:#:#";
        let expected = format!(
            "# tasklets blocked:\n  the main tasklet: join on tasklet # \"waiter\" at {place}\n  tasklet # \"waiter\": lock \
             on mutex # \"m\" (held by the main tasklet since {place}) at {place}, spawned at {place}"
        );
        assert_eq!(without_numbers(&report.to_string()), expected);
        drop(held);
        run();
    });
}

#[test]
fn a_lock_may_close_a_cycle_of_joins() {
    checked(|| {
        let m = Arc::new(Mutex::new(()));
        let theirs = m.clone();
        let inner = spawn(move || {
            schedule().unwrap();
            let error = theirs.lock().unwrap_err();
            error.deadlock().unwrap().blocked.len()
        });
        let theirs = m.clone();
        let outer = spawn(move || {
            let _held = theirs.lock().unwrap();
            inner.join().unwrap()
        });
        assert_eq!(outer.join().unwrap(), 2);
    });
}

#[test]
fn a_wait_with_a_deadline_is_no_part_of_a_cycle() {
    checked(|| {
        with_virtual_time(|| {
            let (a, b) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
            let (first, second) = (a.clone(), b.clone());
            let patient = spawn(move || {
                let _a = first.lock().unwrap();
                schedule().unwrap();
                second.lock().map(drop)
            });
            let hasty = spawn(move || {
                let _b = b.lock().unwrap();
                fails(a.lock_timeout(MS), timed_out);
            });
            hasty.join().unwrap();
            patient.join().unwrap().unwrap();
        });
    });
}

#[test]
fn a_dump_shows_holder_and_waiters() {
    checked(|| {
        let m = Arc::new(Mutex::named("accounts", ()));
        let theirs = m.clone();
        let clerk = Builder::new().name("clerk").spawn(move || {
            let _held = theirs.lock().unwrap();
            let _ = schedule_remove();
        });
        let theirs = m.clone();
        let waiter = spawn(move || drop(theirs.lock().unwrap()));
        schedule().unwrap();
        let on = dump().tasklets.iter().find_map(|tasklet| tasklet.blocked_on.clone()).unwrap();
        assert_eq!(on.operation, "lock");
        let number = clerk.to_string();
        let text = without_numbers(&on.on);
        assert_eq!(
            text, "mutex # \"accounts\" (held by tasklet # \"clerk\" since tests/sync/mutex_ends.rs:#:#)",
            "{number}"
        );
        clerk.insert().unwrap();
        waiter.join().unwrap();
    });
}

#[test]
fn holders_of_other_threads_and_dead_ones_are_named() {
    checked(|| {
        let m = Arc::new(Mutex::new(()));
        let theirs = m.clone();
        spawn(move || std::mem::forget(theirs.lock().unwrap()));
        schedule().unwrap();
        let text = m.lock_timeout(Duration::ZERO).unwrap_err().to_string();
        assert!(text.contains("(held by tasklet 1, which has ended, since tests/sync/mutex_ends.rs:"), "{text}");
        let m = Arc::new(Mutex::new(()));
        let held = m.lock().unwrap();
        let theirs = m.clone();
        let ask = move || thread(move || theirs.lock_timeout(MS).unwrap_err().to_string()).join().unwrap();
        let text = ask();
        assert!(text.contains("(held by the main tasklet of another thread since tests"), "{text}");
        drop(held);
    });
}

#[test]
fn refusals_change_nothing() {
    checked(|| {
        let m = Arc::new(Mutex::new(()));
        let theirs = m.clone();
        let holder = spawn(move || {
            let _held = theirs.lock().unwrap();
            schedule().unwrap();
        });
        schedule().unwrap();
        let me = tasklets::current();
        me.set_block_trap(true);
        fails(m.lock(), |reason| matches!(reason, WaitReason::BlockTrap));
        me.set_block_trap(false);
        struct Locks(Arc<Mutex<()>>);
        impl Drop for Locks {
            fn drop(&mut self) {
                fails(self.0.lock(), |reason| matches!(reason, WaitReason::Unwinding));
            }
        }
        let theirs = m.clone();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _locks = Locks(theirs);
            std::panic::resume_unwind(Box::new("a panic"));
        }));
        assert!(caught.is_err());
        drop(m.lock().unwrap());
        holder.join().unwrap();
    });
}
