//! Stackless's `test_watchdog.py`, class `TestNewWatchdog`: `run` in tasklets, and inside each other.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tasklets::{AnyTasklet, Budget, Channel, Ending, current, main_tasklet, run, run_count, run_for, schedule_remove};

use crate::common::checked;
use crate::support::{pass, raise, raised, tasklet};

/// How much is done.
#[derive(Clone, Default)]
struct Done(Rc<Cell<usize>>);

impl Done {
    fn add(&self) {
        self.0.set(self.0.get() + 1);
    }

    fn get(&self) -> usize {
        self.0.get()
    }
}

/// Runs `test` with a worker in the ring, which yields once and is done; nobody may be left inside `run` afterwards.
fn with_worker(test: impl FnOnce(&Done, &AnyTasklet) + Send + 'static) {
    checked(move || {
        let done = Done::default();
        let count = done.clone();
        let worker = tasklet(move || {
            pass();
            count.add();
        });
        test(&done, &worker);
        // With nobody inside `run`, main is who is woken: at once.
        let probe = tasklet(|| ());
        schedule_remove().unwrap();
        assert!(!probe.is_alive());
    });
}

#[test]
fn test_run_from_worker() {
    with_worker(|done, _| {
        let count = done.clone();
        let t = tasklet(move || {
            run();
            count.add();
        });
        while done.get() == 0 {
            pass();
        }
        assert_eq!(done.get(), 1);
        assert!(t.is_paused(), "main was not blocked");
        t.run().unwrap();
        assert_eq!(done.get(), 2);
    });
}

#[test]
fn test_run_from_worker_main_blocked() {
    with_worker(|done, _| {
        let (count, ch) = (done.clone(), Channel::new());
        let unblock = ch.clone();
        tasklet(move || {
            run();
            count.add();
            unblock.send(()).unwrap();
        });
        ch.receive().unwrap();
        assert_eq!(done.get(), 2);
    });
}

#[test]
fn test_run_from_worker_main_running() {
    with_worker(|done, _| {
        let count = done.clone();
        tasklet(move || {
            run();
            assert_eq!(count.get(), 1);
            count.add();
        });
        run();
        assert_eq!(done.get(), 2);
    });
}

#[test]
fn test_inner_run_completes_first() {
    with_worker(|done, _| {
        let count = done.clone();
        tasklet(move || {
            run();
            assert!(main_tasklet().is_paused());
            count.add();
        });
        run();
        assert_eq!(done.get(), 2);
    });
}

#[test]
fn test_inner_run_gets_error() {
    with_worker(|done, _| {
        let count = done.clone();
        tasklet(move || {
            tasklet(|| raise("foo"));
            assert_eq!(raised(run), "foo");
            count.add();
        });
        run();
        assert_eq!(done.get(), 2);
    });
}

#[test]
fn test_manual_wakeup() {
    with_worker(|done, _| {
        let count = done.clone();
        tasklet(move || {
            let inner = count.clone();
            tasklet(move || {
                main_tasklet().run().unwrap();
                inner.add();
            });
            run();
            count.add();
        });
        assert!(matches!(run().ending, Ending::Woken));
        assert_eq!(done.get(), 1, "only the worker");
        run();
        assert_eq!(done.get(), 3, "all");
    });
}

#[test]
fn test_main_exiting() {
    with_worker(|done, _| {
        let count = done.clone();
        let t = tasklet(move || {
            run();
            count.add();
        });
        while done.get() == 0 {
            pass();
        }
        for _ in 0..2 {
            run();
            assert_eq!(done.get(), 1, "the other one inside run is not runnable");
        }
        pass();
        assert_eq!(done.get(), 1);
        assert!(t.is_alive());
        t.kill().unwrap();
        assert!(!t.is_alive());
    });
}

/// Yields for ever.
fn endless() -> AnyTasklet {
    tasklet(|| {
        loop {
            pass();
        }
    })
}

