//! PyPy, test_stackless.py.

use std::cell::RefCell;
use std::rc::Rc;

use tasklets::{Builder, Channel, Preference, TaskletExit, current, main_tasklet, run, schedule};

use crate::support::*;

#[test]
fn test_simple() {
    checked(|| {
        let log = Log::default();
        log.add("m");
        let entries = log.clone();
        go(move || {
            entries.add("g");
            schedule().unwrap();
        });
        let entries = log.clone();
        go(move || entries.add("f"));
        run();
        log.add("m");
        assert_eq!(log.take(), "m g f m");
        assert_eq!(current(), main_tasklet());
    });
}

fn with_channel(preference: Preference) -> String {
    let (log, channel) = (Log::default(), Channel::new());
    channel.set_preference(preference);
    let (entries, out) = (log.clone(), channel.clone());
    go(move || {
        for i in 0..10 {
            entries.add(format!("s{i}"));
            out.send(i).unwrap();
        }
        out.send(-1).unwrap();
    });
    let entries = log.clone();
    go(move || {
        loop {
            match channel.receive().unwrap() {
                -1 => break,
                i => entries.add(format!("r{i}")),
            }
        }
    });
    run();
    log.take()
}

#[test]
fn test_with_channel() {
    checked(|| {
        let receiver = "s0 r0 s1 r1 s2 r2 s3 r3 s4 r4 s5 r5 s6 r6 s7 r7 s8 r8 s9 r9";
        let neither = "s0 r0 s1 s2 r1 r2 s3 s4 r3 r4 s5 s6 r5 r6 s7 s8 r7 r8 s9 r9";
        let sender = "s0 s1 r0 s2 r1 s3 r2 s4 r3 s5 r4 s6 r5 s7 r6 s8 r7 s9 r8 r9";
        assert_eq!(with_channel(Preference::Receiver), receiver);
        assert_eq!(with_channel(Preference::Neither), neither);
        assert_eq!(with_channel(Preference::Sender), sender);
    });
}

/// The numbers below 20 in an order that only `seed` decides.
fn shuffled(mut seed: u64) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..20).collect();
    for i in (1..numbers.len()).rev() {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        numbers.swap(i, (seed >> 33) as usize % (i + 1));
    }
    numbers
}

/// Yields `n` times: who yields less comes first.
fn sleep(n: usize) {
    (0..n).for_each(|_| schedule().unwrap());
}

#[test]
fn test_send_counter() {
    checked(|| {
        for seed in 0..5 {
            let channel = Channel::new();
            for n in shuffled(seed) {
                let out = channel.clone();
                go(move || {
                    sleep(n);
                    out.send(n).unwrap();
                });
            }
            run();
            let mut seen = Vec::new();
            while channel.balance() != 0 {
                seen.push(channel.receive().unwrap());
            }
            assert_eq!(seen, (0..20).collect::<Vec<_>>());
            run();
        }
    });
}

#[test]
fn test_receive_counter() {
    checked(|| {
        for seed in 0..5 {
            let (channel, seen) = (Channel::new(), Rc::new(RefCell::new(Vec::new())));
            for n in shuffled(seed) {
                let (end, seen) = (channel.clone(), seen.clone());
                go(move || {
                    sleep(n);
                    end.receive().unwrap();
                    seen.borrow_mut().push(n);
                });
            }
            run();
            while channel.balance() != 0 {
                channel.send(()).unwrap();
            }
            assert_eq!(seen.take(), (0..20).collect::<Vec<_>>());
        }
    });
}

