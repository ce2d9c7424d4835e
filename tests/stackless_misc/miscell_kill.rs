//! test_miscell.py: TestKill, TestErrorHandler, TestAtomic, TestSchedule, TestModule, TestTaskletFinalizer.

use std::cell::RefCell;
use std::rc::Rc;

use tasklets::{
    AnyTasklet, Budget, Ending, ErrorHandler, TaskletExit, current, kill_all, main_tasklet, run, run_count, run_for,
    schedule, schedule_remove, set_error_handler, stats,
};

use crate::support::*;

/// A tasklet that is suspended in `schedule` and notes its exit.
fn yielding(killed: &Flag) -> AnyTasklet {
    let flag = killed.clone();
    let tasklet = go(move || {
        let exit = raised::<TaskletExit, _>(schedule);
        flag.set();
        raise(exit);
    });
    tasklet.run().unwrap();
    assert!(!killed.is_set());
    tasklet
}

#[test]
fn test_kill_pending_true() {
    checked(|| {
        let killed = Flag::default();
        let tasklet = yielding(&killed);
        tasklet.kill_pending().unwrap();
        assert!(!killed.is_set());
        tasklet.run().unwrap();
        assert!(killed.is_set());
        assert!(!tasklet.is_alive());
    });
}

#[test]
fn test_kill_pending_false() {
    checked(|| {
        let killed = Flag::default();
        let tasklet = yielding(&killed);
        tasklet.kill().unwrap();
        assert!(killed.is_set());
        assert!(!tasklet.is_alive());
    });
}

#[test]
fn test_kill_current() {
    checked(|| {
        let killed = Flag::default();
        let flag = killed.clone();
        let tasklet = go(move || {
            let exit = raised::<TaskletExit, _>(|| current().kill());
            flag.set();
            raise(exit);
        });
        tasklet.run().unwrap();
        assert!(killed.is_set());
        assert!(!tasklet.is_alive());
    });
}

fn address(handler: &ErrorHandler) -> *const () {
    Rc::as_ptr(handler).cast()
}

#[test]
fn test_set() {
    checked(|| {
        let handler: ErrorHandler = Rc::new(|_| ());
        assert!(set_error_handler(Some(handler.clone())).is_none());
        assert_eq!(set_error_handler(None).as_ref().map(address), Some(address(&handler)));
        assert!(set_error_handler(None).is_none());
    });
}

/// A tasklet that ends by an error.
fn failing(ran: &Flag) -> AnyTasklet {
    let flag = ran.clone();
    go(move || {
        flag.set();
        raise(ZeroDivisionError);
    })
}

#[test]
fn test_handler() {
    checked(|| {
        let (ran, seen) = (Flag::default(), Flag::default());
        drop(failing(&ran));
        let flag = seen.clone();
        let handler = move |payload: tasklets::Payload| {
            assert!(payload.is::<ZeroDivisionError>());
            flag.set();
        };
        let outcome = handled(handler, run);
        assert!(outcome.is_finished());
        assert_eq!((ran.count(), seen.count()), (1, 1));
    });
}

/// What the handler itself raises goes to `run`.
#[test]
fn test_borken_handler() {
    checked(|| {
        let (ran, seen) = (Flag::default(), Flag::default());
        drop(failing(&ran));
        let flag = seen.clone();
        let handler = move |_| {
            flag.set();
            raise(IndexError([7; 3]));
        };
        assert_eq!(raised::<IndexError, _>(|| handled(handler, run)).0, [7; 3]);
        assert_eq!((ran.count(), seen.count()), (1, 1));
    });
}

/// The handler also gets what is thrown into a tasklet that has not begun.
#[test]
fn test_early_throw() {
    checked(|| {
        let (ran, seen) = (Flag::default(), Flag::default());
        let tasklet = failing(&ran);
        let flag = seen.clone();
        handled(move |_| flag.set(), || tasklet.throw(ValueError(1))).unwrap();
        assert_eq!((ran.count(), seen.count()), (0, 1));
        assert!(!tasklet.is_alive());
    });
}

/// The handler runs in the tasklet that ends.
#[test]
fn test_getcurrent() {
    checked(|| {
        let who: Rc<RefCell<Option<AnyTasklet>>> = Rc::default();
        for early in [true, false] {
            let tasklet = failing(&Flag::default());
            let note = who.clone();
            handled(
                move |_| *note.borrow_mut() = Some(current()),
                || if early { tasklet.throw(ValueError(1)) } else { tasklet.run() },
            )
            .unwrap();
            assert_eq!(who.take().as_ref(), Some(&tasklet), "early: {early}");
        }
    });
}

