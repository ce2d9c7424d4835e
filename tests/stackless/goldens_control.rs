//! Operations on tasklets, row by row: what they refuse, and when they do nothing.

use tasklets::{
    Builder, Channel, TaskletError, current, kill_all, main_tasklet, run, run_count, schedule, schedule_remove,
    switch_trap,
};

use crate::common::checked;
use crate::support::{BLOCKED, DEAD, Log, PAUSED, SCHEDULED, flags, logged, pass, paused, raised, seq, tasklet};

/// Which error it is.
fn why(result: Result<(), TaskletError>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(TaskletError::Dead { .. }) => "dead",
        Err(TaskletError::Blocked { .. }) => "blocked",
        Err(TaskletError::Current { .. }) => "current",
        Err(TaskletError::Scheduled { .. }) => "scheduled",
        Err(TaskletError::Alive { .. }) => "alive",
        Err(TaskletError::Started { .. }) => "started",
        Err(TaskletError::Unbound { .. }) => "unbound",
        Err(TaskletError::Main) => "main",
        Err(TaskletError::SwitchTrap) => "switch_trap",
        Err(_) => "other",
    }
}

#[test]
fn a_new_tasklet_inherits_neither_atomic_nor_block_trap() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        tasklet(move || {
            let me = current();
            me.set_atomic(true);
            me.set_block_trap(true);
            let child = paused(|| ());
            events.add(child.atomic());
            events.add(child.block_trap());
        });
        run();
        assert_eq!(log.take(), "false false");
    });
}

#[test]
fn set_atomic_and_set_block_trap_give_the_old_value() {
    checked(|| {
        let t = paused(|| ());
        assert_eq!(
            [t.set_atomic(true), t.set_atomic(true), t.set_atomic(false), t.atomic()],
            [false, true, true, false]
        );
        let traps = [t.set_block_trap(true), t.set_block_trap(false), t.block_trap()];
        assert_eq!(traps, [false, true, false]);
    });
}

#[test]
fn bind_refuses() {
    checked(|| {
        let ch = Channel::<()>::new();
        let receiver = ch.clone();
        let [runnable, blocked] = [tasklet(pass), tasklet(move || drop(receiver.receive()))];
        let started = tasklet(|| schedule_remove().unwrap());
        run();
        let runnable_again = tasklet(pass);
        assert_eq!(flags(&runnable), DEAD);
        assert_eq!(why(runnable_again.bind(|| ())), "scheduled");
        assert_eq!(why(runnable_again.unbind()), "scheduled");
        assert_eq!(why(blocked.bind_paused(|| ())), "scheduled");
        assert_eq!(why(started.bind(|| ())), "started");
        assert_eq!(why(started.unbind()), "started");
        assert_eq!(why(main_tasklet().unbind()), "main");
        assert_eq!(why(main_tasklet().bind(|| ())), "main");
        let log = Log::default();
        let events = log.clone();
        tasklet(move || {
            events.add(why(current().bind(|| ())));
            events.add(why(current().unbind()));
        });
        run();
        assert_eq!(log.take(), "current current");
        assert_eq!((flags(&started), flags(&blocked)), (PAUSED, BLOCKED));
    });
}

#[test]
fn bind_again_before_the_begin_and_unbind() {
    checked(|| {
        let log = Log::default();
        let [first, second] = ["first", "second"].map(|name| {
            let log = log.clone();
            move || log.add(name)
        });
        let t = paused(first);
        t.bind_paused(second).unwrap();
        t.insert().unwrap();
        run();
        assert_eq!(log.take(), "second");
        t.bind_paused(|| ()).unwrap();
        t.unbind().unwrap();
        assert_eq!(flags(&t), DEAD);
        assert_eq!(why(t.insert()), "dead");
    });
}

#[test]
fn setup_refuses() {
    checked(|| {
        let t = Builder::new().unbound();
        assert_eq!(why(t.setup()), "unbound");
        t.bind(|| ()).unwrap();
        assert_eq!(why(t.setup()), "ok");
        assert_eq!(why(t.setup()), "alive");
        run();
        assert_eq!(why(t.setup()), "unbound");
        assert_eq!(why(paused(|| ()).setup()), "alive");
    });
}

#[test]
fn insert_refuses_and_does_nothing() {
    checked(|| {
        let log = Log::default();
        let ch = Channel::<()>::new();
        let blocked = tasklet(move || drop(ch.receive()));
        run();
        assert_eq!(why(blocked.insert()), "blocked");
        let [a, b] = [seq(&log, "a"), seq(&log, "b")];
        assert_eq!(why(a.insert()), "ok");
        assert_eq!(why(current().insert()), "ok");
        assert_eq!(run_count(), 3);
        run();
        assert_eq!(log.take(), "a0 b0 a1 b1", "both kept their places");
        assert_eq!(why(a.insert()), "dead");
        assert_eq!(why(Builder::new().unbound().insert()), "dead");
        assert_eq!((flags(&b), flags(&blocked)), (DEAD, BLOCKED));
    });
}

#[test]
fn remove_refuses_and_does_nothing() {
    checked(|| {
        let ch = Channel::<()>::new();
        let blocked = tasklet(move || drop(ch.receive()));
        run();
        assert_eq!(why(current().remove()), "current");
        assert_eq!(why(blocked.remove()), "blocked");
        let t = paused(|| ());
        assert_eq!(why(t.remove()), "ok");
        t.run().unwrap();
        assert_eq!(why(t.remove()), "ok", "of a dead one");
        assert_eq!(flags(&blocked), BLOCKED);
    });
}

