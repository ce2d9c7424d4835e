//! `Semaphore`: counting, order, kills.

use std::sync::Arc;
use std::time::Duration;

use tasklets::sync::{Semaphore, WaitReason};
use tasklets::{dump, run, schedule, spawn, with_virtual_time};

use crate::common::{checked, scale};
use crate::support::{Log, fails, thread, timed_out, without_numbers, would_block};

const MS: Duration = Duration::from_millis(1);

#[test]
fn counting() {
    static TWO: Semaphore = Semaphore::new(2);
    checked(|| {
        let one = TWO.acquire().unwrap();
        let other = TWO.try_acquire().unwrap();
        assert_eq!((one.count(), TWO.available_permits()), (1, 0));
        fails(TWO.try_acquire(), would_block);
        drop(one);
        assert_eq!(TWO.available_permits(), 1);
        other.forget();
        assert_eq!(TWO.available_permits(), 1);
        TWO.add_permits(2);
        let three = TWO.acquire_many(3).unwrap();
        fails(TWO.try_acquire_many(1), would_block);
        drop(TWO.try_acquire_many(0).unwrap());
        drop(three);
        TWO.add_permits(usize::MAX);
        assert_eq!(TWO.available_permits(), usize::MAX);
    });
}

#[test]
fn who_wants_more_holds_up_who_comes_later() {
    checked(|| {
        let (s, log) = (Arc::new(Semaphore::new(1)), Log::default());
        for (name, count) in [("three", 3), ("one", 1)] {
            let (s, log) = (s.clone(), log.clone());
            spawn(move || {
                let _permits = s.acquire_many(count).unwrap();
                log.note(name);
            });
        }
        schedule().unwrap();
        fails(s.try_acquire(), would_block);
        s.add_permits(1);
        schedule().unwrap();
        log.is("");
        s.add_permits(2);
        run();
        log.is("three one");
        assert_eq!(s.available_permits(), 4);
    });
}

#[test]
fn who_gives_up_lets_those_behind_it_go() {
    checked(|| {
        with_virtual_time(|| {
            let s = Arc::new(Semaphore::new(1));
            let theirs = s.clone();
            let greedy = spawn(move || fails(theirs.acquire_timeout(2, MS), timed_out));
            let theirs = s.clone();
            let modest = spawn(move || drop(theirs.acquire().unwrap()));
            schedule().unwrap();
            assert!(modest.is_blocked());
            modest.join().unwrap();
            greedy.join().unwrap();
            assert_eq!(s.available_permits(), 1);
            fails(s.acquire_deadline(2, tasklets::now() + MS), timed_out);
        });
    });
}

#[test]
fn permits_of_a_killed_waiter_come_back() {
    checked(|| {
        let s = Arc::new(Semaphore::new(0));
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let s = s.clone();
                spawn(move || drop(s.acquire_many(2).unwrap()))
            })
            .collect();
        schedule().unwrap();
        waiters[1].kill().unwrap();
        s.add_permits(2);
        assert!(waiters[0].is_scheduled() && waiters[2].is_blocked());
        waiters[0].kill().unwrap();
        run();
        assert!(!waiters[2].is_alive());
        assert_eq!(s.available_permits(), 2);
    });
}

#[test]
fn reports_and_refusals() {
    checked(|| {
        let s = Arc::new(Semaphore::named("doors", 0));
        let theirs = s.clone();
        let waiter = spawn(move || drop(theirs.acquire().unwrap()));
        schedule().unwrap();
        let on = dump().tasklets.iter().find_map(|tasklet| tasklet.blocked_on.clone()).unwrap();
        assert_eq!(on.operation, "acquire");
        assert_eq!(without_numbers(&on.on), "semaphore # \"doors\" (# free, # waiting)");
        tasklets::current().set_block_trap(true);
        fails(s.acquire(), |reason| matches!(reason, WaitReason::BlockTrap));
        tasklets::current().set_block_trap(false);
        s.add_permits(1);
        waiter.join().unwrap();
        assert_eq!(s.available_permits(), 1);
    });
}

#[test]
fn permits_travel_between_threads() {
    checked(|| {
        let rounds = scale(2_000) as u32;
        let (there, back) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (ping, pong) = (there.clone(), back.clone());
        let other = thread(move || {
            for _ in 0..rounds {
                ping.acquire().unwrap().forget();
                pong.add_permits(1);
            }
        });
        for _ in 0..rounds {
            there.add_permits(1);
            back.acquire().unwrap().forget();
        }
        other.join().unwrap();
        assert_eq!((there.available_permits(), back.available_permits()), (0, 0));
    });
}
