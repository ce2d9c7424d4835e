//! PyPy, test_stackless.py: callbacks, errors, pipes.

use std::rc::Rc;

use tasklets::{AnyTasklet, Builder, Channel, run, run_count, schedule, set_channel_callback, set_schedule_callback};

use crate::support::*;

#[test]
fn test_channel_callback() {
    checked(|| {
        let (log, calls) = (Log::default(), Log::default());
        let note = calls.clone();
        set_channel_callback(Some(Rc::new(move |event| {
            let who = if event.tasklet.is_main() { "main" } else { "task" };
            note.add(format!("{who},{},{}", i32::from(event.sending), i32::from(event.will_block)));
        })));
        let channel = Channel::new();
        let (entries, end) = (log.clone(), channel.clone());
        go(move || {
            end.send("hello").unwrap();
            entries.add(end.receive().unwrap());
        });
        log.add(channel.receive().unwrap());
        channel.send("world").unwrap();
        set_channel_callback(None);
        assert_eq!(log.take(), "hello world");
        assert_eq!(calls.take(), "main,0,1 task,1,0 main,1,1 task,0,0");
    });
}

#[test]
fn test_schedule_callback() {
    checked(|| {
        let (log, calls) = (Log::default(), Log::default());
        let note = calls.clone();
        set_schedule_callback(Some(Rc::new(move |prev, next| {
            let name = |tasklet: &AnyTasklet| tasklet.name().as_deref().unwrap_or("main").to_owned();
            note.add(format!("{}>{}", name(prev), name(next)));
        })));
        for name in ["1", "2"] {
            let entries = log.clone();
            drop(Builder::new().name(name).spawn(move || {
                entries.add(format!("A_{name}"));
                schedule().unwrap();
                entries.add(format!("B_{name}"));
            }));
        }
        run();
        set_schedule_callback(None);
        assert_eq!(log.take(), "A_1 A_2 B_1 B_2");
        assert_eq!(calls.take(), "main>1 1>2 2>1 1>2 2>main");
    });
}

/// A bomb is an error as a value: here an `Err` that is sent.
#[test]
fn test_bomb() {
    checked(|| {
        let channel: Channel<Result<(), tasklets::Payload>> = Channel::new();
        let out = channel.clone();
        go(move || out.send(caught(|| raise(ZeroDivisionError))).unwrap());
        let payload = channel.receive().unwrap().unwrap_err();
        assert!(payload.is::<ZeroDivisionError>());
        run();
    });
}

#[test]
fn test_send_exception() {
    checked(|| {
        let (channel, seen) = (Channel::<()>::new(), Flag::default());
        let (end, flag) = (channel.clone(), seen.clone());
        go(move || {
            let error = end.receive().unwrap_err().into_exception().unwrap();
            assert_eq!(error.to_string(), "test");
            flag.set();
        });
        go(move || channel.send_exception("test").unwrap());
        run();
        assert!(seen.is_set());
    });
}

#[test]
fn test_send_sequence() {
    checked(|| {
        let (channel, log) = (Channel::new(), Log::default());
        let (end, entries) = (channel.clone(), log.clone());
        go(move || {
            while let Some(value) = end.receive().unwrap() {
                entries.add(value);
            }
        });
        let values = (1..7).map(Some).chain([None]);
        assert_eq!(channel.send_sequence(values).unwrap(), 7);
        assert_eq!(log.take(), "1 2 3 4 5 6");
    });
}

#[test]
fn test_getruncount() {
    checked(|| {
        assert_eq!(run_count(), 1);
        go(|| assert_eq!(run_count(), 2));
        assert_eq!(run_count(), 2);
        schedule().unwrap();
        let tasklet = go(|| assert_eq!(run_count(), 1));
        run();
        assert!(!tasklet.is_alive());
    });
}

fn pipe(x: &Channel<i32>, y: &Channel<i32>) {
    let (x, y) = (x.clone(), y.clone());
    go(move || y.send(x.receive().unwrap()).unwrap());
}

#[test]
fn test_simple_pipe() {
    checked(|| {
        let (x, y) = (Channel::new(), Channel::new());
        pipe(&x, &y);
        run();
        x.send(42).unwrap();
        assert_eq!(y.receive().unwrap(), 42);
    });
}

#[test]
fn test_nested_pipe() {
    checked(|| {
        let (x, y) = (Channel::new(), Channel::new());
        let (outer_x, outer_y) = (x.clone(), y.clone());
        go(move || {
            let (x, y) = (Channel::new(), Channel::new());
            pipe(&x, &y);
            x.send(outer_x.receive().unwrap()).unwrap();
            outer_y.send(y.receive().unwrap()).unwrap();
        });
        x.send(13).unwrap();
        assert_eq!(y.receive().unwrap(), 13);
    });
}

#[test]
fn test_wait_two() {
    checked(|| {
        let (x, y, ret) = (Channel::new(), Channel::new(), Channel::new());
        let (wait_x, wait_y, out) = (x.clone(), y.clone(), ret.clone());
        go(move || {
            let barrier = Channel::new();
            for (number, channel) in [(1, wait_x), (2, wait_y)] {
                let barrier = barrier.clone();
                go(move || drop(barrier.send((number, channel.receive().unwrap()))));
            }
            out.send(barrier.receive().unwrap()).unwrap();
        });
        y.send(42).unwrap();
        x.send(42).unwrap();
        assert_eq!(ret.receive().unwrap(), (2, 42));
    });
}

/// PyPy's issue 2595: the killed receiver leaves the queue.
#[test]
fn test_kill_tasklet_waiting_for_channel() {
    checked(|| {
        let got = Flag::default();
        let flag = got.clone();
        go(move || {
            let channel = Channel::new();
            let receiver = |flag: &Flag| {
                let (end, flag) = (channel.clone(), flag.clone());
                let tasklet = go(move || {
                    assert_eq!(end.receive().unwrap(), 1);
                    flag.set();
                });
                schedule().unwrap();
                tasklet
            };
            let killed = receiver(&flag);
            killed.kill().unwrap();
            assert_eq!(channel.balance(), 0);
            schedule().unwrap();
            let out = channel.clone();
            go(move || out.send(1).unwrap());
            schedule().unwrap();
            assert_eq!(channel.balance(), 1);
            receiver(&flag);
        });
        run();
        assert_eq!(got.count(), 1);
    });
}
