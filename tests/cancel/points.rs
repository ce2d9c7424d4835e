//! Every blocking operation of the library, inside a timeout and cancelled, before it blocks and while it is blocked.
//!
//! A point is an operation that has to wait, on things of its own. It is interrupted in each way in turn, and the things are as if
//! the operation had not happened; what it was given is dropped once.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tasklets::sync::{Barrier, Condvar, Event, Mutex, Once, OnceLock, RwLock, Semaphore, WaitGroup};
use tasklets::{
    Cancelled, Channel, JoinError, block_on, bounded, current, interval, is_cancelled, now, rendezvous, run, schedule,
    schedule_remove, select, shield, sleep, sleep_until, spawn, timeout, unblock, with_virtual_time,
};

use crate::common::checked;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A value that counts its drops.
struct Token(Rc<Cell<u32>>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// What blocks; and what is to hold afterwards, given how often the token was dropped.
pub(crate) struct Point {
    block: Box<dyn FnOnce()>,
    after: Box<dyn FnOnce()>,
}

pub(crate) fn point(block: impl FnOnce() + 'static, after: impl FnOnce() + 'static) -> Point {
    Point { block: Box::new(block), after: Box::new(after) }
}

/// How a point is interrupted.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Timeout,
    TimeIsUp,
    CancelBlocked,
    CancelBefore,
    Kill,
    Swallowed,
}

const WAYS: [Way; 6] = [Way::Timeout, Way::TimeIsUp, Way::CancelBlocked, Way::CancelBefore, Way::Kill, Way::Swallowed];

fn interrupt(name: &str, way: Way, point: Point) {
    let Point { block, after } = point;
    let what = format!("{name}, {way:?}");
    let run_on = what.clone();
    let t = spawn(move || match way {
        Way::Timeout => assert!(timeout(SECOND, block).is_err(), "{run_on}"),
        Way::TimeIsUp => assert!(tasklets::timeout_at(now(), block).is_err(), "{run_on}"),
        Way::CancelBlocked | Way::Kill => block(),
        Way::CancelBefore => {
            current().cancel();
            block();
        }
        Way::Swallowed => {
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(block)).unwrap_err();
            assert!(caught.is::<Cancelled>() && is_cancelled(), "{run_on}");
            schedule_remove().unwrap();
        }
    });
    for _ in 0..4 {
        schedule().unwrap();
    }
    match way {
        Way::Timeout | Way::TimeIsUp => t.join().unwrap_or_else(|error| panic!("{what}: {error}")),
        Way::CancelBlocked | Way::Swallowed => {
            assert!(t.is_alive() && !t.is_current(), "{what}: it has to wait");
            t.cancel();
            assert!(matches!(t.join(), Err(JoinError::Killed)), "{what}");
        }
        Way::CancelBefore => assert!(matches!(t.join(), Err(JoinError::Killed)), "{what}"),
        Way::Kill => {
            assert!(t.is_alive(), "{what}: it has to wait");
            t.kill().unwrap();
            assert!(matches!(t.join(), Err(JoinError::Killed)), "{what}");
        }
    }
    after();
}

/// Interrupts a point in all ways, on the virtual clock.
pub(crate) fn in_all_ways(name: &'static str, make: impl Fn() -> Point + Send + Copy + 'static) {
    for way in WAYS {
        checked(move || with_virtual_time(|| interrupt(name, way, make())));
    }
}

fn token() -> (Token, Rc<Cell<u32>>) {
    let drops = Rc::new(Cell::new(0));
    (Token(drops.clone()), drops)
}

#[test]
fn a_channel_of_this_thread() {
    in_all_ways("send", || {
        let (channel, (token, drops)) = (Channel::new(), token());
        let tx = channel.clone();
        point(
            move || assert!(tx.send(token).is_err()),
            move || {
                assert_eq!((channel.balance(), drops.get()), (0, 1));
                let other = channel.clone();
                let t = spawn(move || drop(other.receive().unwrap()));
                channel.send(Token(drops)).unwrap_or_else(|error| panic!("{error}"));
                t.join().unwrap();
            },
        )
    });
    in_all_ways("receive", || {
        let channel = Channel::<u8>::new();
        let rx = channel.clone();
        point(move || drop(rx.receive()), move || assert!(channel.balance() == 0 && channel.try_receive().is_err()))
    });
    in_all_ways("send_sequence", || {
        let channel = Channel::new();
        let tx = channel.clone();
        let sent = move || drop(tx.send_sequence(1..=3));
        point(sent, move || assert_eq!(channel.balance(), 0))
    });
    in_all_ways("for value in channel", || {
        let channel = Channel::<u8>::new();
        let rx = channel.clone();
        point(move || for _ in &rx {}, move || assert_eq!(channel.balance(), 0))
    });
    in_all_ways("receive_timeout", || {
        let channel = Channel::<u8>::new();
        point(move || drop(channel.receive_timeout(HOUR)), || ())
    });
}

