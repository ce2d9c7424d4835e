//! Stackless's `test_watchdog.py`: loops over `run` with a budget, and deadlocks.
//!
//! Stackless counts bytecodes; here switches are counted. Its two classes run the same tests: hard interruption is a pausing
//! budget, soft interruption is one that leaves everything in place.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::rc::Rc;

use tasklets::{AnyTasklet, Budget, Channel, Reason, StopIteration, current, run, run_count, run_for, schedule};

use crate::common::{checked, scale};
use crate::support::{attempt, pass, raise, raised, tasklet, uncaught};

/// Runs everything to its end, a budget at a time; how many times it took.
fn autoschedule(budget: Budget) -> usize {
    let mut count = 0;
    while run_count() > 1 {
        match attempt(|| run_for(budget)) {
            Ok(outcome) => {
                count += 1;
                if let Some(t) = outcome.interrupted {
                    t.insert().unwrap();
                }
            }
            Err(payload) => {
                while let Some(next) = current().next().filter(|next| !next.is_main()) {
                    next.kill().unwrap();
                }
                resume_unwind(payload);
            }
        }
    }
    count
}

/// Runs three tasklets of `body` to their end; how many times it took.
fn run_tasklets(body: fn(), budget: Budget) -> usize {
    let all = [(); 3].map(|()| tasklet(body));
    let count = autoschedule(budget);
    assert!(all.iter().all(|t| !t.is_alive()));
    count
}

/// Hard and soft interruption.
fn both(test: fn(Budget)) {
    checked(move || test(Budget::switches(5).pausing()));
    checked(move || test(Budget::switches(5)));
}

fn yielding() {
    for i in 0..scale(1000) {
        if i % 50 == 0 {
            pass();
        }
    }
}

fn busy() {
    std::hint::black_box((0..scale(1000)).sum::<usize>());
}

fn recurse_then_schedule(depth: usize) {
    if depth == 0 {
        pass();
    } else {
        recurse_then_schedule(depth - 1);
    }
    std::hint::black_box(depth);
}

fn nested() {
    [1, 10, 100, 500].into_iter().for_each(recurse_then_schedule);
}

#[test]
fn test_simple() {
    both(|budget| assert!(run_tasklets(yielding, budget) > 1));
}

#[test]
fn test_nested() {
    both(|budget| assert!(run_tasklets(nested, budget) > 1));
}

#[test]
fn test_nested2() {
    checked(|| assert_eq!(run_tasklets(nested, Budget::default()), 1, "there is no budget"));
}

#[test]
fn test_exec_tasklet() {
    both(|budget| {
        let through_a_box = || {
            let body: Box<dyn Fn()> = Box::new(yielding);
            body();
        };
        assert!(run_tasklets(through_a_box, budget) > 1);
    });
}

#[test]
fn test_atomic() {
    both(|budget| {
        let atomic = || {
            for rounds in [1, 10, 100] {
                let old = current().set_atomic(true);
                (0..rounds).for_each(|_| pass());
                current().set_atomic(old);
                pass();
            }
        };
        let count = run_tasklets(atomic, budget);
        assert!((1..=10).contains(&count), "only nine switches are not atomic, of 342: {count}");
    });
}

#[test]
fn test_tasklet_with_schedule() {
    both(|budget| {
        let without = run_tasklets(busy, budget);
        let with = run_tasklets(yielding, budget);
        assert_eq!(without, 1, "what does not yield is not interrupted");
        assert!(with > without);
    });
}

#[test]
fn test_send_recv() {
    both(|budget| {
        let (ch, count) = (Channel::new(), Rc::new(Cell::new(0)));
        let (requests, counter) = (ch.clone(), count.clone());
        let server = tasklet(move || {
            loop {
                let _: &str = uncaught(requests.receive());
                counter.set(counter.get() + 1);
            }
        });
        for name in ["client1", "client2", "client3"] {
            let ch = ch.clone();
            tasklet(move || (0..20).for_each(|_| ch.send(name).unwrap()));
        }
        autoschedule(budget);
        assert_eq!(count.get(), 60);
        assert!(server.is_blocked());
        let message = raised(|| ch.send_exception(StopIteration));
        assert!(message.contains("the sequence ends here"), "{message}");
        assert!(!server.is_alive());
    });
}

