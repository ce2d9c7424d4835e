//! Two tasks.

use std::thread;
use std::time::{Duration, Instant};

use super::{Channels, Place};
use crate::measure::per_operation;

/// How many messages the channel of `buffered` holds.
const CAPACITY: usize = 128;

/// One sends a number and receives it back.
pub(crate) fn pingpong<P: Place + Default, C: Channels>(name: &str) {
    per_operation(name, 1 << 14, |messages| {
        let place = P::default();
        let (there, inbox) = C::channel(0);
        let (outbox, back) = C::channel(0);
        place.enter(async move {
            place.spawn(echo::<C>(inbox, outbox));
            ping::<C>(there, back, messages / 2).await
        })
    });
}

/// The same with a thread, and an executor, for each.
pub(crate) fn pingpong_apart<P: Place + Default, C: Channels>(name: &str) {
    per_operation(name, 1 << 10, |messages| {
        let (there, inbox) = C::channel(0);
        let (outbox, back) = C::channel(0);
        let echo = thread::spawn(|| P::default().enter(echo::<C>(inbox, outbox)));
        let took = P::default().enter(ping::<C>(there, back, messages / 2));
        echo.join().expect("the echo");
        took
    });
}

async fn ping<C: Channels>(there: C::Sender, mut back: C::Receiver, rounds: usize) -> Duration {
    let start = Instant::now();
    for number in 0..rounds {
        assert!(C::send(&there, number).await);
        assert_eq!(C::receive(&mut back).await, Some(number));
    }
    start.elapsed()
}

async fn echo<C: Channels>(mut inbox: C::Receiver, outbox: C::Sender) {
    while let Some(number) = C::receive(&mut inbox).await {
        assert!(C::send(&outbox, number).await);
    }
}

/// One sends numbers over a channel that holds many, and another receives them.
pub(crate) fn buffered<P: Place + Default, C: Channels>(name: &str) {
    per_operation(name, 1 << 14, |messages| {
        let place = P::default();
        let (sender, receiver) = C::channel(CAPACITY);
        place.enter(async move {
            let start = Instant::now();
            place.spawn(produce::<C>(sender, messages));
            consume::<C>(receiver, messages, start).await
        })
    });
}

/// The same with a thread, and an executor, for each.
pub(crate) fn buffered_apart<P: Place + Default, C: Channels>(name: &str) {
    per_operation(name, 1 << 14, |messages| {
        let (sender, receiver) = C::channel(CAPACITY);
        let producer = thread::spawn(move || P::default().enter(produce::<C>(sender, messages)));
        let took = P::default().enter(consume::<C>(receiver, messages, Instant::now()));
        producer.join().expect("the producer");
        took
    });
}

async fn produce<C: Channels>(sender: C::Sender, messages: usize) {
    for number in 0..messages {
        assert!(C::send(&sender, number).await);
    }
}

async fn consume<C: Channels>(mut receiver: C::Receiver, messages: usize, start: Instant) -> Duration {
    for number in 0..messages {
        assert_eq!(C::receive(&mut receiver).await, Some(number));
    }
    start.elapsed()
}
