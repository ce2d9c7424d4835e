//! Stackless's `test_channel.py`.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use tasklets::{AnyTasklet, Channel, Reason, StopIteration, run};

use crate::common::checked;
use crate::support::{tasklet, with_block_trap};

/// Runs `body` until it blocks.
fn blocked(body: impl FnOnce() + 'static) -> AnyTasklet {
    let t = tasklet(body);
    t.run().unwrap();
    assert!(t.is_blocked());
    t
}

#[test]
fn test_blocking_send() {
    checked(|| {
        let ch = Channel::new();
        let sender = ch.clone();
        let t = blocked(move || sender.send(1).unwrap());
        assert!(t.is_blocked());
        assert_eq!(ch.balance(), 1);
    });
}

#[test]
fn test_blocking_receive() {
    checked(|| {
        let ch = Channel::<i32>::new();
        let receiver = ch.clone();
        let t = blocked(move || drop(receiver.receive()));
        assert!(t.is_blocked());
        assert_eq!(ch.balance(), -1);
    });
}

#[test]
fn test_non_blocking_send() {
    checked(|| {
        let (ch, received) = (Channel::new(), Rc::new(RefCell::new(Vec::new())));
        let (receiver, values) = (ch.clone(), received.clone());
        blocked(move || {
            let value: i32 = receiver.receive().unwrap();
            values.borrow_mut().push(value);
        });
        with_block_trap(|| ch.send(1)).unwrap();
        assert_eq!(*received.borrow(), [1]);
    });
}

#[test]
fn test_non_blocking_receive() {
    checked(|| {
        let ch = Channel::new();
        let sender = ch.clone();
        let t = blocked(move || sender.send(1).unwrap());
        assert_eq!(with_block_trap(|| ch.receive()).unwrap(), 1);
        t.kill().unwrap();
    });
}

#[test]
fn test_main_tasklet_blocking_without_a_sender() {
    checked(|| {
        let error = Channel::<()>::new().receive().unwrap_err();
        assert!(matches!(error.reason(), Some(Reason::Deadlock(_))), "{error}");
    });
}

/// A `ValueError` with three arguments, and the one that caused it.
#[derive(Debug, PartialEq)]
struct ValueError(i32, i32, i32);

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Error for ValueError {}

#[test]
fn test_send_exception() {
    checked(|| {
        let ch = Channel::<()>::new();
        let sender = ch.clone();
        let t = blocked(move || sender.send_exception(ValueError(1, 2, 3)).unwrap());
        let error = ch.receive().unwrap_err();
        assert!(error.reason().is_none() && !error.is_closed());
        assert_eq!(error.to_string(), "received an error: ValueError(1, 2, 3)");
        assert_eq!(error.into_exception().unwrap().downcast_ref(), Some(&ValueError(1, 2, 3)));
        assert!(t.is_scheduled(), "the sender goes on as after any send");
        run();
        assert!(!t.is_alive());
    });
}

/// An error that keeps what caused it, as a traceback does.
#[derive(Debug)]
struct Caused(ValueError);

impl fmt::Display for Caused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("caused")
    }
}

impl Error for Caused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn test_send_throw() {
    checked(|| {
        let ch = Channel::<()>::new();
        let sender = ch.clone();
        blocked(move || {
            fn bar() -> Result<(), Caused> {
                Err(Caused(ValueError(1, 2, 3)))
            }
            if let Err(error) = bar() {
                sender.send_exception(error).unwrap();
            }
        });
        let error = ch.receive().unwrap_err();
        let sent = error.source().unwrap();
        assert_eq!(sent.to_string(), "caused");
        let source = sent.source().unwrap();
        assert_eq!(source.downcast_ref(), Some(&ValueError(1, 2, 3)));
        run();
    });
}

#[test]
fn test_block_trap_send() {
    checked(|| {
        let (ch, count) = (Channel::new(), Rc::new(RefCell::new(0)));
        let f = || {
            let (ch, count) = (ch.clone(), count.clone());
            move || {
                let error = with_block_trap(|| ch.send(())).unwrap_err();
                assert!(matches!(error.reason, Reason::BlockTrap), "{error}");
                *count.borrow_mut() += 1;
            }
        };
        f()();
        tasklet(f());
        run();
        assert_eq!((*count.borrow(), ch.balance()), (2, 0));
    });
}

#[test]
fn test_block_trap_recv() {
    checked(|| {
        let (ch, count) = (Channel::<()>::new(), Rc::new(RefCell::new(0)));
        let f = || {
            let (ch, count) = (ch.clone(), count.clone());
            move || {
                let error = with_block_trap(|| ch.receive()).unwrap_err();
                assert!(matches!(error.reason(), Some(Reason::BlockTrap)), "{error}");
                *count.borrow_mut() += 1;
            }
        };
        f()();
        tasklet(f());
        run();
        assert_eq!((*count.borrow(), ch.balance()), (2, 0));
    });
}

#[test]
fn test_sequence() {
    checked(|| {
        let (ch, data) = (Channel::new(), Rc::new(RefCell::new(Vec::new())));
        let sender = ch.clone();
        tasklet(move || {
            sender.send_sequence((0..10).map(Some)).unwrap();
            sender.close();
            // A close wakes nobody: the receiver has to be pumped.
            while sender.is_closing() && !sender.is_closed() {
                sender.send(None).unwrap();
            }
        });
        let (receiver, values) = (ch.clone(), data.clone());
        tasklet(move || {
            let mut all: Vec<Option<i32>> = receiver.iter().collect();
            while let Some(None) = all.last() {
                all.pop();
            }
            all.push(Some(10));
            values.replace(all);
        });
        run();
        assert_eq!(*data.borrow(), (0..11).map(Some).collect::<Vec<_>>());
        assert!(ch.is_closed());
    });
}

#[test]
fn test_sequence2() {
    checked(|| {
        let (ch, data) = (Channel::new(), Rc::new(RefCell::new(Vec::new())));
        let sender = ch.clone();
        tasklet(move || {
            assert_eq!(sender.send_sequence(0..10).unwrap(), 10);
            sender.send_exception(StopIteration).unwrap();
        });
        let (receiver, values) = (ch.clone(), data.clone());
        tasklet(move || {
            for i in receiver {
                values.borrow_mut().push(i);
            }
            values.borrow_mut().push(10);
        });
        assert!(run().is_finished());
        assert_eq!(*data.borrow(), (0..11).collect::<Vec<_>>());
        assert!(!ch.is_closing());
    });
}

#[test]
fn test_sender() {
    checked(|| {
        let ch = Channel::new();
        ch.close();
        let error = ch.send(1).unwrap_err();
        assert!(matches!(error.reason, Reason::Closed) && error.value == 1, "{error}");
    });
}

#[test]
fn test_receiver() {
    checked(|| {
        let ch = Channel::<()>::new();
        ch.close();
        let error = ch.receive().unwrap_err();
        assert!(error.is_closed(), "{error}");
    });
}

#[test]
fn test_iterator() {
    checked(|| {
        let ch = Channel::<()>::new();
        ch.close();
        assert_eq!(ch.iter().next(), None);
        assert!(ch.results().next().is_none());
        assert_eq!((&ch).into_iter().count(), 0);
        assert_eq!(ch.into_iter().next(), None);
    });
}