#[test]
fn test_exception() {
    both(|budget| {
        assert_eq!(raised(|| run_tasklets(|| raise("UserWarning"), budget)), "UserWarning");
        assert_eq!(run_count(), 1);
    });
}

#[test]
fn test_lone_receive() {
    checked(|| {
        let t = tasklet(|| drop(Channel::<()>::new().receive()));
        assert_eq!(run().blocked, 1);
        assert!(t.is_blocked());
    });
}

/// Receives a number, and sends the sum of as many numbers on; the first one of the ring begins with a send.
fn link(i: usize, chans: &[Channel<usize>; 3]) -> AnyTasklet {
    let (from, to) = (chans[i].clone(), chans[(i + 1) % 3].clone());
    tasklet(move || {
        let mut value = 100 + i;
        if i != 0 {
            value = from.receive().unwrap();
        }
        loop {
            to.send((0..value % 1000).sum()).unwrap();
            value = from.receive().unwrap();
        }
    })
}

#[test]
fn test_channelchain() {
    checked(|| {
        let chans = [(); 3].map(|()| Channel::new());
        let all = [2, 1, 0].map(|i| link(i, &chans));
        for i in 0..10 {
            run_for(Budget::switches(500 + i));
            assert!([3, 4].contains(&run_count()), "{}", run_count());
        }
        for t in &all {
            t.kill().unwrap();
        }
    });
}

#[test]
fn test_receive_on_main() {
    checked(|| {
        let error = Channel::<()>::new().receive().unwrap_err();
        assert!(error.to_string().contains("deadlock"), "{error}");
    });
}

#[test]
fn test_main_receiving_endttasklet() {
    checked(|| {
        tasklet(|| ());
        let error = Channel::<()>::new().receive().unwrap_err();
        assert!(matches!(error.reason(), Some(Reason::Deadlock(_))));
        assert!(error.to_string().contains("receive by the main tasklet"), "{error}");
    });
}

#[test]
fn test_main_sending_enddtasklet() {
    checked(|| {
        tasklet(|| ());
        let error = Channel::new().send(()).unwrap_err();
        assert!(matches!(error.reason, Reason::Deadlock(_)));
        assert!(error.to_string().contains("send by the main tasklet"), "{error}");
    });
}

#[test]
fn test_main_gets_exception() {
    checked(|| {
        tasklet(|| raise("mumbai"));
        assert_eq!(raised(|| Channel::<()>::new().receive()), "mumbai");
    });
}

#[test]
fn test_tasklet_deadlock() {
    checked(|| {
        let main = Channel::new();
        let unblock = main.clone();
        tasklet(move || {
            let error = Channel::<()>::new().receive().unwrap_err();
            assert!(error.to_string().contains("deadlock"), "{error}");
            unblock.send(()).unwrap();
        });
        main.receive().unwrap();
        run();
    });
}

#[test]
fn test_tasklet_and_main_receive() {
    checked(|| {
        tasklet(|| uncaught(Channel::<()>::new().receive()));
        let message = raised(|| Channel::<()>::new().receive());
        assert!(message.contains("deadlock"), "{message}");
    });
}

#[test]
fn test_error_propagation_when_not_deadlock() {
    checked(|| {
        let t = tasklet(|| schedule().unwrap());
        tasklet(|| raise("bar"));
        assert_eq!(raised(run), "bar");
        assert!(t.is_scheduled());
        run();
        assert!(!t.is_alive());
    });
}

/// Beyond the original: a time that the clock cannot tell is no limit, and no panic.
#[test]
fn a_budget_of_all_time_is_no_limit() {
    crate::common::checked(|| {
        tasklets::spawn(|| (0..10).for_each(|_| tasklets::schedule().unwrap()));
        let outcome = tasklets::run_for(tasklets::Budget::time(std::time::Duration::MAX));
        assert!(outcome.is_finished(), "{outcome}");
    });
}
