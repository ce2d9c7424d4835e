//! Killing, and waiting until the target has died.

use std::panic::catch_unwind;
use std::time::Duration;

use tasklets::{
    Cancelled, JoinError, Runtime, TaskletError, current, now, schedule, schedule_remove, shield, sleep, spawn,
    timeout, with_virtual_time,
};

use crate::common::checked;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn it_tells_whether_the_target_died() {
    checked(|| {
        with_virtual_time(|| {
            let obedient = spawn(|| schedule_remove().unwrap());
            let slow = spawn(|| shield(|| sleep(SECOND * 10).unwrap()));
            let swallowing = spawn(|| {
                while catch_unwind(|| sleep(HOUR).unwrap()).is_err() {
                    shield(|| sleep(SECOND).unwrap());
                }
            });
            schedule().unwrap();
            let began = now();
            assert!(obedient.kill_and_wait(now() + SECOND).unwrap());
            assert!(!slow.kill_and_wait(now() + SECOND).unwrap());
            assert!(slow.is_cancelled());
            assert_eq!(now() - began, SECOND);
            assert!(slow.kill_and_wait(now() + SECOND * 20).unwrap());
            assert_eq!(now() - began, SECOND * 10);
            assert!(!swallowing.kill_and_wait(now() + SECOND * 5).unwrap());
            swallowing.kill().unwrap();
            assert!(swallowing.kill_and_wait(now()).is_ok());
            // Once more, for the dead.
            assert!(obedient.kill_and_wait(now()).unwrap());
            assert!(matches!(current().kill_and_wait(now()), Err(TaskletError::Current { .. })));
            assert!(matches!(obedient.join(), Err(JoinError::Killed)));
            drop(tasklets::kill_all());
        });
    });
}

#[test]
fn the_killer_can_be_interrupted() {
    checked(|| {
        with_virtual_time(|| {
            let slow = spawn(|| shield(|| sleep(HOUR).unwrap()));
            schedule().unwrap();
            assert!(timeout(SECOND, || slow.kill_and_wait(now() + HOUR * 2)).is_err());
            let target = slow.clone();
            let killer = spawn(move || target.kill_and_wait(now() + HOUR * 2));
            schedule().unwrap();
            killer.cancel();
            assert!(matches!(killer.join(), Err(JoinError::Killed)));
            assert!(slow.is_alive());
            assert!(matches!(slow.join(), Ok(())));
        });
    });
}

#[test]
fn block_traps_and_several_killers() {
    checked(|| {
        with_virtual_time(|| {
            let slow = spawn(|| shield(|| sleep(SECOND).unwrap()));
            schedule().unwrap();
            current().set_block_trap(true);
            assert!(matches!(slow.kill_and_wait(now() + HOUR), Err(TaskletError::BlockTrap)));
            current().set_block_trap(false);
            let killers: Vec<_> = (0..5)
                .map(|_| {
                    let slow = slow.clone();
                    spawn(move || slow.kill_and_wait(now() + HOUR).unwrap())
                })
                .collect();
            assert!(killers.iter().all(|killer| killer.join().unwrap()));
        });
    });
}

#[test]
fn a_runtime_that_stops_cancels_who_survives_one_kill() {
    checked(|| {
        let runtime = Runtime::builder().threads(1).build().unwrap();
        let (tell, told) = tasklets::unbounded();
        // It catches what is raised in it more often than a thread's end would kill it, and ends then.
        let patient = runtime
            .spawn(move || {
                for _ in 0..15 {
                    let caught = catch_unwind(|| sleep(HOUR).unwrap()).unwrap_err();
                    tell.send(caught.is::<Cancelled>()).unwrap();
                    shield(|| schedule().unwrap());
                }
            })
            .unwrap();
        while patient.remote().is_none() {
            sleep(Duration::from_millis(1)).unwrap();
        }
        let ended = runtime.shutdown_timeout(Duration::from_millis(1));
        assert_eq!((ended.killed, ended.survived), (1, 0), "{ended}");
        assert_eq!(told.iter().filter(|cancelled| *cancelled).count(), 15);
        assert!(patient.join().is_ok());
    });
}

#[test]
fn across_threads() {
    checked(|| {
        let runtime = Runtime::builder().threads(2).build().unwrap();
        let minute = Duration::from_secs(60);
        let sleeper = runtime.spawn(|| sleep(HOUR).unwrap()).unwrap();
        assert!(sleeper.kill_and_wait(now() + minute).unwrap());
        assert!(matches!(sleeper.join(), Err(JoinError::Killed)));
        let swallower = runtime
            .spawn(|| {
                let mut met = 0;
                while met < 3 {
                    met += u32::from(catch_unwind(|| sleep(HOUR).unwrap()).is_err());
                }
                met
            })
            .unwrap();
        while swallower.remote().is_none() {
            schedule().unwrap();
        }
        assert!(swallower.kill_and_wait(now() + minute).unwrap());
        assert_eq!(swallower.join().unwrap(), 3);
        let (gate, opened) = tasklets::rendezvous();
        let shielded = runtime
            .spawn(move || {
                shield(|| {
                    opened.recv().unwrap();
                    opened.recv().unwrap();
                });
                opened.recv().unwrap();
            })
            .unwrap();
        gate.send(()).unwrap();
        assert!(!shielded.kill_and_wait(now() + Duration::from_millis(1)).unwrap());
        gate.send(()).unwrap();
        assert!(shielded.kill_and_wait(now() + minute).unwrap());
        assert!(matches!(shielded.join(), Err(JoinError::Killed)));
        assert!(runtime.shutdown().is_clean());
    });
}
