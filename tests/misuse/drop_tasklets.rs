//! Destructors of what tasklets hold, where the runtime drops it: closures, results, locals.

use std::cell::RefCell;

use greenlet::GreenletLocal;
use tasklets::{Builder, kill_all, run, schedule, schedule_remove, spawn};

use crate::deeds::*;
use crate::support::*;

/// A closure that owns the guard and has not run.
fn unstarted(deed: Deed) -> impl FnOnce() {
    let guard = Guard(deed);
    move || drop(guard)
}

#[test]
fn paused_closure_by_its_last_handle() {
    each_deed(|deed| drop(paused(unstarted(deed))));
}

#[test]
fn unstarted_closure_by_a_kill() {
    each_deed(|deed| drop(go(unstarted(deed)).kill()));
}

#[test]
fn unstarted_closure_by_a_pending_kill() {
    each_deed(|deed| {
        go(unstarted(deed)).kill_pending().unwrap();
        run();
    });
}

#[test]
fn unstarted_closure_by_kill_all() {
    each_deed(|deed| {
        drop(go(unstarted(deed)));
        drop(kill_all());
    });
}

#[test]
fn unstarted_closure_by_the_kill_of_a_tasklet() {
    each_deed(|deed| {
        let victim = go(unstarted(deed));
        victim.remove().unwrap();
        go(move || drop(victim.kill()));
        run();
    });
}

#[test]
fn bound_closure_by_unbind() {
    each_deed(|deed| {
        let tasklet = Builder::new().unbound();
        tasklet.bind(unstarted(deed)).unwrap();
        tasklet.unbind().unwrap();
    });
}

#[test]
fn bound_closure_by_bind() {
    each_deed(|deed| {
        let tasklet = paused(unstarted(deed));
        tasklet.bind_paused(|| ()).unwrap();
        // Everybody may have been killed meanwhile.
        let _ = tasklet.run();
        assert!(!tasklet.is_alive());
    });
}

#[test]
fn bound_closure_by_a_refused_bind() {
    each_deed(|deed| {
        let tasklet = go(|| ());
        assert!(tasklet.bind(unstarted(deed)).is_err());
    });
}

#[test]
fn bound_closure_by_its_last_handle() {
    each_deed(|deed| {
        let tasklet = Builder::new().unbound();
        tasklet.bind(unstarted(deed)).unwrap();
        drop(tasklet);
    });
}

#[test]
fn owned_value_by_the_end() {
    each_deed(|deed| {
        go(unstarted(deed));
        run();
    });
}

#[test]
fn owned_value_by_a_kill() {
    each_deed(|deed| {
        let guard = Guard(deed);
        let tasklet = go(move || {
            let _guard = guard;
            let _ = schedule_remove();
        });
        tasklet.run().unwrap();
        tasklet.kill().unwrap();
    });
}

#[test]
fn owned_value_by_the_last_handle() {
    each_deed(|deed| {
        let guard = Guard(deed);
        let tasklet = go(move || {
            let _guard = guard;
            let _ = schedule_remove();
        });
        tasklet.run().unwrap();
        drop(tasklet);
    });
}

#[test]
fn owned_value_by_kill_all() {
    each_deed(|deed| {
        let guard = Guard(deed);
        drop(go(move || {
            let _guard = guard;
            let _ = schedule();
        }));
        schedule().unwrap();
        drop(kill_all());
    });
}

#[test]
fn result_of_a_detached_tasklet() {
    each_deed(|deed| {
        drop(spawn(move || Guard(deed)));
        run();
    });
}

#[test]
fn result_that_is_not_joined() {
    each_deed(|deed| {
        let tasklet = spawn(move || Guard(deed));
        run();
        drop(tasklet);
    });
}

#[test]
fn result_of_a_handle_that_is_detached_later() {
    each_deed(|deed| {
        let tasklet = spawn(move || Guard(deed));
        run();
        let any = tasklet.detach();
        assert!(!any.is_alive());
    });
}

#[test]
fn result_in_another_tasklet() {
    each_deed(|deed| {
        let tasklet = spawn(move || Guard(deed));
        go(move || {
            let _ = schedule();
            drop(tasklet);
        });
        run();
    });
}

static LOCAL: GreenletLocal<RefCell<Option<Guard>>> = GreenletLocal::new(|| RefCell::new(None));

/// A local of the tasklet's greenlet, when that goes away.
#[test]
fn greenlet_local_by_the_end() {
    each_deed(|deed| {
        go(move || LOCAL.with(|cell| *cell.borrow_mut() = Some(Guard(deed))));
        run();
    });
}

/// The same where another tasklet begins on the same stack.
#[test]
fn greenlet_local_by_the_next_on_the_stack() {
    each_deed(|deed| {
        let tasklet = go(move || LOCAL.with(|cell| *cell.borrow_mut() = Some(Guard(deed))));
        tasklet.remove().unwrap();
        tasklet.insert().unwrap();
        go(|| LOCAL.with(|cell| assert!(cell.borrow().is_none(), "locals are a tasklet's own")));
        tasklet.run().unwrap();
        run();
    });
}

#[test]
fn greenlet_local_by_a_kill() {
    each_deed(|deed| {
        let tasklet = go(move || {
            LOCAL.with(|cell| *cell.borrow_mut() = Some(Guard(deed)));
            let _ = schedule_remove();
        });
        tasklet.run().unwrap();
        tasklet.kill().unwrap();
    });
}
