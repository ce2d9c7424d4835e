//! What is in `sync`.

use std::sync::Arc;

use tasklets::sync::{Barrier, Condvar, Event, Mutex, Once, OnceLock, RwLock, Semaphore, WaitGroup};
use tasklets::{now, schedule, shield, sleep, spawn};

use super::{HOUR, SECOND, in_all_ways, point};

#[test]
fn locks() {
    in_all_ways("Mutex::lock", || {
        let mutex = Arc::new(Mutex::new(1));
        let (holder, theirs) = (mutex.clone(), mutex.clone());
        let _holds = spawn(move || {
            let _guard = holder.lock().unwrap();
            shield(|| sleep(HOUR).unwrap());
        });
        schedule().unwrap();
        point(move || drop(theirs.lock()), move || assert_eq!(*mutex.lock().unwrap(), 1))
    });
    in_all_ways("RwLock::read", || {
        let lock = Arc::new(RwLock::new(1));
        let (holder, theirs) = (lock.clone(), lock.clone());
        let _holds = spawn(move || {
            let _guard = holder.write().unwrap();
            sleep(HOUR).unwrap();
        });
        schedule().unwrap();
        point(move || drop(theirs.read()), move || assert_eq!(*lock.write().unwrap(), 1))
    });
    in_all_ways("RwLock::write", || {
        let lock = Arc::new(RwLock::new(1));
        let (holder, theirs) = (lock.clone(), lock.clone());
        let _holds = spawn(move || {
            let _guard = holder.read().unwrap();
            sleep(HOUR).unwrap();
        });
        schedule().unwrap();
        // A reader is not held up by the writer that is gone.
        point(move || drop(theirs.write()), move || assert_eq!(*lock.try_read().unwrap(), 1))
    });
    in_all_ways("Semaphore::acquire_many", || {
        let semaphore = Arc::new(Semaphore::new(1));
        let theirs = semaphore.clone();
        point(move || drop(theirs.acquire_many(2)), move || assert_eq!(semaphore.available_permits(), 1))
    });
}

#[test]
fn other_primitives() {
    in_all_ways("Event::wait", || {
        let event = Arc::new(Event::new());
        let theirs = event.clone();
        point(move || drop(theirs.wait()), move || event.set())
    });
    in_all_ways("Condvar::wait", || {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let theirs = pair.clone();
        let block = move || drop(theirs.1.wait(theirs.0.lock().unwrap()));
        // The mutex is free, and its holder did not die with it.
        point(block, move || assert!(pair.0.try_lock().is_ok()))
    });
    in_all_ways("Condvar::wait_deadline_while", || {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let theirs = pair.clone();
        let block = move || {
            let guard = theirs.0.lock().unwrap();
            drop(theirs.1.wait_deadline_while(guard, now() + HOUR, |_| true));
        };
        point(block, move || assert!(pair.0.try_lock().is_ok()))
    });
    in_all_ways("Barrier::wait", || {
        let barrier = Arc::new(Barrier::new(2));
        let (theirs, another) = (barrier.clone(), barrier.clone());
        point(
            move || drop(theirs.wait()),
            move || {
                // The one that is gone does not count.
                assert!(barrier.wait_timeout(SECOND).is_err());
                let t = spawn(move || another.wait().is_ok());
                assert!(barrier.wait().is_ok() && t.join().unwrap());
            },
        )
    });
    in_all_ways("WaitGroup::wait", || {
        let group = Arc::new(WaitGroup::new());
        let (theirs, worker) = (group.clone(), group.worker());
        point(
            move || drop(theirs.wait()),
            move || {
                drop(worker);
                group.wait().unwrap();
            },
        )
    });
}

#[test]
fn what_is_done_once() {
    in_all_ways("Once::call_once", || {
        let once = Arc::new(Once::new());
        let (first, theirs) = (once.clone(), once.clone());
        let _runs = spawn(move || first.call_once(|| sleep(HOUR).unwrap()).unwrap());
        schedule().unwrap();
        point(move || drop(theirs.call_once(|| ())), move || once.call_once(|| ()).unwrap())
    });
    in_all_ways("OnceLock::get_or_init", || {
        let lock = Arc::new(OnceLock::new());
        let theirs = lock.clone();
        let block = move || drop(theirs.get_or_init(|| sleep(HOUR).map(|()| 1).unwrap()).copied());
        // Who was interrupted in the midst of it has left it as it was.
        point(block, move || assert_eq!(*lock.get_or_init(|| 2).unwrap(), 2))
    });
    in_all_ways("Once::call_once, in its midst", || {
        let once = Arc::new(Once::new());
        let theirs = once.clone();
        let block = move || drop(theirs.call_once(|| sleep(HOUR).unwrap()));
        point(block, move || {
            assert!(!once.is_completed());
            once.call_once(|| ()).unwrap();
        })
    });
    in_all_ways("OnceLock::get_or_init, behind another one", || {
        let lock = Arc::new(OnceLock::new());
        let (first, theirs) = (lock.clone(), lock.clone());
        let runs = spawn(move || first.get_or_init(|| sleep(HOUR).map(|()| 1).unwrap()).copied().unwrap());
        schedule().unwrap();
        let after = move || assert_eq!((runs.join().unwrap(), lock.get()), (1, Some(&1)));
        point(move || drop(theirs.get_or_init(|| 2).copied()), after)
    });
}

