//! Generators and raw greenlets within tasklets, and raw switches between tasklets' own greenlets.

use std::cell::RefCell;
use std::rc::Rc;

use greenlet::{Generator, Greenlet, yield_};
use tasklets::{AnyTasklet, Channel, TaskletExit, current, kill_all, run, run_count, schedule, schedule_remove};

use crate::support::*;

#[derive(Clone, Copy, Debug)]
enum Inner {
    Generator,
    Greenlet,
    /// A generator in a greenlet in a generator.
    Deep,
}

const INNERS: [Inner; 3] = [Inner::Generator, Inner::Greenlet, Inner::Deep];

/// Calls `f` on a stack within the caller's own flow.
fn within(inner: Inner, f: impl FnOnce() + 'static) {
    within_boxed(inner, Box::new(f));
}

fn within_boxed(inner: Inner, f: Box<dyn FnOnce()>) {
    match inner {
        Inner::Generator => {
            let mut generator = Generator::new(move || {
                f();
                yield_(5).unwrap();
            });
            assert_eq!(generator.next(), Some(5));
            assert_eq!(generator.next(), None);
        }
        Inner::Greenlet => {
            let greenlet = Greenlet::new(move |()| f());
            greenlet.switch(()).unwrap();
            assert!(greenlet.is_dead());
        }
        Inner::Deep => within(Inner::Generator, move || {
            within(Inner::Greenlet, move || within(Inner::Generator, f));
        }),
    }
}

/// A tasklet that is blocked in a receive on an inner stack, and logs what becomes of it.
fn receiver(inner: Inner, log: &Log) -> (AnyTasklet, Channel<i32>) {
    let (channel, log) = (Channel::new(), log.clone());
    let end = channel.clone();
    let tasklet = go(move || {
        let (outer, entries) = (log.clone(), log.clone());
        let _scope = OnDrop(move || outer.add("outer"));
        within(inner, move || {
            let scope = entries.clone();
            let _scope = OnDrop(move || scope.add("inner"));
            entries.add(end.receive().unwrap());
        });
        log.add("after");
    });
    tasklet.run().unwrap();
    assert_eq!(state(&tasklet), BLOCKED, "{inner:?}");
    (tasklet, channel)
}

#[test]
fn blocked_within_and_woken() {
    for inner in INNERS {
        checked(move || {
            let log = Log::default();
            let (tasklet, channel) = receiver(inner, &log);
            channel.send(7).unwrap();
            assert_eq!((log.take().as_str(), state(&tasklet)), ("7 inner after outer", DEAD), "{inner:?}");
        });
    }
}

#[test]
fn blocked_within_and_killed() {
    type Kill = fn(AnyTasklet);
    let kills: [Kill; 4] = [
        |tasklet| tasklet.kill().unwrap(),
        |tasklet| {
            tasklet.kill_pending().unwrap();
            run();
        },
        |_| assert!(kill_all().is_empty()),
        |tasklet| {
            raised::<ZeroDivisionError, ()>(move || {
                let _scope = OnDrop(move || tasklet.kill().unwrap());
                raise(ZeroDivisionError);
            });
        },
    ];
    for (inner, kill) in INNERS.into_iter().flat_map(|inner| kills.map(|kill| (inner, kill))) {
        checked(move || {
            let log = Log::default();
            let (tasklet, channel) = receiver(inner, &log);
            kill(tasklet.clone());
            assert_eq!((log.take().as_str(), state(&tasklet)), ("inner outer", DEAD), "{inner:?}");
            assert_eq!((channel.balance(), run_count()), (0, 1));
        });
    }
}

/// The inner stack catches the exit and goes on: so does the tasklet.
#[test]
fn blocked_within_and_refusing() {
    for inner in INNERS {
        checked(move || {
            let (channel, log) = (Channel::new(), Log::default());
            let (end, entries) = (channel.clone(), log.clone());
            let tasklet = go(move || {
                within(inner, move || {
                    entries.add(raised::<TaskletExit, _>(|| end.receive()) == TaskletExit);
                    entries.add(end.receive().unwrap());
                });
            });
            tasklet.run().unwrap();
            tasklet.kill().unwrap();
            assert_eq!((log.take().as_str(), state(&tasklet), channel.balance()), ("true", BLOCKED, -1));
            channel.send(6).unwrap();
            assert_eq!((log.take().as_str(), state(&tasklet)), ("6", DEAD));
        });
    }
}

/// Two tasklets draw from generators whose bodies block on each other's channel.
#[test]
fn generators_of_two_tasklets() {
    checked(|| {
        let (there, back, log) = (Channel::new(), Channel::new(), Log::default());
        let (out, end) = (there.clone(), back.clone());
        go(move || {
            let generator = Generator::new(move || {
                for i in 0..3 {
                    out.send(i).unwrap();
                    yield_(end.receive().unwrap()).unwrap();
                }
            });
            assert_eq!(generator.collect::<Vec<i32>>(), [0, 10, 20]);
        });
        let entries = log.clone();
        go(move || {
            let generator = Generator::new(move || {
                for _ in 0..3 {
                    let i: i32 = there.receive().unwrap();
                    back.send(i * 10).unwrap();
                    yield_(i).unwrap();
                }
            });
            generator.for_each(|i: i32| entries.add(i));
        });
        assert!(run().is_finished());
        assert_eq!(log.take(), "0 1 2");
    });
}

