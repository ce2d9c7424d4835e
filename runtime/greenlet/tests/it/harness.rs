//! What every test runs in: a thread of its own, `enter` around it, several times, and nothing may be left.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use greenlet::{Greenlet, GreenletExit, Stats, Unraisable, enter, main, set_unraisable_hook, stats};

/// How often a test's body is repeated, as greenlet's own leak check does.
const TIMES: usize = 3;

/// How large a test is: `n`, times the environment's `TEST_SCALE` (emulators run everything smaller, soaks larger).
pub(crate) fn scaled(n: usize) -> usize {
    let scale = std::env::var("TEST_SCALE").ok().and_then(|text| text.parse::<f64>().ok()).unwrap_or(1.0);
    ((n as f64 * scale) as usize).max(1)
}

/// Repeats `body` within `enter` on a fresh thread, and asserts after each that every greenlet and stack is gone.
#[track_caller]
pub(crate) fn check(body: impl Fn() + Send + 'static) {
    on_thread(move || {
        for _ in 0..TIMES {
            enter(&body);
            assert_eq!(left(), (0, 0, 0, 0), "greenlets, active, stacks, pooled");
        }
    });
}

/// Runs `body` on a fresh thread, and lets its panic out here.
#[track_caller]
pub(crate) fn on_thread<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> R {
    std::thread::spawn(body).join().unwrap_or_else(|payload| resume_unwind(payload))
}

/// Greenlets, active ones, bound stacks and idle stacks of this thread.
pub(crate) fn left() -> (usize, usize, usize, usize) {
    let Stats { greenlets, active, stacks, pooled, .. } = stats();
    (greenlets, active, stacks, pooled)
}

/// Unwinds with a value, without a message on standard error.
pub(crate) fn raise<E: Any + Send>(error: E) -> ! {
    resume_unwind(Box::new(error))
}

/// What `f` unwinds with, which must be an `E`.
#[track_caller]
pub(crate) fn raised<E: Any, R>(f: impl FnOnce() -> R) -> E {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("nothing was raised"),
        Err(payload) => *payload.downcast().unwrap_or_else(|payload| resume_unwind(payload)),
    }
}

/// What `f` returns, or the exit that it unwinds with.
pub(crate) fn exit_of<R>(f: impl FnOnce() -> R) -> Result<R, GreenletExit> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| match payload.downcast() {
        Ok(exit) => *exit,
        Err(payload) => resume_unwind(payload),
    })
}

/// Switches to main and returns the value that comes back.
pub(crate) fn to_main<T: 'static>(value: T) -> T {
    main().switch(value).unwrap_or_else(|error| panic!("{error}")).unwrap()
}

/// Switches to a greenlet and returns the value that comes back.
#[track_caller]
pub(crate) fn go<T: 'static>(greenlet: &Greenlet<T>, value: T) -> T {
    greenlet.switch(value).unwrap_or_else(|error| panic!("{error}")).unwrap()
}

/// A greenlet that has begun and waits.
pub(crate) fn suspended() -> Greenlet {
    let greenlet = Greenlet::new(to_main);
    go(&greenlet, ());
    greenlet
}

/// A list that greenlets write to.
pub(crate) struct Log<E>(Rc<RefCell<Vec<E>>>);

impl<E> Log<E> {
    pub(crate) fn new() -> Log<E> {
        Log(Rc::default())
    }

    pub(crate) fn push(&self, entry: E) {
        self.0.borrow_mut().push(entry);
    }

    pub(crate) fn take(&self) -> Vec<E> {
        self.0.take()
    }
}

impl<E> Clone for Log<E> {
    fn clone(&self) -> Log<E> {
        Log(self.0.clone())
    }
}

/// Calls a closure when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)()
    }
}

/// A counter, and guards that count their drops with it.
#[derive(Clone, Default)]
pub(crate) struct Count(Rc<Cell<usize>>);

impl Count {
    pub(crate) fn get(&self) -> usize {
        self.0.get()
    }

    pub(crate) fn add(&self) {
        self.0.set(self.0.get() + 1);
    }

    /// Counts when it is dropped.
    pub(crate) fn guard(&self) -> OnDrop<impl FnMut() + 'static> {
        let count = self.clone();
        OnDrop(move || count.add())
    }
}

/// Sets a hook that collects what nobody could receive, as text.
pub(crate) fn unraisable() -> Log<String> {
    let log = Log::new();
    let into = log.clone();
    set_unraisable_hook(Some(Rc::new(move |greenlet, what: Unraisable| into.push(format!("{greenlet}: {what:?}")))));
    log
}