type Wait<T> = fn(&T) -> bool;

/// The forms with a time are the same, and the time is none of the cancellation's.
#[test]
fn locks_with_a_time() {
    let locks: [Wait<Mutex<u8>>; 2] = [|m| m.lock_timeout(HOUR).is_ok(), |m| m.lock_deadline(now() + HOUR).is_ok()];
    for wait in locks {
        in_all_ways("Mutex", move || {
            let mutex = Arc::new(Mutex::new(1));
            let (holder, theirs) = (mutex.clone(), mutex.clone());
            let holds = spawn(move || (holder.lock().unwrap(), sleep(HOUR / 2).unwrap()).1);
            schedule().unwrap();
            let after = move || (holds.join().unwrap(), assert!(mutex.try_lock().is_ok())).1;
            point(move || _ = wait(&theirs), after)
        });
    }
    let permits: [Wait<Semaphore>; 2] =
        [|s| s.acquire_timeout(2, HOUR).is_ok(), |s| s.acquire_deadline(2, now() + HOUR).is_ok()];
    for wait in permits {
        in_all_ways("Semaphore", move || {
            let semaphore = Arc::new(Semaphore::new(1));
            let theirs = semaphore.clone();
            point(move || _ = wait(&theirs), move || assert_eq!(semaphore.available_permits(), 1))
        });
    }
    let locks: [Wait<RwLock<u8>>; 4] = [
        |l| l.read_timeout(HOUR).is_ok(),
        |l| l.read_deadline(now() + HOUR).is_ok(),
        |l| l.write_timeout(HOUR).is_ok(),
        |l| l.write_deadline(now() + HOUR).is_ok(),
    ];
    for wait in locks {
        in_all_ways("RwLock", move || {
            let lock = Arc::new(RwLock::new(1));
            let (holder, theirs) = (lock.clone(), lock.clone());
            let holds = spawn(move || (holder.write().unwrap(), sleep(HOUR / 2).unwrap()).1);
            schedule().unwrap();
            let after = move || (holds.join().unwrap(), assert!(lock.try_write().is_ok())).1;
            point(move || _ = wait(&theirs), after)
        });
    }
}

#[test]
fn other_primitives_with_a_time() {
    let events: [Wait<Event>; 2] = [|e| e.wait_timeout(HOUR).is_ok(), |e| e.wait_deadline(now() + HOUR).is_ok()];
    for wait in events {
        in_all_ways("Event", move || {
            let event = Arc::new(Event::new());
            let theirs = event.clone();
            point(move || _ = wait(&theirs), move || assert!(!event.is_set()))
        });
    }
    let barriers: [Wait<Barrier>; 2] = [|b| b.wait_timeout(HOUR).is_ok(), |b| b.wait_deadline(now() + HOUR).is_ok()];
    for wait in barriers {
        in_all_ways("Barrier", move || {
            let barrier = Arc::new(Barrier::new(2));
            let theirs = barrier.clone();
            point(move || _ = wait(&theirs), move || assert!(barrier.wait_timeout(SECOND).is_err()))
        });
    }
    let groups: [Wait<WaitGroup>; 2] = [|g| g.wait_timeout(HOUR).is_ok(), |g| g.wait_deadline(now() + HOUR).is_ok()];
    for wait in groups {
        in_all_ways("WaitGroup", move || {
            let group = Arc::new(WaitGroup::new());
            let (theirs, worker) = (group.clone(), group.worker());
            point(move || _ = wait(&theirs), move || assert_eq!((group.working(), drop(worker)).0, 1))
        });
    }
    let notices: [Wait<(Mutex<u8>, Condvar)>; 3] = [
        |pair| pair.1.wait_timeout(pair.0.lock().unwrap(), HOUR).is_ok(),
        |pair| pair.1.wait_deadline(pair.0.lock().unwrap(), now() + HOUR).is_ok(),
        |pair| pair.1.wait_while(pair.0.lock().unwrap(), |_| true).is_ok(),
    ];
    for wait in notices {
        in_all_ways("Condvar", move || {
            let pair = Arc::new((Mutex::new(0), Condvar::new()));
            let theirs = pair.clone();
            point(move || _ = wait(&theirs), move || assert!(pair.0.try_lock().is_ok()))
        });
    }
}