/// A generator that one tasklet made and another one, and main, go on with; it blocks in whoever asks.
#[test]
fn a_generator_between_tasklets() {
    checked(|| {
        let channel = Channel::new();
        let end = channel.clone();
        let shared = Rc::new(RefCell::new(Some(Generator::new(move || {
            for value in end {
                yield_(value).unwrap();
            }
        }))));
        let take = |shared: &Rc<RefCell<Option<Generator<i32>>>>| shared.take().unwrap();
        let slot = shared.clone();
        let first = go(move || {
            let mut generator = take(&slot);
            assert_eq!(generator.next(), Some(1));
            *slot.borrow_mut() = Some(generator);
        });
        first.run().unwrap();
        assert!(first.is_blocked());
        channel.send(1).unwrap();
        assert!(!first.is_alive());
        let mut generator = take(&shared);
        let out = channel.clone();
        go(move || out.send(2).unwrap());
        assert_eq!(generator.next(), Some(2));
        *shared.borrow_mut() = Some(generator);
        let slot = shared.clone();
        let killed = go(move || assert_eq!(take(&slot).next(), None));
        killed.run().unwrap();
        killed.kill().unwrap();
        assert_eq!((channel.balance(), killed.is_alive()), (0, false));
        run();
    });
}

/// The greenlets that tasklets run in, as they tell them.
type Own = Rc<RefCell<Vec<Greenlet<()>>>>;

/// Switches by hand into the greenlets of others, suspended wherever they are: each such switch comes back as if nothing
/// had happened, or lets the other go on; nothing is lost.
#[test]
fn raw_switches_between_tasklets() {
    checked(|| {
        let (own, log, channel) = (Own::default(), Log::default(), Channel::<i32>::new());
        for state in 0..3 {
            let (own, log, channel) = (own.clone(), log.clone(), channel.clone());
            go(move || {
                own.borrow_mut().push(greenlet::current());
                match state {
                    0 => schedule_remove().unwrap(),
                    1 => assert_eq!(channel.receive().unwrap(), 9),
                    _ => schedule().unwrap(),
                }
                log.add(state);
            })
            .run()
            .unwrap();
        }
        let greenlets = own.take();
        assert_eq!(greenlets.len(), 3);
        for greenlet in &greenlets {
            let _ = greenlet.switch(());
            assert!(current().is_main());
        }
        let hand = greenlets.clone();
        go(move || {
            for greenlet in &hand {
                let _ = greenlet.switch(());
                assert!(!current().is_main());
            }
            let _ = greenlet::main::<()>().switch(());
        });
        run();
        if channel.balance() != 0 {
            channel.send(9).unwrap();
        }
        drop(greenlets);
        run();
        assert!(kill_all().is_empty());
        assert_eq!((run_count(), tasklets::stats().tasklets), (1, 0));
    });
}

/// Kills by hand of the greenlets that tasklets run in: the tasklets end.
#[test]
fn raw_kills_of_tasklets() {
    checked(|| {
        let (own, ends, channel) = (Own::default(), Flag::default(), Channel::<i32>::new());
        let mut tasklets = Vec::new();
        for state in 0..3 {
            let (own, guard, channel) = (own.clone(), flagging(&ends), channel.clone());
            let tasklet = go(move || {
                let _guard = guard;
                own.borrow_mut().push(greenlet::current());
                match state {
                    0 => schedule_remove().unwrap(),
                    1 => drop(channel.receive()),
                    _ => schedule().unwrap(),
                }
            });
            tasklet.run().unwrap();
            tasklets.push(tasklet);
        }
        for greenlet in own.take() {
            let _ = greenlet.kill();
            assert!(current().is_main());
        }
        run();
        assert_eq!((ends.count(), channel.balance(), run_count()), (3, 0, 1));
        assert!(tasklets.iter().all(|tasklet| !tasklet.is_alive()));
    });
}

/// A raw greenlet of main's that tasklets switch to by hand, and that schedules.
#[test]
fn a_raw_greenlet_that_everybody_switches_to() {
    checked(|| {
        let log = Log::default();
        let entries = log.clone();
        let shared = Greenlet::new(move |()| {
            for i in 0..3 {
                entries.add(i);
                let _ = schedule();
                let _ = greenlet::main::<()>().switch(());
            }
        });
        for _ in 0..3 {
            let shared = shared.clone();
            go(move || {
                let _ = shared.switch(());
                schedule().unwrap();
            });
        }
        run();
        let _ = shared.switch(());
        run();
        assert!(kill_all().is_empty());
        assert!(current().is_main() && log.len() > 0);
        drop(shared);
        schedule().unwrap();
    });
}

/// A greenlet that somebody has kept is dead when its tasklet is, although its stack could have been used for the next one.
#[test]
fn a_kept_greenlet_of_an_ended_tasklet() {
    for held in [false, true] {
        checked(move || {
            let kept = Rc::new(RefCell::new(None));
            let keep = kept.clone();
            let first = go(move || {
                let own = greenlet::current::<()>();
                let id = own.id();
                *keep.borrow_mut() = Some((held.then_some(own), id));
            });
            let other = Rc::new(RefCell::new(0));
            let note = other.clone();
            let second = go(move || *note.borrow_mut() = greenlet::current::<()>().id());
            run();
            assert!(!first.is_alive() && !second.is_alive());
            let (own, id) = kept.take().unwrap();
            assert!(own.as_ref().is_none_or(|own| own.is_dead()));
            assert!(!held || id != *other.borrow(), "the second tasklet began in a greenlet that is not its own");
            // It goes on in main, as does every switch to a dead child of main's.
            assert!(own.is_none_or(|own| own.switch(()).is_ok()));
        });
    }
}
