//! What crossbeam-channel tests of the syntax of its `select!`.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use tasklets::{Channel, Receiver, Sender, rendezvous, schedule, select, spawn, unbounded};

use crate::common::checked;

const MS: Duration = Duration::from_millis(1);

#[test]
fn references() {
    checked(|| {
        let (s, r) = unbounded::<i32>();
        select! { send(s, 0) -> _ => {}, recv(r) -> _ => {} }
        select! { send(&&&&s, 0) -> _ => {}, recv(&&&&r) -> _ => {} }
        let (s, r) = (&s, &r);
        select! { recv(r) -> _ => {}, send(s, 1) -> _ => {} }
    });
}

#[test]
fn case_blocks() {
    checked(|| {
        let (s, r) = unbounded::<i32>();
        select! {
            recv(r) -> _ => 3.0,
            recv(r) -> _ => panic!(),
            recv(r) -> v => match v { Ok(_) => 1., Err(_) => unreachable!() },
            default => 7.
        };
        select! {
            recv(r) -> msg => if msg.is_ok() { unreachable!() },
            default => (),
        }
        let _s = s;
    });
}

#[test]
fn move_handles() {
    checked(|| {
        let (s, r) = unbounded::<i32>();
        let ((_s, r1), (s2, r2)) = ((s, r), unbounded::<i32>());
        let expect_none =
            |r: Receiver<i32>| select! { recv(std::convert::identity(r)) -> v => v.is_err(), default => true };
        assert!(expect_none(r1));
        select! { send(std::convert::identity(s2), 4) -> v => v.unwrap() }
        assert_eq!(r2.recv().unwrap(), 4);
    });
}

#[test]
fn infer_types() {
    checked(|| {
        let (s, r) = unbounded();
        select! { recv(r) -> _ => {}, default => {} }
        s.send(()).unwrap();
        let (s, r) = unbounded();
        select! { send(s, ()) -> _ => {} }
        let _: Receiver<()> = r;
        let ch = Channel::new();
        select! { send(ch, 1_u8) -> _ => {}, default => {} }
    });
}

#[test]
fn default_syntax() {
    checked(|| {
        let (s, r) = rendezvous::<i32>();
        select! { recv(r) -> _ => panic!(), default => {} }
        select! { send(s, 0) -> _ => panic!(), default() => {} }
        select! { default => {} }
        select! { default() => {} }
        select! { default(MS) => {} }
        select! { recv(r,) -> _ => panic!(), default(MS,) => {} }
        select! { send(s, 0,) -> _ => panic!(), default(MS) => {}, }
        select! { default => {} recv(r) -> _ => panic!() }
    });
}

#[test]
fn same_variable_name() {
    checked(|| {
        let (_s, r) = unbounded::<i32>();
        select! { recv(r) -> r => assert!(r.is_err()), default => {} }
        let (a, b, taken, arms, patience) = (r.clone(), 1, 2, 3, 4);
        // The names that the macro uses itself.
        let sum = select! { recv(a) -> a => a.unwrap(), default => b + taken + arms + patience };
        assert_eq!(sum, 10);
    });
}

#[test]
fn handles_on_heap() {
    checked(|| {
        let ((s, r), ch) = (unbounded::<i32>(), Rc::new(Channel::<i32>::new()));
        let (s, r) = (Box::new(s), Box::new(r));
        select! { send(*s, 0) -> v => v.unwrap(), recv(*ch) -> _ => panic!() }
        select! { recv(*r) -> v => assert_eq!(v.unwrap(), 0), recv(*ch) -> _ => panic!() }
        let many: Vec<(Sender<u8>, Receiver<u8>)> = vec![unbounded(), unbounded()];
        many[1].0.send(1).unwrap();
        select! { recv(many[0].1) -> _ => panic!(), recv(many[1].1) -> v => assert_eq!(v.unwrap(), 1) }
    });
}

