//! What std expects of a mutex, and the order of hand-overs.

use std::sync::Arc;
use std::time::Duration;

use tasklets::sync::{Mutex, MutexGuard};
use tasklets::{now, run, schedule, sleep, spawn, with_virtual_time};

use crate::common::{checked, scale};
use crate::support::{Log, fails, thread, timed_out, would_block};

const MS: Duration = Duration::from_millis(1);

#[test]
fn smoke() {
    checked(|| {
        let m = Mutex::new(());
        drop(m.lock().unwrap());
        drop(m.lock().unwrap());
        assert!(!m.is_locked());
    });
}

#[test]
fn a_static_mutex() {
    static TOTAL: Mutex<u32> = Mutex::new(0);
    checked(|| {
        for n in 0..4 {
            spawn(move || *TOTAL.lock().unwrap() += n);
        }
        assert!(run().is_finished());
        assert_eq!(*TOTAL.lock().unwrap(), 6);
    });
}

#[test]
fn try_lock() {
    checked(|| {
        let m = Mutex::new(1);
        *m.try_lock().unwrap() = 2;
        let held = m.lock().unwrap();
        fails(m.try_lock(), would_block);
        drop(held);
        assert_eq!(*m.try_lock().unwrap(), 2);
    });
}

#[test]
fn into_inner_get_mut_default_and_from() {
    checked(|| {
        struct Counts(Arc<()>);
        let count = Arc::new(());
        let m = Mutex::new(Counts(count.clone()));
        assert_eq!(Arc::strong_count(&count), 2);
        let inner = m.into_inner();
        assert_eq!(Arc::strong_count(&inner.0), 2);
        drop(inner);
        assert_eq!(Arc::strong_count(&count), 1);
        let mut m = Mutex::from(7);
        *m.get_mut() += 1;
        assert_eq!(m.into_inner(), 8);
        assert_eq!(Mutex::<u8>::default().into_inner(), 0);
    });
}

#[test]
fn unsized_values_and_access_in_unwinding() {
    checked(|| {
        let m: &Mutex<[i32]> = &Mutex::new([1, 2, 3]);
        m.lock().unwrap()[1] = 5;
        assert_eq!(&*m.lock().unwrap(), &[1, 5, 3]);
        struct Unwinder(Arc<Mutex<i32>>);
        impl Drop for Unwinder {
            fn drop(&mut self) {
                *self.0.lock().unwrap() += 1;
            }
        }
        let count = Arc::new(Mutex::new(1));
        let theirs = count.clone();
        let t = spawn(move || {
            let _unwinder = Unwinder(theirs);
            std::panic::resume_unwind(Box::new("a panic"));
        });
        assert!(t.join().is_err());
        assert_eq!(*count.lock().unwrap(), 2);
        // It was locked and unlocked within the unwinding.
        assert!(!count.is_poisoned());
    });
}

#[test]
fn debug_and_display() {
    checked(|| {
        let m = Mutex::named("answer", 42);
        let text = crate::support::without_numbers(&format!("{m:?}"));
        assert_eq!(text, "Mutex { mutex: mutex # \"answer\", value: #, poisoned: false }");
        let guard = m.lock().unwrap();
        assert_eq!((guard.to_string(), format!("{guard:?}")), ("42".to_owned(), "42".to_owned()));
        assert!(format!("{m:?}").contains("<locked>"));
    });
}

#[test]
fn first_come_first_served() {
    checked(|| {
        let (m, log) = (Arc::new(Mutex::new(())), Log::default());
        for name in ["a", "b", "c", "d"] {
            let (m, log) = (m.clone(), log.clone());
            spawn(move || {
                for _ in 0..2 {
                    let _held = m.lock().unwrap();
                    log.note(name);
                    schedule().unwrap();
                    log.note(name);
                }
            });
        }
        assert!(run().is_finished());
        log.is("a a b b c c d d a a b b c c d d");
    });
}

#[test]
fn an_unlocked_mutex_belongs_to_the_first_waiter_before_it_runs() {
    checked(|| {
        let (m, log) = (Arc::new(Mutex::new(())), Log::default());
        let held = m.lock().unwrap();
        let (theirs, notes) = (m.clone(), log.clone());
        let waiter = spawn(move || {
            let _held = theirs.lock().unwrap();
            notes.note("waiter");
        });
        schedule().unwrap();
        assert!(waiter.is_blocked());
        drop(held);
        assert!(m.is_locked());
        fails(m.try_lock(), would_block);
        log.note("main");
        drop(m.lock().unwrap());
        log.is("main waiter");
        waiter.join().unwrap();
    });
}

#[test]
fn timeouts() {
    checked(|| {
        with_virtual_time(|| {
            let m = Arc::new(Mutex::new(0));
            let theirs = m.clone();
            let holder = spawn(move || {
                let _held = theirs.lock().unwrap();
                sleep(10 * MS).unwrap();
            });
            schedule().unwrap();
            let began = now();
            fails(m.lock_timeout(3 * MS), timed_out);
            assert_eq!(now() - began, 3 * MS);
            fails(m.lock_deadline(now()), timed_out);
            fails(m.lock_deadline(began), timed_out);
            assert_eq!(now() - began, 3 * MS);
            drop(m.lock_timeout(20 * MS).unwrap());
            assert_eq!(now() - began, 10 * MS);
            drop(m.lock_timeout(Duration::MAX).unwrap());
            holder.join().unwrap();
        });
    });
}

#[test]
fn lots_and_lots_of_tasklets_on_several_threads() {
    checked(|| {
        let rounds = scale(1_000);
        let m = Arc::new(Mutex::new((0, false)));
        let work = |m: Arc<Mutex<(usize, bool)>>| {
            move || {
                for _ in 0..8 {
                    let m = m.clone();
                    spawn(move || {
                        for round in 0..rounds {
                            let mut held: MutexGuard<'_, (usize, bool)> = m.lock().unwrap();
                            assert!(!held.1, "two of them are inside");
                            held.1 = true;
                            if round % 3 == 0 {
                                schedule().unwrap();
                            }
                            held.0 += 1;
                            held.1 = false;
                        }
                    });
                }
                assert!(run().is_finished());
            }
        };
        let threads: Vec<_> = (0..3).map(|_| thread(work(m.clone()))).collect();
        work(m.clone())();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(m.lock().unwrap().0, 4 * 8 * rounds);
    });
}

#[test]
fn plain_threads_and_tasklets() {
    checked(|| {
        let rounds = scale(2_000);
        let m = Arc::new(Mutex::new(0));
        let plain: Vec<_> = (0..2)
            .map(|_| {
                let m = m.clone();
                std::thread::spawn(move || (0..rounds).for_each(|_| *m.lock().unwrap() += 1))
            })
            .collect();
        for _ in 0..rounds {
            let mut held = m.lock().unwrap();
            schedule().unwrap();
            *held += 1;
        }
        plain.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(*m.lock().unwrap(), 3 * rounds);
    });
}

#[test]
fn threads_that_have_gone_leave_nothing() {
    checked(|| {
        let m = Arc::new(Mutex::new(0));
        for _ in 0..scale(100) {
            let m = m.clone();
            thread(move || *m.lock().unwrap() += 1).join().unwrap();
        }
        assert_eq!(*m.lock().unwrap(), scale(100));
    });
}
