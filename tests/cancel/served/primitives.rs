//! Of what threads wait for besides messages.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;

use tasklets::actor::{self, Mailbox, Reply};
use tasklets::sync::{Barrier, Condvar, Event, Mutex, Once, OnceLock, RwLock, Semaphore, WaitGroup};
use tasklets::{JoinError, Runtime, block_on, rendezvous, schedule, spawn, with_virtual_time};

use super::{Elsewhere, HOUR, case, elsewhere, in_all_ways, later};
use crate::common::checked;

#[test]
fn locks() {
    in_all_ways("Mutex::lock", || {
        let mutex = Arc::new(Mutex::new(1));
        let (holder, theirs) = (mutex.clone(), mutex.clone());
        let serve = elsewhere(move |pause| {
            let _guard = holder.lock().unwrap();
            pause();
        });
        case(move || *theirs.lock().unwrap() == 1, serve, move |_| assert_eq!(*mutex.try_lock().unwrap(), 1))
    });
    in_all_ways("RwLock::read", || {
        let lock = Arc::new(RwLock::new(1));
        let (holder, theirs) = (lock.clone(), lock.clone());
        let serve = elsewhere(move |pause| {
            let _guard = holder.write().unwrap();
            pause();
        });
        case(move || *theirs.read().unwrap() == 1, serve, move |_| assert_eq!(*lock.try_write().unwrap(), 1))
    });
    in_all_ways("RwLock::write", || {
        let lock = Arc::new(RwLock::new(1));
        let (holder, theirs) = (lock.clone(), lock.clone());
        let serve = elsewhere(move |pause| {
            let _guard = holder.read().unwrap();
            pause();
        });
        case(move || *theirs.write().unwrap() == 1, serve, move |_| assert_eq!(*lock.try_write().unwrap(), 1))
    });
    in_all_ways("Semaphore::acquire", || {
        let semaphore = Arc::new(Semaphore::new(0));
        let (theirs, gives) = (semaphore.clone(), semaphore.clone());
        let serve = later(move || gives.add_permits(1));
        case(move || theirs.acquire().is_ok(), serve, move |_| assert_eq!(semaphore.available_permits(), 1))
    });
}

#[test]
fn other_primitives() {
    in_all_ways("Event::wait", || {
        let event = Arc::new(Event::new());
        let theirs = event.clone();
        case(move || theirs.wait().is_ok(), later(move || event.set()), |_| ())
    });
    in_all_ways("Barrier::wait", || {
        let barrier = Arc::new(Barrier::new(2));
        let theirs = barrier.clone();
        case(move || theirs.wait().is_ok(), later(move || assert!(barrier.wait().unwrap().is_leader())), |_| ())
    });
    in_all_ways("WaitGroup::wait", || {
        let group = Arc::new(WaitGroup::new());
        let worker = group.worker();
        case(move || group.wait().is_ok(), later(move || drop(worker)), |_| ())
    });
    in_all_ways("Once::call_once", || {
        let once = Arc::new(Once::new());
        let theirs = once.clone();
        let serve = elsewhere(move |pause| once.call_once(pause).unwrap());
        case(move || theirs.call_once(|| unreachable!("it was called")).is_ok(), serve, |_| ())
    });
    in_all_ways("OnceLock::get_or_init", || {
        let lock = Arc::new(OnceLock::new());
        let theirs = lock.clone();
        let serve = elsewhere(move |pause| {
            let init = || {
                pause();
                7
            };
            assert_eq!(lock.get_or_init(init).copied().unwrap(), 7);
        });
        case(move || *theirs.get_or_init(|| 8).unwrap() == 7, serve, |_| ())
    });
}

#[test]
fn condvars() {
    in_all_ways("Condvar::wait", || {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let (theirs, notifies) = (pair.clone(), pair.clone());
        let wait = move || theirs.1.wait(theirs.0.lock().unwrap()).is_ok();
        case(wait, later(move || notifies.1.notify_one()), move |_| assert!(pair.0.try_lock().is_ok()))
    });
    in_all_ways("Condvar::wait, and another one waits behind", || {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let (first, second, notifies) = (pair.clone(), pair.clone(), pair.clone());
        let next = spawn(move || {
            schedule().unwrap();
            second.1.wait_timeout(second.0.lock().unwrap(), HOUR).unwrap().1.timed_out()
        });
        let wait = move || first.1.wait(first.0.lock().unwrap()).is_ok();
        // A notice is for one; if that one dies, for the next.
        case(wait, later(move || notifies.1.notify_one()), move |killed| assert_eq!(next.join().unwrap(), !killed))
    });
}

#[test]
fn other_waits() {
    in_all_ways("Handle::join", || {
        let runtime = Runtime::builder().threads(1).build().unwrap();
        let (go, may_go) = mpsc::channel::<()>();
        let handle = runtime.spawn(move || may_go.recv().map(|()| 7).unwrap()).unwrap();
        let theirs = handle.clone();
        let serve = Elsewhere(Box::new(move || {
            go.send(()).unwrap();
            while !handle.is_finished() {
                std::thread::yield_now();
            }
            // Joined or not, there is one result.
            drop(runtime);
        }));
        case(move || theirs.join().unwrap() == 7, serve, |_| ())
    });
    in_all_ways("block_on, of a receive", || {
        let (tx, rx) = rendezvous();
        let theirs = rx.clone();
        let wait = move || block_on(theirs.recv_async()).unwrap().unwrap() == 7;
        let serve = later(move || tx.send(7).unwrap());
        case(wait, serve, move |killed| assert_eq!(rx.try_recv().ok(), killed.then_some(7)))
    });
    in_all_ways("block_on, of a send", || {
        let (tx, rx) = rendezvous();
        let serve = later(move || assert_eq!(rx.recv().unwrap(), 7));
        case(move || block_on(tx.send_async(7)).unwrap().is_ok(), serve, |_| ())
    });
}

#[test]
fn answers_of_actors() {
    in_all_ways("Addr::ask", || {
        let (give, given) = mpsc::channel::<Reply<u8>>();
        let asked = actor::spawn(move |mailbox: &Mailbox<Reply<u8>>| give.send(mailbox.receive().unwrap()).unwrap());
        let serve = Elsewhere(Box::new(move || {
            let reply = given.recv().unwrap();
            std::thread::spawn(move || reply.send(7).unwrap()).join().unwrap();
        }));
        case(move || asked.ask(|reply| reply).unwrap() == 7, serve, |_| ())
    });
}

/// Who has been notified has to take the mutex again, which may have to wait: if it is cancelled there, the notice is not lost.
#[test]
fn a_notice_whose_owner_cannot_take_the_mutex_goes_to_the_next_one() {
    checked(|| {
        with_virtual_time(|| {
            let pair = Rc::new((Mutex::new(()), Condvar::new()));
            let (first, second) = (pair.clone(), pair.clone());
            let t = spawn(move || drop(first.1.wait(first.0.lock().unwrap())));
            let next = spawn(move || second.1.wait_timeout(second.0.lock().unwrap(), HOUR).unwrap().1.timed_out());
            schedule().unwrap();
            let guard = pair.0.lock().unwrap();
            pair.1.notify_one();
            schedule().unwrap();
            assert!(t.is_blocked());
            t.cancel();
            schedule().unwrap();
            drop(guard);
            assert!(matches!(t.join(), Err(JoinError::Killed)));
            assert!(!next.join().unwrap());
        });
    });
}
