//! Which workers are idle, and who is called when there is something to begin.
//!
//! **No wake-up is lost.** Who spawns first puts the closure into a queue and then looks whether anybody is idle; who has nothing
//! to do first says that it is idle and then looks into all queues. Between the two steps of each stands a sequentially
//! consistent fence, so that at least one of them sees what the other has done.
//!
//! One worker is called at a time, and who spawns meanwhile leaves it at that: often the first one that comes does all, and what
//! was spawned together talks to each other faster on one thread. Who was called takes the mark of that away before it looks into the
//! queues, and so sees what was put there by whoever saw the mark; if it takes something and more is left, it calls the next one.

use std::sync::atomic::Ordering;

use crate::wakeup::sync::{AtomicBool, AtomicUsize, fence};

pub(crate) struct Roll {
    /// Who has said that it is idle.
    idle: Box<[AtomicBool]>,
    /// How many of them. Below 0 for a moment where one is called before it has counted itself.
    count: AtomicUsize,
    /// One that was idle has been called, and is not here yet.
    calling: AtomicBool,
}

impl Roll {
    pub(crate) fn new(workers: usize) -> Roll {
        Roll {
            idle: (0..workers).map(|_| AtomicBool::new(false)).collect(),
            count: AtomicUsize::new(0),
            calling: AtomicBool::new(false),
        }
    }

    /// After something was put into a queue: who is to be woken for it.
    #[inline]
    pub(crate) fn call(&self, has_work: impl Fn() -> bool) -> Option<usize> {
        fence(Ordering::SeqCst);
        if self.count.load(Ordering::Acquire) == 0 { None } else { self.call_one(has_work) }
    }

    #[cold]
    fn call_one(&self, has_work: impl Fn() -> bool) -> Option<usize> {
        while !self.calling.swap(true, Ordering::AcqRel) {
            let called = (0..self.idle.len()).find(|worker| self.rise(*worker));
            if called.is_some() {
                return called;
            }
            // Nobody is idle after all; but somebody may have become so meanwhile, and somebody else have left it at this call.
            self.answer();
            if !(0..self.idle.len()).any(|worker| self.is_idle(worker)) || !has_work() {
                break;
            }
        }
        None
    }

    /// Who was called is here, and looks into the queues next.
    pub(crate) fn answer(&self) {
        self.calling.swap(false, Ordering::AcqRel);
        fence(Ordering::SeqCst);
    }

    /// A worker is idle from now on, and looks into the queues next.
    pub(crate) fn settle(&self, worker: usize) {
        // In this order: who sees that there is an idle one finds out which.
        // By a swap, so that it comes after whoever looked for an idle one last.
        self.idle[worker].swap(true, Ordering::AcqRel);
        self.count.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::SeqCst);
    }

    /// Takes a worker's mark of being idle away; false if somebody else has, who calls it.
    pub(crate) fn rise(&self, worker: usize) -> bool {
        let idle = &self.idle[worker];
        let mine = idle.load(Ordering::Relaxed) && idle.swap(false, Ordering::AcqRel);
        if mine {
            self.count.fetch_sub(1, Ordering::AcqRel);
        }
        mine
    }

    pub(crate) fn is_idle(&self, worker: usize) -> bool {
        self.idle[worker].load(Ordering::SeqCst)
    }

    /// Whether all are idle.
    pub(crate) fn all_idle(&self) -> bool {
        (0..self.idle.len()).all(|worker| self.is_idle(worker))
    }
}

#[cfg(all(test, loom))]
mod models {
    use loom::sync::{Arc, Condvar, Mutex};
    use loom::thread;

    use super::*;

    /// Workers, and what is to be done, as a number.
    struct Yard {
        roll: Roll,
        queue: Mutex<usize>,
        /// The same, read without the order that a lock would give.
        work: AtomicUsize,
        /// What wakes each worker.
        bells: Vec<(Mutex<bool>, Condvar)>,
        done: AtomicUsize,
        all: usize,
    }

    impl Yard {
        fn new(workers: usize, all: usize) -> Arc<Yard> {
            Arc::new(Yard {
                roll: Roll::new(workers),
                queue: Mutex::new(0),
                work: AtomicUsize::new(0),
                bells: (0..workers).map(|_| Default::default()).collect(),
                done: AtomicUsize::new(0),
                all,
            })
        }

        fn has_work(&self) -> bool {
            self.work.load(Ordering::Relaxed) != 0
        }

        fn announce(&self) {
            if let Some(worker) = self.roll.call(|| self.has_work()) {
                self.ring(worker);
            }
        }

        fn ring(&self, worker: usize) {
            *self.bells[worker].0.lock().unwrap() = true;
            self.bells[worker].1.notify_one();
        }

        fn spawn(&self) {
            self.change(|queue| queue.checked_add(1));
            self.announce();
        }

        fn take(&self) -> bool {
            self.change(|queue| queue.checked_sub(1))
        }

        fn change(&self, by: impl FnOnce(usize) -> Option<usize>) -> bool {
            let mut queue = self.queue.lock().unwrap();
            let Some(changed) = by(*queue) else { return false };
            *queue = changed;
            self.work.store(changed, Ordering::Relaxed);
            true
        }

        /// Works until all is done. If a call is lost, nothing can go on, which loom finds.
        fn serve(&self, worker: usize) {
            let mut called = false;
            while self.done.load(Ordering::Acquire) != self.all {
                if self.take() {
                    if std::mem::take(&mut called) && self.has_work() {
                        self.announce();
                    }
                    if self.done.fetch_add(1, Ordering::AcqRel) + 1 == self.all {
                        (0..self.bells.len()).for_each(|worker| self.ring(worker));
                    }
                    continue;
                }
                self.roll.settle(worker);
                if !self.has_work() {
                    let mut rung = self.bells[worker].0.lock().unwrap();
                    while !*rung {
                        rung = self.bells[worker].1.wait(rung).unwrap();
                    }
                    *rung = false;
                }
                if !self.roll.rise(worker) {
                    called = true;
                    self.roll.answer();
                }
            }
        }
    }

    fn check(model: impl Fn() + Send + Sync + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(model);
    }

    #[test]
    fn what_is_spawned_meets_a_worker_that_falls_asleep() {
        check(|| {
            let yard = Yard::new(1, 2);
            let theirs = yard.clone();
            let spawner = thread::spawn(move || {
                theirs.spawn();
                theirs.spawn();
            });
            yard.serve(0);
            spawner.join().unwrap();
        });
    }

    #[test]
    fn who_leaves_it_at_another_ones_call_is_served() {
        check(|| {
            let yard = Yard::new(1, 2);
            let spawners = [0; 2].map(|_| {
                let yard = yard.clone();
                thread::spawn(move || yard.spawn())
            });
            yard.serve(0);
            spawners.into_iter().for_each(|spawner| spawner.join().unwrap());
        });
    }

    #[test]
    fn two_workers_share_what_is_spawned() {
        check(|| {
            let yard = Yard::new(2, 2);
            let theirs = yard.clone();
            let other = thread::spawn(move || theirs.serve(1));
            yard.spawn();
            yard.spawn();
            yard.serve(0);
            other.join().unwrap();
        });
    }
}
