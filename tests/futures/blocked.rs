//! `block_on`: who waits, for how long, and what ends it.

use std::cell::RefCell;
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use tasklets::{
    BlockOnReason, JoinError, block_on, block_on_deadline, block_on_timeout, current, kill_all, now, run, schedule,
    sleep, spawn, sync_task, timeout, wait_for, with_virtual_time,
};

use crate::common::checked;
use crate::support::{busy, told};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_ready_future_switches_nowhere() {
    checked(|| {
        let other = spawn(|| ());
        assert_eq!(block_on(ready(7)).unwrap(), 7);
        assert!(other.is_scheduled());
        other.join().unwrap();
    });
}

#[test]
fn only_the_caller_waits() {
    checked(|| {
        let (teller, future) = told();
        let waiter = spawn(|| block_on(future).unwrap());
        schedule().unwrap();
        assert!(waiter.is_blocked());
        // Others go on, and one of them tells it.
        spawn(move || teller.tell("done")).join().unwrap();
        assert_eq!(waiter.join().unwrap(), "done");
    });
}

#[test]
fn a_future_need_be_neither_send_nor_static_nor_unpin() {
    checked(|| {
        let log = RefCell::new(Vec::new());
        let rc = Rc::new(1);
        let sum = block_on(async {
            log.borrow_mut().push("begun");
            busy(3).await;
            log.borrow_mut().push("ended");
            *rc + 1
        });
        assert_eq!(sum.unwrap(), 2);
        assert_eq!(log.into_inner(), ["begun", "ended"]);
    });
}

#[test]
fn a_future_that_wakes_itself_lets_others_run_one_turn_each_time() {
    checked(|| {
        let log = Rc::new(RefCell::new(Vec::new()));
        let theirs = log.clone();
        spawn(move || {
            for turn in 0..3 {
                theirs.borrow_mut().push(format!("other {turn}"));
                schedule().unwrap();
            }
        })
        .detach();
        let mine = log.clone();
        let mut polls = 0;
        block_on(std::future::poll_fn(|context| {
            mine.borrow_mut().push(format!("poll {polls}"));
            polls += 1;
            context.waker().wake_by_ref();
            if polls > 3 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        }))
        .unwrap();
        assert_eq!(*log.borrow(), ["poll 0", "other 0", "poll 1", "other 1", "poll 2", "other 2", "poll 3"]);
        run();
    });
}

#[test]
fn sleepers_wake_beside_a_future_that_wakes_itself_for_ever() {
    checked(|| {
        let sleeper = spawn(|| sleep(Duration::from_millis(5)).unwrap());
        let alive = sleeper.clone();
        block_on(std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            if alive.is_alive() { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
        }))
        .unwrap();
        sleeper.join().unwrap();
    });
}

#[test]
fn a_deadline_ends_the_wait_and_drops_the_future() {
    checked(|| {
        with_virtual_time(|| {
            let (teller, future) = told::<()>();
            let began = now();
            let error = block_on_timeout(future, 60 * SECOND).unwrap_err();
            assert!(error.is_timeout());
            assert_eq!(now() - began, 60 * SECOND);
            assert_eq!(teller.dropped(), 1);
            let text = error.to_string();
            assert!(
                text.contains("Told<()>") && text.contains("blocked.rs") && text.ends_with("its time was up"),
                "{text}"
            );
            // A moment that is over already: the future is polled once.
            assert!(block_on_deadline(pending::<()>(), began).unwrap_err().is_timeout());
            assert_eq!(block_on_deadline(ready(3), began).unwrap(), 3);
        });
    });
}

#[test]
fn a_deadline_also_ends_a_future_that_always_wakes_itself() {
    checked(|| assert!(block_on_timeout(busy(usize::MAX), Duration::from_millis(3)).unwrap_err().is_timeout()));
}

#[test]
fn what_was_told_in_time_is_there_at_the_deadline() {
    checked(|| {
        with_virtual_time(|| {
            let (teller, future) = told();
            spawn(move || {
                sleep(SECOND).unwrap();
                teller.tell(1);
            })
            .detach();
            let deadline = now() + SECOND;
            assert_eq!(block_on_deadline(future, deadline + SECOND).unwrap(), 1);
            assert_eq!(now(), deadline);
        });
    });
}

#[test]
fn a_future_that_is_lent_outlives_a_timeout() {
    checked(|| {
        let (teller, mut future) = told();
        assert!(block_on_timeout(&mut future, Duration::from_millis(1)).unwrap_err().is_timeout());
        assert_eq!(teller.dropped(), 0);
        teller.tell(5);
        assert_eq!(block_on(&mut future).unwrap(), 5);
    });
}

