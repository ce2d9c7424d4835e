//! Limits of time: each knows its own.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use tasklets::{
    Channel, JoinError, Missed, Reason, advance, bounded, current, interval, is_cancelled, now, run, schedule, shield,
    sleep, spawn, timeout, timeout_at, with_virtual_time,
};

use crate::common::{checked, scale};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

fn timed(body: impl FnOnce() + Send + 'static) {
    checked(|| with_virtual_time(body));
}

#[test]
fn it_ends_at_its_time() {
    timed(|| {
        let began = now();
        let elapsed = timeout(SECOND, || sleep(HOUR).unwrap()).unwrap_err();
        assert_eq!(now() - began, SECOND);
        assert_eq!(elapsed.deadline(), Some(began + SECOND));
        assert_eq!(elapsed.location().file(), file!());
        assert!(elapsed.to_string().contains("limits.rs"), "{elapsed}");
        assert_eq!(timeout(HOUR, || sleep(SECOND).is_ok()), Ok(true));
        assert_eq!(now() - began, SECOND * 2);
        // Nothing is left of it.
        sleep(HOUR * 2).unwrap();
        assert!(!is_cancelled());
    });
}

#[test]
fn nested_ones_each_know_their_own() {
    timed(|| {
        // The inner one.
        let outer = timeout(HOUR, || timeout(SECOND, || sleep(HOUR * 2).unwrap()).unwrap_err());
        let inner = outer.unwrap();
        // The outer one, through the inner one.
        let passed = Rc::new(Cell::new(true));
        let flag = passed.clone();
        let outer = timeout(SECOND, || {
            let inner = timeout(HOUR, || sleep(HOUR * 2).unwrap());
            flag.set(false);
            inner
        })
        .unwrap_err();
        assert!(passed.get());
        assert_ne!(inner.number(), outer.number());
        // Both at once: the outer one counts.
        let both = now() + SECOND;
        assert!(timeout_at(both, || timeout_at(both, || sleep(HOUR).unwrap()).is_err()).is_err());
        // The inner one, and then the outer one before the next operation.
        let outer = timeout(SECOND * 2, || {
            assert!(timeout(SECOND, || sleep(HOUR).unwrap()).is_err());
            advance(HOUR);
            sleep(SECOND).unwrap();
        });
        assert!(outer.is_err());
    });
}

#[test]
fn many_deep() {
    timed(|| {
        fn nest(depth: u32, at: u32) -> Result<u32, u32> {
            if depth == 0 {
                sleep(HOUR).unwrap();
                return Ok(0);
            }
            let time = if depth == at { SECOND } else { HOUR * 2 + SECOND * depth };
            match timeout(time, || nest(depth - 1, at)) {
                Ok(result) => result,
                Err(_) => Err(depth),
            }
        }
        for at in 1..=20 {
            assert_eq!(nest(20, at), Err(at));
        }
        assert_eq!(nest(20, 99), Ok(0));
    });
}

#[test]
fn a_value_wins_though_the_time_is_up() {
    timed(|| {
        assert_eq!(timeout_at(now(), || 1), Ok(1));
        let value = timeout(SECOND, || {
            advance(HOUR);
            2
        });
        assert_eq!(value, Ok(2));
        let swallowed = timeout(SECOND, || {
            for _ in 0..3 {
                assert!(catch_unwind(|| sleep(HOUR).unwrap()).is_err());
            }
            3
        });
        assert_eq!(swallowed, Ok(3));
        assert!(!is_cancelled());
    });
}

#[test]
fn other_panics_go_through() {
    timed(|| {
        let payload = catch_unwind(|| timeout(SECOND, || std::panic::resume_unwind(Box::new("oh")))).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"oh"));
        let t = spawn(|| timeout(HOUR, || sleep(HOUR).unwrap()).unwrap());
        schedule().unwrap();
        t.kill().unwrap();
        assert!(matches!(t.join(), Err(JoinError::Killed)));
        let t = spawn(|| timeout(HOUR, || sleep(HOUR).unwrap()).is_err());
        schedule().unwrap();
        t.cancel();
        assert!(matches!(t.join(), Err(JoinError::Killed)));
    });
}

#[test]
fn what_is_cancelled_wholly_is_not_caught_by_a_timeout() {
    timed(|| {
        let t = spawn(|| {
            current().cancel();
            timeout_at(now(), || sleep(HOUR).unwrap()).is_err()
        });
        assert!(matches!(t.join(), Err(JoinError::Killed)));
    });
}

