//! Both ends of a channel as futures.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_lite::StreamExt;
use tasklets::{Receiver, Sender, block_on, bounded, rendezvous, schedule, select, spawn, unbounded};

use crate::common::{checked, scale};

/// Counts how often it is woken.
#[derive(Debug, Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A waker, and how often it was woken.
fn counted() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (count.clone(), Waker::from(count))
}

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// A value whose drops are counted.
#[derive(Debug)]
struct Dropped(Arc<Count>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn what_is_there_is_received_at_once() {
    checked(|| {
        let (tx, rx) = bounded(2);
        tx.send(1).unwrap();
        let (count, waker) = counted();
        assert!(matches!(poll(pin!(rx.recv_async()), &waker), Poll::Ready(Ok(1))));
        assert!(matches!(poll(pin!(tx.send_async(2)), &waker), Poll::Ready(Ok(()))));
        assert_eq!(rx.recv().unwrap(), 2);
        assert_eq!(count.get(), 0);
    });
}

#[test]
fn a_tasklet_serves_a_future_and_wakes_it_once() {
    checked(|| {
        let (tx, rx) = rendezvous();
        let (count, waker) = counted();
        let mut receive = pin!(rx.recv_async());
        assert!(poll(receive.as_mut(), &waker).is_pending());
        assert!(poll(receive.as_mut(), &waker).is_pending());
        tx.try_send("value").unwrap();
        assert_eq!(count.get(), 1);
        assert_eq!(poll(receive, &waker).map(Result::unwrap), Poll::Ready("value"));
        let mut send = pin!(tx.send_async("back"));
        assert!(poll(send.as_mut(), &waker).is_pending());
        assert_eq!(rx.try_recv().unwrap(), "back");
        assert_eq!(count.get(), 2);
        assert!(matches!(poll(send, &waker), Poll::Ready(Ok(()))));
    });
}

#[test]
fn two_futures_meet() {
    checked(|| {
        let (tx, rx) = rendezvous();
        let (count, waker) = counted();
        let mut receive = pin!(rx.recv_async());
        assert!(poll(receive.as_mut(), &waker).is_pending());
        assert!(matches!(poll(pin!(tx.send_async(3)), &waker), Poll::Ready(Ok(()))));
        assert_eq!(count.get(), 1);
        assert_eq!(poll(receive, &waker).map(Result::unwrap), Poll::Ready(3));
    });
}

#[test]
fn the_last_waker_is_called_and_no_other() {
    checked(|| {
        let (tx, rx) = rendezvous();
        let ((old, first), (new, second)) = (counted(), counted());
        let mut receive = pin!(rx.recv_async());
        assert!(poll(receive.as_mut(), &first).is_pending());
        assert!(poll(receive.as_mut(), &second).is_pending());
        drop(first);
        assert_eq!(Arc::strong_count(&old), 1, "the old one is not kept");
        tx.try_send(1).unwrap();
        assert_eq!((old.get(), new.get()), (0, 1));
        assert_eq!(poll(receive, &second).map(Result::unwrap), Poll::Ready(1));
    });
}

#[test]
fn futures_tasklets_and_selects_are_served_in_turn() {
    checked(|| {
        let (tx, rx) = unbounded();
        let (_count, waker) = counted();
        let mut first = pin!(rx.recv_async());
        assert!(poll(first.as_mut(), &waker).is_pending());
        let theirs = rx.clone();
        let second = spawn(move || theirs.recv().unwrap());
        schedule().unwrap();
        let mut third = pin!(rx.recv_async());
        assert!(poll(third.as_mut(), &waker).is_pending());
        let theirs = rx.clone();
        let fourth = spawn(move || select! { recv(theirs) -> value => value.unwrap() });
        schedule().unwrap();
        (1..=4).for_each(|number| tx.send(number).unwrap());
        assert_eq!(poll(third, &waker).map(Result::unwrap), Poll::Ready(3));
        assert_eq!(poll(first, &waker).map(Result::unwrap), Poll::Ready(1));
        assert_eq!((second.join().unwrap(), fourth.join().unwrap()), (2, 4));
    });
}

#[test]
fn a_dropped_receive_gives_its_value_to_the_next_one() {
    checked(|| {
        let (tx, rx) = rendezvous();
        let (count, waker) = counted();
        let mut first = Box::pin(rx.recv_async());
        let mut second = pin!(rx.recv_async());
        assert!(poll(first.as_mut(), &waker).is_pending());
        assert!(poll(second.as_mut(), &waker).is_pending());
        tx.try_send("handed").unwrap();
        assert_eq!(count.get(), 1);
        drop(first);
        assert_eq!(count.get(), 2);
        assert_eq!(poll(second, &waker).map(Result::unwrap), Poll::Ready("handed"));
    });
}

#[test]
fn a_dropped_receive_gives_its_value_to_a_tasklet_or_to_the_channels_head() {
    checked(|| {
        let (tx, rx) = rendezvous();
        let waker = Waker::noop();
        let mut first = Box::pin(rx.recv_async());
        assert!(poll(first.as_mut(), waker).is_pending());
        let theirs = rx.clone();
        let tasklet = spawn(move || theirs.recv().unwrap());
        schedule().unwrap();
        tx.try_send(1).unwrap();
        drop(first);
        assert_eq!(tasklet.join().unwrap(), 1);

        let mut last = Box::pin(rx.recv_async());
        assert!(poll(last.as_mut(), waker).is_pending());
        tx.try_send(2).unwrap();
        drop(last);
        assert_eq!(rx.len(), 1);
        assert_eq!(rx.try_recv().unwrap(), 2);
    });
}

#[test]
fn a_dropped_wait_leaves_the_queue() {
    checked(|| {
        let (tx, rx) = rendezvous::<Dropped>();
        let (drops, _) = counted();
        let (count, waker) = counted();
        let mut receive = Box::pin(rx.recv_async());
        assert!(poll(receive.as_mut(), &waker).is_pending());
        drop(receive);
        assert!(tx.try_send(Dropped(drops.clone())).unwrap_err().is_full());
        assert_eq!((drops.get(), count.get()), (1, 0));

        let mut send = Box::pin(tx.send_async(Dropped(drops.clone())));
        assert!(poll(send.as_mut(), &waker).is_pending());
        assert_eq!(drops.get(), 1);
        drop(send);
        assert_eq!(drops.get(), 2);
        assert!(rx.try_recv().unwrap_err().is_empty());
    });
}

#[test]
fn a_send_that_was_received_before_it_is_dropped_has_happened() {
    checked(|| {
        let (tx, rx) = rendezvous();
        let (drops, _) = counted();
        let mut send = Box::pin(tx.send_async(Dropped(drops.clone())));
        assert!(poll(send.as_mut(), Waker::noop()).is_pending());
        let value = rx.try_recv().unwrap();
        drop(send);
        assert_eq!(drops.get(), 0);
        drop(value);
        assert_eq!(drops.get(), 1);
    });
}

#[test]
fn what_was_never_polled_has_not_begun() {
    checked(|| {
        let (tx, rx) = unbounded();
        drop(tx.send_async(1));
        assert!(rx.is_empty());
        tx.send(2).unwrap();
        drop(rx.recv_async());
        assert_eq!(rx.recv().unwrap(), 2);
    });
}

#[test]
fn the_other_sides_end_is_an_error_that_names_the_channel() {
    checked(|| {
        let (tx, rx) = tasklets::bounded_named("orders", 1);
        let (count, waker) = counted();
        let mut receive = Box::pin(rx.recv_async());
        assert!(poll(receive.as_mut(), &waker).is_pending());
        drop(tx);
        assert_eq!(count.get(), 1);
        let Poll::Ready(Err(error)) = poll(receive.as_mut(), &waker) else { panic!("nobody is left") };
        assert!(error.is_disconnected());
        let text = error.to_string();
        assert!(
            text.contains("recv on bounded channel") && text.contains("orders") && text.contains("channels.rs"),
            "{text}"
        );
        let _: Result<(), _> = block_on(async { rx.recv_async().await }).unwrap();

        let (tx, rx) = bounded(1);
        tx.send(1).unwrap();
        let mut send = Box::pin(tx.send_async(2));
        assert!(poll(send.as_mut(), &waker).is_pending());
        drop(rx);
        let Poll::Ready(Err(error)) = poll(send.as_mut(), &waker) else { panic!("nobody is left") };
        assert!(error.is_disconnected());
        assert_eq!(error.into_value(), 2);
    });
}

#[test]
fn a_stream_has_every_value() {
    checked(|| {
        let (tx, rx) = bounded(3);
        spawn(move || (0..100).for_each(|number| tx.send(number).unwrap())).detach();
        let sum = block_on(rx.stream().fold(0, |sum, number| sum + number)).unwrap();
        assert_eq!(sum, 4950);
    });
}

#[test]
fn nothing_is_kept_of_futures_that_are_gone() {
    checked(|| {
        let (tx, rx) = rendezvous::<()>();
        let (count, waker) = counted();
        for _ in 0..scale(1_000) {
            let mut receive = Box::pin(rx.recv_async());
            assert!(poll(receive.as_mut(), &waker).is_pending());
        }
        drop((tx, rx, waker));
        assert_eq!(Arc::strong_count(&count), 1);
    });
}

/// Passes on values, a few of which it holds at any time.
async fn relay(from: Receiver<Dropped>, to: Sender<Dropped>) {
    while let Ok(first) = from.recv_async().await {
        let Ok(second) = from.recv_async().await else { return };
        to.send_async(first).await.unwrap();
        to.send_async(second).await.unwrap();
    }
}

#[test]
fn dropped_at_every_await_no_value_is_lost_or_dropped_twice() {
    const VALUES: usize = 6;
    // At each step there is one thing that lets the future go on; it is dropped before that, or after it and unpolled, or polled once more.
    for steps in 0..=4 * VALUES {
        for last in ["given", "not given"] {
            checked(move || {
                let (drops, _) = counted();
                let (into, from) = rendezvous();
                let (to, out) = rendezvous();
                let (count, waker) = counted();
                let mut future = Box::pin(relay(from.clone(), to));
                let (mut sent, mut received) = (0, 0);
                for step in 0..=steps {
                    assert!(poll(future.as_mut(), &waker).is_pending());
                    if step == steps && last == "not given" {
                        break;
                    }
                    let woken = count.get();
                    if into.try_send(Dropped(drops.clone())).is_ok() {
                        sent += 1;
                    } else {
                        drop(out.try_recv().unwrap());
                        received += 1;
                    }
                    assert_eq!(count.get(), woken + 1, "it is woken at each step");
                }
                drop(future);
                // What was handed to it and not taken is in the channel; what it held is dropped; nobody waits any more.
                let refused = drops.get();
                let left = from.try_iter().count();
                assert_eq!(drops.get(), refused + left);
                assert!(left <= 1 && received <= sent);
                let tries = steps + usize::from(last == "given");
                assert_eq!(sent + received, tries);
                // Each value, and those that could not be sent.
                assert_eq!(Arc::strong_count(&drops), 1, "none is left");
                assert_eq!(drops.get(), sent + received, "each exactly once");
                assert!(out.try_recv().unwrap_err().is_disconnected());
            });
        }
    }
}

#[test]
fn a_waker_that_panics_does_so_in_the_one_who_wakes_and_harms_nobody() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            std::panic::resume_unwind(Box::new("woken"));
        }
    }
    checked(|| {
        let (tx, rx) = rendezvous();
        let waker = Waker::from(Arc::new(Panics));
        let mut receive = pin!(rx.recv_async());
        assert!(poll(receive.as_mut(), &waker).is_pending());
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tx.try_send(1)));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"woken"));
        // It was sent all the same, and the channel goes on.
        assert_eq!(poll(receive, &waker).map(Result::unwrap), Poll::Ready(1));
        let theirs = rx.clone();
        let receiver = spawn(move || theirs.recv().unwrap());
        schedule().unwrap();
        tx.send(2).unwrap();
        assert_eq!(receiver.join().unwrap(), 2);
    });
}

