//! Stackless's `test_sched_cb.py`.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use tasklets::{ScheduleCallback, current, main_tasklet, run, schedule_callback, set_schedule_callback};

use crate::common::checked;
use crate::support::{pass, tasklet};

/// A monitor and its count.
fn monitor() -> (ScheduleCallback, Rc<Cell<usize>>) {
    let count = Rc::new(Cell::new(0));
    let counter = count.clone();
    (Rc::new(move |_, _| counter.set(counter.get() + 1)), count)
}

/// Two tasklets that yield so often.
fn two_that_yield(times: usize) {
    for _ in 0..2 {
        tasklet(move || (0..times).for_each(|_| pass()));
    }
}

#[test]
fn test0() {
    checked(|| {
        let (callback, count) = monitor();
        set_schedule_callback(Some(callback));
        two_that_yield(3);
        assert_eq!(count.get(), 0, "none before they run");
        run();
        set_schedule_callback(None);
        assert!(count.get() >= 6, "{}", count.get());
    });
}

#[test]
fn test1() {
    checked(|| {
        let (first, first_count) = monitor();
        set_schedule_callback(Some(first));
        two_that_yield(3);
        run();
        let counted = first_count.get();
        assert!(counted >= 6);

        let (second, second_count) = monitor();
        set_schedule_callback(Some(second));
        two_that_yield(5);
        run();
        assert_eq!(first_count.get(), counted, "the one that was replaced is not called");
        assert!(second_count.get() > counted);

        let counts = (first_count.get(), second_count.get());
        set_schedule_callback(None);
        two_that_yield(7);
        run();
        assert_eq!((first_count.get(), second_count.get()), counts, "nobody is called");
    });
}

/// The stack is told by an address of a local variable, and the panic that is being handled by the frame that handles it.
#[test]
fn test2current_with_prev_and_next() {
    checked(|| {
        let here = 0_u8;
        let main_stack = std::ptr::from_ref(&here).addr();
        let stacks = Rc::new(RefCell::new(Vec::new()));
        let note = stacks.clone();
        let a = tasklet(|| {
            let caught = catch_unwind(AssertUnwindSafe(|| crate::support::raise("task_a")));
            pass();
            drop(caught);
        });
        let (main, task) = (main_tasklet().id(), a.id());
        set_schedule_callback(Some(Rc::new(move |prev, next| {
            let here = 0_u8;
            let stack = std::ptr::from_ref(&here).addr();
            assert_eq!(*prev, current());
            assert!(prev.is_current() && !next.is_current());
            assert!(!std::thread::panicking());
            note.borrow_mut().push((current().id(), stack.abs_diff(main_stack) < 64 * 1024));
        })));
        run();
        set_schedule_callback(None);
        assert_eq!(*stacks.borrow(), [(main, true), (task, false)]);
        drop(a);
    });
}

#[test]
fn test_get_callback() {
    checked(|| {
        let (callback, _) = monitor();
        assert!(schedule_callback().is_none());
        assert!(set_schedule_callback(Some(callback.clone())).is_none());
        assert!(Rc::ptr_eq(&schedule_callback().unwrap(), &callback));
        assert!(Rc::ptr_eq(&set_schedule_callback(None).unwrap(), &callback));
        assert!(schedule_callback().is_none());
    });
}
