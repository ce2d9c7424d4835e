//! `Once` and `OnceLock`.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tasklets::sync::{Once, OnceLock};
use tasklets::{run, schedule, schedule_remove, sleep, spawn, with_virtual_time};

use crate::common::{checked, scale};
use crate::support::{deadlock, fails, thread, timed_out, without_numbers, would_block};

const MS: Duration = Duration::from_millis(1);

#[test]
fn smoke_once() {
    static O: Once = Once::new();
    checked(|| {
        let mut a = 0;
        assert!(!O.is_completed());
        O.call_once(|| a += 1).unwrap();
        assert_eq!(a, 1);
        O.call_once(|| a += 1).unwrap();
        O.try_call_once(|| a += 1).unwrap();
        assert_eq!(a, 1);
        assert!(O.is_completed());
    });
}

#[test]
fn the_others_wait_until_it_is_done() {
    checked(|| {
        let (once, calls) = (Arc::new(Once::default()), Rc::new(Cell::new(0)));
        for _ in 0..5 {
            let (once, calls) = (once.clone(), calls.clone());
            spawn(move || {
                once.call_once(|| {
                    schedule().unwrap();
                    calls.set(calls.get() + 1);
                })
                .unwrap();
                assert_eq!(calls.get(), 1);
            });
        }
        schedule().unwrap();
        fails(once.try_call_once(|| ()), would_block);
        assert!(run().is_finished());
        assert_eq!(calls.get(), 1);
    });
}

#[test]
fn what_unwinds_was_not_done() {
    checked(|| {
        let once = Arc::new(Once::new());
        for killed in [false, true] {
            let theirs = once.clone();
            let t = spawn(move || {
                theirs
                    .call_once(|| {
                        let _ = schedule_remove();
                        std::panic::resume_unwind(Box::new("a panic"));
                    })
                    .unwrap();
            });
            schedule().unwrap();
            let theirs = once.clone();
            // It is to do it next, and killed before it does.
            let next = spawn(move || theirs.call_once(|| ()).unwrap());
            schedule().unwrap();
            assert!(next.is_blocked());
            if killed {
                t.kill().unwrap();
            } else {
                next.kill().unwrap();
                t.insert().unwrap();
            }
            assert!(t.join().is_err());
            if !killed {
                assert!(!once.is_completed());
                continue;
            }
            next.join().unwrap();
            assert!(once.is_completed());
        }
    });
}

#[test]
fn one_that_was_chosen_and_is_killed_passes_it_on() {
    checked(|| {
        let (once, chosen) = (Arc::new(Once::new()), Rc::new(Cell::new(None)));
        let mut others = Vec::new();
        let first = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            once.call_once(|| {
                for n in 0..2 {
                    let (once, chosen) = (once.clone(), chosen.clone());
                    others.push(spawn(move || once.call_once(|| chosen.set(Some(n))).unwrap()));
                }
                schedule().unwrap();
                std::panic::resume_unwind(Box::new("a panic"));
            })
        }));
        assert!(first.is_err());
        assert!(others[0].is_scheduled() && others[1].is_blocked());
        others[0].kill().unwrap();
        run();
        assert_eq!(chosen.get(), Some(1));
        assert!(once.is_completed());
    });
}

#[test]
fn coming_back_is_a_deadlock() {
    checked(|| {
        let once = Arc::new(Once::named("start"));
        let theirs = once.clone();
        once.call_once(|| {
            let error = theirs.call_once(|| ()).unwrap_err();
            assert!(deadlock(&error.reason));
            let place = "tests/sync/once.rs:#:#";
            let text = without_numbers(&error.to_string());
            let on = format!("call_once on once # \"start\" (run by the main tasklet since {place}) at {place}");
            assert!(text.starts_with(&format!("{on}: deadlock: ")), "{text}");
            let theirs = theirs.clone();
            let t = spawn(move || theirs.call_once(|| ()).map_err(drop));
            schedule().unwrap();
            assert!(t.join().is_err());
        })
        .unwrap();
        run();
    });
}

#[test]
fn limited_patience() {
    checked(|| {
        with_virtual_time(|| {
            let cell = Arc::new(OnceLock::named("slow"));
            let theirs = cell.clone();
            let maker = spawn(move || {
                *theirs
                    .get_or_init(|| {
                        sleep(5 * MS).unwrap();
                        1
                    })
                    .unwrap()
            });
            schedule().unwrap();
            fails(cell.try_get_or_init(|| 2), would_block);
            fails(cell.get_or_init_timeout(MS, || 2), timed_out);
            fails(cell.get_or_init_deadline(tasklets::now(), || 2), timed_out);
            assert_eq!(*cell.get_or_init_timeout(10 * MS, || 2).unwrap(), 1);
            assert_eq!(maker.join().unwrap(), 1);
            let once = Once::new();
            once.call_once_timeout(MS, || ()).unwrap();
            once.call_once_deadline(tasklets::now(), || panic!("again")).unwrap();
        });
    });
}

#[test]
fn once_lock_like_stds() {
    static CELL: OnceLock<String> = OnceLock::new();
    checked(|| {
        assert_eq!(CELL.get(), None);
        assert_eq!(CELL.set("a".to_owned()), Ok(()));
        assert_eq!(CELL.set("b".to_owned()), Err("b".to_owned()));
        assert_eq!(CELL.get_or_init(|| panic!("again")).unwrap(), "a");
        let mut cell = OnceLock::from(1);
        *cell.get_mut().unwrap() += 1;
        assert_eq!((cell.take(), cell.get()), (Some(2), None));
        assert_eq!(*cell.get_or_init(|| 3).unwrap(), 3);
        assert_eq!(cell.into_inner(), Some(3));
        assert_eq!(OnceLock::<u8>::default().into_inner(), None);
    });
}

#[test]
fn what_is_set_while_another_is_made_stays() {
    checked(|| {
        let cell = Arc::new(OnceLock::new());
        let theirs = cell.clone();
        let maker = spawn(move || {
            *theirs
                .get_or_init(|| {
                    schedule().unwrap();
                    1
                })
                .unwrap()
        });
        schedule().unwrap();
        cell.set(2).unwrap();
        assert_eq!(maker.join().unwrap(), 2);
    });
}

#[test]
fn stampede_of_several_threads() {
    checked(|| {
        for _ in 0..scale(100) {
            let (cell, made) = (Arc::new(OnceLock::new()), Arc::new(AtomicUsize::new(0)));
            let threads: Vec<_> = (0..3)
                .map(|n| {
                    let (cell, made) = (cell.clone(), made.clone());
                    thread(move || {
                        for _ in 0..3 {
                            let (cell, made) = (cell.clone(), made.clone());
                            spawn(move || {
                                cell.get_or_init(|| {
                                    made.fetch_add(1, Ordering::Relaxed);
                                    schedule().unwrap();
                                    n
                                })
                                .unwrap();
                            });
                        }
                        assert!(run().is_finished());
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(made.load(Ordering::Relaxed), 1);
        }
    });
}
