//! What is handed out for a closure that was lent.

use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::book::{Book, Site, Stage};
use super::close::Borrows;
use super::{LocalBook, SendBody, SharedBook};
use crate::thread;

/// A closure that a scope has lent; see [`Loans::lend`](crate::Loans::lend). It has no lifetime, but does not keep the scope from ending:
/// then the closure is gone, and running it does nothing.
///
/// Dropping it drops the closure. The exception is a scope in a greenlet of a thread that is not in [`enter`](crate::enter): if the main
/// greenlet drops it, the closure stays until the scope is left.
///
/// It belongs to its thread:
///
/// ```compile_fail,E0277
/// fn send<T: Send>(_: T) {}
/// greenlet::scope(|loans| send(loans.lend(|| ()).unwrap()));
/// ```
#[must_use = "a closure that is not run is dropped"]
pub struct Lent {
    book: Rc<LocalBook>,
    number: Option<usize>,
}

/// A closure that a scope has lent to any thread; see [`SharedLoans::lend`](crate::SharedLoans::lend).
///
/// Dropping it drops the closure.
#[must_use = "a closure that is not run is dropped"]
pub struct SharedLent {
    book: Arc<SharedBook>,
    number: Option<usize>,
}

/// The place of a closure that runs. It is declared before the closure is called, and so outlives all that that captured.
struct Running<'a>(&'a LocalBook, usize);

struct SharedRunning<'a> {
    book: &'a SharedBook,
    number: usize,
    _borrows: Option<Borrows>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.book.borrow_mut().end(self.1);
    }
}

impl Drop for SharedRunning<'_> {
    fn drop(&mut self) {
        self.book.lock().end(self.number);
        self.book.ended.notify_all();
    }
}

impl LocalBook {
    /// Takes a closure out of the book, if it is there, and hands it to `f`.
    pub(super) fn consume(&self, number: usize, f: impl FnOnce(super::Body)) {
        let body = self.book.borrow_mut().begin(number, Site::here());
        let Some(body) = body else { return };
        let _running = Running(self, number);
        f(body);
    }

    /// Whether what is dropped now may be dropped here: not by main, where the scope is another greenlet's, on a thread that is not in
    /// `enter`. It may be ending, and thread-locals that the closure borrows be gone.
    fn may_drop(&self) -> bool {
        let thread = thread::this();
        self.in_main.get() || (!thread.is_closed() && (thread.entered.get() != 0 || !thread.current().is_main()))
    }
}

impl SharedBook {
    /// User code never runs under the lock, and so never poisons it.
    pub(super) fn lock(&self) -> MutexGuard<'_, Book<SendBody>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`LocalBook::consume`].
    pub(super) fn consume(&self, number: usize, f: impl FnOnce(SendBody)) {
        let site = Site::here();
        let body = self.lock().begin(number, site);
        let Some(body) = body else { return };
        let _borrows = (site.thread != self.home).then(Borrows::new);
        let _running = SharedRunning { book: self, number, _borrows };
        f(body);
    }

    pub(super) fn close_up(&self) {
        self.lock().advance(Stage::Open, Stage::Closing);
    }
}

impl Lent {
    pub(super) fn new(book: Rc<LocalBook>, number: usize) -> Lent {
        Lent { book, number: Some(number) }
    }

    /// Runs the closure, unless its scope has taken it back. It may switch.
    ///
    /// # Panics
    ///
    /// As the closure does. It is gone then, and so is what it captured.
    pub fn run(mut self) {
        if let Some(number) = self.number.take() {
            self.book.consume(number, |body| body());
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(number) = self.number.take()
            && self.book.may_drop()
        {
            self.book.consume(number, drop);
        }
    }
}

impl SharedLent {
    pub(super) fn new(book: Arc<SharedBook>, number: usize) -> SharedLent {
        SharedLent { book, number: Some(number) }
    }

    /// Runs the closure, unless its scope has taken it back. It may switch.
    ///
    /// # Panics
    ///
    /// As [`Lent::run`].
    pub fn run(mut self) {
        if let Some(number) = self.number.take() {
            self.book.consume(number, |body| body());
        }
    }
}

impl Drop for SharedLent {
    fn drop(&mut self) {
        if let Some(number) = self.number.take() {
            self.book.consume(number, drop);
        }
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lent({:?})", self.book.book.borrow())
    }
}

impl fmt::Debug for SharedLent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:?}", self.book.lock());
        write!(f, "SharedLent({text})")
    }
}