#[test]
fn test_throw_pending() {
    checked(|| {
        let (seen, flag) = (Flag::default(), Flag::default());
        let tasklet = go(|| schedule().unwrap());
        tasklet.run().unwrap();
        handled(move |_| flag.set(), || tasklet.throw_pending(ValueError(1))).unwrap();
        assert!(tasklet.is_alive());
        let flag = seen.clone();
        handled(move |_| flag.set(), || tasklet.run()).unwrap();
        assert!(seen.is_set());
        assert!(!tasklet.is_alive());
    });
}

/// The handler is not called for exits.
#[test]
fn test_handler_is_spared_exits() {
    checked(|| {
        let seen = Flag::default();
        let flag = seen.clone();
        handled(
            move |_| flag.set(),
            || {
                go(|| raise(TaskletExit)).run().unwrap();
                go(|| ()).kill().unwrap();
            },
        );
        assert!(!seen.is_set());
    });
}

#[test]
fn test_atomic() {
    checked(|| {
        let me = current();
        let old = me.atomic();
        assert_eq!((me.set_atomic(false), me.atomic()), (old, false));
        assert_eq!((me.set_atomic(true), me.atomic()), (false, true));
        assert_eq!((me.set_atomic(true), me.atomic()), (true, true));
        assert_eq!((me.set_atomic(false), me.atomic()), (true, false));
        assert!(!go(|| ()).atomic(), "a new tasklet does not inherit it");
        run();
    });
}

/// While the flag is set, a budget does not interrupt; when it is restored, it does at the next switch.
fn atomic_section(before: bool) {
    let log = Log::default();
    let entries = log.clone();
    let tasklet = go(move || {
        let me = current();
        let old = me.set_atomic(true);
        for _ in 0..5 {
            schedule().unwrap();
        }
        assert!(me.atomic());
        entries.add("left");
        me.set_atomic(old);
        schedule().unwrap();
        entries.add("end");
    });
    tasklet.set_atomic(before);
    let outcome = run_for(Budget::switches(1));
    if before {
        assert_eq!(log.take(), "left end");
        assert!(!tasklet.is_alive());
    } else {
        assert!(matches!(outcome.ending, Ending::Expired), "{outcome:?}");
        assert_eq!(log.take(), "left");
        assert_eq!(state(&tasklet), RUNNABLE);
        run();
        assert_eq!(log.take(), "end");
    }
}

#[test]
fn test_atomic_ctxt() {
    checked(|| atomic_section(false));
}

#[test]
fn test_atomic_nop_ctxt() {
    checked(|| atomic_section(true));
}

/// TestSchedule runs its tests as tasklets, as here.
#[test]
fn test_schedule() {
    checked(|| {
        let log = Log::default();
        let entries = log.clone();
        go(move || {
            let (previous, inner) = (current(), entries.clone());
            let tasklet = go(move || {
                inner.add("foo");
                assert!(previous.is_scheduled());
            });
            assert!(tasklet.is_scheduled());
            schedule().unwrap();
            entries.add("back");
        });
        run();
        assert_eq!(log.take(), "foo back");
    });
}

#[test]
fn test_schedule_remove_fail() {
    checked(|| {
        let log = Log::default();
        let entries = log.clone();
        go(move || {
            let (previous, inner) = (current(), entries.clone());
            go(move || {
                inner.add("foo");
                assert!(!previous.is_scheduled());
                previous.insert().unwrap();
                assert!(previous.is_scheduled());
            });
            schedule_remove().unwrap();
            entries.add("back");
        });
        run();
        assert_eq!(log.take(), "foo back");
    });
}

/// TestModule: the diagnostics agree with each other.
#[test]
fn test_module() {
    checked(|| {
        assert_eq!(current(), main_tasklet());
        assert!(current().is_main() && current().is_current() && current().is_alive());
        assert_eq!(run_count(), 1);
        let tasklet = go(|| assert!(!current().is_main()));
        let counts = stats();
        assert_eq!((counts.tasklets, counts.runnable, counts.blocked, run_count()), (1, 2, 0, 2));
        run();
        assert_eq!(stats().ended, counts.ended + 1);
        assert!(format!("{tasklet:?}").contains("dead"));
    });
}

/// A tasklet that ignores its exit ends up among those that refused; it can be killed once it no longer does.
#[test]
fn test_zombie() {
    checked(|| {
        let (looping, stop) = (Flag::default(), Flag::default());
        let (count, flag) = (looping.clone(), stop.clone());
        let tasklet = go(move || {
            while !flag.is_set() {
                if caught(schedule_remove).is_err() {
                    count.set();
                }
            }
        });
        tasklet.run().unwrap();
        assert_eq!(state(&tasklet), PAUSED);
        let refused = kill_all();
        assert_eq!(looping.count(), 10, "attempts");
        assert_eq!(refused, std::slice::from_ref(&tasklet));
        drop(refused);
        assert_eq!(state(&tasklet), PAUSED);
        stop.set();
        tasklet.kill().unwrap();
        assert_eq!(state(&tasklet), DEAD);
    });
}
