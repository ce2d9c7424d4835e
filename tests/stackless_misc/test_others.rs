//! test_exception.py, test_tstate.py, test_outside.py, test_weakref.py and test_generator.py, as far as they have a meaning here.

use std::thread::panicking;

use greenlet::{Generator, Greenlet, yield_};
use tasklets::{Channel, Payload, Scheduler, TaskletExit, current, run, run_count, schedule, schedule_remove};

use crate::support::*;

/// test_exception.py: what an exit is, to be told from other payloads.
#[test]
fn test_tasklet_exit_code() {
    checked(|| {
        let exit = raised::<TaskletExit, _>(|| raise(TaskletExit));
        assert_eq!((exit, exit.to_string().as_str()), (TaskletExit, "the tasklet was killed"));
        // Uncaught, it is a silent end, whoever raised it.
        let tasklet = go(|| raise(TaskletExit));
        assert!(run().is_finished());
        assert!(!tasklet.is_alive());
    });
}

/// What is being handled: `None`, or the payload's number.
fn pause(log: &Log, name: &str, handled: Option<&Payload>) {
    assert!(!panicking(), "caught, so that the thread does not unwind");
    let number = handled.map(|payload| payload.downcast_ref::<ValueError>().unwrap().0);
    log.add(format!("{name}{}", number.map_or("-".to_owned(), |number| number.to_string())));
    schedule().unwrap();
}

/// Seven pauses, around and in nested handlers.
fn handlers(log: &Log, name: &str, numbers: [i32; 2]) {
    pause(log, name, None);
    let first = caught(|| raise(ValueError(numbers[0]))).unwrap_err();
    pause(log, name, Some(&first));
    pause(log, name, Some(&first));
    let second = caught(|| raise(ValueError(numbers[1]))).unwrap_err();
    pause(log, name, Some(&second));
    pause(log, name, Some(&first));
    pause(log, name, Some(&first));
    drop(first);
    pause(log, name, None);
}

/// test_exception.py and test_tstate.py: what a tasklet handles is its own, whoever else raises meanwhile.
#[test]
fn test_exception_state() {
    checked(|| {
        let log = Log::default();
        for (name, numbers) in [("a", [1, 2]), ("b", [3, 4])] {
            let log = log.clone();
            go(move || handlers(&log, name, numbers));
        }
        run();
        assert_eq!(log.take(), "a- b- a1 b3 a1 b3 a2 b4 a1 b3 a1 b3 a- b-");
    });
}

/// An unwinding that is under way in one tasklet is not seen in another that it kills.
#[test]
fn test_state_in_destructors() {
    checked(|| {
        let log = Log::default();
        let entries = log.clone();
        let sleeper = go(move || {
            let exit = caught(schedule_remove).unwrap_err();
            entries.add("killed");
            std::panic::resume_unwind(exit);
        });
        sleeper.run().unwrap();
        let entries = log.clone();
        let tasklet = go(move || {
            raised::<ZeroDivisionError, _>(|| {
                let _scope = OnDrop(move || {
                    sleeper.kill().unwrap();
                    entries.add(format!("panicking:{}", panicking()));
                });
                raise(ZeroDivisionError);
            });
        });
        tasklet.run().unwrap();
        assert_eq!(log.take(), "killed panicking:true");
        assert!(!panicking() && !tasklet.is_alive());
    });
}

/// test_outside.py: the tasklets run to completion from another base stack than main's.
#[test]
fn test_outside_1() {
    checked(|| {
        let log = Log::default();
        for i in 0..3 {
            let log = log.clone();
            go(move || {
                log.add(i);
                schedule().unwrap();
                log.add(i);
            });
        }
        let outside = Greenlet::new(|()| {
            assert_eq!(run().finished, 3);
        });
        outside.switch(()).unwrap();
        assert!(outside.is_dead());
        assert_eq!((log.take().as_str(), run_count()), ("0 1 2 0 1 2", 1));
    });
}

/// Channels between tasklets that were begun from different base stacks.
#[test]
fn test_outside_2() {
    checked(|| {
        let (channel, log) = (Channel::new(), Log::default());
        let (end, entries) = (channel.clone(), log.clone());
        go(move || end.iter().for_each(|value| entries.add(value)));
        schedule().unwrap();
        assert_eq!(channel.balance(), -1);
        let out = channel.clone();
        let outside = Greenlet::new(move |()| {
            let inner = out.clone();
            go(move || assert_eq!(inner.send_sequence(0..3).unwrap(), 3));
            run();
            out.send(3).unwrap();
        });
        outside.switch(()).unwrap();
        channel.send(4).unwrap();
        channel.shutdown();
        run();
        assert_eq!(log.take(), "0 1 2 3 4");
    });
}

/// Main's own operation blocks on another base stack, and goes on there.
#[test]
fn test_outside_3() {
    checked(|| {
        let channel = Channel::new();
        let end = channel.clone();
        let outside = Greenlet::new(move |()| assert_eq!(end.receive().unwrap(), 5));
        go(move || channel.send(5).unwrap());
        outside.switch(()).unwrap();
        assert!(outside.is_dead());
        run();
    });
}

/// test_weakref.py: an id is stale from the moment when the tasklet is gone.
#[test]
fn test_tasklet_weakref() {
    checked(|| {
        let scheduler = Scheduler::local();
        let tasklet = go(|| ());
        let id = tasklet.id();
        assert_eq!(scheduler.tasklet(id), Some(tasklet.clone()));
        run();
        assert_eq!(scheduler.tasklet(id), Some(tasklet.clone()), "a handle keeps a dead one");
        drop(tasklet);
        assert_eq!(scheduler.tasklet(id), None);
        // Its place in the table is used again, under another id.
        let next = go(|| ());
        assert_ne!(next.id(), id);
        assert_eq!(scheduler.tasklet(id), None);
        run();
    });
}

/// A channel, with what waits on it, goes away once its last handle does.
#[test]
fn test_channel_weakref() {
    checked(|| {
        let drops = Flag::default();
        let channel = Channel::new();
        let (out, value) = (channel.clone(), flagging(&drops));
        let sender = go(move || drop(out.send(value)));
        run();
        drop(channel);
        assert_eq!((state(&sender), drops.count()), (BLOCKED, 0), "the sender holds one");
        sender.kill().unwrap();
        assert_eq!((state(&sender), drops.count()), (DEAD, 1));
    });
}

/// test_generator.py's leak tests: a tasklet that is dropped with a generator on its stack.
#[test]
fn test_leaks_of_generators() {
    checked(|| {
        for started in [false, true] {
            for blocked_inside in [false, true] {
                let finally = Flag::default();
                let guards = [flagging(&finally), flagging(&finally)];
                let tasklet = paused(move || {
                    let [outer, inner] = guards;
                    let _outer = outer;
                    let generator = Generator::new(move || {
                        let _inner = inner;
                        yield_(1).unwrap();
                        if blocked_inside {
                            schedule_remove().unwrap();
                        }
                        yield_(2).unwrap();
                    });
                    let mut values = generator;
                    assert_eq!(values.next(), Some(1));
                    if blocked_inside {
                        values.next();
                    }
                    schedule_remove().unwrap();
                });
                if started {
                    tasklet.run().unwrap();
                    assert_eq!((state(&tasklet), finally.count()), (PAUSED, 0));
                }
                drop(tasklet);
                assert_eq!(finally.count(), 2, "started: {started}, blocked inside: {blocked_inside}");
                assert_eq!((current().is_main(), tasklets::stats().greenlets.active), (true, 0));
            }
        }
    });
}
