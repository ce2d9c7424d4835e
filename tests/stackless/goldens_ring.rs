//! The order in which the ring goes on after each operation on a tasklet.

use tasklets::{AnyTasklet, Channel, Preference, main_tasklet, run, run_count, schedule_remove};

use crate::common::checked;
use crate::support::{Drops, Log, attempt, flags, logged, pass, raise, seq, tasklet, text};

/// `a`, `b` and `c`, runnable and not begun.
fn three(log: &Log) -> [AnyTasklet; 3] {
    ["a", "b", "c"].map(|name| seq(log, name))
}

/// `a`, `b` and `c`, after one round; `b` catches an exit while it waits in `wait`, yields once more, and ends with it.
fn three_with(log: &Log, wait: impl FnOnce() + 'static) -> [AnyTasklet; 3] {
    let a = seq(log, "a");
    let b = {
        let log = log.clone();
        tasklet(move || {
            let Err(exit) = attempt(|| logged(&log, "b", wait)) else { raise("b was not killed") };
            pass();
            log.add("bend");
            drop(exit);
        })
    };
    let c = seq(log, "c");
    pass();
    assert_eq!(log.take(), "a0 c0");
    [a, b, c]
}

#[track_caller]
fn then(log: &Log, expected: &str) {
    run();
    assert_eq!(log.take(), expected);
}

#[test]
fn run_jumps_and_what_follows_runs_before_the_caller() {
    checked(|| {
        let log = Log::default();
        let [_a, b, _c] = three(&log);
        b.run().unwrap();
        log.add("main");
        assert_eq!(log.take(), "b0 c0 main");
        pass();
        log.add("main");
        assert_eq!(log.take(), "a0 b1 c1 main");
        then(&log, "a1");
    });
}

#[test]
fn run_of_a_removed_one_puts_it_last() {
    checked(|| {
        let log = Log::default();
        let [_a, b, _c] = three(&log);
        b.remove().unwrap();
        b.run().unwrap();
        log.add("main");
        assert_eq!(log.take(), "b0 main");
        then(&log, "a0 c0 b1 a1 c1");
    });
}

#[test]
fn remove_and_insert_puts_it_last() {
    checked(|| {
        let log = Log::default();
        let [_a, b, _c] = three(&log);
        b.remove().unwrap();
        b.insert().unwrap();
        then(&log, "a0 c0 b0 a1 c1 b1");
    });
}

#[test]
fn switch_pauses_the_caller_until_it_is_inserted() {
    checked(|| {
        let log = Log::default();
        let _three = three(&log);
        let events = log.clone();
        let s = tasklet(move || {
            events.add("s");
            main_tasklet().insert().unwrap();
        });
        s.switch().unwrap();
        log.add("main");
        assert_eq!(log.take(), "s a0 b0 c0 main");
        assert_eq!(run_count(), 4);
        then(&log, "a1 b1 c1");
    });
}

#[test]
fn kill_of_an_unstarted_one() {
    checked(|| {
        let log = Log::default();
        let [_a, b, _c] = three(&log);
        b.kill().unwrap();
        log.add("main");
        assert_eq!(log.take(), "c0 main");
        assert!(!b.is_alive());
        then(&log, "a0 c1 a1");
    });
}

#[test]
fn kill_of_a_runnable_one_rotates_the_ring() {
    checked(|| {
        let log = Log::default();
        let [_a, b, _c] = three(&log);
        pass();
        assert_eq!(log.take(), "a0 b0 c0");
        b.kill().unwrap();
        log.add("main");
        assert_eq!(log.take(), "b:TaskletExit c1 main");
        then(&log, "a1");
    });
}

#[test]
fn kill_of_a_paused_one_comes_right_back() {
    checked(|| {
        let log = Log::default();
        let [_a, b, _c] = three(&log);
        pass();
        log.take();
        b.remove().unwrap();
        b.kill().unwrap();
        log.add("main");
        assert_eq!(log.take(), "b:TaskletExit main");
        then(&log, "a1 c1");
    });
}