#[test]
fn a_shield_inside_holds_it_off() {
    timed(|| {
        let began = now();
        let limited = timeout(SECOND, || {
            shield(|| sleep(HOUR).unwrap());
            sleep(HOUR).unwrap();
        });
        assert!(limited.is_err());
        assert_eq!(now() - began, HOUR);
    });
}

#[test]
fn a_time_that_never_comes_is_no_limit() {
    timed(|| {
        assert_eq!(timeout(Duration::MAX, || sleep(HOUR).is_ok()), Ok(true));
    });
}

#[test]
fn many_tasklets_at_a_time() {
    timed(|| {
        let n = scale(1000) as u32;
        let channel = Channel::<u32>::new();
        let tasklets: Vec<_> = (0..n)
            .map(|i| {
                let channel = channel.clone();
                spawn(move || timeout(SECOND * (i % 10 + 1), || channel.receive().unwrap()).is_err())
            })
            .collect();
        let began = now();
        assert!(run().is_finished());
        assert!(now() - began <= SECOND * 10);
        assert!(tasklets.iter().all(|t| t.join().unwrap()));
        assert_eq!(channel.balance(), 0);
    });
}

#[test]
fn a_busy_thread_is_interrupted_too() {
    checked(|| {
        let looped = timeout(Duration::from_millis(1), || {
            loop {
                schedule().unwrap();
            }
        });
        assert!(looped.is_err());
        let busy = spawn(|| {
            loop {
                schedule().unwrap();
            }
        });
        let slept = timeout(Duration::from_millis(1), || sleep(HOUR).unwrap());
        assert!(slept.is_err());
        busy.kill().unwrap();
    });
}

#[test]
fn many_sleepers_are_woken_soon_after_hours_of_virtual_time() {
    checked(|| {
        with_virtual_time(|| sleep(HOUR).unwrap());
        let began = std::time::Instant::now();
        let sleepers: Vec<_> = (0..200).map(|_| spawn(|| sleep(Duration::from_millis(1)).unwrap())).collect();
        assert!(sleepers.iter().all(|sleeper| sleeper.join().is_ok()));
        assert!(began.elapsed() < HOUR / 60);
    });
}

#[test]
fn joins_have_limits() {
    timed(|| {
        let t = spawn(|| {
            sleep(SECOND * 2).unwrap();
            7
        });
        assert!(matches!(t.join_timeout(SECOND), Err(JoinError::TimedOut)));
        assert!(matches!(t.join_deadline(now()), Err(JoinError::TimedOut)));
        assert_eq!(t.join_timeout(Duration::MAX).unwrap(), 7);
        assert!(matches!(t.join_timeout(SECOND), Err(JoinError::Taken)));
        let me = spawn(|| ());
        assert!(me.join_deadline(now() + SECOND).is_ok());
    });
}

#[test]
fn an_interrupted_wait_with_its_own_deadline() {
    timed(|| {
        let (_tx, rx) = bounded::<u8>(1);
        let outer = timeout(SECOND, || rx.recv_timeout(HOUR).is_err());
        assert!(outer.is_err());
        let inner = timeout(HOUR, || rx.recv_timeout(SECOND).unwrap_err()).unwrap();
        assert!(matches!(inner.reason, Reason::TimedOut), "{inner}");
    });
}

#[test]
fn ticks() {
    timed(|| {
        let began = now();
        let late = |missed| {
            let base = now();
            let mut ticks = interval(SECOND).when_missed(missed);
            ticks.tick().unwrap();
            sleep(SECOND * 3 + SECOND / 2).unwrap();
            let mut seen = Vec::new();
            for _ in 0..4 {
                let due = ticks.tick().unwrap() - base;
                seen.push((due.as_millis(), (now() - base).as_millis()));
            }
            seen
        };
        assert_eq!(late(Missed::Skip), [(2000, 4500), (5000, 5000), (6000, 6000), (7000, 7000)]);
        assert_eq!(late(Missed::Burst), [(2000, 4500), (3000, 4500), (4000, 4500), (5000, 5000)]);
        assert_eq!(late(Missed::Delay), [(2000, 4500), (5500, 5500), (6500, 6500), (7500, 7500)]);
        assert!(now() > began);
        let mut now_and_then = interval(HOUR).starting_at(now());
        let first = now();
        assert_eq!(now_and_then.tick().unwrap(), first);
        assert!(timeout(SECOND, || now_and_then.tick().unwrap()).is_err());
        // The tick that was waited for is still to come.
        assert_eq!(now_and_then.tick().unwrap(), first + HOUR);
        assert!(catch_unwind(AssertUnwindSafe(|| interval(Duration::ZERO).tick().unwrap())).is_ok());
    });
}
