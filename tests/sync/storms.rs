//! Kills and timeouts at every step of hand-overs, in many orders, on one thread and on several: nothing is lost or had by two.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tasklets::sync::{Mutex, RwLock, Semaphore};
use tasklets::{AnyTasklet, Tasklet, run, schedule, sleep, spawn, with_picker, with_virtual_time};

use crate::common::{Random, checked, scale};
use crate::support::thread;

/// Everything that can be taken, and whether somebody is in.
struct Shared {
    mutex: Mutex<()>,
    rwlock: RwLock<()>,
    semaphore: Semaphore,
    inside: AtomicBool,
    writing: AtomicBool,
}

/// Marks a section that one at a time may be in.
struct Inside<'a>(&'a AtomicBool);

impl<'a> Inside<'a> {
    fn of(flag: &'a AtomicBool) -> Inside<'a> {
        assert!(!flag.swap(true, Ordering::AcqRel), "two of them are inside");
        Inside(flag)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Shared {
    fn new() -> Arc<Shared> {
        Arc::new(Shared {
            mutex: Mutex::new(()),
            rwlock: RwLock::new(()),
            semaphore: Semaphore::new(2),
            inside: AtomicBool::new(false),
            writing: AtomicBool::new(false),
        })
    }

    /// Takes something, holds it over some switches, and lets go of it.
    fn deed(&self, random: &mut Random) {
        let time = Duration::from_micros(random.below(50) as u64);
        let patient = random.below(2) == 0;
        let turns = random.below(3);
        let hold = || (0..turns).for_each(|_| schedule().unwrap());
        match random.below(4) {
            0 => {
                let taken = if patient { self.mutex.lock() } else { self.mutex.lock_timeout(time) };
                let Ok(_held) = taken else { return };
                let _inside = Inside::of(&self.inside);
                hold();
            }
            1 => {
                let taken = if patient { self.rwlock.write() } else { self.rwlock.write_timeout(time) };
                let Ok(_held) = taken else { return };
                let _inside = Inside::of(&self.writing);
                hold();
            }
            2 => {
                let taken = if patient { self.rwlock.read() } else { self.rwlock.read_timeout(time) };
                let Ok(_held) = taken else { return };
                assert!(!self.writing.load(Ordering::Acquire), "a reader beside a writer");
                hold();
            }
            _ => {
                let count = 1 + random.below(2) as u32;
                let taken = if patient {
                    self.semaphore.acquire_many(count)
                } else {
                    self.semaphore.acquire_timeout(count, time)
                };
                let Ok(_held) = taken else { return };
                assert!(self.semaphore.available_permits() <= 2 - count as usize);
                hold();
            }
        }
    }

    fn is_free(&self) {
        drop(self.mutex.try_lock().expect("the mutex is free"));
        drop(self.rwlock.try_write().expect("the lock is free"));
        assert_eq!(self.semaphore.available_permits(), 2);
    }
}

/// Tasklets that take things, and one that kills some of them.
fn storm(shared: &Arc<Shared>, seed: u64) {
    let workers: Vec<Tasklet<()>> = (0..6)
        .map(|n| {
            let (shared, mut random) = (shared.clone(), Random(seed.wrapping_mul(31).wrapping_add(n)));
            spawn(move || {
                for _ in 0..6 {
                    shared.deed(&mut random);
                }
            })
        })
        .collect();
    let victims: Rc<Vec<AnyTasklet>> = Rc::new(workers.iter().map(|worker| (**worker).clone()).collect());
    let mut random = Random(seed ^ 0x5eed);
    let killer = spawn(move || {
        for _ in 0..3 {
            (0..random.below(8)).for_each(|_| schedule().unwrap());
            if random.below(2) == 0 {
                sleep(Duration::from_micros(random.below(30) as u64)).unwrap();
            }
            let victim = &victims[random.below(victims.len())];
            if victim.is_alive() {
                victim.kill().unwrap();
            }
        }
    });
    assert!(run().is_finished());
    killer.join().unwrap();
    drop(workers);
}

#[test]
fn storms_on_one_thread_in_random_orders() {
    checked(|| {
        for seed in 0..scale(400) as u64 {
            let shared = Shared::new();
            let ours = shared.clone();
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                with_virtual_time(|| {
                    let mut random = Random(seed);
                    with_picker(move |runnable: usize| random.below(runnable), || storm(&ours, seed));
                });
                shared.is_free();
            }));
            if let Err(panic) = ended {
                eprintln!("the seed was {seed}");
                std::panic::resume_unwind(panic);
            }
        }
    });
}

#[test]
fn storms_on_several_threads() {
    checked(|| {
        let rounds = scale(60) as u64;
        let shared = Shared::new();
        let threads: Vec<_> = (0..3)
            .map(|n| {
                let shared = shared.clone();
                thread(move || (0..rounds).for_each(|round| storm(&shared, round * 3 + n)))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        shared.is_free();
    });
}

#[test]
fn threads_that_end_with_waiters_lose_nothing() {
    checked(|| {
        for _ in 0..scale(50) {
            let shared = Shared::new();
            let held = shared.mutex.lock().unwrap();
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    let shared = shared.clone();
                    thread(move || {
                        for _ in 0..3 {
                            let shared = shared.clone();
                            spawn(move || drop(shared.mutex.lock().unwrap()));
                        }
                        // They are killed when this returns, while the lock is handed over from one to the next.
                        schedule().unwrap();
                    })
                })
                .collect();
            drop(held);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            shared.is_free();
        }
    });
}
