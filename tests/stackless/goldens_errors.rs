//! Errors that nobody catches, and deadlocks.

use std::rc::Rc;

use tasklets::{
    AnyTasklet, Budget, Channel, Ending, ErrorHandler, Reason, ReceiveError, TaskletError, TaskletExit, current,
    main_tasklet, run, run_count, run_for, schedule, schedule_remove, set_error_handler,
};

use crate::common::checked;
use crate::support::{Log, attempt, logged, pass, raise, raised, seq, tasklet, text, uncaught};

/// A tasklet that logs its name and, if it is `err`, raises that.
fn event(log: &Log, name: &'static str) -> AnyTasklet {
    let log = log.clone();
    tasklet(move || {
        log.add(name);
        if name == "err" {
            raise(name);
        }
    })
}

#[track_caller]
fn is_deadlock(error: &ReceiveError) {
    assert!(matches!(error.reason(), Some(Reason::Deadlock(_))), "{error}");
}

#[test]
fn an_error_surfaces_in_run_at_once() {
    checked(|| {
        let log = Log::default();
        for name in ["a", "err", "b"] {
            event(&log, name);
        }
        assert_eq!(raised(run), "err");
        assert_eq!(log.take(), "a err");
        assert_eq!(run_count(), 2);
        run();
        assert_eq!(log.take(), "b");
    });
}

#[test]
fn an_error_surfaces_in_schedule() {
    checked(|| {
        let log = Log::default();
        event(&log, "err");
        event(&log, "b");
        assert_eq!(raised(schedule), "err");
        assert_eq!(log.take(), "err");
        run();
        assert_eq!(log.take(), "b");
    });
}

#[test]
fn an_error_surfaces_in_a_blocked_receive_of_main() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::<()>::new());
        event(&log, "err");
        assert_eq!(raised(|| ch.receive()), "err");
        assert_eq!((ch.balance(), run_count()), (0, 1));
        assert!(!main_tasklet().is_blocked());
    });
}

#[test]
fn an_error_surfaces_in_a_blocked_send_of_main() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        event(&log, "err");
        event(&log, "b");
        assert_eq!(raised(|| ch.send(1)), "err");
        assert_eq!((ch.balance(), run_count()), (0, 2));
        assert_eq!(log.take(), "err");
        run();
        assert_eq!(log.take(), "b");
    });
}

#[test]
fn an_error_surfaces_in_the_innermost_run() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        tasklet(move || {
            event(&events, "err");
            event(&events, "b");
            events.add(format!("inner-got-{}", raised(run)));
        });
        run();
        assert_eq!(log.take(), "err inner-got-err b");
    });
}

#[test]
fn an_error_does_not_surface_in_who_switched() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        tasklet(move || {
            let t = tasklet(|| raise("oh"));
            logged(&events, "caller", || t.run()).unwrap();
            events.add("caller-cont");
        });
        assert_eq!(raised(run), "oh");
        log.add("main-got");
        run();
        assert_eq!(log.take(), "main-got caller-cont");
    });
}

#[test]
fn main_sees_the_error_of_the_receiver_that_it_sends_to() {
    checked(|| {
        let ch = Channel::new();
        let receiver = ch.clone();
        let r = tasklet(move || {
            assert_eq!(receiver.receive().unwrap(), 1);
            raise("after the receive");
        });
        r.run().unwrap();
        assert_eq!(raised(|| ch.send(1)), "after the receive");
        assert!(!r.is_alive());
        assert_eq!(ch.balance(), 0);
    });
}

#[test]
fn an_exit_that_nobody_catches_is_silent() {
    checked(|| {
        let t = tasklet(|| std::panic::resume_unwind(Box::new(TaskletExit)));
        assert_eq!(run().to_string(), "the 1 tasklet finished");
        assert!(!t.is_alive());
    });
}

#[test]
fn any_payload_surfaces_as_it_is() {
    checked(|| {
        tasklet(|| std::panic::resume_unwind(Box::new(42_u64)));
        let payload = attempt(run).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&42_u64));
    });
}

/// Logs `who:what` for every error.
fn handler(log: &Log, expected: &AnyTasklet) -> ErrorHandler {
    let (log, expected) = (log.clone(), expected.id());
    Rc::new(move |payload| {
        let who = if current().id() == expected { "dying" } else { "other" };
        log.add(format!("{who}:{}", text(&*payload)));
    })
}

#[test]
fn an_error_handler_runs_in_the_dying_tasklet_and_scheduling_goes_on() {
    checked(|| {
        let log = Log::default();
        event(&log, "a");
        let dying = event(&log, "err");
        event(&log, "b");
        assert!(set_error_handler(Some(handler(&log, &dying))).is_none());
        assert!(run().is_finished());
        assert!(set_error_handler(None).is_some());
        assert_eq!(log.take(), "a err dying:err b");
    });
}

#[test]
fn an_error_handler_is_not_told_of_exits() {
    checked(|| {
        let log = Log::default();
        let started = seq(&log, "s");
        started.run().unwrap();
        let fresh = seq(&log, "f");
        set_error_handler(Some(handler(&log, &started)));
        fresh.kill().unwrap();
        started.kill().unwrap();
        set_error_handler(None);
        assert!(!started.is_alive() && !fresh.is_alive());
        assert_eq!(log.take(), "s0 s:TaskletExit");
    });
}

#[test]
fn the_error_of_an_error_handler_surfaces() {
    checked(|| {
        let log = Log::default();
        event(&log, "err");
        event(&log, "b");
        set_error_handler(Some(Rc::new(|_| raise("the handler's own"))));
        assert_eq!(raised(run), "the handler's own");
        set_error_handler(None);
        assert_eq!(log.take(), "err");
        run();
        assert_eq!(log.take(), "b");
    });
}

