//! test_transfer_errors.py: a switch that cannot be made. There it is a stack that was spoiled, here one that cannot be had;
//! the tasklet can run after the fault was mended.

use tasklets::{AnyTasklet, TaskletError, current, run, run_count, schedule};

use crate::support::*;

/// A tasklet for which there is no stack.
fn stackless_tasklet(ran: &Flag) -> AnyTasklet {
    greenlet::trim();
    greenlet::set_max_stacks(0);
    let flag = ran.clone();
    go(move || flag.set())
}

fn mend() {
    greenlet::set_max_stacks(usize::MAX);
}

#[test]
fn test_scheduler() {
    checked(|| {
        let ran = Flag::default();
        let tasklet = stackless_tasklet(&ran);
        let outcome = run();
        assert_eq!((outcome.starved, outcome.finished, outcome.runnable), (1, 0, 0));
        assert!(!outcome.is_finished());
        assert!(outcome.to_string().contains("1 tasklet waiting for a stack"), "{outcome}");
        assert!(tasklet.is_alive() && !ran.is_set());
        mend();
        assert_eq!(run().to_string(), "the 1 tasklet finished");
        assert!(ran.is_set() && !tasklet.is_alive());
    });
}

/// The yielder is not made to fail for the sake of another one.
#[test]
fn test_schedule() {
    checked(|| {
        let ran = Flag::default();
        let tasklet = stackless_tasklet(&ran);
        schedule().unwrap();
        assert_eq!(run_count(), 1);
        assert!(format!("{tasklet:?}").contains("starved"), "{tasklet:?}");
        mend();
        tasklet.run().unwrap();
        assert!(ran.is_set() && !tasklet.is_alive());
    });
}

#[track_caller]
fn check_out_of_stacks(result: Result<(), TaskletError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, TaskletError::Stack(_)), "{error}");
    assert!(error.to_string().contains("set_max_stacks"), "names the limit: {error}");
}

#[test]
fn test_run() {
    checked(|| {
        let ran = Flag::default();
        let tasklet = stackless_tasklet(&ran);
        check_out_of_stacks(tasklet.run());
        assert_eq!((state(&tasklet), state(&current()), run_count()), (RUNNABLE, RUNNABLE, 2));
        mend();
        tasklet.run().unwrap();
        assert!(ran.is_set());
    });
}

#[test]
fn test_switch() {
    checked(|| {
        let ran = Flag::default();
        let tasklet = stackless_tasklet(&ran);
        tasklet.remove().unwrap();
        check_out_of_stacks(tasklet.switch());
        assert_eq!((state(&tasklet), state(&current())), (PAUSED, RUNNABLE));
        mend();
        tasklet.switch().unwrap();
        assert!(ran.is_set());
        assert_eq!(state(&current()), RUNNABLE);
    });
}

/// To end one that has not begun takes no stack.
#[test]
fn test_kill() {
    checked(|| {
        let ran = Flag::default();
        let tasklet = stackless_tasklet(&ran);
        tasklet.kill().unwrap();
        assert_eq!(state(&tasklet), DEAD);
        let starved = go(|| unreachable!("it is killed"));
        schedule().unwrap();
        starved.kill().unwrap();
        assert_eq!(state(&starved), DEAD);
        assert_eq!(run().starved, 0);
        mend();
        tasklet.bind_paused(|| ()).unwrap();
        tasklet.run().unwrap();
        assert!(!ran.is_set());
    });
}
