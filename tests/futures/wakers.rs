//! Wakers that are called from other threads, late, often, and after the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use tasklets::{block_on, block_on_timeout, rendezvous, schedule, spawn};

use crate::common::{checked, scale};
use crate::support::told;

#[test]
fn another_thread_wakes_a_thread_that_sleeps() {
    checked(|| {
        let (teller, future) = told();
        let other = thread::spawn(move || {
            while teller.polls() == 0 {
                thread::yield_now();
            }
            thread::sleep(Duration::from_millis(5));
            teller.tell("told");
        });
        assert_eq!(block_on(future).unwrap(), "told");
        other.join().unwrap();
    });
}

#[test]
fn a_thread_without_tasklets_waits_too() {
    let (teller, future) = told();
    let waiter = thread::spawn(|| block_on(future).unwrap());
    thread::sleep(Duration::from_millis(2));
    teller.tell(3);
    assert_eq!(waiter.join().unwrap(), 3);
}

/// Counts to a number, one step at each wake-up; whoever is told the waker wakes it.
fn steps(count: usize, tell: impl Fn(Waker)) -> usize {
    let mut done = 0;
    block_on(std::future::poll_fn(move |context| {
        if done == count {
            return Poll::Ready(done);
        }
        done += 1;
        tell(context.waker().clone());
        Poll::Pending
    }))
    .unwrap()
}

#[test]
fn of_many_wake_ups_by_another_thread_none_is_lost() {
    checked(|| {
        let (tx, rx) = std::sync::mpsc::channel::<Waker>();
        let waker = thread::spawn(move || rx.iter().for_each(Waker::wake));
        let count = scale(5_000);
        assert_eq!(steps(count, move |waker| tx.send(waker).unwrap()), count);
        waker.join().unwrap();
    });
}

#[test]
fn of_many_wake_ups_by_a_tasklet_of_the_same_thread_none_is_lost() {
    checked(|| {
        let (tx, rx) = rendezvous::<Waker>();
        let waker = spawn(move || rx.iter().for_each(|waker| waker.wake()));
        let count = scale(5_000);
        assert_eq!(steps(count, move |waker| tx.send(waker).unwrap()), count);
        waker.join().unwrap();
    });
}

#[test]
fn many_tasklets_are_woken_by_many_threads() {
    checked(|| {
        let (tellers, waiters): (Vec<_>, Vec<_>) = (0..scale(100))
            .map(|number| {
                let (teller, future) = told();
                (teller, spawn(move || assert_eq!(block_on(future).unwrap(), number)))
            })
            .unzip();
        let tellers = Arc::new(tellers);
        let next = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (tellers, next) = (tellers.clone(), next.clone());
                thread::spawn(move || {
                    while let number = next.fetch_add(1, Ordering::SeqCst)
                        && let Some(teller) = tellers.get(number)
                    {
                        teller.tell(number);
                    }
                })
            })
            .collect();
        waiters.iter().for_each(|waiter| waiter.join().unwrap());
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_wake_up_before_the_wait_is_not_lost() {
    checked(|| {
        let mut polled = false;
        block_on(std::future::poll_fn(|context| {
            if polled {
                return Poll::Ready(());
            }
            polled = true;
            // Another thread is done with it before the poll returns.
            let waker = context.waker().clone();
            thread::spawn(move || waker.wake()).join().unwrap();
            Poll::Pending
        }))
        .unwrap();
    });
}

#[test]
fn wakers_of_an_earlier_wait_disturb_no_later_one() {
    checked(|| {
        let (first, future) = told();
        first.tell(1);
        block_on(future).unwrap();
        let stale = first.wakers();
        let waker = thread::spawn({
            let stale = stale.clone();
            move || stale.iter().cycle().take(100).for_each(Waker::wake_by_ref)
        });
        assert!(block_on_timeout(std::future::pending::<()>(), Duration::from_millis(5)).unwrap_err().is_timeout());
        let (tx, rx) = rendezvous();
        let receiver = spawn(move || rx.recv().unwrap());
        schedule().unwrap();
        stale.iter().for_each(Waker::wake_by_ref);
        schedule().unwrap();
        tx.send(2).unwrap();
        assert_eq!(receiver.join().unwrap(), 2);
        waker.join().unwrap();
    });
}

#[test]
fn wakers_outlive_their_thread() {
    let (teller, future) = told::<()>();
    thread::spawn(move || drop(block_on_timeout(future, Duration::from_millis(1)))).join().unwrap();
    let wakers = teller.wakers();
    assert!(!wakers.is_empty());
    wakers.iter().for_each(Waker::wake_by_ref);
    wakers.into_iter().for_each(Waker::wake);
}

#[test]
fn a_future_may_be_polled_with_ever_new_wakers() {
    checked(|| {
        let (teller, mut future) = told();
        for _ in 0..5 {
            assert!(block_on_timeout(&mut future, Duration::from_millis(1)).is_err());
        }
        let polls = teller.polls();
        teller.wakers().iter().for_each(Waker::wake_by_ref);
        assert_eq!(teller.polls(), polls, "a stale waker polls nothing");
        teller.tell(4);
        assert_eq!(block_on(future).unwrap(), 4);
    });
}

/// A waker that panics.
struct Panics;

impl std::task::Wake for Panics {
    fn wake(self: Arc<Self>) {
        std::panic::resume_unwind(Box::new("woken"));
    }
}

/// The last handle of the other side is gone: everybody hears of it, whatever the first waker does, and who dropped it of that.
#[test]
fn a_waker_that_panics_keeps_nobody_from_hearing_of_the_end() {
    fn poll<F: Future>(future: std::pin::Pin<&mut F>, waker: &Waker) -> bool {
        future.poll(&mut std::task::Context::from_waker(waker)).is_ready()
    }
    checked(|| {
        let panics = Waker::from(Arc::new(Panics));
        let dropped = |handle: Box<dyn std::any::Any>| {
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(handle)));
            assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"woken"));
        };
        let (tx, rx) = tasklets::rendezvous::<u8>();
        let mut first = Box::pin(rx.recv_async());
        assert!(!poll(first.as_mut(), &panics));
        let theirs = rx.clone();
        let waiting = spawn(move || theirs.recv().is_err());
        schedule().unwrap();
        let mut last = Box::pin(rx.recv_async());
        assert!(!poll(last.as_mut(), &panics));
        dropped(Box::new(tx));
        assert!(waiting.join().unwrap());
        assert!(poll(first.as_mut(), &panics) && poll(last.as_mut(), &panics));

        let (tx, rx) = tasklets::bounded(1);
        let buffered = Arc::new(());
        tx.send(buffered.clone()).unwrap();
        let mut first = Box::pin(tx.send_async(buffered.clone()));
        assert!(!poll(first.as_mut(), &panics));
        let (theirs, value) = (tx.clone(), buffered.clone());
        let waiting = spawn(move || theirs.send(value).is_err());
        schedule().unwrap();
        dropped(Box::new(rx));
        assert!(waiting.join().unwrap());
        assert!(poll(first.as_mut(), &panics));
        drop(first);
        assert_eq!(Arc::strong_count(&buffered), 1, "what was buffered is dropped");
    });
}