/// A waker that calls back into the channel.
struct Meddles(Sender<u32>, Receiver<u32>);

impl Wake for Meddles {
    fn wake(self: Arc<Self>) {
        let Meddles(tx, rx) = &*self;
        let _ = (tx.len(), rx.try_recv(), tx.clone(), format!("{tx:?} {rx:?}"));
        let _ = tx.try_send(9);
    }
}

impl Drop for Meddles {
    fn drop(&mut self) {
        let _ = (self.0.try_send(8), self.1.try_recv());
    }
}

#[test]
fn wakers_may_use_the_channel_that_calls_and_drops_them() {
    checked(|| {
        let (tx, rx) = bounded(1);
        let meddle = || Waker::from(Arc::new(Meddles(tx.clone(), rx.clone())));
        let mut receive = Box::pin(rx.recv_async());
        assert!(poll(receive.as_mut(), &meddle()).is_pending());
        assert!(poll(receive.as_mut(), &meddle()).is_pending() || rx.is_empty());
        drop(receive);
        while rx.try_recv().is_ok() {}
        let mut receive = Box::pin(rx.recv_async());
        assert!(poll(receive.as_mut(), &meddle()).is_pending());
        let _ = tx.try_send(1);
        drop(receive);
    });
}

#[test]
fn futures_are_send_where_values_are() {
    fn send<T: Send>(_: T) {}
    let (tx, rx) = rendezvous::<std::cell::Cell<u8>>();
    send(tx.send_async(std::cell::Cell::new(1)));
    send(rx.recv_async());
    send(rx.stream());
}
