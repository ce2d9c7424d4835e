//! What std expects of a lock of readers and writers; the order, kills and deadlocks.

use std::sync::Arc;
use std::time::Duration;

use tasklets::sync::RwLock;
use tasklets::{Builder, now, run, schedule, schedule_remove, spawn, with_virtual_time};

use crate::common::{checked, scale};
use crate::support::{Log, deadlock, fails, thread, timed_out, without_numbers, would_block};

const MS: Duration = Duration::from_millis(1);

#[test]
fn smoke() {
    checked(|| {
        let l = RwLock::new(());
        drop(l.read().unwrap());
        drop(l.write().unwrap());
        drop((l.read().unwrap(), l.read().unwrap()));
        drop(l.write().unwrap());
    });
}

#[test]
fn try_forms() {
    checked(|| {
        let l = RwLock::new(0);
        let reading = l.read().unwrap();
        drop(l.try_read().unwrap());
        fails(l.try_write(), would_block);
        drop(reading);
        let writing = l.try_write().unwrap();
        fails(l.try_read(), would_block);
        fails(l.try_write(), would_block);
        drop(writing);
        assert_eq!(*l.try_read().unwrap(), 0);
    });
}

#[test]
fn into_inner_get_mut_unsized_and_static() {
    static L: RwLock<u8> = RwLock::new(3);
    checked(|| {
        *L.write().unwrap() += 1;
        assert_eq!(*L.read().unwrap(), 4);
        let mut l = RwLock::from(String::from("a"));
        l.get_mut().push('b');
        assert_eq!(l.into_inner(), "ab");
        let l: &RwLock<[i32]> = &RwLock::new([1, 2]);
        l.write().unwrap()[0] = 9;
        assert_eq!(&*l.read().unwrap(), &[9, 2]);
        assert_eq!(format!("{} {:?}", L.read().unwrap(), L.read().unwrap()), "4 4");
        assert_eq!(format!("{0} {0:?}", L.write().unwrap()), "4 4");
    });
}

#[test]
fn readers_run_together_and_writers_alone() {
    checked(|| {
        let (l, log) = (Arc::new(RwLock::new(())), Log::default());
        for name in ["r1", "r2", "w1", "r3", "r4", "w2"] {
            let (l, log) = (l.clone(), log.clone());
            spawn(move || {
                let (_reading, _writing);
                if name.starts_with('r') {
                    _reading = l.read().unwrap();
                } else {
                    _writing = l.write().unwrap();
                }
                log.note(name);
                schedule().unwrap();
                log.note(name);
            });
        }
        assert!(run().is_finished());
        log.is("r1 r2 r1 r2 w1 w1 r3 r4 r3 r4 w2 w2");
    });
}

#[test]
fn a_reader_waits_behind_a_writer_that_waits() {
    checked(|| {
        let l = Arc::new(RwLock::new(0));
        let reading = l.read().unwrap();
        let theirs = l.clone();
        let writer = spawn(move || *theirs.write().unwrap() = 1);
        schedule().unwrap();
        fails(l.try_read(), would_block);
        let theirs = l.clone();
        let reader = spawn(move || *theirs.read().unwrap());
        schedule().unwrap();
        assert!(reader.is_blocked());
        drop(reading);
        assert_eq!(reader.join().unwrap(), 1);
        writer.join().unwrap();
    });
}

#[test]
fn a_writer_that_gives_up_lets_the_readers_behind_it_go() {
    checked(|| {
        with_virtual_time(|| {
            let l = Arc::new(RwLock::new(()));
            let reading = l.read().unwrap();
            for killed in [false, true] {
                let began = now();
                let theirs = l.clone();
                let writer = spawn(move || theirs.write_timeout(3 * MS).is_ok());
                schedule().unwrap();
                let theirs = l.clone();
                let reader = spawn(move || drop(theirs.read().unwrap()));
                schedule().unwrap();
                assert!(reader.is_blocked());
                if killed {
                    writer.kill().unwrap();
                }
                reader.join().unwrap();
                assert_eq!(now() - began, if killed { Duration::ZERO } else { 3 * MS });
            }
            drop(reading);
            drop(l.write().unwrap());
            let writing = l.write().unwrap();
            let theirs = l.clone();
            spawn(move || fails(theirs.read_timeout(MS), timed_out)).join().unwrap();
            drop(writing);
        });
    });
}

