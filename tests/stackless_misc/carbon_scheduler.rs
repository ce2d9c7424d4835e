//! carbon-scheduler, test_scheduler.py and test_tasklet.py: who runs when, kills, error handlers.
//!
//! That scheduler runs a tasklet nested in the one that called `run` on it. The orders below are those in which it agrees
//! with Stackless; where its schedule callback tells of hops through the parent, Stackless's order is expected.

use std::rc::Rc;

use tasklets::{
    AnyTasklet, Builder, Channel, Preference, TaskletExit, current, run, run_count, schedule, schedule_remove,
    set_schedule_callback,
};

use crate::support::*;

/// Logs `t` and a number.
fn numbered(log: &Log, number: u32) -> AnyTasklet {
    let log = log.clone();
    go(move || log.add(format!("t{number}")))
}

fn yielder() -> AnyTasklet {
    go(|| schedule().unwrap())
}

#[test]
fn test_tasklet_run_order() {
    checked(|| {
        let log = Log::default();
        let tasklets = [1, 2, 3].map(|number| numbered(&log, number));
        assert_eq!(run_count(), 4);
        tasklets[0].run().unwrap();
        assert_eq!((log.take().as_str(), run_count()), ("t1 t2 t3", 1));
    });
}

#[test]
fn test_tasklet_run_order_2() {
    checked(|| {
        let log = Log::default();
        let tasklets = [1, 2, 3].map(|number| numbered(&log, number));
        tasklets[1].run().unwrap();
        assert_eq!((log.take().as_str(), run_count()), ("t2 t3", 2));
        tasklets[0].run().unwrap();
        assert_eq!((log.take().as_str(), run_count()), ("t1", 1));
    });
}

#[test]
fn test_scheduler_run_order() {
    checked(|| {
        let log = Log::default();
        for number in 1..4 {
            numbered(&log, number);
        }
        assert_eq!(run_count(), 4);
        run();
        assert_eq!((log.take().as_str(), run_count()), ("t1 t2 t3", 1));
    });
}

#[test]
fn test_nested_tasklet_run_order() {
    checked(|| {
        let log = Log::default();
        numbered(&log, 1);
        let entries = log.clone();
        go(move || {
            let second = numbered(&entries, 2);
            numbered(&entries, 3);
            numbered(&entries, 4);
            second.run().unwrap();
        });
        numbered(&log, 5);
        run();
        assert_eq!((log.take().as_str(), run_count()), ("t1 t2 t3 t4 t5", 1));
    });
}

#[test]
fn test_nested_tasklet_run_order_with_schedule() {
    checked(|| {
        let log = Log::default();
        numbered(&log, 1);
        let entries = log.clone();
        go(move || {
            let second = numbered(&entries, 2);
            yielder();
            numbered(&entries, 3);
            second.run().unwrap();
        });
        numbered(&log, 4);
        run();
        assert_eq!(log.take(), "t1 t2 t3 t4");
    });
}

#[test]
fn test_multi_level_nested_tasklet_run_order_with_schedule() {
    checked(|| {
        let log = Log::default();
        numbered(&log, 1);
        let entries = log.clone();
        go(move || {
            let second = numbered(&entries, 2);
            yielder();
            let inner = entries.clone();
            go(move || {
                let third = numbered(&inner, 3);
                yielder();
                numbered(&inner, 4);
                third.run().unwrap();
            });
            numbered(&entries, 5);
            second.run().unwrap();
        });
        numbered(&log, 6);
        run();
        assert_eq!(log.take(), "t1 t2 t3 t4 t5 t6");
    });
}

#[test]
fn test_multi_level_nested_tasklet_run_order_with_yield_to_blocked() {
    checked(|| {
        let (log, channel) = (Log::default(), Channel::new());
        numbered(&log, 0);
        let (entries, outer) = (log.clone(), channel.clone());
        go(move || {
            let first = numbered(&entries, 1);
            let end = outer.clone();
            go(move || {
                end.receive().unwrap();
                let second = numbered(&entries, 2);
                numbered(&entries, 3);
                second.run().unwrap();
            });
            first.run().unwrap();
            outer.receive().unwrap();
        });
        let out = channel.clone();
        go(move || out.send(()).unwrap());
        run();
        assert_eq!((log.take().as_str(), run_count(), channel.balance()), ("t0 t1 t2 t3", 1, -1));
        channel.send(()).unwrap();
        assert_eq!(channel.balance(), 0);
    });
}

/// Logs every switch by the tasklets' names while `f` runs.
fn switches(f: impl FnOnce()) -> String {
    let log = Log::default();
    let note = log.clone();
    set_schedule_callback(Some(Rc::new(move |prev, next| {
        let name = |tasklet: &AnyTasklet| tasklet.name().as_deref().unwrap_or("main").to_owned();
        note.add(format!("{}>{}", name(prev), name(next)));
    })));
    f();
    set_schedule_callback(None);
    log.take()
}

