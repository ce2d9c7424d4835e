//! Many tasks.

use std::array;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures_lite::{Stream, future};

use super::{Channels, Lock, Place};
use crate::measure::{per_operation, print};

/// A ring of tasks; each adds one to the token and passes it on.
pub(crate) fn ring<P: Place + Default, C: Channels>(name: &str) {
    const TASKS: usize = 503;
    per_operation(name, TASKS << 4, |hops| {
        let place = P::default();
        place.enter(async move {
            let hops = hops / TASKS * TASKS;
            let (first, inbox) = C::channel(0);
            let (end, mut ended) = C::channel(0);
            let mut inbox = Some(inbox);
            for number in 1..=TASKS {
                let (next, following) = if number < TASKS {
                    let (next, following) = C::channel(0);
                    (next, Some(following))
                } else {
                    (first.clone(), None)
                };
                let inbox = std::mem::replace(&mut inbox, following).expect("one for each");
                place.spawn(pass_on::<C>(inbox, next, end.clone(), hops));
            }
            let start = Instant::now();
            assert!(C::send(&first, 0).await);
            assert_eq!(C::receive(&mut ended).await, Some(hops));
            start.elapsed()
        })
    });
}

/// Ends when a neighbour has: whoever sees the token after its last hop ends first.
async fn pass_on<C: Channels>(mut inbox: C::Receiver, next: C::Sender, end: C::Sender, hops: usize) {
    while let Some(token) = C::receive(&mut inbox).await {
        if token == hops {
            C::send(&end, token).await;
            return;
        }
        if !C::send(&next, token + 1).await {
            return;
        }
    }
}

/// A chain of filters, one for each prime.
pub(crate) fn sieve<P: Place + Default, C: Channels>(name: &str) {
    const NTH: usize = 2_000;
    let place = P::default();
    let (last, took) = place.enter(async move {
        let start = Instant::now();
        let (source, mut inbox) = C::channel(0);
        place.spawn(async move {
            for number in 2.. {
                if !C::send(&source, number).await {
                    return;
                }
            }
        });
        let mut last = 0;
        for _ in 0..NTH {
            last = C::receive(&mut inbox).await.expect("a number");
            let (passed, following) = C::channel(0);
            place.spawn(filter::<C>(inbox, passed, last));
            inbox = following;
        }
        (last, start.elapsed())
    });
    assert_eq!(last, 17_389);
    print(name, took.as_secs_f64() * 1e3, "ms");
}

async fn filter<C: Channels>(mut numbers: C::Receiver, passed: C::Sender, prime: usize) {
    while let Some(number) = C::receive(&mut numbers).await {
        if number % prime != 0 && !C::send(&passed, number).await {
            return;
        }
    }
}

/// A thousand producers, one consumer, one channel.
pub(crate) fn fanin<P: Place + Default, C: Channels>(name: &str) {
    const PRODUCERS: usize = 1_000;
    const MESSAGES: usize = 1_000_000;
    per_operation(name, MESSAGES, |messages| {
        let place = P::default();
        let each = messages / PRODUCERS;
        let (sum, took) = place.enter(async move {
            let (sender, mut receiver) = C::channel(0);
            let start = Instant::now();
            for producer in 0..PRODUCERS {
                place.spawn(produce::<C>(sender.clone(), producer, each));
            }
            let mut sum = 0;
            for _ in 0..each * PRODUCERS {
                sum += C::receive(&mut receiver).await.expect("a producer");
            }
            (sum, start.elapsed())
        });
        assert_eq!(sum, each * PRODUCERS * (PRODUCERS - 1) / 2 + PRODUCERS * each * (each - 1) / 2);
        took
    });
}

async fn produce<C: Channels>(sender: C::Sender, first: usize, messages: usize) {
    for number in first..first + messages {
        assert!(C::send(&sender, number).await);
    }
}

/// One consumer selects over the channels of four producers; the order of each is checked.
///
/// It polls them in turn, from the one after that which was ready last: a channel's own select either is for threads, or makes
/// the futures anew each time.
pub(crate) fn select<P: Place + Default, C: Channels>(name: &str) {
    const PRODUCERS: usize = 4;
    per_operation(name, 1 << 14, |messages| {
        let place = P::default();
        let each = messages / PRODUCERS;
        place.enter(async move {
            let mut receivers: [C::Receiver; PRODUCERS] = array::from_fn(|_| {
                let (sender, receiver) = C::channel(0);
                place.spawn(produce::<C>(sender, 0, each));
                receiver
            });
            let mut streams = receivers.each_mut().map(|receiver| C::stream(receiver));
            let mut next = [0; PRODUCERS];
            let mut ready = 0;
            let start = Instant::now();
            for _ in 0..each * PRODUCERS {
                let number = future::poll_fn(|context| poll_each(&mut streams, &mut ready, context)).await;
                assert_eq!(number, next[ready]);
                next[ready] += 1;
            }
            let took = start.elapsed();
            assert_eq!(next, [each; PRODUCERS]);
            took
        })
    });
}

fn poll_each(
    streams: &mut [impl Stream<Item = usize> + Unpin],
    ready: &mut usize,
    context: &mut Context<'_>,
) -> Poll<usize> {
    let last = *ready;
    for turn in 1..=streams.len() {
        let number = (last + turn) % streams.len();
        // One whose producer has ended has nothing more.
        if let Poll::Ready(Some(value)) = Pin::new(&mut streams[number]).poll_next(context) {
            *ready = number;
            return Poll::Ready(value);
        }
    }
    Poll::Pending
}

/// Tasks take one lock in turn, and yield while they hold it.
pub(crate) fn mutex<P: Place + Default, L: Lock, C: Channels>(name: &str) {
    const TASKS: usize = 8;
    per_operation(name, 1 << 13, |locks| {
        let place = P::default();
        let each = locks / TASKS;
        place.enter(async move {
            let (end, mut ended) = C::channel(0);
            let lock = Arc::new(L::default());
            let start = Instant::now();
            for _ in 0..TASKS {
                let (lock, end) = (lock.clone(), end.clone());
                place.spawn(async move {
                    for _ in 0..each {
                        let mut count = lock.lock().await;
                        let before = *count;
                        place.yield_now().await;
                        *count = before + 1;
                    }
                    C::send(&end, each).await;
                });
            }
            for _ in 0..TASKS {
                assert_eq!(C::receive(&mut ended).await, Some(each));
            }
            let took = start.elapsed();
            assert_eq!(*lock.lock().await, each * TASKS);
            took
        })
    });
}
