//! test_defects.py, but what is about threads and about pickling.

use std::rc::Rc;

use tasklets::{Channel, TaskletError, current, kill_all, main_tasklet, run, run_count, schedule, schedule_remove};

use crate::support::*;

/// The result of a body is dropped where nobody wants it; its destructor may switch.
#[test]
fn test_tempval() {
    checked(|| {
        let log = Log::default();
        let entries = log.clone();
        drop(tasklets::spawn(move || {
            OnDrop(move || {
                entries.add("drop");
                schedule().unwrap();
                entries.add("dropped");
            })
        }));
        let entries = log.clone();
        go(move || entries.add("other"));
        run();
        assert_eq!(log.take(), "drop other dropped");
    });
}

/// So may the destructor of what the body owns.
#[test]
fn test_tasklet() {
    checked(|| {
        let log = Log::default();
        let entries = log.clone();
        let guard = OnDrop(move || {
            entries.add("drop");
            schedule().unwrap();
            entries.add("dropped");
        });
        go(move || drop(guard));
        let entries = log.clone();
        go(move || entries.add("other"));
        run();
        assert_eq!(log.take(), "drop other dropped");
    });
}

/// A destructor at a tasklet's end that collects what is lost: here, kills everybody else.
#[test]
fn test_crash_1() {
    checked(|| {
        let finally = Flag::default();
        let guard = flagging(&finally);
        go(move || {
            let _guard = guard;
            let _ = Channel::<()>::new().receive();
        });
        run();
        assert!(!finally.is_set());
        drop(tasklets::spawn(|| OnDrop(|| assert!(kill_all().is_empty()))));
        run();
        assert!(finally.is_set());
    });
}

/// The last one under `run`, of whom nobody has a handle, never comes back.
#[test]
fn test_schedule_remove() {
    checked(|| {
        let (finally, after) = (Flag::default(), Flag::default());
        let (guard, flag) = (flagging(&finally), after.clone());
        go(move || {
            let _guard = guard;
            let _ = schedule_remove();
            flag.set();
        });
        assert!(run().is_finished());
        assert!(finally.is_set() && !after.is_set());
    });
}

/// With main blocked it is an error.
#[test]
fn test_schedule_remove_2() {
    checked(|| {
        let channel = Channel::new();
        let out = channel.clone();
        go(move || {
            assert!(matches!(schedule_remove(), Err(TaskletError::Deadlock(_))));
            out.send(7).unwrap();
        });
        assert_eq!(channel.receive().unwrap(), 7);
        run();
    });
}

/// The last one leaves while main is in `run`.
#[test]
fn test_schedule_remove_3() {
    checked(|| {
        let tasklet = go(|| schedule_remove().unwrap());
        let outcome = run();
        assert_eq!((outcome.finished, outcome.runnable, state(&tasklet)), (0, 0, PAUSED));
        tasklet.run().unwrap();
        assert_eq!(state(&tasklet), DEAD);
    });
}

/// The last one leaves while main has left, too: main goes on.
#[test]
fn test_schedule_remove_4() {
    checked(|| {
        let tasklet = go(|| schedule_remove().unwrap());
        schedule_remove().unwrap();
        assert_eq!((state(&current()), state(&tasklet), run_count()), (RUNNABLE, PAUSED, 1));
    });
}

/// Blocked on a channel that nobody else holds.
#[test]
fn test_temporary_channel() {
    checked(|| {
        go(|| drop(Channel::<()>::new().receive()));
        let outcome = run();
        assert_eq!((outcome.blocked, outcome.finished), (1, 0));
        assert!(outcome.report().to_string().contains("receive on channel 1"), "{outcome}");
    });
}

#[test]
fn test_temporary_channel_2() {
    checked(|| {
        go(|| drop(Channel::<()>::new().receive()));
        go(|| ());
        let outcome = run();
        assert_eq!((outcome.blocked, outcome.finished), (1, 1));
    });
}

/// It is printed and ignored.
#[test]
fn test_exception_in_schedule_callback() {
    checked(|| {
        let calls = Flag::default();
        let flag = calls.clone();
        tasklets::set_schedule_callback(Some(Rc::new(move |_, next| {
            flag.set();
            if next.is_main() {
                raise("schedule callback");
            }
        })));
        let tasklet = go(|| ());
        run();
        tasklets::set_schedule_callback(None);
        assert_eq!((calls.count(), state(&tasklet)), (2, DEAD));
    });
}

/// A switch in a scope's end while the thread unwinds. Stackless switches; here it is refused, and the scope goes on.
#[test]
fn test_crash_on_why_silenced() {
    checked(|| {
        let log = Log::default();
        let entries = log.clone();
        let tasklet = go(move || {
            entries.add(1);
            let inner = entries.clone();
            raised::<ZeroDivisionError, _>(|| {
                inner.add(2);
                let scope = inner.clone();
                let _scope = OnDrop(move || {
                    scope.add(4);
                    assert!(matches!(main_tasklet().switch(), Err(TaskletError::Unwinding)));
                    scope.add(5);
                });
                inner.add(3);
                raise(ZeroDivisionError);
            });
            entries.add(6);
            main_tasklet().switch().unwrap();
            entries.add(7);
        });
        tasklet.run().unwrap();
        assert_eq!((log.take().as_str(), state(&tasklet)), ("1 2 3 4 5 6", PAUSED));
        tasklet.run().unwrap();
        assert_eq!((log.take().as_str(), state(&tasklet)), ("7", DEAD));
    });
}

/// TestUnwinding: a destructor that runs while its tasklet unwinds ends others meanwhile.
#[test]
fn test_unwinding() {
    checked(|| {
        let finally = Flag::default();
        let victim = {
            let guard = flagging(&finally);
            go(move || {
                let _guard = guard;
                schedule_remove().unwrap();
            })
        };
        victim.run().unwrap();
        let killed = victim.clone();
        let tasklet = go(move || {
            let _scope = OnDrop(move || {
                assert!(std::thread::panicking());
                killed.kill().unwrap();
                assert!(!killed.is_alive());
            });
            schedule_remove().unwrap();
        });
        tasklet.run().unwrap();
        tasklet.kill().unwrap();
        assert_eq!((state(&tasklet), state(&victim), finally.count()), (DEAD, DEAD, 1));
    });
}
