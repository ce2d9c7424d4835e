//! Out of stacks.

use greenlet::set_max_stacks;
use tasklets::{AnyTasklet, Channel, TaskletError, kill_all, run, schedule, schedule_remove, spawn, stats};

use crate::support::*;

fn limit(stacks: usize) {
    greenlet::trim();
    set_max_stacks(stacks);
}

fn noting(log: &Log, name: &'static str) -> AnyTasklet {
    let log = log.clone();
    go(move || log.add(name))
}

/// The starved wait aside, the others go on, and they begin as stacks come back; each runs once.
#[test]
fn starved_ones_begin_when_stacks_come_back() {
    checked(|| {
        limit(2);
        let log = Log::default();
        for name in ["a", "b", "c", "d", "e"] {
            let log = log.clone();
            go(move || {
                log.add(name);
                schedule().unwrap();
                log.add(name.to_uppercase());
            });
        }
        schedule().unwrap();
        assert_eq!(log.take(), "a b");
        let outcome = run();
        assert_eq!(outcome.to_string(), "all 5 tasklets finished");
        let mut rest: Vec<_> = log.take().split(' ').map(str::to_owned).collect();
        rest.sort();
        assert_eq!(rest.join(" "), "A B C D E c d e");
        limit(usize::MAX);
    });
}

/// If only they are left, `run` says so and names the limit; they stay startable.
#[test]
fn run_names_the_starved() {
    checked(|| {
        limit(1);
        let log = Log::default();
        let holder = go(|| schedule_remove().unwrap());
        holder.run().unwrap();
        let starved = noting(&log, "starved");
        let outcome = run();
        assert_eq!((outcome.starved, outcome.blocked, outcome.finished), (1, 0, 0));
        let report = outcome.report();
        assert_eq!(report.starved.len(), 1);
        let text = outcome.to_string();
        assert!(text.contains("1 tasklet waiting for a stack") && text.contains("stacks.rs"), "{text}");
        assert!(text.contains("set_max_stacks"), "names the limit: {text}");
        assert!(starved.is_alive() && log.len() == 0);
        holder.run().unwrap();
        run();
        assert_eq!(log.take(), "starved");
        limit(usize::MAX);
    });
}

/// Nobody else's operation fails for their sake.
#[test]
fn others_are_not_disturbed() {
    checked(|| {
        limit(2);
        let (channel, log) = (Channel::new(), Log::default());
        let (end, entries) = (channel.clone(), log.clone());
        go(move || end.iter().for_each(|i| entries.add(i)));
        let out = channel.clone();
        go(move || {
            for i in 0..3 {
                out.send(i).unwrap();
                schedule().unwrap();
            }
            out.shutdown();
        });
        let late = noting(&log, "late");
        schedule().unwrap();
        schedule().unwrap();
        assert!(late.is_alive());
        run();
        assert_eq!(log.take(), "0 1 2 late");
        limit(usize::MAX);
    });
}

/// A direct switch fails, and nothing has changed; a starved one can be removed, inserted, killed and dropped.
#[test]
fn starved_ones_are_handled_as_others() {
    checked(|| {
        limit(0);
        let log = Log::default();
        let tasklets = ["a", "b", "c", "d"].map(|name| noting(&log, name));
        schedule().unwrap();
        let [a, b, c, d] = &tasklets;
        assert!(matches!(a.run(), Err(TaskletError::Stack(_))));
        assert!(matches!(a.switch(), Err(TaskletError::Stack(_))));
        a.insert().unwrap();
        schedule().unwrap();
        b.remove().unwrap();
        assert_eq!(state(b), PAUSED);
        c.kill().unwrap();
        assert_eq!(state(c), DEAD);
        d.kill_pending().unwrap();
        run();
        assert_eq!((state(d), log.len()), (DEAD, 0));
        limit(usize::MAX);
        run();
        assert_eq!(log.take(), "a");
        b.run().unwrap();
        assert_eq!(log.take(), "b");
    });
}

/// Starved when everything ends: they never run.
#[test]
fn starved_ones_are_killed_by_kill_all() {
    checked(|| {
        limit(0);
        let ends = Flag::default();
        for _ in 0..3 {
            let guard = flagging(&ends);
            drop(go(move || drop(guard)));
        }
        run();
        assert_eq!((stats().tasklets, ends.count()), (3, 0));
        assert!(kill_all().is_empty());
        assert_eq!((stats().tasklets, ends.count()), (0, 3));
        drop(noting(&Log::default(), "left to the end of enter"));
        run();
    });
}

/// A join of a starved one goes on when it can begin.
#[test]
fn a_starved_one_is_joined() {
    checked(|| {
        limit(1);
        let holder = go(|| (0..3).for_each(|_| schedule().unwrap()));
        let joined = spawn(|| 4);
        holder.run().unwrap();
        assert_eq!(joined.join().unwrap(), 4);
        run();
        limit(usize::MAX);
    });
}
