//! Destructors of what is raised, where the runtime drops it.

use tasklets::{
    TaskletExit, current, kill_all, main_tasklet, run, schedule, schedule_remove, set_error_handler, spawn,
};

use crate::deeds::*;
use crate::support::*;

#[test]
fn thrown_into_a_dead_tasklet() {
    each_deed(|deed| {
        let tasklet = go(|| ());
        tasklet.kill().unwrap();
        assert!(tasklet.throw(Guard(deed)).is_err());
    });
}

#[test]
fn thrown_while_trapped() {
    each_deed(|deed| {
        let tasklet = go(|| ());
        tasklets::switch_trap(1);
        let result = caught(|| tasklet.throw(Guard(deed)).is_err());
        tasklets::switch_trap(-1);
        assert!(result.unwrap_or_else(|payload| std::panic::resume_unwind(payload)));
    });
}

fn sleeper() -> tasklets::AnyTasklet {
    let tasklet = go(|| drop(schedule_remove()));
    tasklet.run().unwrap();
    tasklet
}

#[test]
fn pending_and_overwritten_by_a_pending_one() {
    each_deed(|deed| {
        let tasklet = sleeper();
        tasklet.throw_pending(Guard(deed)).unwrap();
        tasklet.kill_pending().unwrap();
        run();
        assert!(!tasklet.is_alive());
    });
}

#[test]
fn pending_and_overwritten_by_an_immediate_one() {
    each_deed(|deed| {
        let tasklet = sleeper();
        tasklet.throw_pending(Guard(deed)).unwrap();
        tasklet.kill().unwrap();
        assert!(!tasklet.is_alive());
    });
}

/// The immediate one comes from a tasklet with others around: nobody loses a place in the ring.
#[test]
fn pending_and_overwritten_by_a_tasklet() {
    each_deed(|deed| {
        let tasklet = sleeper();
        let after = Flag::default();
        let (victim, flag) = (tasklet.clone(), after.clone());
        go(move || {
            victim.throw_pending(Guard(deed)).unwrap();
            let _ = caught(|| victim.kill());
            flag.set();
        });
        go(|| drop(schedule()));
        let _ = caught(run);
        let _ = caught(run);
        assert_eq!((after.count(), tasklet.is_alive()), (1, false), "{deed:?}");
    });
}

#[test]
fn pending_for_an_unstarted_one() {
    each_deed(|deed| {
        let tasklet = go(|| ());
        tasklet.throw_pending(Guard(deed)).unwrap();
        let payload = caught(run).unwrap_err();
        assert!(payload.is::<Guard>());
        drop(payload);
    });
}

#[test]
fn pending_and_killed_by_its_last_handle() {
    each_deed(|deed| {
        let tasklet = sleeper();
        tasklet.throw_pending(Guard(deed)).unwrap();
        tasklet.remove().unwrap();
        drop(tasklet);
    });
}

#[test]
fn pending_and_killed_by_kill_all() {
    each_deed(|deed| {
        sleeper().throw_pending(Guard(deed)).unwrap();
        drop(kill_all());
    });
}

/// Two errors for main, before it runs: the first is dropped, in the tasklet that ends by the second.
#[test]
fn pending_for_main_and_overwritten_by_an_uncaught_one() {
    each_deed(|deed| {
        go(move || {
            main_tasklet().throw_pending(Guard(deed)).unwrap();
            raise(TaskletsOwn);
        });
        let payload = caught(schedule).unwrap_err();
        assert!(payload.is::<TaskletsOwn>() || payload.is::<TaskletExit>() || payload.is::<&str>(), "{deed:?}");
    });
}

struct TaskletsOwn;

#[test]
fn pending_for_main_and_overwritten_by_an_unstarted_one() {
    each_deed(|deed| {
        let unstarted = paused(|| ());
        go(move || {
            main_tasklet().throw_pending(Guard(deed)).unwrap();
            drop(unstarted.throw(TaskletsOwn));
        });
        let payload = caught(schedule).unwrap_err();
        assert!(payload.is::<TaskletsOwn>() || payload.is::<TaskletExit>() || payload.is::<&str>(), "{deed:?}");
    });
}

#[test]
fn uncaught_and_handled() {
    each_deed(|deed| {
        drop(go(move || raise(Guard(deed))));
        handled(drop, run);
    });
}

/// A handler that is dropped while it is called.
#[test]
fn owned_by_a_handler_that_unsets_itself() {
    each_deed(|deed| {
        drop(go(|| raise("handled")));
        let guard = Guard(deed);
        set_error_handler(Some(std::rc::Rc::new(move |_| {
            let _owned = &guard;
            drop(set_error_handler(None));
        })));
        run();
    });
}

#[test]
fn unread_in_a_handle_while_trapped() {
    each_deed(|deed| {
        let tasklet = spawn(move || raise(Guard(deed)));
        run();
        tasklets::switch_trap(1);
        let result = caught(|| drop(tasklet));
        tasklets::switch_trap(-1);
        if let Err(payload) = result {
            std::panic::resume_unwind(payload);
        }
    });
}

#[test]
fn unread_in_a_handle() {
    each_deed(|deed| {
        let tasklet = spawn(move || raise(Guard(deed)));
        run();
        let payload = caught(|| drop(tasklet)).unwrap_err();
        assert!(payload.is::<Guard>());
        drop(payload);
    });
}

#[test]
fn caught_by_the_target() {
    each_deed(|deed| {
        let tasklet = go(|| drop(caught(schedule_remove)));
        tasklet.run().unwrap();
        tasklet.throw(Guard(deed)).unwrap();
        assert!(current().is_main());
    });
}
