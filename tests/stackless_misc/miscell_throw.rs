//! test_miscell.py: raising in another tasklet, at once (`immediate`) and when it runs next (`pending`).

use std::any::Any;
use std::panic::Location;

use tasklets::{AnyTasklet, Budget, Channel, Ending, TaskletError, TaskletExit, run, run_for, schedule};

use crate::support::*;

#[derive(Clone, Copy, PartialEq)]
enum When {
    Immediate,
    Pending,
}

impl When {
    fn throw(self, tasklet: &AnyTasklet, payload: impl Any + Send) -> Result<(), TaskletError> {
        match self {
            When::Immediate => tasklet.throw(payload),
            When::Pending => tasklet.throw_pending(payload),
        }
    }

    /// A pending throw has not run its target yet.
    #[track_caller]
    fn check_over(self, tasklet: &AnyTasklet) {
        if self == When::Pending {
            assert!(tasklet.is_alive());
            tasklet.run().unwrap();
        }
        assert!(!tasklet.is_alive());
    }
}

/// A tasklet that is blocked in a receive and wants to see `E` raised there.
fn receiver<E: Any>(check: impl FnOnce(E) + 'static) -> (AnyTasklet, Flag) {
    let (channel, seen) = (Channel::<()>::new(), Flag::default());
    let flag = seen.clone();
    let tasklet = go(move || {
        check(raised::<E, _>(|| channel.receive()));
        flag.set();
    });
    tasklet.run().unwrap();
    assert!(tasklet.is_blocked());
    (tasklet, seen)
}

fn test_throw_noargs(when: When) {
    let (tasklet, seen) = receiver::<ZeroDivisionError>(|_| ());
    when.throw(&tasklet, ZeroDivisionError).unwrap();
    when.check_over(&tasklet);
    assert!(seen.is_set());
}

fn test_throw_args(when: When) {
    let (tasklet, seen) = receiver(|error: IndexError| assert_eq!(error.0, [1, 2, 3]));
    when.throw(&tasklet, IndexError([1, 2, 3])).unwrap();
    when.check_over(&tasklet);
    assert!(seen.is_set());
}

/// A value that was made before arrives as the same value.
fn test_throw_inst(when: When) {
    let error = Box::new(IndexError([1, 2, 3]));
    let address = &raw const *error as usize;
    let (tasklet, seen) = receiver(move |error: Box<IndexError>| assert_eq!(&raw const *error as usize, address));
    when.throw(&tasklet, error).unwrap();
    when.check_over(&tasklet);
    assert!(seen.is_set());
}

/// What was caught is raised again somewhere else.
fn test_throw_exc_info(when: When) {
    let (tasklet, seen) = receiver::<ZeroDivisionError>(|_| ());
    let payload = caught(|| raise(ZeroDivisionError)).unwrap_err();
    match when {
        When::Immediate => tasklet.throw_boxed(payload).unwrap(),
        When::Pending => tasklet.throw_pending(*payload.downcast::<ZeroDivisionError>().unwrap()).unwrap(),
    }
    when.check_over(&tasklet);
    assert!(seen.is_set());
}

/// A panic has no traceback to be carried; what the error knows of its origin arrives.
fn test_throw_traceback(when: When) {
    struct Traced(&'static Location<'static>);
    #[track_caller]
    fn errfunc() -> Traced {
        Traced(Location::caller())
    }
    let error = errfunc();
    let line = error.0.line();
    let (tasklet, seen) = receiver(move |error: Traced| assert_eq!((error.0.file(), error.0.line()), (file!(), line)));
    when.throw(&tasklet, error).unwrap();
    when.check_over(&tasklet);
    assert!(seen.is_set());
}

