//! `WaitGroup`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tasklets::sync::WaitGroup;
use tasklets::{schedule, schedule_remove, spawn, with_virtual_time};

use crate::common::checked;
use crate::support::{fails, thread, timed_out, without_numbers, would_block};

const MS: Duration = Duration::from_millis(1);

#[test]
fn without_workers_nobody_waits() {
    checked(|| {
        let group = WaitGroup::default();
        group.wait().unwrap();
        let worker = group.worker();
        fails(group.try_wait(), would_block);
        let other = worker.clone();
        assert_eq!(group.working(), 2);
        drop(worker);
        fails(group.try_wait(), would_block);
        drop(other);
        group.try_wait().unwrap();
    });
}

#[test]
fn workers_of_several_threads_and_several_who_wait() {
    checked(|| {
        let (group, done) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (worker, done) = (group.worker(), done.clone());
                thread(move || {
                    for _ in 0..4 {
                        let (worker, done) = (worker.clone(), done.clone());
                        spawn(move || {
                            schedule().unwrap();
                            done.fetch_add(1, Ordering::Relaxed);
                            drop(worker);
                        });
                    }
                    drop(worker);
                    tasklets::run();
                })
            })
            .collect();
        let theirs = group.clone();
        let another = spawn(move || theirs.wait().unwrap());
        group.wait().unwrap();
        assert_eq!(done.load(Ordering::Relaxed), 12);
        another.join().unwrap();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn nobody_waits_for_who_was_killed() {
    checked(|| {
        with_virtual_time(|| {
            let group = WaitGroup::named("crew");
            let worker = group.worker();
            let t = spawn(move || {
                let _worker = worker;
                let _ = schedule_remove();
            });
            schedule().unwrap();
            let error = group.wait_timeout(MS).unwrap_err().to_string();
            let place = "tests/sync/wait_group.rs:#:#";
            assert_eq!(
                without_numbers(&error),
                format!("wait on wait group # \"crew\" (# working) at {place}: its time was up")
            );
            fails(group.wait_deadline(tasklets::now() + MS), timed_out);
            t.kill().unwrap();
            group.wait().unwrap();
        });
    });
}