#[test]
fn channels_between_threads() {
    in_all_ways("rendezvous send", || {
        let (tx, rx) = rendezvous();
        let value = Arc::new(5);
        let (theirs, sent) = (tx.clone(), value.clone());
        point(
            move || drop(theirs.send(sent)),
            move || {
                assert!(rx.try_recv().is_err());
                assert_eq!(Arc::strong_count(&value), 1);
                drop(tx);
            },
        )
    });
    in_all_ways("rendezvous recv", || {
        let (tx, rx) = rendezvous::<u8>();
        let theirs = rx.clone();
        let after = move || {
            assert!(tx.try_send(1).unwrap_err().is_full());
            drop(rx);
        };
        point(move || drop(theirs.recv()), after)
    });
    in_all_ways("bounded send", || {
        let (tx, rx) = bounded(1);
        tx.send(1).unwrap();
        let theirs = tx.clone();
        point(
            move || drop(theirs.send(2)),
            move || assert_eq!((rx.try_recv().unwrap(), rx.try_recv().is_err()), (1, true)),
        )
    });
    in_all_ways("bounded recv", || {
        let (tx, rx) = bounded(1);
        let theirs = rx.clone();
        point(
            move || drop(theirs.recv()),
            move || {
                tx.try_send(1).unwrap();
                assert_eq!(rx.try_recv().unwrap(), 1);
            },
        )
    });
    in_all_ways("recv_deadline", || {
        let (tx, rx) = bounded::<u8>(1);
        point(move || drop(rx.recv_deadline(now() + HOUR)), move || drop(tx))
    });
}

#[test]
fn a_select() {
    in_all_ways("select", || {
        let (here, (tx, rx)) = (Channel::<u8>::new(), rendezvous::<u8>());
        let (channel, (full, drain)) = (here.clone(), bounded(1));
        full.send(0).unwrap();
        let block = move || {
            select! {
                recv(channel) -> value => drop(value),
                recv(rx) -> value => drop(value),
                send(full, 9) -> sent => drop(sent),
            }
        };
        point(block, move || {
            assert_eq!(here.balance(), 0);
            assert!(tx.try_send(1).is_err());
            assert_eq!((drain.try_recv().unwrap(), drain.try_recv().is_err()), (0, true));
        })
    });
}

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
}

#[test]
fn waiting_for_tasklets_and_time() {
    in_all_ways("join", || {
        let target = spawn(|| sleep(HOUR).map(|()| 7).unwrap());
        let theirs = target.clone();
        point(move || drop(theirs.join()), move || assert_eq!(target.join().unwrap(), 7))
    });
    in_all_ways("join_timeout", || {
        let target = spawn(|| sleep(HOUR).map(|()| 7).unwrap());
        let theirs = target.clone();
        point(move || drop(theirs.join_timeout(HOUR)), move || assert_eq!(target.join().unwrap(), 7))
    });
    in_all_ways("kill_and_wait", || {
        let target = spawn(|| shield(|| sleep(HOUR).map(|()| 7).unwrap()));
        schedule().unwrap();
        let theirs = target.clone();
        point(move || drop(theirs.kill_and_wait(now() + HOUR)), move || assert_eq!(target.join().unwrap(), 7))
    });
    in_all_ways("sleep", || point(|| drop(sleep(HOUR)), || ()));
    in_all_ways("sleep_until", || point(|| drop(sleep_until(now() + HOUR)), || ()));
    in_all_ways("Interval::tick", || point(|| drop(interval(HOUR).tick()), || ()));
    in_all_ways("schedule_remove", || {
        let block = || {
            let _handle = current(); // or it would end at once, as nobody could insert it
            drop(schedule_remove());
        };
        point(block, || ())
    });
    in_all_ways("run", || {
        let block = || {
            spawn(|| sleep(HOUR * 2).unwrap()).detach();
            drop(run());
        };
        point(block, || drop(tasklets::kill_all()))
    });
    in_all_ways("block_on", || point(|| drop(block_on(std::future::pending::<()>())), || ()));
}

/// What goes by the real clock.
fn in_real_time(name: &'static str, make: impl Fn() -> Point + Send + Copy + 'static) {
    for way in WAYS {
        // A second of real time is long; the time that is up already is not.
        if way != Way::Timeout {
            checked(move || interrupt(name, way, make()));
        }
    }
}

#[test]
fn work_on_other_threads() {
    in_real_time("unblock", || {
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let block = move || drop(unblock(move || wait.recv()));
        point(block, move || drop(done))
    });
}
