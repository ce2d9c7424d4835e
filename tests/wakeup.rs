//! What wakes tasklets besides each other: time, and other threads.

mod common;

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::{checked, scale};
use tasklets::park::{Description, Inbox, TaskletId, Terms, Unwoken, Wait};
use tasklets::{
    Budget, Channel, Ending, Reason, ReceiveError, Scheduler, current, now, run, run_for, schedule, sleep, sleep_until,
    spawn, with_picker, with_virtual_time,
};

const MS: Duration = Duration::from_millis(1);

/// A wait that only another thread ends.
struct Far;

impl Wait for Far {
    fn unlink(&self, _ticket: u32) {}

    fn describe(&self, _ticket: u32) -> Description {
        Description { operation: "wait", on: "another thread".to_owned() }
    }
}

/// Waits until `flag` is set, by a thread that then wakes the caller.
#[track_caller]
fn wait_for(flag: &AtomicBool, deadline: Option<Instant>) -> Result<(), Unwoken> {
    let scheduler = Scheduler::local();
    let terms = Terms { outside: true, deadline };
    while !flag.load(Ordering::Acquire) {
        scheduler.check_wait(false, terms).unwrap();
        scheduler.wait_on(Rc::new(Far), 0, Location::caller(), terms)?;
    }
    Ok(())
}

/// Who is to be woken, and where it lives.
fn me() -> (Inbox, TaskletId) {
    let scheduler = Scheduler::local();
    (scheduler.inbox().clone(), scheduler.current_id())
}

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines() {
    checked(|| {
        with_virtual_time(|| {
            let order = Rc::new(RefCell::new(Vec::new()));
            for n in [5, 1, 4, 1, 3] {
                let order = order.clone();
                spawn(move || {
                    sleep(n * MS).unwrap();
                    order.borrow_mut().push(n);
                });
            }
            let began = now();
            assert!(run().is_finished());
            assert_eq!(*order.borrow(), [1, 1, 3, 4, 5]);
            assert_eq!(now() - began, 5 * MS);
        });
    });
}

#[test]
fn virtual_time_stands_still_while_anybody_is_runnable() {
    checked(|| {
        with_virtual_time(|| {
            let began = now();
            let woken = Rc::new(Cell::new(false));
            let flag = woken.clone();
            spawn(move || {
                sleep(MS).unwrap();
                flag.set(true);
            });
            for _ in 0..10_000 {
                schedule().unwrap();
                assert!(!woken.get() && now() == began);
            }
            run();
            assert!(woken.get());
        });
    });
}

#[test]
fn real_sleep_takes_its_time_and_lets_others_run() {
    checked(|| {
        let began = Instant::now();
        let turns = Rc::new(Cell::new(0_u64));
        let count = turns.clone();
        let spinner = spawn(move || {
            loop {
                count.set(count.get() + 1);
                schedule().unwrap();
                if began.elapsed() >= 5 * MS {
                    break;
                }
            }
        });
        sleep(2 * MS).unwrap();
        assert!(began.elapsed() >= 2 * MS && began.elapsed() < Duration::from_secs(5));
        assert!(turns.get() >= 1);
        spinner.join().unwrap();
    });
}

#[test]
fn a_deadline_that_has_come_is_one_turn() {
    checked(|| {
        let ran = Rc::new(Cell::new(false));
        let flag = ran.clone();
        spawn(move || flag.set(true));
        sleep_until(now()).unwrap();
        assert!(ran.get());
    });
}

#[test]
fn main_may_sleep_alone_and_run_waits_for_sleepers() {
    checked(|| {
        sleep(MS).unwrap();
        let t = spawn(|| sleep(MS).unwrap());
        let outcome = run();
        assert!(outcome.is_finished() && matches!(outcome.ending, Ending::Drained));
        t.join().unwrap();
    });
}

#[test]
fn a_budget_of_time_ends_while_everybody_sleeps() {
    checked(|| {
        with_virtual_time(|| {
            let t = spawn(|| sleep(10 * MS).unwrap());
            let began = now();
            let outcome = run_for(Budget::time(3 * MS));
            assert!(matches!(outcome.ending, Ending::Expired), "{outcome:?}");
            assert_eq!(now() - began, 3 * MS);
            assert_eq!(outcome.blocked, 1);
            t.join().unwrap();
            assert_eq!(now() - began, 10 * MS);
        });
    });
}

#[test]
fn killing_a_sleeper_takes_its_deadline_along() {
    checked(|| {
        with_virtual_time(|| {
            let began = now();
            let t = spawn(|| sleep(Duration::from_secs(1)).unwrap());
            schedule().unwrap();
            assert!(t.is_blocked());
            t.kill().unwrap();
            assert!(run().is_finished());
            assert_eq!(now(), began);
        });
    });
}

#[test]
fn a_channel_gives_up_when_its_time_is_up() {
    checked(|| {
        with_virtual_time(|| {
            let ch = Channel::new();
            let began = now();
            let error = ch.send_timeout(7, MS).unwrap_err();
            assert!(matches!(error.reason, Reason::TimedOut));
            assert_eq!(error.into_value(), 7);
            assert_eq!((now() - began, ch.balance()), (MS, 0));
            let Err(ReceiveError::Failed(failed)) = ch.receive_deadline(now() + MS) else { panic!("from nobody") };
            assert!(matches!(failed.reason, Reason::TimedOut));
            assert_eq!(ch.balance(), 0);
            let theirs = ch.clone();
            spawn(move || {
                sleep(MS).unwrap();
                theirs.send(8).unwrap();
            });
            assert_eq!(ch.receive_timeout(2 * MS).unwrap(), 8);
            // Its time is up, but somebody waits already.
            let theirs = ch.clone();
            spawn(move || theirs.send(9).unwrap());
            schedule().unwrap();
            assert_eq!(ch.receive_timeout(Duration::ZERO).unwrap(), 9);
            let error = ch.send_timeout(1, Duration::ZERO).unwrap_err();
            assert!(matches!(error.reason, Reason::TimedOut));
        });
    });
}

