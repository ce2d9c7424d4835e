//! Tasklets that catch their exit.

use tasklets::{AnyTasklet, Channel, TaskletExit, current, kill_all, run, run_count, schedule, schedule_remove};

use crate::support::*;

/// Swallows this many exits in `wait`.
fn refusing(times: usize, seen: &Flag, wait: impl Fn() + 'static) -> AnyTasklet {
    let flag = seen.clone();
    let tasklet = go(move || {
        while flag.count() < times {
            if caught(&wait).is_err() {
                flag.set();
            }
        }
    });
    tasklet.run().unwrap();
    tasklet
}

/// It survives, blocked in the next receive, and can be given what it waits for.
#[test]
fn swallows_a_kill_and_blocks_again() {
    checked(|| {
        let (channel, seen) = (Channel::<i32>::new(), Flag::default());
        let (end, flag) = (channel.clone(), seen.clone());
        let tasklet = go(move || {
            assert_eq!(raised::<TaskletExit, _>(|| end.receive()), TaskletExit);
            assert_eq!(end.receive().unwrap(), 8);
            flag.set();
        });
        tasklet.run().unwrap();
        tasklet.kill().unwrap();
        assert_eq!((state(&tasklet), channel.balance()), (BLOCKED, -1));
        channel.send(8).unwrap();
        assert_eq!((state(&tasklet), seen.count()), (DEAD, 1));
    });
}

/// Ten attempts, and then they are handed back, wherever they are.
#[test]
fn kill_all_gives_up() {
    checked(|| {
        let (channel, seen) = (Channel::<()>::new(), [Flag::default(), Flag::default(), Flag::default()]);
        let end = channel.clone();
        let refusers = [
            refusing(12, &seen[0], move || drop(end.receive())),
            refusing(12, &seen[1], || schedule_remove().unwrap()),
            refusing(12, &seen[2], || schedule().unwrap()),
        ];
        let willing = go(|| schedule().unwrap());
        assert_eq!(kill_all(), refusers);
        assert_eq!(seen.each_ref().map(Flag::count), [10; 3]);
        assert!(!willing.is_alive());
        assert_eq!((channel.balance(), run_count()), (-1, 2));
        assert_eq!([state(&refusers[0]), state(&refusers[1]), state(&refusers[2])], [BLOCKED, PAUSED, RUNNABLE]);
        assert!(current().is_main());
        for tasklet in &refusers {
            tasklet.kill().unwrap();
            tasklet.kill().unwrap();
            assert!(!tasklet.is_alive());
        }
        assert_eq!((channel.balance(), run_count()), (0, 1));
    });
}

/// The last handle of a paused one that refuses: it is runnable then, and nobody's.
#[test]
fn refuses_its_last_handle() {
    checked(|| {
        let seen = Flag::default();
        let flag = seen.clone();
        let ended = Flag::default();
        let end = ended.clone();
        let tasklet = go(move || {
            drop(caught(schedule_remove).unwrap_err());
            flag.set();
            schedule().unwrap();
            end.set();
        });
        tasklet.run().unwrap();
        drop(tasklet);
        assert_eq!((seen.count(), ended.count(), run_count()), (1, 0, 2));
        run();
        assert_eq!(ended.count(), 1);
    });
}

/// The refuser spawns: what it spawns while everybody is killed is killed, too.
#[test]
fn spawns_while_it_is_killed() {
    checked(|| {
        let spawned = Flag::default();
        let flag = spawned.clone();
        go(move || {
            let _exit = caught(schedule).unwrap_err();
            let guard = flagging(&flag);
            go(move || {
                let _guard = guard;
                unreachable!("it is killed before it begins")
            });
            schedule().unwrap();
        });
        schedule().unwrap();
        assert!(kill_all().is_empty());
        assert_eq!((spawned.count(), run_count()), (1, 1));
    });
}