fn watchdog_on_tasklet(budget: Budget) {
    with_worker(move |done, _| {
        let (count, others) = (done.clone(), [endless(), endless()]);
        tasklet(move || {
            let outcome = run_for(budget);
            assert!(matches!(outcome.ending, Ending::Expired), "{outcome}");
            assert!(run_count() > 1);
            count.add();
            others.iter().for_each(|t| t.kill().unwrap());
        });
        run();
        assert_eq!(done.get(), 2);
    });
}

#[test]
fn test_watchdog_on_tasklet_soft() {
    watchdog_on_tasklet(Budget::switches(2));
}

#[test]
fn test_watchdog_on_tasklet_hard() {
    watchdog_on_tasklet(Budget::switches(2).pausing());
}

/// Runs inside each other, all with the same budget.
struct Priority {
    done: Done,
    awoken: Cell<usize>,
    others: [AnyTasklet; 2],
    budget: Budget,
}

impl Priority {
    fn runner(self: &Rc<Priority>, depth: usize, start: usize) {
        if depth != 0 {
            let shared = self.clone();
            tasklet(move || shared.runner(depth - 1, start));
        }
        let old = current().set_atomic(true);
        run_for(self.budget);
        let before = self.awoken.replace(self.awoken.get() + 1);
        current().set_atomic(old);
        if depth == start {
            assert_eq!(before, 0, "the first watchdog is the first to wake up");
            self.done.add();
        }
        self.others.iter().for_each(|t| t.kill().unwrap());
    }
}

fn watchdog_priority(budget: Budget) {
    with_worker(move |done, _| {
        let others = [endless(), endless()];
        let shared = Rc::new(Priority { done: done.clone(), awoken: Cell::new(0), others, budget });
        let first = shared.clone();
        tasklet(move || first.runner(3, 3));
        run();
        assert_eq!(done.get(), 2);
        assert_eq!(shared.awoken.get(), 4);
    });
}

#[test]
fn test_watchdog_priority_soft() {
    watchdog_priority(Budget::switches(100));
}

#[test]
fn test_watchdog_priority_hard() {
    watchdog_priority(Budget::switches(100).pausing());
}

/// The worker inserts the inner one inside `run`; then the budget of the outer one is used up.
fn schedule_deeper(soft: bool) {
    with_worker(move |done, worker| {
        run();
        assert!(!worker.is_alive() && done.get() == 1);
        let inner_and_worker = Rc::new(RefCell::new(Vec::<AnyTasklet>::new()));
        let (shared, count) = (inner_and_worker.clone(), done.clone());
        let outer = tasklet(move || {
            let (inner_shared, worker_count) = (shared.clone(), count.clone());
            let inner = tasklet(move || {
                let seen = inner_shared.clone();
                let worker = tasklet(move || {
                    let inner = seen.borrow()[0].clone();
                    assert!(inner.is_paused() && main_tasklet().is_paused());
                    inner.insert().unwrap();
                    worker_count.add();
                    pass();
                    worker_count.add();
                });
                inner_shared.borrow_mut().push(worker);
                run();
            });
            shared.borrow_mut().push(inner);
            let budget = Budget::switches(2);
            let outcome = run_for(if soft { budget } else { budget.pausing() });
            assert_eq!(count.get(), 2, "at the worker's first yield");
            assert!(matches!(outcome.ending, Ending::Expired), "{outcome}");
            assert_eq!(outcome.interrupted.as_ref(), shared.borrow().get(1).filter(|_| !soft));
        });
        run();
        assert!(!outer.is_alive());
        let [inner, worker] = &inner_and_worker.borrow()[..] else { panic!("both were made") };
        assert!(!inner.is_alive());
        assert_eq!((done.get(), worker.is_paused()), if soft { (3, false) } else { (2, true) });
        worker.kill().unwrap();
    });
}

#[test]
fn test_schedule_deeper_soft() {
    schedule_deeper(true);
}

#[test]
fn test_schedule_deeper_hard() {
    schedule_deeper(false);
}
