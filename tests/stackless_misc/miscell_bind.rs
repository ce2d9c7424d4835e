//! test_miscell.py: TestBind, and switching in a scope's end.

use tasklets::{AnyTasklet, Builder, TaskletError, current, main_tasklet, run, schedule_remove};

use crate::support::*;

/// A body that pauses itself, and notes its end however it comes.
fn task(finally: &Flag) -> impl FnOnce() + use<> {
    let guard = flagging(finally);
    move || {
        let _guard = guard;
        schedule_remove().unwrap();
    }
}

/// A tasklet that has begun and paused itself.
fn begun(finally: &Flag) -> AnyTasklet {
    let tasklet = go(task(finally));
    run();
    assert_eq!(state(&tasklet), PAUSED);
    tasklet
}

#[test]
fn test_bind() {
    checked(|| {
        let finally = Flag::default();
        let tasklet = Builder::new().unbound();
        assert!(!tasklet.is_alive());
        tasklet.unbind().unwrap();
        assert!(!tasklet.is_alive());
        tasklet.bind(task(&finally)).unwrap();
        tasklet.setup().unwrap();
        run();
        assert_eq!(state(&tasklet), PAUSED);
        assert!(!finally.is_set());
        tasklet.insert().unwrap();
        run();
        assert_eq!((state(&tasklet), finally.count()), (DEAD, 1));
        // And once more, dropped while it is paused.
        tasklet.bind(task(&finally)).unwrap();
        tasklet.setup().unwrap();
        run();
        assert_eq!((state(&tasklet), finally.count()), (PAUSED, 1));
        let id = tasklet.id();
        drop(tasklet);
        assert_eq!(finally.count(), 2);
        assert!(tasklets::Scheduler::local().tasklet(id).is_none());
    });
}

#[test]
fn test_unbind_fail_current() {
    checked(|| {
        let tasklet = go(|| {
            let error = current().unbind().unwrap_err();
            assert!(matches!(error, TaskletError::Current { .. }));
            assert!(error.to_string().contains("current tasklet"), "{error}");
            assert!(matches!(current().bind(|| ()), Err(TaskletError::Current { .. })));
        });
        run();
        assert!(!tasklet.is_alive());
    });
}

#[test]
fn test_unbind_fail_scheduled() {
    checked(|| {
        let finally = Flag::default();
        let tasklet = begun(&finally);
        tasklet.insert().unwrap();
        let error = tasklet.unbind().unwrap_err();
        assert!(matches!(error, TaskletError::Scheduled { .. }));
        assert!(error.to_string().contains("scheduled"), "{error}");
        assert_eq!(state(&tasklet), RUNNABLE);
        run();
        assert_eq!(finally.count(), 1);
    });
}

/// A stack with frames cannot be taken away.
#[test]
fn test_unbind_fail_cstate() {
    checked(|| {
        let finally = Flag::default();
        let tasklet = begun(&finally);
        let error = tasklet.unbind().unwrap_err();
        assert!(matches!(error, TaskletError::Started { .. }));
        assert!(error.to_string().contains("stack"), "{error}");
        assert!(matches!(tasklet.bind(|| ()), Err(TaskletError::Started { .. })));
        assert_eq!((state(&tasklet), finally.count()), (PAUSED, 0));
        drop(tasklet);
        assert_eq!(finally.count(), 1);
    });
}

/// A bound tasklet that was not set up does not run.
#[test]
fn test_bind_noargs() {
    checked(|| {
        let tasklet = paused(|| unreachable!("it is bound again before it begins"));
        tasklet.bind(|| unreachable!("it is not set up")).unwrap();
        assert!(matches!(tasklet.run(), Err(TaskletError::Dead { .. })));
        assert!(matches!(tasklet.insert(), Err(TaskletError::Dead { .. })));
        assert!(matches!(tasklet.switch(), Err(TaskletError::Dead { .. })));
    });
}

/// Arguments are what the closure captures.
#[test]
fn test_bind_args() {
    checked(|| {
        let log = Log::default();
        for args in ["foo", "bar"] {
            let (entries, args) = (log.clone(), args.to_owned());
            let tasklet = paused(|| unreachable!("it is bound again before it begins"));
            tasklet.bind_paused(move || entries.add(args)).unwrap();
            tasklet.run().unwrap();
            assert!(!tasklet.is_alive());
        }
        assert_eq!(log.take(), "foo bar");
    });
}

/// What was bound before is what setting up runs.
#[test]
fn test_bind_args_kwargs_nofunc() {
    checked(|| {
        let log = Log::default();
        let entries = log.clone();
        let tasklet = Builder::new().unbound();
        tasklet.bind(move || entries.add("bound")).unwrap();
        tasklet.setup().unwrap();
        tasklet.run().unwrap();
        assert_eq!(log.take(), "bound");
    });
}

#[test]
fn test_bind_args_not_runnable() {
    checked(|| {
        let tasklet = Builder::new().unbound();
        tasklet.bind_paused(|| ()).unwrap();
        assert_eq!(state(&tasklet), PAUSED);
        tasklet.run().unwrap();
        assert_eq!(state(&tasklet), DEAD);
    });
}

#[test]
fn test_unbind_main() {
    checked(|| {
        assert!(matches!(main_tasklet().unbind(), Err(TaskletError::Main)));
        assert!(matches!(main_tasklet().bind(|| ()), Err(TaskletError::Main)));
        assert!(matches!(main_tasklet().bind_paused(|| ()), Err(TaskletError::Main)));
        let tasklet = go(|| assert!(matches!(main_tasklet().unbind(), Err(TaskletError::Main))));
        run();
        assert!(!tasklet.is_alive());
    });
}

#[test]
fn test_setup_fail_alive() {
    checked(|| {
        let finally = Flag::default();
        let tasklet = begun(&finally);
        assert!(matches!(tasklet.setup(), Err(TaskletError::Alive { .. })));
        let error = go(|| ()).setup().unwrap_err();
        assert!(error.to_string().contains("alive"), "{error}");
        assert!(matches!(main_tasklet().setup(), Err(TaskletError::Alive { .. })));
        run();
    });
}

/// Not set up twice, and not without a body.
#[test]
fn test_setup_fail_not_bound() {
    checked(|| {
        let tasklet = Builder::new().unbound();
        let error = tasklet.setup().unwrap_err();
        assert!(matches!(error, TaskletError::Unbound { .. }));
        assert!(error.to_string().contains("not bound"), "{error}");
        tasklet.bind(|| ()).unwrap();
        tasklet.setup().unwrap();
        assert!(matches!(tasklet.setup(), Err(TaskletError::Alive { .. })));
        run();
        assert!(matches!(tasklet.setup(), Err(TaskletError::Unbound { .. })), "its body has been used up");
    });
}

/// TestContextManager: a switch in what runs at the end of a scope.
#[test]
fn test_tasklet_switch_in_exitfunc_after_return() {
    checked(|| {
        let log = Log::default();
        let entries = log.clone();
        let tasklet = go(move || {
            let inner = entries.clone();
            let value = {
                let _scope = OnDrop(move || {
                    inner.add("exit");
                    schedule_remove().unwrap();
                    inner.add("exited");
                });
                4711
            };
            entries.add(value);
        });
        tasklet.run().unwrap();
        assert_eq!((log.take().as_str(), state(&tasklet)), ("exit", PAUSED));
        tasklet.run().unwrap();
        assert_eq!((log.take().as_str(), state(&tasklet)), ("exited 4711", DEAD));
    });
}
