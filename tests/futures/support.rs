//! Futures that a test has in its hand.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// A future that is ready when told so. It keeps every waker that it was ever polled with.
pub(crate) struct Told<T> {
    state: Arc<State<T>>,
}

/// Tells it.
pub(crate) struct Teller<T> {
    state: Arc<State<T>>,
}

struct State<T> {
    value: Mutex<Option<T>>,
    wakers: Mutex<Vec<Waker>>,
    polls: AtomicUsize,
    dropped: AtomicUsize,
}

pub(crate) fn told<T>() -> (Teller<T>, Told<T>) {
    let state = Arc::new(State {
        value: Mutex::new(None),
        wakers: Mutex::default(),
        polls: AtomicUsize::new(0),
        dropped: AtomicUsize::new(0),
    });
    (Teller { state: state.clone() }, Told { state })
}

impl<T> Teller<T> {
    /// Makes it ready, and wakes whoever polled it last.
    pub(crate) fn tell(&self, value: T) {
        *self.state.value.lock().unwrap() = Some(value);
        let last = self.state.wakers.lock().unwrap().last().cloned();
        last.inspect(Waker::wake_by_ref);
    }

    /// All wakers that it was polled with.
    pub(crate) fn wakers(&self) -> Vec<Waker> {
        self.state.wakers.lock().unwrap().clone()
    }

    pub(crate) fn polls(&self) -> usize {
        self.state.polls.load(Ordering::SeqCst)
    }

    /// How often the future was dropped.
    pub(crate) fn dropped(&self) -> usize {
        self.state.dropped.load(Ordering::SeqCst)
    }
}

impl<T> Future for Told<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.state.polls.fetch_add(1, Ordering::SeqCst);
        self.state.wakers.lock().unwrap().push(context.waker().clone());
        self.state.value.lock().unwrap().take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<T> Drop for Told<T> {
    fn drop(&mut self) {
        self.state.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// A future that wakes itself so many times before it is ready.
pub(crate) fn busy(turns: usize) -> impl Future<Output = ()> + Unpin {
    let mut left = turns;
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
}
