//! Several joiners of one tasklet: who has waited longest goes first, and any of them may leave.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use tasklets::{AnyTasklet, JoinError, Tasklet, kill_all, run, schedule, schedule_remove, spawn};

use crate::common::scale;
use crate::support::*;

/// A tasklet that ends when it is inserted, and joiners that note their turn.
fn joined(joiners: usize, log: &Log) -> (Tasklet<i32>, Vec<AnyTasklet>) {
    let target = spawn(|| {
        schedule_remove().unwrap();
        7
    });
    let joiners = (0..joiners).map(|turn| {
        let (target, log) = (target.clone(), log.clone());
        go(move || match target.join() {
            Ok(value) => log.add(format_args!("{turn}:{value}")),
            Err(error) => assert!(matches!(error, JoinError::Taken), "{error}"),
        })
    });
    let joiners = joiners.collect();
    run();
    (target, joiners)
}

#[test]
fn the_longest_waiting_one_gets_the_value() {
    checked(|| {
        for joiners in 1..5 {
            let log = Log::default();
            let (target, all) = joined(joiners, &log);
            assert!(all.iter().all(AnyTasklet::is_blocked));
            for pair in all.windows(2) {
                assert_eq!(pair[0].next(), Some(pair[1].clone()));
                assert_eq!(pair[1].prev(), Some(pair[0].clone()));
            }
            assert_eq!((all[0].prev(), all[joiners - 1].next()), (None, None));
            target.insert().unwrap();
            assert!(run().is_finished());
            assert_eq!(log.take(), "0:7");
        }
    });
}

#[test]
fn any_of_them_is_killed() {
    checked(|| {
        for killed in (0..16_usize).map(|set| (0..4).filter(move |n| set & 1 << n != 0).collect::<Vec<usize>>()) {
            for backwards in [false, true] {
                let log = Log::default();
                let (target, all) = joined(4, &log);
                let mut order = killed.clone();
                if backwards {
                    order.reverse();
                }
                for at in order {
                    all[at].kill().unwrap();
                    assert!(!all[at].is_alive());
                }
                let left: Vec<usize> = (0..4).filter(|at| !killed.contains(at)).collect();
                for pair in left.windows(2) {
                    assert_eq!(all[pair[0]].next(), Some(all[pair[1]].clone()));
                }
                target.insert().unwrap();
                assert!(run().is_finished());
                assert_eq!(log.take(), left.first().map_or(String::new(), |first| format!("{first}:7")));
                assert_eq!(target.join().is_ok(), left.is_empty());
            }
        }
    });
}

#[test]
fn a_panic_is_told_to_one_of_them() {
    checked(|| {
        let target = spawn(|| {
            schedule_remove().unwrap();
            std::panic::resume_unwind(Box::new("oh"));
        });
        let told = [(); 3].map(|()| {
            let target = target.clone();
            spawn(move || target.join().map_err(JoinError::into_panic))
        });
        run();
        // It is killed by a panic of its own while they wait.
        target.insert().unwrap();
        assert!(run().is_finished());
        let told = told.map(|told| told.join().expect("no panic").expect_err("no value"));
        assert_eq!(told.map(|panic| panic.is_some()), [true, false, false]);
        // Nobody is left to be told: it does not surface when the last handle goes.
        assert!(catch_unwind(AssertUnwindSafe(|| drop(target))).is_ok());
    });
}

#[test]
fn many_are_woken_in_linear_time() {
    checked(|| {
        let log = Log::default();
        let (target, all) = joined(scale(20_000), &log);
        target.insert().unwrap();
        assert!(run().is_finished());
        assert!(all.iter().all(|joiner| !joiner.is_alive()));
        assert_eq!(log.take(), "0:7");
    });
}

#[test]
fn the_end_of_everything() {
    checked(|| {
        let log = Log::default();
        let (target, all) = joined(10, &log);
        schedule().unwrap();
        assert!(kill_all().is_empty());
        assert!(all.iter().all(|joiner| !joiner.is_alive()));
        assert!(matches!(target.join(), Err(JoinError::Killed)));
        assert_eq!(log.len(), 0);
    });
}

/// A body that gives back what it has, or raises its turn.
fn body(turn: usize, value: &Rc<()>) -> Tasklet<Rc<()>> {
    let value = value.clone();
    spawn(move || if turn % 6 == 2 { resume_unwind(Box::new(turn)) } else { value })
}

/// Memory of bodies is used again by those of the same type: nothing of one is seen of the next one.
#[test]
fn outcomes_of_bodies_of_one_type_are_their_own() {
    checked(|| {
        let value = Rc::new(());
        for turn in 0..scale(600) {
            let tasklet = body(turn, &value);
            // More than one at a time, now and then.
            let other = (turn % 7 == 0).then(|| body(0, &value));
            match turn % 6 {
                0 => assert!(tasklet.join().is_ok()),
                1 => assert!(run().is_finished()),
                2 => {
                    let Err(JoinError::Panicked(payload)) = tasklet.join() else { panic!("it was raised") };
                    assert_eq!(payload.downcast_ref(), Some(&turn));
                }
                3 => {
                    tasklet.kill().unwrap();
                    assert!(matches!(tasklet.join(), Err(JoinError::Killed)));
                }
                4 => drop(tasklet.detach()),
                _ => {
                    let second = tasklet.clone();
                    assert!(tasklet.join().is_ok());
                    assert!(matches!(second.join(), Err(JoinError::Taken)));
                }
            }
            if let Some(other) = other {
                assert!(other.join().is_ok());
            }
        }
        assert!(run().is_finished());
        assert_eq!(Rc::strong_count(&value), 1);
    });
}