#[test]
fn an_error_handler_is_told_of_errors_thrown_into_unstarted_ones() {
    checked(|| {
        let log = Log::default();
        let fresh = seq(&log, "f");
        set_error_handler(Some(handler(&log, &fresh)));
        fresh.throw("thrown").unwrap();
        set_error_handler(None);
        assert_eq!(log.take(), "dying:thrown");
        assert!(!fresh.is_alive());
    });
}

#[test]
fn the_last_runnable_cannot_block() {
    checked(|| {
        let ch = Channel::new();
        let error = ch.receive().unwrap_err();
        is_deadlock(&error);
        assert!(error.to_string().contains("deadlock"), "{error}");
        let error = ch.send(7).unwrap_err();
        assert!(matches!(error.reason, Reason::Deadlock(_)));
        assert_eq!(error.into_value(), 7);
        assert_eq!((ch.balance(), run_count()), (0, 1));
        assert!(!main_tasklet().is_blocked());
    });
}

#[test]
fn a_deadlock_is_the_blocking_tasklets_own_error() {
    checked(|| {
        let (main, other) = (Channel::<&str>::new(), Channel::<()>::new());
        let unblock = main.clone();
        tasklet(move || {
            is_deadlock(&other.receive().unwrap_err());
            assert_eq!(other.balance(), 0);
            unblock.send("caught").unwrap();
        });
        assert_eq!(main.receive().unwrap(), "caught");
        run();
    });
}

#[test]
fn a_deadlock_that_is_not_caught_surfaces_in_main() {
    checked(|| {
        let (main, other) = (Channel::<()>::new(), Channel::<()>::new());
        tasklet(move || uncaught(other.receive()));
        let message = raised(|| main.receive());
        assert!(message.contains("deadlock") && message.contains("receive by tasklet"), "{message}");
        assert_eq!(main.balance(), 0);
    });
}

#[test]
fn main_blocked_in_a_receive_when_the_last_one_ends() {
    checked(|| {
        let ch = Channel::<()>::named("jobs");
        tasklet(|| ());
        let error = ch.receive().unwrap_err();
        is_deadlock(&error);
        assert!(error.to_string().starts_with("receive by the main tasklet on channel"), "{error}");
        assert!(error.to_string().contains("\"jobs\""), "{error}");
        assert_eq!((ch.balance(), run_count()), (0, 1));
    });
}

#[test]
fn main_blocked_in_a_send_when_the_last_one_ends() {
    checked(|| {
        let ch = Channel::new();
        tasklet(|| ());
        let error = ch.send(String::from("kept")).unwrap_err();
        assert!(error.to_string().starts_with("send by the main tasklet on channel"), "{error}");
        assert!(matches!(error.reason, Reason::Deadlock(_)));
        assert_eq!(error.value, "kept");
        assert_eq!(ch.balance(), 0);
    });
}

#[test]
fn blocking_inside_run_is_no_error() {
    checked(|| {
        let ch = Channel::<()>::new();
        let receiver = ch.clone();
        let t = tasklet(move || drop(receiver.receive()));
        let outcome = run();
        assert_eq!(outcome.blocked, 1);
        assert!(t.is_blocked());
    });
}

#[test]
fn blocking_the_last_one_wakes_a_paused_main() {
    checked(|| {
        let ch = Channel::<()>::new();
        let receiver = ch.clone();
        let t = tasklet(move || drop(receiver.receive()));
        schedule_remove().unwrap();
        assert!(t.is_blocked() && main_tasklet().is_scheduled());
        let receiver = ch.clone();
        let t = tasklet(move || drop(receiver.receive()));
        t.switch().unwrap();
        assert_eq!((ch.balance(), run_count()), (-2, 1));
    });
}

#[test]
fn a_run_inside_a_blocked_main_wakes_the_runner_and_not_main() {
    checked(|| {
        let (ch, other) = (Channel::new(), Channel::<()>::new());
        let (unblock, receiver) = (ch.clone(), other.clone());
        tasklet(move || {
            tasklet(move || drop(receiver.receive()));
            assert_eq!(run().blocked, 2, "main and the receiver");
            unblock.send("woken").unwrap();
        });
        assert_eq!(ch.receive().unwrap(), "woken");
        assert_eq!(other.balance(), -1);
        run();
    });
}

#[test]
fn schedule_remove_of_the_last_one_while_main_is_blocked() {
    checked(|| {
        let ch = Channel::new();
        let unblock = ch.clone();
        tasklet(move || {
            let error = schedule_remove().unwrap_err();
            assert!(matches!(error, TaskletError::Deadlock(_)), "{error}");
            unblock.send(1).unwrap();
        });
        assert_eq!(ch.receive().unwrap(), 1);
        run();
    });
}

#[test]
fn an_error_in_a_run_with_a_budget_ends_that_budget() {
    checked(|| {
        let log = Log::default();
        event(&log, "err");
        for name in ["a", "b", "c"] {
            seq(&log, name);
        }
        assert_eq!(raised(|| run_for(Budget::switches(2))), "err");
        assert_eq!(log.take(), "err");
        assert!(matches!(run().ending, Ending::Drained), "no budget is left over");
        assert_eq!(log.take(), "a0 b0 c0 a1 b1 c1");
    });
}

#[test]
fn after_a_deadlock_everything_works() {
    checked(|| {
        let ch = Channel::new();
        is_deadlock(&ch.receive().unwrap_err());
        let sender = ch.clone();
        tasklet(move || {
            pass();
            sender.send(3).unwrap();
        });
        assert_eq!(ch.receive().unwrap(), 3);
        run();
    });
}