#[test]
fn a_timer_makes_a_wait_no_deadlock() {
    checked(|| {
        with_virtual_time(|| {
            let ch = Channel::new();
            let theirs = ch.clone();
            spawn(move || {
                sleep(MS).unwrap();
                theirs.send("late").unwrap();
            });
            assert_eq!(ch.receive().unwrap(), "late");
            // And without one it is.
            assert!(matches!(ch.receive(), Err(ReceiveError::Failed(_))));
        });
    });
}

#[test]
fn another_thread_wakes_an_idle_one() {
    checked(|| {
        for _ in 0..scale(200) {
            let flag = Arc::new(AtomicBool::new(false));
            let theirs = flag.clone();
            let (inbox, id) = me();
            let thread = std::thread::spawn(move || {
                theirs.store(true, Ordering::Release);
                assert!(inbox.wake(id));
            });
            wait_for(&flag, None).unwrap();
            thread.join().unwrap();
        }
    });
}

#[test]
fn no_wake_up_is_lost_between_two_threads() {
    checked(|| {
        let rounds = scale(20_000) as u64;
        let turn = Arc::new(AtomicU64::new(0));
        let (inbox, id) = me();
        let (to_me, theirs) = std::sync::mpsc::channel();
        let counter = turn.clone();
        // Each waits for the other's number; whose turn it is not sleeps, or is about to.
        let side = move |mine: u64, other: (Inbox, TaskletId), turn: &AtomicU64| {
            let scheduler = Scheduler::local();
            let terms = Terms { outside: true, deadline: None };
            for round in 0..rounds {
                while turn.load(Ordering::Acquire) != 2 * round + mine {
                    scheduler.check_wait(false, terms).unwrap();
                    scheduler.wait_on(Rc::new(Far), 0, Location::caller(), terms).unwrap();
                }
                turn.fetch_add(1, Ordering::AcqRel);
                other.0.wake(other.1);
            }
        };
        let thread = std::thread::spawn(move || {
            to_me.send(me()).unwrap();
            side(1, (inbox, id), &counter);
        });
        side(0, theirs.recv().unwrap(), &turn);
        thread.join().unwrap();
        assert_eq!(turn.load(Ordering::Acquire), 2 * rounds);
    });
}

#[test]
fn a_busy_thread_looks_every_256_switches() {
    checked(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let theirs = flag.clone();
        let waiter = spawn(move || wait_for(&theirs, None).unwrap());
        schedule().unwrap();
        assert!(waiter.is_blocked());
        let scheduler = Scheduler::local();
        let id = waiter.id();
        spawn(|| {
            for _ in 0..100_000 {
                schedule().unwrap();
            }
        });
        for _ in 0..1_000 {
            schedule().unwrap();
        }
        flag.store(true, Ordering::Release);
        let before = tasklets::stats().switches;
        assert!(scheduler.inbox().wake(id));
        while waiter.is_alive() {
            schedule().unwrap();
        }
        let switches = tasklets::stats().switches - before;
        assert!(switches <= 256 + 3, "{switches}");
    });
}

#[test]
fn a_tasklet_that_spins_alone_hears_of_other_threads() {
    checked(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let theirs = flag.clone();
        let waiter = spawn(move || wait_for(&theirs, None).unwrap());
        schedule().unwrap();
        let (inbox, id) = (Scheduler::local().inbox().clone(), waiter.id());
        let thread = std::thread::spawn(move || {
            flag.store(true, Ordering::Release);
            inbox.wake(id);
        });
        while waiter.is_alive() {
            schedule().unwrap();
        }
        thread.join().unwrap();
    });
}

#[test]
fn a_wait_for_another_thread_may_have_a_deadline() {
    checked(|| {
        let never = AtomicBool::new(false);
        let woken = wait_for(&never, Some(now() + MS));
        assert!(matches!(woken, Err(Unwoken::TimedOut)));
    });
}

#[test]
fn stale_wake_ups_do_nothing() {
    checked(|| {
        let ch = Channel::<()>::new();
        let theirs = ch.clone();
        let waiter = spawn(move || theirs.receive().unwrap());
        schedule().unwrap();
        let inbox = Scheduler::local().inbox().clone();
        let dead = spawn(|| current().id());
        let gone = dead.join().unwrap();
        assert!(inbox.wake(gone) && inbox.wake(waiter.id()));
        run();
        assert!(waiter.is_blocked());
        ch.send(()).unwrap();
    });
}

#[test]
fn a_thread_that_has_ended_is_not_woken() {
    checked(|| {
        let (inbox, id) = std::thread::spawn(me).join().unwrap();
        assert!(!inbox.wake(id));
        assert_ne!(&inbox, Scheduler::local().inbox());
    });
}

#[test]
fn a_picker_decides_every_switch() {
    checked(|| {
        let run_with = |seed: u64| {
            let order = Rc::new(RefCell::new(Vec::new()));
            let mut x = seed;
            let random = move |runnable: usize| {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (x >> 33) as usize % runnable
            };
            with_picker(random, || {
                for n in 0..4 {
                    let order = order.clone();
                    spawn(move || {
                        for _ in 0..3 {
                            order.borrow_mut().push(n);
                            schedule().unwrap();
                        }
                    });
                }
                assert!(run().is_finished());
            });
            order.take()
        };
        assert_eq!(run_with(1), run_with(1));
        let orders: std::collections::HashSet<_> = (0..20).map(run_with).collect();
        assert!(orders.len() > 10, "{}", orders.len());
    });
}
