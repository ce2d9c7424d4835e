//! What threads share, from the standard library and crossbeam; or, under `--cfg loom`, from the model checker, which runs the
//! tests at the end of `inbox.rs` and of `threads/roll.rs` in every order that the memory model allows.

#[cfg(not(loom))]
mod real {
    use std::sync::OnceLock;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize, fence};
    pub(crate) use std::thread::{Thread, current};
    use std::time::Duration;

    pub(crate) use crossbeam_channel::{Receiver, Sender, unbounded};

    /// Lets the running thread, which is the owner, sleep.
    pub(crate) fn park(_owner: &Thread) {
        std::thread::park();
    }

    pub(crate) fn park_timeout(_owner: &Thread, time: Duration) {
        std::thread::park_timeout(time);
    }

    /// Whether another thread can run while this one spins.
    pub(crate) fn several_processors() -> bool {
        static SEVERAL: OnceLock<bool> = OnceLock::new();
        *SEVERAL.get_or_init(|| std::thread::available_parallelism().is_ok_and(|processors| processors.get() > 1))
    }
}

#[cfg(loom)]
mod modelled {
    use std::collections::VecDeque;
    use std::time::Duration;

    use loom::sync::atomic::Ordering;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicUsize, fence};
    use loom::sync::{Arc, Condvar, Mutex};

    /// The token of a thread's `park`. The checker's own is lost where a thread waits for a lock meanwhile, which the real one is not.
    #[derive(Clone)]
    pub(crate) struct Thread(Arc<(Mutex<bool>, Condvar)>);

    impl Thread {
        pub(crate) fn unpark(&self) {
            *self.0.0.lock().unwrap() = true;
            self.0.1.notify_one();
        }

        pub(crate) fn name(&self) -> Option<&str> {
            None
        }
    }

    pub(crate) fn current() -> Thread {
        Thread(Arc::new((Mutex::new(false), Condvar::new())))
    }

    pub(crate) fn park(owner: &Thread) {
        let mut token = owner.0.0.lock().unwrap();
        while !*token {
            token = owner.0.1.wait(token).unwrap();
        }
        *token = false;
    }

    /// The model knows no time: a deadline never comes.
    pub(crate) fn park_timeout(owner: &Thread, _time: Duration) {
        park(owner);
    }

    /// Spinning goes by the clock, which the model does not know either.
    pub(crate) fn several_processors() -> bool {
        false
    }

    struct Queue<T> {
        items: Mutex<VecDeque<T>>,
        /// What `is_empty` looks at: without a lock, and so without the order that a lock would give.
        count: AtomicUsize,
    }

    pub(crate) struct Sender<T>(Arc<Queue<T>>);

    pub(crate) struct Receiver<T>(Arc<Queue<T>>);

    pub(crate) struct Refused<T>(pub(crate) T);

    pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
        let queue = Arc::new(Queue { items: Mutex::new(VecDeque::new()), count: AtomicUsize::new(0) });
        (Sender(queue.clone()), Receiver(queue))
    }

    impl<T> Sender<T> {
        pub(crate) fn send(&self, what: T) -> Result<(), Refused<T>> {
            let mut items = self.0.items.lock().unwrap();
            items.push_back(what);
            self.0.count.fetch_add(1, Ordering::Release);
            Ok(())
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.0.count.load(Ordering::Relaxed) == 0
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn try_recv(&self) -> Result<T, ()> {
            let mut items = self.0.items.lock().unwrap();
            let item = items.pop_front().ok_or(())?;
            self.0.count.fetch_sub(1, Ordering::Relaxed);
            Ok(item)
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.0.count.load(Ordering::Relaxed) == 0
        }
    }
}

#[cfg(loom)]
pub(crate) use modelled::*;
#[cfg(not(loom))]
pub(crate) use real::*;