/// Logs its name with `b`, yields, logs it with `a`.
fn before_after(log: &Log, name: [&'static str; 2]) {
    let log = log.clone();
    go(move || {
        log.add(name[0]);
        schedule().unwrap();
        log.add(name[1]);
    });
}

#[test]
fn test_scheduling_cleanup() {
    checked(|| {
        let log = Log::default();
        for name in [["fb", "fa"], ["gb", "ga"], ["hb", "ha"]] {
            before_after(&log, name);
        }
        log.add("mb");
        run();
        log.add("ma");
        assert_eq!(log.take(), "mb fb gb hb fa ga ha ma");
    });
}

/// The error goes to `run` at once; the others go on in their order.
#[test]
fn test_except() {
    checked(|| {
        let log = Log::default();
        before_after(&log, ["bg", "ag"]);
        let entries = log.clone();
        go(move || {
            entries.add("f");
            raise(ZeroDivisionError);
        });
        before_after(&log, ["bh", "ah"]);
        raised::<ZeroDivisionError, _>(run);
        log.add("E");
        schedule().unwrap();
        schedule().unwrap();
        assert_eq!(log.take(), "bg f E bh ag ah");
    });
}

#[test]
fn test_kill() {
    checked(|| {
        let tasklet = go(|| ());
        tasklet.kill().unwrap();
        assert!(!tasklet.is_alive());
    });
}

#[test]
fn test_catch_taskletexit() {
    checked(|| {
        let seen = Flag::default();
        let flag = seen.clone();
        let tasklet = go(move || {
            let exit = raised::<TaskletExit, _>(schedule);
            flag.set();
            raise(exit);
        });
        tasklet.run().unwrap();
        assert!(tasklet.is_alive());
        tasklet.kill().unwrap();
        assert!(!tasklet.is_alive() && seen.is_set());
    });
}

#[test]
fn test_autocatch_taskletexit() {
    checked(|| {
        let tasklet = go(|| schedule().unwrap());
        tasklet.run().unwrap();
        tasklet.kill().unwrap();
        assert!(!tasklet.is_alive());
    });
}

/// Three ways to make one.
#[test]
fn test_construction() {
    checked(|| {
        let log = Log::default();
        let says = |text: &'static str| {
            let log = log.clone();
            move || log.add(text)
        };
        go(says("spawned"));
        run();
        let tasklet = Builder::new().unbound();
        tasklet.bind(says("bound")).unwrap();
        tasklet.setup().unwrap();
        run();
        let tasklet = Builder::new().name("t").paused(says("built"));
        tasklet.insert().unwrap();
        run();
        assert_eq!(log.take(), "spawned bound built");
    });
}

#[test]
fn test_simple_channel() {
    checked(|| {
        let (log, channel) = (Log::default(), Channel::new());
        let (entries, out) = (log.clone(), channel.clone());
        go(move || {
            entries.add("sending");
            out.send("foo").unwrap();
        });
        schedule().unwrap();
        let entries = log.clone();
        go(move || {
            entries.add("receiving");
            entries.add(channel.receive().unwrap());
        });
        schedule().unwrap();
        run();
        assert_eq!(log.take(), "sending receiving foo");
    });
}

#[test]
fn test_balance() {
    checked(|| {
        let channel = Channel::new();
        assert_eq!(channel.balance(), 0);
        let out = channel.clone();
        let sender = go(move || out.send("foo").unwrap());
        run();
        assert_eq!(channel.balance(), 1);
        sender.kill().unwrap();
        let end = channel.clone();
        let receiver = go(move || drop(end.receive()));
        run();
        assert_eq!(channel.balance(), -1);
        receiver.kill().unwrap();
        assert_eq!(channel.balance(), 0);
    });
}

#[test]
fn test_run_and_schedule() {
    checked(|| {
        let log = Log::default();
        for pump in [|| drop(run()), || schedule().unwrap()] {
            for i in [1, 2] {
                let entries = log.clone();
                go(move || entries.add(i));
            }
            pump();
            assert_eq!(log.take(), "1 2");
        }
    });
}

#[test]
fn test_cooperative() {
    checked(|| {
        let log = Log::default();
        for i in [1, 2] {
            let entries = log.clone();
            go(move || {
                for _ in 0..3 {
                    schedule().unwrap();
                    entries.add(i);
                }
            });
        }
        run();
        assert_eq!(log.take(), "1 2 1 2 1 2");
    });
}