#[test]
fn run_and_switch_refuse_and_do_nothing() {
    checked(|| {
        let ch = Channel::<()>::new();
        let blocked = tasklet(move || drop(ch.receive()));
        run();
        let dead = tasklet(|| ());
        run();
        assert_eq!((why(blocked.run()), why(blocked.switch())), ("blocked", "blocked"));
        assert_eq!((why(dead.run()), why(dead.switch())), ("dead", "dead"));
        assert_eq!((why(current().run()), why(current().switch())), ("ok", "ok"));
        switch_trap(1);
        assert_eq!(why(blocked.switch()), "blocked", "before the trap");
        assert_eq!((why(current().run()), why(current().switch())), ("ok", "ok"));
        switch_trap(-1);
        assert_eq!(run_count(), 1);
    });
}

#[test]
fn throw_at_the_dead_and_the_unstarted() {
    checked(|| {
        let dead = tasklet(|| ());
        run();
        assert_eq!((why(dead.kill()), why(dead.kill_pending())), ("ok", "ok"));
        assert_eq!((why(dead.throw("x")), why(dead.throw_pending("x"))), ("dead", "dead"));
        let unbound = Builder::new().unbound();
        assert_eq!((why(unbound.kill()), why(unbound.throw("x"))), ("ok", "dead"));

        let log = Log::default();
        let unstarted = seq(&log, "a");
        assert_eq!(raised(|| unstarted.throw("IE")), "IE");
        assert!(!unstarted.is_alive());
        let unstarted = seq(&log, "b");
        unstarted.throw_pending("IE").unwrap();
        assert_eq!(flags(&unstarted), SCHEDULED);
        assert_eq!(raised(run), "IE");
        let unstarted = seq(&log, "c");
        unstarted.kill_pending().unwrap();
        assert_eq!(run().to_string(), "the 1 tasklet finished");
        assert_eq!((flags(&unstarted), log.take().as_str()), (DEAD, ""));
    });
}

#[test]
fn throw_at_itself_is_raised_at_once_even_pending() {
    checked(|| {
        assert_eq!(raised(|| current().throw("now")), "now");
        assert_eq!(raised(|| current().throw_pending("pending")), "pending");
        assert_eq!(raised(|| current().kill()), "TaskletExit");
    });
}

#[test]
fn an_exit_may_be_caught_and_a_second_kill_works() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        let t = tasklet(move || {
            events.add(raised(schedule_remove));
            logged(&events, "second", schedule_remove).unwrap();
        });
        t.run().unwrap();
        t.kill().unwrap();
        assert!(t.is_paused());
        t.kill().unwrap();
        assert_eq!((flags(&t), log.take().as_str()), (DEAD, "TaskletExit second:TaskletExit"));
    });
}

#[test]
fn schedule_alone_returns_at_once() {
    checked(|| {
        schedule().unwrap();
        schedule_remove().unwrap();
        assert_eq!(run_count(), 1, "main alone is not removed");
        switch_trap(1);
        schedule().unwrap();
        schedule_remove().unwrap();
        switch_trap(-1);
    });
}

#[test]
fn schedule_remove_of_the_last_one_ends_the_run() {
    checked(|| {
        let t = tasklet(|| schedule_remove().unwrap());
        assert_eq!(run().finished, 0);
        assert_eq!(flags(&t), PAUSED);
        t.run().unwrap();
        assert_eq!(flags(&t), DEAD);
    });
}

#[test]
fn a_switch_trap_refuses_every_real_switch() {
    checked(|| {
        let log = Log::default();
        let t = seq(&log, "t");
        let p = paused(|| ());
        assert_eq!(switch_trap(1), 0);
        assert_eq!(switch_trap(1), 1);
        assert_eq!(why(schedule()), "switch_trap");
        assert_eq!(why(schedule_remove()), "switch_trap");
        assert_eq!((why(t.run()), why(t.switch())), ("switch_trap", "switch_trap"));
        assert_eq!((why(p.run()), why(p.switch())), ("switch_trap", "switch_trap"));
        assert_eq!((why(t.kill()), why(t.throw("x"))), ("switch_trap", "switch_trap"));
        assert!(run().to_string().starts_with("nothing ran: switch_trap"));
        assert_eq!((why(t.remove()), why(t.insert())), ("ok", "ok"), "these do not switch");
        assert_eq!((flags(&t), flags(&p), run_count()), (SCHEDULED, PAUSED, 2));
        assert_eq!(switch_trap(-2), 2);
        run();
        assert_eq!(log.take(), "t0 t1");
    });
}

#[test]
fn dropping_the_last_handle_of_a_paused_one_kills_it() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        let started = tasklet(move || logged(&events, "t", schedule_remove).unwrap());
        run();
        let second = started.clone();
        drop(started);
        assert_eq!(log.take(), "");
        drop(second);
        assert_eq!(log.take(), "t:TaskletExit");
        let events = log.clone();
        drop(paused(move || events.add("never")));
        run();
        assert_eq!(log.take(), "");
    });
}

#[test]
fn one_that_refuses_to_die_is_given_up_after_ten_attempts() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        let stubborn = tasklet(move || {
            for _ in 0..12 {
                events.add(raised(schedule_remove).len());
            }
        });
        run();
        let refused = kill_all();
        assert_eq!(refused, std::slice::from_ref(&stubborn));
        assert_eq!(log.take().split(' ').count(), 10);
        assert!(stubborn.is_alive());
        drop(refused);
        stubborn.kill().unwrap();
        stubborn.kill().unwrap();
        assert_eq!(flags(&stubborn), DEAD);
    });
}