#[test]
fn waiters_killed_after_the_hand_over_pass_it_on() {
    checked(|| {
        let (l, log) = (Arc::new(RwLock::new(())), Log::default());
        let writing = l.write().unwrap();
        let names = ["r1", "r2", "w", "r3"];
        let waiters: Vec<_> = names
            .into_iter()
            .map(|name| {
                let (l, log) = (l.clone(), log.clone());
                spawn(move || {
                    if name == "w" {
                        let _writing = l.write().unwrap();
                        log.note(name);
                    } else {
                        let _reading = l.read().unwrap();
                        log.note(name);
                    }
                })
            })
            .collect();
        schedule().unwrap();
        drop(writing);
        assert!(waiters[0].is_scheduled() && waiters[1].is_scheduled() && waiters[2].is_blocked());
        waiters[0].kill().unwrap();
        // The kill has let the other reader run, and that the writer.
        assert!(!waiters[1].is_alive());
        if waiters[2].is_scheduled() {
            waiters[2].kill().unwrap();
        }
        run();
        log.is("r2 r3");
        drop(l.try_write().unwrap());
    });
}

#[test]
fn only_writers_poison() {
    checked(|| {
        let l = Arc::new(RwLock::new(()));
        let theirs = l.clone();
        let reader = spawn(move || {
            let _reading = theirs.read().unwrap();
            let _ = schedule_remove();
        });
        schedule().unwrap();
        reader.kill().unwrap();
        assert!(!l.is_poisoned());
        let theirs = l.clone();
        let writer = spawn(move || {
            let _writing = theirs.write().unwrap();
            let _ = schedule_remove();
        });
        schedule().unwrap();
        writer.kill().unwrap();
        assert!(l.is_poisoned());
        l.clear_poison();
        assert!(!l.is_poisoned());
        drop(l.write().unwrap());
    });
}

#[test]
fn upgrades_and_reading_again_behind_a_writer_are_deadlocks() {
    checked(|| {
        let l = Arc::new(RwLock::named("table", ()));
        let reading = l.read().unwrap();
        let error = l.write().unwrap_err();
        let place = "tests/sync/rwlock.rs:#:#";
        let on = format!("rwlock # \"table\" (read by the main tasklet since {place})");
        let text = without_numbers(&error.to_string());
        let cycle = format!("# tasklet blocked:\n  the main tasklet: write on {on} at {place}");
        assert_eq!(text, format!("write on {on} at {place}: deadlock: nobody could ever complete it\n{cycle}"));
        let theirs = l.clone();
        let writer = spawn(move || drop(theirs.write().unwrap()));
        schedule().unwrap();
        assert!(writer.is_blocked());
        let error = l.read().unwrap_err();
        // It would wait for the writer, which waits for it.
        assert_eq!(error.deadlock().unwrap().blocked.len(), 2, "{error}");
        drop(reading);
        let writing = l.write().unwrap();
        fails(l.read(), deadlock);
        fails(l.write(), deadlock);
        drop(writing);
        writer.join().unwrap();
    });
}

#[test]
fn one_of_many_readers_may_close_a_cycle() {
    checked(|| {
        let (a, b) = (Arc::new(RwLock::new(())), Arc::new(RwLock::new(())));
        let (first, second) = (a.clone(), b.clone());
        let harmless = spawn(move || {
            let _reading = first.read().unwrap();
            let _ = schedule_remove();
        });
        let first = a.clone();
        let stuck = Builder::new().name("stuck").spawn(move || {
            let _reading = first.read().unwrap();
            drop(second.write().unwrap());
        });
        let writing = b.write().unwrap();
        schedule().unwrap();
        assert!(stuck.is_blocked());
        let error = a.write().unwrap_err();
        let report = error.deadlock().unwrap();
        assert_eq!(report.blocked.len(), 2);
        assert!(report.blocked[1].tasklet.ends_with("\"stuck\""), "{report}");
        assert!(report.blocked[0].on.ends_with(" and one other)"), "{report}");
        drop(writing);
        stuck.join().unwrap();
        harmless.kill().unwrap();
    });
}

#[test]
fn frobs_on_several_threads() {
    checked(|| {
        let rounds = scale(500);
        let l = Arc::new(RwLock::new((0, 0)));
        let work = |l: Arc<RwLock<(usize, usize)>>| {
            move || {
                for n in 0..6 {
                    let l = l.clone();
                    spawn(move || {
                        for round in 0..rounds {
                            if (n + round) % 5 == 0 {
                                let mut writing = l.write().unwrap();
                                writing.0 += 1;
                                schedule().unwrap();
                                writing.1 += 1;
                            } else {
                                let reading = l.read().unwrap();
                                schedule().unwrap();
                                assert_eq!(reading.0, reading.1);
                            }
                        }
                    });
                }
                assert!(run().is_finished());
            }
        };
        let threads: Vec<_> = (0..2).map(|_| thread(work(l.clone()))).collect();
        work(l.clone())();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(l.read().unwrap().0, l.read().unwrap().1);
    });
}
