//! `run`: nesting, waking by hand, and budgets.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tasklets::{AnyTasklet, Budget, Channel, Ending, Outcome, current, main_tasklet, run, run_count, run_for};

use crate::common::checked;
use crate::support::{Log, PAUSED, SCHEDULED, flags, pass, seq, tasklet};

/// Logs `n0`, `n1` and so on, and yields after each.
fn counting(log: &Log, name: &'static str, rounds: usize) -> AnyTasklet {
    let log = log.clone();
    tasklet(move || {
        for i in 0..rounds {
            log.add(format!("{name}{i}"));
            pass();
        }
    })
}

fn is_drained(outcome: &Outcome) -> bool {
    matches!(outcome.ending, Ending::Drained)
}

fn is_woken(outcome: &Outcome) -> bool {
    matches!(outcome.ending, Ending::Woken)
}

fn is_expired(outcome: &Outcome) -> bool {
    matches!(outcome.ending, Ending::Expired)
}

#[test]
fn run_returns_when_the_ring_is_empty_and_blocked_ones_stay_blocked() {
    checked(|| {
        let ch = Channel::<()>::new();
        let receiver = ch.clone();
        let blocked = tasklet(move || drop(receiver.receive()));
        let done = tasklet(|| ());
        let outcome = run();
        assert!(is_drained(&outcome) && !outcome.is_finished());
        assert_eq!((outcome.finished, outcome.blocked, outcome.runnable), (1, 1, 0));
        assert!(blocked.is_blocked() && !done.is_alive());
        let report = outcome.report();
        assert_eq!(report.blocked.len(), 1);
        assert_eq!(report.blocked[0].operation, "receive");
        assert!(outcome.to_string().contains("1 tasklet finished; 1 tasklet blocked:"), "{outcome}");
        assert!(outcome.to_string().contains("goldens_run.rs"), "{outcome}");
    });
}

#[test]
fn run_with_nothing_to_run_returns_at_once() {
    checked(|| {
        let outcome = run();
        assert!(is_drained(&outcome) && outcome.is_finished() && outcome.finished == 0);
    });
}

#[test]
fn main_inside_run_is_paused_and_not_counted() {
    checked(|| {
        let seen = Rc::new(Cell::new(None));
        let saw = seen.clone();
        tasklet(move || {
            let main = main_tasklet();
            assert!(main.next().is_none() && main.prev().is_none());
            saw.set(Some((flags(&main), run_count())));
        });
        run();
        assert_eq!(seen.get(), Some((PAUSED, 1)));
    });
}

#[test]
fn the_inner_run_completes_first_and_empties_the_whole_ring() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        tasklet(move || {
            events.add("inner-start");
            let k1 = events.clone();
            tasklet(move || k1.add("k1"));
            assert!(main_tasklet().is_paused());
            run();
            events.add("inner-end");
        });
        let events = log.clone();
        tasklet(move || events.add("o1"));
        assert!(is_drained(&run()));
        assert_eq!(log.take(), "inner-start o1 k1 inner-end");
    });
}

#[test]
fn runs_nest_to_any_depth() {
    checked(|| {
        fn nest(log: &Log, depth: usize) {
            log.add(format!("in{depth}"));
            if depth != 0 {
                let events = log.clone();
                tasklet(move || nest(&events, depth - 1));
                assert!(is_drained(&run()));
            }
            log.add(format!("out{depth}"));
        }
        let log = Log::default();
        nest(&log, 4);
        assert_eq!(log.take(), "in4 in3 in2 in1 in0 out0 out1 out2 out3 out4");
    });
}

#[test]
fn main_is_woken_by_hand() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        tasklet(move || {
            events.add("w");
            main_tasklet().run().unwrap();
            events.add("w2");
        });
        seq(&log, "a");
        let outcome = run();
        assert_eq!(log.take(), "w");
        assert!(is_woken(&outcome), "{outcome}");
        assert_eq!(run_count(), 3);
        run();
        assert_eq!(log.take(), "w2 a0 a1");
    });
}