#[test]
fn a_limit_of_time_around_it_drops_the_future() {
    checked(|| {
        with_virtual_time(|| {
            let (teller, future) = told::<()>();
            assert!(timeout(SECOND, || block_on(future)).is_err());
            assert_eq!(teller.dropped(), 1);
            // Also one that never waits for long.
            assert!(timeout(Duration::ZERO, || block_on(busy(10))).is_err());
            // And in synchronous code that is itself a future.
            let task = sync_task(|| wait_for(pending::<()>()).unwrap());
            assert!(timeout(SECOND, || block_on(task)).is_err());
        });
    });
}

#[test]
fn a_kill_drops_the_future_once() {
    checked(|| {
        let (teller, future) = told::<()>();
        let waiter = spawn(|| drop(block_on(future)));
        schedule().unwrap();
        waiter.kill().unwrap();
        assert_eq!(teller.dropped(), 1);
        assert!(matches!(waiter.join(), Err(JoinError::Killed)));
        // Wakers outlive it, and wake nobody.
        teller.wakers().iter().for_each(std::task::Waker::wake_by_ref);
        schedule().unwrap();
    });
}

#[test]
fn kill_all_ends_what_waits_for_futures() {
    checked(|| {
        let tellers: Vec<_> = (0..10)
            .map(|_| {
                let (teller, future) = told::<()>();
                spawn(|| drop(block_on(future))).detach();
                teller
            })
            .collect();
        schedule().unwrap();
        assert!(kill_all().is_empty());
        assert!(tellers.iter().all(|teller| teller.dropped() == 1));
    });
}

#[test]
fn what_is_thrown_is_raised_at_the_wait() {
    checked(|| {
        let waiter = spawn(|| {
            let caught = catch_unwind(AssertUnwindSafe(|| block_on(pending::<()>())));
            *caught.unwrap_err().downcast::<&str>().unwrap()
        });
        schedule().unwrap();
        waiter.throw("thrown").unwrap();
        assert_eq!(waiter.join().unwrap(), "thrown");
    });
}

#[test]
fn a_panic_of_the_future_is_the_callers() {
    checked(|| {
        let waiter = spawn(|| {
            block_on(async {
                busy(1).await;
                resume_unwind(Box::new(7))
            })
            .unwrap()
        });
        let Err(JoinError::Panicked(payload)) = waiter.join() else { panic!("it did") };
        assert_eq!(payload.downcast_ref(), Some(&7));
    });
}

#[test]
fn futures_are_waited_for_within_futures() {
    checked(|| {
        let (inner, outer) = (told(), told());
        let (mine, theirs) = (inner.1, outer.1);
        let waiter = spawn(|| {
            block_on(async {
                // A wake-up of the outer one while the inner one is waited for is kept for it.
                let first = block_on(mine).unwrap();
                first + theirs.await
            })
            .unwrap()
        });
        schedule().unwrap();
        outer.0.tell(1);
        schedule().unwrap();
        assert!(waiter.is_blocked());
        inner.0.tell(2);
        assert_eq!(waiter.join().unwrap(), 3);
    });
}

#[test]
fn a_block_trap_refuses_a_wait_and_nothing_else() {
    checked(|| {
        let tasklet = spawn(|| {
            current().set_block_trap(true);
            assert_eq!(block_on(ready(1)).unwrap(), 1);
            let error = block_on(pending::<()>()).unwrap_err();
            assert!(matches!(error.reason, BlockOnReason::BlockTrap));
            assert!(error.to_string().contains("Pending<()>"), "{error}");
        });
        tasklet.join().unwrap();
    });
}

#[test]
fn a_wait_in_a_destructor_of_a_panic_is_an_error() {
    struct Waits;
    impl Drop for Waits {
        fn drop(&mut self) {
            let refused = block_on(pending::<()>());
            assert!(matches!(refused.unwrap_err().reason, BlockOnReason::Refused(_)));
            assert_eq!(block_on(busy(2)).map_err(drop), Ok(()));
        }
    }
    checked(|| {
        let tasklet = spawn(|| {
            let _waits = Waits;
            resume_unwind(Box::new("oh"));
        });
        assert!(matches!(tasklet.join(), Err(JoinError::Panicked(_))));
    });
}

#[test]
fn reports_name_the_future() {
    checked(|| {
        let waiter = spawn(|| drop(block_on(pending::<u8>())));
        schedule().unwrap();
        let report = tasklets::Scheduler::local().report().to_string();
        assert!(report.contains("block_on") && report.contains("Pending<u8>"), "{report}");
        waiter.kill().unwrap();
    });
}