/// What is thrown into a tasklet that has not begun counts as its uncaught panic: it goes to main.
fn test_new(when: When) {
    let ran = Flag::default();
    let flag = ran.clone();
    let tasklet = go(move || flag.set());
    assert_eq!(tasklet.switches(), 0);
    match when {
        When::Immediate => assert_eq!(raised::<IndexError, _>(|| tasklet.throw(IndexError([0; 3]))).0, [0; 3]),
        When::Pending => {
            tasklet.throw_pending(IndexError([0; 3])).unwrap();
            assert_eq!(raised::<IndexError, _>(run).0, [0; 3]);
        }
    }
    assert!(!tasklet.is_alive());
    assert!(!ran.is_set());
}

fn test_kill_new(when: When) {
    let tasklet = go(|| unreachable!("it is killed before it begins"));
    when.throw(&tasklet, TaskletExit).unwrap();
    assert_eq!(tasklet.is_alive(), when == When::Pending);
    run();
    assert!(!tasklet.is_alive());
    let error = tasklet.run().unwrap_err();
    assert!(matches!(error, TaskletError::Dead { .. }));
    assert!(error.to_string().contains("dead"), "{error}");
}

fn dead() -> AnyTasklet {
    let channel = Channel::<()>::new();
    let receiver = channel.clone();
    let tasklet = go(move || receiver.receive().unwrap());
    tasklet.run().unwrap();
    channel.send(()).unwrap();
    run();
    assert!(!tasklet.is_alive());
    tasklet
}

fn test_dead(when: When) {
    let error = when.throw(&dead(), IndexError([0; 3])).unwrap_err();
    assert!(matches!(error, TaskletError::Dead { .. }), "{error}");
}

fn test_kill_dead(when: When) {
    when.throw(&dead(), TaskletExit).unwrap();
}

macro_rules! immediate_and_pending {
    ($($name:ident)*) => {
        mod immediate {
            $(#[test] fn $name() { super::checked(|| super::$name(super::When::Immediate)) })*
        }
        mod pending {
            $(#[test] fn $name() { super::checked(|| super::$name(super::When::Pending)) })*
        }
    };
}

immediate_and_pending! {
    test_throw_noargs test_throw_args test_throw_inst test_throw_exc_info test_throw_traceback
    test_new test_kill_new test_dead test_kill_dead
}

/// TestTaskletSwitching.
#[test]
fn test_raise_exception() {
    checked(|| {
        let (tasklet, seen) = receiver::<IndexError>(|_| ());
        tasklet.throw(IndexError([0; 3])).unwrap();
        assert!(seen.is_set());
    });
}

#[test]
fn test_run() {
    checked(|| {
        let ran = Flag::default();
        let flag = ran.clone();
        go(move || flag.set()).run().unwrap();
        assert!(ran.is_set());
    });
}

#[test]
fn test_switch_to_current() {
    checked(|| {
        let ran = Flag::default();
        let flag = ran.clone();
        let tasklet = go(move || {
            let me = tasklets::current();
            me.switch().unwrap();
            me.switch().unwrap();
            me.run().unwrap();
            flag.set();
        });
        tasklets::current().switch().unwrap();
        tasklets::current().switch().unwrap();
        assert!(!ran.is_set());
        tasklet.run().unwrap();
        assert!(ran.is_set());
    });
}

/// TestWatchdog, with a budget of switches in place of bytecodes.
#[test]
fn test_aliveness1() {
    checked(|| {
        let tasklet = go(|| (0..1000).for_each(|_| schedule().unwrap()));
        assert_eq!((state(&tasklet), tasklet.switches()), (RUNNABLE, 0));
        let outcome = run_for(Budget::switches(10).pausing());
        assert!(matches!(outcome.ending, Ending::Expired), "{outcome}");
        assert_eq!(outcome.interrupted.as_ref(), Some(&tasklet));
        assert_eq!(state(&tasklet), PAUSED);
        assert_eq!(tasklet.switches(), 1);
        tasklet.insert().unwrap();
        assert_eq!(state(&tasklet), RUNNABLE);
        run();
        assert_eq!(state(&tasklet), DEAD);
    });
}