#[test]
fn kill_of_a_blocked_one_that_yields_on_its_way_out() {
    checked(|| {
        let log = Log::default();
        let ch = Channel::<()>::new();
        let receiver = ch.clone();
        let [_a, b, _c] = three_with(&log, move || drop(receiver.receive()));
        assert_eq!(ch.balance(), -1);
        b.kill().unwrap();
        log.add("main");
        assert_eq!(log.take(), "b:TaskletExit main");
        assert_eq!(ch.balance(), 0);
        then(&log, "a1 c1 bend");
    });
}

#[test]
fn pending_kill_of_a_blocked_one_unlinks_it_at_once() {
    checked(|| {
        let log = Log::default();
        let ch = Channel::<()>::new();
        let receiver = ch.clone();
        let [_a, b, _c] = three_with(&log, move || drop(receiver.receive()));
        b.kill_pending().unwrap();
        log.add("main");
        assert_eq!(log.take(), "main");
        assert_eq!(ch.balance(), 0);
        assert_eq!(flags(&b), crate::support::SCHEDULED);
        then(&log, "a1 c1 b:TaskletExit bend");
    });
}

#[test]
fn pending_kill_of_a_runnable_one_keeps_its_place() {
    checked(|| {
        let log = Log::default();
        let [_a, b, _c] = three(&log);
        pass();
        log.take();
        b.kill_pending().unwrap();
        log.add("main");
        assert_eq!(log.take(), "main");
        then(&log, "a1 b:TaskletExit c1");
    });
}

/// `x`, paused, which catches what is thrown, logs it, yields and logs `xpost`; and `a`, runnable.
fn thrown_into(log: &Log) -> [AnyTasklet; 2] {
    let events = log.clone();
    let x = tasklet(move || {
        let payload = attempt(schedule_remove).unwrap_err();
        events.add(format!("x:{}", text(&*payload)));
        pass();
        events.add("xpost");
    });
    x.run().unwrap();
    assert!(x.is_paused());
    [x, seq(log, "a")]
}

#[test]
fn throw_into_a_paused_one_comes_right_back() {
    checked(|| {
        let log = Log::default();
        let [x, _a] = thrown_into(&log);
        x.throw("VE").unwrap();
        log.add("main");
        assert_eq!(log.take(), "x:VE main");
        then(&log, "a0 xpost a1");
    });
}

#[test]
fn pending_throw_into_a_paused_one_appends_it() {
    checked(|| {
        let log = Log::default();
        let [x, _a] = thrown_into(&log);
        x.throw_pending("VE").unwrap();
        log.add("main");
        then(&log, "main a0 x:VE a1 xpost");
    });
}

#[test]
fn spawn_appends() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        tasklet(move || {
            events.add("sp");
            seq(&events, "n");
            events.add("sp2");
            pass();
            events.add("sp3");
        });
        seq(&log, "a");
        then(&log, "sp sp2 a0 n0 sp3 a1 n1");
    });
}

#[test]
fn pending_kill_overwrites_a_delivered_value() {
    checked(|| {
        let (log, drops, ch) = (Log::default(), Drops::default(), Channel::new());
        ch.set_preference(Preference::Sender);
        let (events, receiver) = (log.clone(), ch.clone());
        let r = tasklet(move || drop(logged(&events, "r", || receiver.receive())));
        r.run().unwrap();
        ch.send(drops.value(1)).unwrap();
        assert_eq!(drops.dropped(), 0);
        r.kill_pending().unwrap();
        then(&log, "r:TaskletExit");
        assert_eq!((drops.made(), drops.dropped()), (1, 1));
    });
}

#[test]
fn pending_throws_overwrite_each_other() {
    checked(|| {
        let log = Log::default();
        let [x, _a] = thrown_into(&log);
        x.throw_pending("first").unwrap();
        x.throw_pending("second").unwrap();
        then(&log, "a0 x:second a1 xpost");
    });
}