#[test]
fn main_is_inserted_by_hand() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        tasklet(move || {
            events.add("w");
            main_tasklet().insert().unwrap();
            events.add("w2");
        });
        seq(&log, "a");
        assert!(is_woken(&run()));
        assert_eq!(log.take(), "w w2 a0");
        assert_eq!(run_count(), 2);
        run();
        assert_eq!(log.take(), "a1");
    });
}

#[test]
fn waking_an_outer_run_wakes_the_inner_ones_too() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        let inner = tasklet(move || {
            let waker = events.clone();
            tasklet(move || {
                main_tasklet().run().unwrap();
                waker.add("waker-goes-on");
            });
            run();
            events.add("inner-returns");
        });
        assert!(is_woken(&run()));
        log.add("outer-returns");
        assert_eq!(flags(&inner), SCHEDULED);
        assert!(is_drained(&run()));
        assert_eq!(log.take(), "outer-returns waker-goes-on inner-returns");
    });
}

#[test]
fn waking_an_outer_run_wakes_the_innermost_first() {
    checked(|| {
        fn nest(log: &Log, depth: usize) {
            if depth == 0 {
                main_tasklet().run().unwrap();
                log.add("waker-goes-on");
                return;
            }
            let events = log.clone();
            tasklet(move || nest(&events, depth - 1));
            run();
            log.add(depth);
        }
        let log = Log::default();
        nest(&log, 4);
        assert_eq!(log.take(), "4");
        run();
        assert_eq!(log.take(), "waker-goes-on 1 2 3");
    });
}

#[test]
fn the_run_of_a_worker_waits_until_main_is_not_runnable() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        let (events, done) = (log.clone(), ch.clone());
        tasklet(move || {
            events.add("in");
            run();
            events.add("out");
            done.send(()).unwrap();
        });
        for _ in 0..3 {
            pass();
            log.add("main");
        }
        assert_eq!(log.take(), "in main main main");
        ch.receive().unwrap();
        assert_eq!(log.take(), "out");
        run();
    });
}

#[test]
fn an_expired_budget_leaves_everything_in_place() {
    checked(|| {
        let log = Log::default();
        let all = ["a", "b"].map(|name| counting(&log, name, 3));
        let outcome = run_for(Budget::switches(3));
        assert!(is_expired(&outcome), "{outcome}");
        assert_eq!((outcome.runnable, outcome.finished), (2, 0));
        assert!(outcome.interrupted.is_none());
        assert_eq!(log.take(), "a0 b0 a1");
        assert_eq!(all.each_ref().map(flags), [SCHEDULED; 2]);
        assert_eq!(run_count(), 3);
        assert!(is_drained(&run()));
        assert_eq!(log.take(), "b1 a2 b2");
    });
}

#[test]
fn a_pausing_budget_hands_out_the_interrupted_one() {
    checked(|| {
        let log = Log::default();
        let [a, b] = ["a", "b"].map(|name| counting(&log, name, 3));
        let outcome = run_for(Budget::switches(3).pausing());
        assert!(is_expired(&outcome), "{outcome}");
        assert_eq!(outcome.interrupted.as_ref(), Some(&a));
        assert_eq!((flags(&a), flags(&b)), (PAUSED, SCHEDULED));
        assert_eq!(log.take(), "a0 b0 a1");
        run();
        assert_eq!(log.take(), "b1 b2");
        assert!(a.is_paused());
        a.insert().unwrap();
        run();
        assert_eq!(log.take(), "a2");
    });
}

#[test]
fn a_loop_over_a_pausing_budget_ends_everything() {
    checked(|| {
        let log = Log::default();
        let all = ["a", "b", "c"].map(|name| counting(&log, name, 20));
        let mut interrupts = 0;
        while run_count() > 1 {
            if let Some(t) = run_for(Budget::switches(7).pausing()).interrupted {
                interrupts += 1;
                t.insert().unwrap();
            }
        }
        assert!(interrupts > 3, "{interrupts}");
        assert!(all.iter().all(|t| !t.is_alive()));
        assert_eq!(log.take().split(' ').count(), 60);
    });
}