fn named(name: &'static str, body: impl FnOnce() + 'static) {
    drop(Builder::new().name(name).spawn(body));
}

#[test]
fn test_schedule_callback_basic() {
    checked(|| {
        for name in ["t1", "t2", "t3"] {
            named(name, || ());
        }
        assert_eq!(switches(|| drop(run())), "main>t1 t1>t2 t2>t3 t3>main");
    });
}

#[test]
fn test_channel_usage_schedule_order_preference_receiver() {
    checked(|| {
        let channel = Channel::new();
        let out = channel.clone();
        named("s", move || out.send("value").unwrap());
        named("r", move || assert_eq!(channel.receive().unwrap(), "value"));
        assert_eq!(switches(|| drop(run())), "main>s s>r r>s s>main");
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
            assert_eq!(run_count(), 3);
            schedule_remove().unwrap();
            entries.add("back");
        })
        .run()
        .unwrap();
        // There, what is spawned runs before main goes on; in Stackless main has its place in the ring.
        assert_eq!((log.take().as_str(), run_count()), ("", 2));
        run();
        assert_eq!((log.take().as_str(), run_count()), ("foo back", 1));
    });
}

#[test]
fn test_calling_run_from_non_main_tasklet() {
    checked(|| {
        let (log, channel) = (Log::default(), Channel::new());
        let (entries, out) = (log.clone(), channel.clone());
        let letters = move |letters: &[&'static str]| {
            for letter in letters {
                let (log, letter) = (entries.clone(), *letter);
                go(move || log.add(letter));
            }
        };
        go(move || {
            letters(&["a", "b", "c", "d"]);
            out.send(1).unwrap();
            letters(&["e", "f", "g"]);
            run();
        })
        .run()
        .unwrap();
        channel.receive().unwrap();
        run();
        assert_eq!(log.take(), "a b c d e f g");
    });
}

#[test]
fn test_run_raising_function() {
    checked(|| {
        go(|| raise("boom!"));
        assert_eq!(raised::<&str, _>(run), "boom!");
    });
}

/// test_tasklet.py: killing the first of three runs the other two.
#[test]
fn test_kill_tasklet() {
    checked(|| {
        let log = Log::default();
        let tasklets = [1, 2, 3].map(|number| numbered(&log, number));
        tasklets[0].kill().unwrap();
        assert!(tasklets.iter().all(|tasklet| !tasklet.is_alive()));
        assert_eq!((log.take().as_str(), run_count()), ("t2 t3", 1));
    });
}

/// A kill that is pending on a tasklet whose transfer is complete: the value is lost, and dropped once.
#[test]
fn test_kill_pending_on_completed_transfer() {
    checked(|| {
        let channel = Channel::new();
        channel.set_preference(Preference::Sender);
        let (end, log, drops) = (channel.clone(), Log::default(), Flag::default());
        let entries = log.clone();
        let receiver = go(move || {
            let exit = raised::<TaskletExit, _>(|| drop(end.receive()));
            entries.add("exit");
            raise(exit);
        });
        run();
        channel.send(flagging(&drops)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((state(&receiver), drops.count()), (RUNNABLE, 0));
        receiver.kill_pending().unwrap();
        assert_eq!(state(&receiver), RUNNABLE);
        run();
        assert_eq!((state(&receiver), drops.count(), log.take().as_str()), (DEAD, 1, "exit"));
    });
}

/// dont_raise, and the exception handler: errors do not stop the others.
#[test]
fn test_exception_handler() {
    checked(|| {
        let (log, seen) = (Log::default(), Flag::default());
        go(|| raise("boom!"));
        numbered(&log, 1);
        go(|| raise("boom again!"));
        numbered(&log, 2);
        let flag = seen.clone();
        let outcome = handled(move |_| flag.set(), run);
        assert_eq!((outcome.finished, seen.count(), log.take().as_str()), (4, 2, "t1 t2"));
    });
}

/// Its metrics: how many are active, blocked, done.
#[test]
fn test_metrics() {
    checked(|| {
        let before = tasklets::stats();
        let channel = Channel::<()>::new();
        let end = channel.clone();
        let blocked = go(move || drop(end.receive()));
        go(|| ());
        assert_eq!((tasklets::stats().tasklets, tasklets::stats().runnable), (2, 3));
        let outcome = run();
        assert_eq!((outcome.finished, outcome.blocked), (1, 1));
        let stats = tasklets::stats();
        assert_eq!((stats.tasklets, stats.runnable, stats.blocked), (1, 1, 1));
        assert!(stats.switches > before.switches);
        blocked.kill().unwrap();
        assert_eq!(tasklets::stats().ended, before.ended + 2);
    });
}
