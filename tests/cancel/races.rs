//! Time limits and cancellations that come in the midst of things, in every order or in many: no value is lost or there twice, and
//! an operation has happened on both sides or on none.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tasklets::sync::{Mutex, Semaphore};
use tasklets::{
    Channel, Receiver, Sender, Tasklet, advance, bounded, rendezvous, run, select, sleep, spawn, timeout,
    with_virtual_time,
};

use crate::common::{checked, scale};
use crate::explore::{every_order, random_order};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone)]
enum Pipe {
    Local(Channel<u32>),
    Shared(Sender<u32>, Receiver<u32>),
    Selected(Channel<u32>, Receiver<u32>, Sender<u32>),
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Local,
    Rendezvous,
    Bounded,
    Selected,
}

impl Pipe {
    fn new(kind: Kind) -> Pipe {
        match kind {
            Kind::Local => Pipe::Local(Channel::new()),
            Kind::Rendezvous => shared(rendezvous()),
            Kind::Bounded => shared(bounded(1)),
            Kind::Selected => {
                let (tx, rx) = rendezvous();
                Pipe::Selected(Channel::new(), rx, tx)
            }
        }
    }

    fn send(&self, value: u32) -> bool {
        match self {
            Pipe::Local(channel) => channel.send(value).is_ok(),
            Pipe::Shared(tx, _) => tx.send(value).is_ok(),
            Pipe::Selected(channel, _, tx) => select! {
                send(channel, value) -> sent => sent.is_ok(),
                send(tx, value) -> sent => sent.is_ok(),
            },
        }
    }

    fn receive(&self) -> Option<u32> {
        match self {
            Pipe::Local(channel) => channel.receive().ok(),
            Pipe::Shared(_, rx) => rx.recv().ok(),
            Pipe::Selected(channel, rx, _) => select! {
                recv(rx) -> value => value.ok(),
                recv(channel) -> value => value.ok(),
            },
        }
    }

    /// What is left in a buffer.
    fn drain(&self) -> Option<u32> {
        match self {
            Pipe::Local(channel) => channel.try_receive().ok(),
            Pipe::Shared(_, rx) => rx.try_recv().ok(),
            Pipe::Selected(..) => None,
        }
    }
}

fn shared((tx, rx): (Sender<u32>, Receiver<u32>)) -> Pipe {
    Pipe::Shared(tx, rx)
}

/// Who is interrupted, and how.
#[derive(Debug, Clone, Copy)]
struct Plan {
    kind: Kind,
    sender_limited: bool,
    receiver_limited: bool,
    cancelled: bool,
}

fn limited<R>(limited: bool, f: impl FnOnce() -> R) -> Option<R> {
    if limited { timeout(SECOND, f).ok() } else { Some(f()) }
}

fn scenario(plan: Plan) {
    tasklets::set_select_seed(1);
    let pipe = Pipe::new(plan.kind);
    let sent = Rc::new(RefCell::new(Vec::new()));
    let received = Rc::new(RefCell::new(Vec::new()));
    let tasklets: Vec<Tasklet> = (0..4)
        .map(|number| {
            let (pipe, sent, received) = (pipe.clone(), sent.clone(), received.clone());
            spawn(move || match number {
                0 | 1 => {
                    if limited(plan.sender_limited, || pipe.send(number)) == Some(true) {
                        sent.borrow_mut().push(number);
                    }
                }
                _ => {
                    if let Some(Some(value)) = limited(plan.receiver_limited, || pipe.receive()) {
                        received.borrow_mut().push(value);
                    }
                }
            })
        })
        .collect();
    let victims: Vec<_> = [0, 2].map(|victim: usize| tasklets[victim].remote()).into();
    spawn(move || {
        advance(SECOND);
        if plan.cancelled {
            let scheduler = tasklets::Scheduler::local();
            for victim in victims.iter().filter_map(|victim| scheduler.tasklet(victim.id())) {
                victim.cancel();
            }
        }
    })
    .detach();
    // Whom nobody serves is cancelled in the end.
    spawn(move || {
        sleep(SECOND * 10).unwrap();
        tasklets.iter().for_each(|tasklet| tasklet.cancel());
    })
    .detach();
    assert!(run().is_finished());
    let mut arrived = received.take();
    arrived.extend(std::iter::from_fn(|| pipe.drain()));
    arrived.sort_unstable();
    let mut left = sent.take();
    left.sort_unstable();
    assert_eq!(left, arrived, "sent, and arrived");
}

fn plans() -> Vec<Plan> {
    let kinds = [Kind::Local, Kind::Rendezvous, Kind::Bounded, Kind::Selected];
    let flags =
        [(true, false, false), (false, true, false), (true, true, false), (false, false, true), (true, true, true)];
    let of = |kind| {
        flags.map(|(sender_limited, receiver_limited, cancelled)| Plan {
            kind,
            sender_limited,
            receiver_limited,
            cancelled,
        })
    };
    kinds.into_iter().flat_map(of).collect()
}

#[test]
fn a_value_is_never_lost_in_any_order() {
    for plan in plans() {
        checked(move || {
            let (orders, _) =
                every_order(scale(300), &|| format!("{plan:?}"), &|| with_virtual_time(|| scenario(plan)));
            assert!(orders > 1);
        });
    }
}

#[test]
fn a_value_is_never_lost_in_random_orders() {
    for plan in plans() {
        checked(move || {
            for seed in 0..scale(300) as u64 {
                random_order(seed, &|| format!("{plan:?}, seed {seed}"), &|| with_virtual_time(|| scenario(plan)));
            }
        });
    }
}

#[test]
fn locks_are_given_back_in_any_order() {
    checked(|| {
        every_order(scale(2000), &|| "locks".to_owned(), &|| {
            with_virtual_time(|| {
                let (mutex, permits) = (Rc::new(Mutex::new(0)), Rc::new(Semaphore::new(1)));
                let done = Rc::new(Cell::new(0));
                let tasklets: Vec<Tasklet> = (0..3)
                    .map(|_| {
                        let (mutex, permits, done) = (mutex.clone(), permits.clone(), done.clone());
                        spawn(move || {
                            let limited = timeout(SECOND, || {
                                let mut guard = mutex.lock().unwrap();
                                let _permit = permits.acquire().unwrap();
                                tasklets::schedule().unwrap();
                                *guard += 1;
                            });
                            done.set(done.get() + u32::from(limited.is_ok()));
                        })
                    })
                    .collect();
                let victim = tasklets[0].clone();
                spawn(move || {
                    advance(SECOND);
                    victim.cancel();
                })
                .detach();
                assert!(run().is_finished());
                // Nobody died of a panic of its own: nothing is poisoned.
                let guard = mutex.try_lock();
                assert!(guard.is_ok_and(|guard| *guard == done.get()));
                assert_eq!(permits.available_permits(), 1);
            });
        });
    });
}