#[test]
fn a_budget_interrupts_a_lone_tasklet() {
    checked(|| {
        let log = Log::default();
        let a = counting(&log, "a", 5);
        let outcome = run_for(Budget::switches(2).pausing());
        assert_eq!(outcome.interrupted.as_ref(), Some(&a));
        assert_eq!(log.take(), "a0 a1");
        a.insert().unwrap();
        assert!(is_expired(&run_for(Budget::switches(1))));
        assert_eq!(log.take(), "a2");
        run();
    });
}

#[test]
fn a_budget_that_is_used_up_by_blocking_interrupts_nobody() {
    checked(|| {
        let ch = Channel::<()>::new();
        let receiver = ch.clone();
        let a = tasklet(move || drop(receiver.receive()));
        let b = tasklet(pass);
        let outcome = run_for(Budget::switches(1).pausing());
        assert!(is_expired(&outcome) && outcome.interrupted.is_none(), "{outcome}");
        assert!(a.is_blocked());
        assert_eq!(flags(&b), SCHEDULED);
    });
}

#[test]
fn a_budget_of_time() {
    checked(|| {
        let hog = tasklet(|| {
            loop {
                pass();
            }
        });
        let start = Instant::now();
        let outcome = run_for(Budget::time(Duration::from_millis(5)));
        assert!(is_expired(&outcome), "{outcome}");
        assert!(start.elapsed() >= Duration::from_millis(5));
        let outcome = run_for(Budget::switches(10).and_time(Duration::from_secs(3600)));
        assert!(is_expired(&outcome), "the smaller of both counts: {outcome}");
        let start = Instant::now();
        let outcome = run_for(Budget::switches(u64::MAX).and_time(Duration::from_millis(5)).pausing());
        assert!(start.elapsed() >= Duration::from_millis(5));
        assert_eq!(outcome.interrupted, Some(hog));
    });
}

#[test]
fn a_budget_without_a_limit_is_none() {
    checked(|| {
        let log = Log::default();
        counting(&log, "a", 3);
        assert!(is_drained(&run_for(Budget::default())));
        assert_eq!(log.take(), "a0 a1 a2");
    });
}

#[test]
fn of_nested_budgets_the_outermost_is_effective() {
    checked(|| {
        let log = Log::default();
        let (events, all) = (log.clone(), ["a", "b"].map(|name| counting(&log, name, 10)));
        let inner = tasklet(move || {
            let outcome = run_for(Budget::switches(2));
            assert!(!is_expired(&outcome), "{outcome}");
            events.add("inner-returns");
        });
        let outcome = run_for(Budget::switches(8));
        assert!(is_expired(&outcome), "{outcome}");
        assert_eq!(log.take(), "a0 b0 a1 b1 a2 b2 a3");
        assert!(inner.is_alive());
        assert!(all.iter().all(AnyTasklet::is_alive));
        assert!(is_drained(&run()));
        assert!(log.take().contains("inner-returns"));
        assert!(!inner.is_alive());
    });
}

#[test]
fn an_untimed_run_outside_leaves_an_inner_budget_effective() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        counting(&log, "a", 4);
        tasklet(move || {
            let outcome = run_for(Budget::switches(2));
            assert!(is_expired(&outcome), "{outcome}");
            events.add("expired");
        });
        assert!(is_drained(&run()));
        assert_eq!(log.take(), "a0 a1 a2 expired a3");
    });
}

#[test]
fn atomic_defers_the_interruption() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        tasklet(move || {
            assert!(!current().set_atomic(true));
            for i in 0..3 {
                events.add(format!("atomic{i}"));
                pass();
            }
            assert!(current().set_atomic(false));
            events.add("free");
            pass();
            events.add("end");
        });
        let outcome = run_for(Budget::switches(2).pausing());
        assert!(is_expired(&outcome), "{outcome}");
        assert_eq!(log.take(), "atomic0 atomic1 atomic2 free");
        let t = outcome.interrupted.unwrap();
        t.insert().unwrap();
        run();
        assert_eq!(log.take(), "end");
    });
}