#[test]
fn once_blocks() {
    checked(|| {
        let (s, r) = unbounded::<Box<i32>>();
        let once = Box::new(());
        select! { send(s, Box::new(0)) -> _ => drop(once) }
        let once = Box::new(());
        select! { recv(r) -> _ => drop(once) }
        let (once1, once2) = (Box::new(()), Box::new(()));
        select! { recv(r) -> _ => drop(once1), default => drop(once2) }
        // What the value takes along is gone whichever arm is taken.
        let value = Box::new(7);
        select! { send(s, value) -> v => v.unwrap() }
        assert_eq!(*r.recv().unwrap(), 7);
    });
}

#[test]
fn parse_nesting() {
    checked(|| {
        let (_s, r) = unbounded::<i32>();
        let depth = Cell::new(0);
        let deeper = || depth.set(depth.get() + 1);
        select! {
            recv(r) -> _ => {}
            default => {
                deeper();
                select! {
                    recv(r) -> _ => {}
                    recv(r) -> _ => {}
                    default => {
                        deeper();
                        select! { recv(r) -> _ => {}, default(MS) => { deeper(); select! { default => deeper() } } }
                    }
                }
            }
        }
        assert_eq!(depth.get(), 4);
    });
}

#[test]
fn evaluate() {
    checked(|| {
        let (s, r) = unbounded::<i32>();
        let order = RefCell::new(Vec::new());
        let note = |n: i32| {
            order.borrow_mut().push(n);
            n
        };
        let (sender, receiver) = (
            |n| {
                note(n);
                s.clone()
            },
            |n| {
                note(n);
                r.clone()
            },
        );
        select! { biased; recv(receiver(1)) -> _ => panic!(), send(sender(2), note(3)) -> v => v.unwrap() }
        select! { biased; recv(receiver(4)) -> v => assert_eq!(v.unwrap(), 3), send(sender(5), note(6)) -> _ => panic!() }
        assert_eq!(*order.borrow(), [1, 2, 3, 4, 5, 6]);
    });
}

#[test]
fn panic_sender() {
    checked(|| {
        fn get() -> Sender<i32> {
            panic!("no sender")
        }
        let caught = catch_unwind(|| select! { send(get(), panic!("no value")) -> _ => {} });
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"no sender"));
        let (s, r) = rendezvous::<i32>();
        let caught = catch_unwind(AssertUnwindSafe(|| select! { send(s, panic!("no value")) -> _ => {} }));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"no value"));
        assert!(r.try_recv().unwrap_err().is_empty());
    });
}

#[test]
fn panic_receiver() {
    checked(|| {
        fn get() -> Receiver<i32> {
            panic!("no receiver")
        }
        let caught = catch_unwind(|| select! { recv(get()) -> _ => {} });
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"no receiver"));
    });
}

#[test]
fn sixteen_arms() {
    checked(|| {
        let channels: Vec<Channel<usize>> = (0..16).map(|_| Channel::new()).collect();
        for number in [0, 7, 15] {
            let theirs = channels[number].clone();
            spawn(move || theirs.send(number).unwrap());
            let c = &channels;
            let got = select! {
                recv(c[0]) -> m => m, recv(c[1]) -> m => m, recv(c[2]) -> m => m, recv(c[3]) -> m => m,
                recv(c[4]) -> m => m, recv(c[5]) -> m => m, recv(c[6]) -> m => m, recv(c[7]) -> m => m,
                recv(c[8]) -> m => m, recv(c[9]) -> m => m, recv(c[10]) -> m => m, recv(c[11]) -> m => m,
                recv(c[12]) -> m => m, recv(c[13]) -> m => m, recv(c[14]) -> m => m, recv(c[15]) -> m => m,
                default(1_000 * MS) => unreachable!(),
            };
            assert_eq!(got.unwrap(), number);
        }
        schedule().unwrap();
        assert!(channels.iter().all(|channel| channel.balance() == 0));
    });
}
