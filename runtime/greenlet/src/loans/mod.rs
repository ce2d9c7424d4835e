//! Closures that borrow, for those who can only keep closures that do not: the one place where a lifetime is erased.
//!
//! A scheduler keeps what it is to run without a lifetime. [`Loans`] lends it closures that borrow from the caller's frame, and
//! sees to it that no such closure exists any more when that frame goes on.
//!
//! # Why it is sound
//!
//! What is to be shown: when [`Loans::open`] has returned or unwound, no closure that was lent is run, and nothing that it captured is
//! used or dropped, ever again. A closure may borrow for `'scope`, and nothing shorter. `'scope` is a parameter of `open`, so that it
//! outlasts the call. It is the same one in `open` and in `lend`, as `Loans` is invariant in it, and `lend` refuses unless `open` is
//! under way. So it is enough that `open` leaves only when all are gone.
//!
//! 1. *Where closures are.* A closure is in the scope's book until it is begun, and nowhere else. What is handed out ([`Lent`],
//!    [`SharedLent`]) is a number, and a share in the book: forgetting or keeping it keeps no closure. A closure is taken out of
//!    the book once, to be run or dropped, and its place says *running* from then until its captures are gone: it is called by value, so
//!    that they are dropped within the call, by its unwinding, too; and the guard that clears the place lies in an outer frame.
//!    A closure returns nothing, and what it panics with is `'static` by its type, so that nothing else comes out of it.
//! 2. *The only ways out.* `open` calls its body within `catch_unwind`, and then `close`, which catches everything that it calls. So
//!    the frame is left behind `close`, or not at all. A stack whose frames are not unwound is never used again or freed: it is leaked,
//!    and what its frames own, and lent, stays as it is for ever (`docs/SOUNDNESS.md`). A process that ends runs nobody.
//! 3. *What `close` does.* No more is lent from then on. What has not begun is dropped here. What runs on greenlets of this thread is
//!    killed, a few times if it refuses. What runs on other threads is waited for, with this thread stopped. If anything still runs
//!    after that, the process is aborted. So behind `close` the book is empty, and stays so.
//! 4. *Threads.* A [`Lent`] is not `Send`, nor is its book: its closure is run and dropped on the thread that it was lent on. A
//!    [`SharedLent`] is made of closures that are `Send` only, and its book has a lock. [`SharedLoans`] may be used on any thread: whether
//!    the scope is open is asked, and the closure entered, under that lock, and `close` takes it to end the lending. What uses it for
//!    `'scope` elsewhere is a closure in the book itself, which `close` waits for.
//! 5. *Thread-locals.* A frame may lend what it borrowed from a thread-local within `LocalKey::with`. Where the frame is leaked, the
//!    thread-local is destroyed with the thread all the same. So no closure is touched from that moment on. On the thread itself: what
//!    has not begun is dropped from the main greenlet, in which destructors of thread-locals run, only if the thread is in `enter`,
//!    or the scope is main's own; else it stays in the book, for `close`. On other threads: only a scope in `enter`, or main's own,
//!    lends to others, and `enter` waits for the loans of scopes that it gives up ([`settle`]) while thread-locals are intact.
//! 6. *Those who borrow and are leaked.* What a leaked frame borrowed is never used by it again; but it may have lent it on, to a scoped
//!    thread of `std` for one. So its place goes on saying *running*: `close` does not return. Where that could be waited for for
//!    ever, because its thread has ended, that thread aborts the process ([`settle`]).
//!
//! What is left is what `docs/SOUNDNESS.md` says of frames that are resumed, by destructors of a user's thread-locals, on a thread that
//! ends without `enter`.

mod book;
mod close;
mod lent;

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::ThreadId;

use crate::thread;
use book::{Book, Stage};
pub(crate) use close::settle;
pub use lent::{Lent, SharedLent};

type Body = Box<dyn FnOnce()>;
type SendBody = Box<dyn FnOnce() + Send>;

/// Lends closures that borrow for `'scope` to those who keep them without a lifetime. See [`scope`].
///
/// It is invariant in `'scope`. `'env` is what surely outlasts that: what `f` in [`scope`] borrows from outside. It belongs to its thread:
///
/// ```compile_fail,E0277
/// fn sync<T: Sync>(_: T) {}
/// sync(greenlet::Loans::new());
/// ```
pub struct Loans<'scope, 'env: 'scope> {
    local: Rc<LocalBook>,
    shared: OnceCell<SharedLoans<'scope>>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// What is lent within a thread.
struct LocalBook {
    book: RefCell<Book<Body>>,
    /// The scope is main's own.
    in_main: Cell<bool>,
}

/// Lends closures to other threads; see [`Loans::shared`].
pub struct SharedLoans<'scope> {
    book: Arc<SharedBook>,
    scope: PhantomData<&'scope mut &'scope ()>,
}

/// What is lent to any thread.
struct SharedBook {
    book: Mutex<Book<SendBody>>,
    /// Something that ran has ended.
    ended: Condvar,
    /// The thread of the scope.
    home: ThreadId,
}

/// Why nothing is lent. The closure is given back.
#[non_exhaustive]
pub enum LendError<F> {
    /// The scope is being left, or [`Loans::open`] was not called.
    NotOpen(F),
}

impl<F> LendError<F> {
    /// The closure that was to be lent.
    pub fn into_inner(self) -> F {
        let LendError::NotOpen(body) = self;
        body
    }
}

impl<F> fmt::Display for LendError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scope lends only while it is open, and it is not, or is being left")
    }
}

impl<F> fmt::Debug for LendError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LendError({self})")
    }
}

impl<F> std::error::Error for LendError<F> {}

/// Why a scope does not lend to other threads.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotShared {
    /// It is in a greenlet, on a thread that is not in [`enter`](crate::enter). If that ended, the greenlet would be given up, with the
    /// borrows that other threads use still.
    NotEntered,
    /// It is not open, or is being left.
    NotOpen,
}

impl fmt::Display for NotShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotShared::NotEntered => {
                "a scope lends to other threads only from a thread's main flow, or inside enter: put enter around what the thread does"
            }
            NotShared::NotOpen => "a scope lends only while it is open, and it is not, or is being left",
        })
    }
}

impl std::error::Error for NotShared {}

/// Calls `f` with [`Loans`] that lend what borrows from outside the call, and returns when all that was lent is gone.
///
/// Who is lent a closure runs it before `f` returns. If anything is left then, or when `f` unwinds, what has not begun is dropped; a
/// greenlet of this thread that is in the midst of a closure is killed, ten times if it catches the exit; what runs on other threads is
/// waited for, with this thread stopped. If something refuses to end, the process is aborted, with a report on standard error. A
/// scheduler waits in `f`, where others can run meanwhile, so that it never comes to that.
///
/// # Examples
///
/// ```
/// use greenlet::{Greenlet, scope};
///
/// let mut total = 0;
/// scope(|loans| {
///     let add = loans.lend(|| total += 5).unwrap();
///     Greenlet::new(|()| add.run()).switch(()).unwrap();
/// });
/// assert_eq!(total, 5);
/// ```
///
/// Nothing that is borrowed leaves, and nothing from inside is lent:
///
/// ```compile_fail,E0373
/// greenlet::scope(|loans| {
///     let inside = String::from("gone before the scope");
///     drop(loans.lend(|| println!("{inside}")));
/// });
/// ```
///
/// ```compile_fail,E0521
/// let mut kept = None;
/// greenlet::scope(|loans| kept = Some(loans));
/// ```
///
/// ```compile_fail,E0505
/// let owned = String::from("lent");
/// greenlet::scope(|loans| {
///     drop(loans.lend(|| println!("{owned}")));
///     drop(owned);
/// });
/// ```
pub fn scope<'env, R>(f: impl for<'scope> FnOnce(&'scope Loans<'scope, 'env>) -> R) -> R {
    let loans = Loans::new();
    loans.open(|| f(&loans))
}

impl<'scope, 'env> Loans<'scope, 'env> {
    /// For a scope of your own; [`open`](Loans::open) is what has to be around the lending. [`scope`] does both.
    pub fn new() -> Loans<'scope, 'env> {
        let local = LocalBook { book: RefCell::default(), in_main: Cell::new(false) };
        Loans { local: Rc::new(local), shared: OnceCell::new(), scope: PhantomData, env: PhantomData }
    }

    /// Calls `body`, which may lend, and returns when all that was lent is gone, as [`scope`] does. `'scope` outlasts the call.
    ///
    /// # Panics
    ///
    /// If it was called before; and with what `body` panics with, once everything is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// let text = String::from("borrowed");
    /// let loans = greenlet::Loans::new();
    /// let length = loans.open(|| {
    ///     loans.lend(|| assert_eq!(text, "borrowed")).unwrap().run();
    ///     text.len()
    /// });
    /// assert_eq!(length, 8);
    /// ```
    ///
    /// What is to be lent has to outlast the call:
    ///
    /// ```compile_fail,E0373
    /// let loans = greenlet::Loans::new();
    /// loans.open(|| {
    ///     let inside = 1;
    ///     drop(loans.lend(|| println!("{inside}")));
    /// });
    /// ```
    pub fn open<R>(&'scope self, body: impl FnOnce() -> R) -> R {
        let first = self.local.book.borrow_mut().advance(Stage::New, Stage::Open);
        assert!(first, "a scope is opened once; make another one with Loans::new");
        self.local.in_main.set(thread::this().current().is_main());
        let result = catch_unwind(AssertUnwindSafe(body));
        close::close(&self.local, self.shared.get().map(|shared| &*shared.book));
        result.unwrap_or_else(|payload| resume_unwind(payload))
    }

    /// Lends a closure within this thread.
    ///
    /// # Errors
    ///
    /// [`LendError`] with the closure, if the scope is not open.
    pub fn lend<F: FnOnce() + 'scope>(&'scope self, body: F) -> Result<Lent, LendError<F>> {
        let body = Box::new(body);
        let mut book = self.local.book.borrow_mut();
        if !book.is_open() {
            return Err(LendError::NotOpen(*body));
        }
        // SAFETY: only the lifetime changes. The scope is open, and so the closure is gone before `open` returns, which `'scope`
        // outlasts: see the argument at the top of this file.
        let body = unsafe { std::mem::transmute::<Box<dyn FnOnce() + 'scope>, Body>(body) };
        let number = book.enter(body);
        Ok(Lent::new(self.local.clone(), number))
    }

    /// What lends to other threads, and may itself be used on them.
    ///
    /// # Errors
    ///
    /// [`NotShared`], if the scope is not the main greenlet's own, and its thread is not in [`enter`](crate::enter).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// let total = AtomicU32::new(0);
    /// greenlet::scope(|loans| {
    ///     let add = loans.shared().unwrap().lend(|| { total.fetch_add(5, Ordering::Relaxed); }).unwrap();
    ///     std::thread::spawn(|| add.run());
    /// });
    /// // The other thread has run it, or was too late.
    /// assert!([0, 5].contains(&total.into_inner()));
    /// ```
    ///
    /// What is not `Send` stays:
    ///
    /// ```compile_fail,E0277
    /// let here = std::rc::Rc::new(1);
    /// greenlet::scope(|loans| {
    ///     let lent = loans.shared().unwrap().lend(|| println!("{here}"));
    /// });
    /// ```
    pub fn shared(&'scope self) -> Result<&'scope SharedLoans<'scope>, NotShared> {
        if let Some(shared) = self.shared.get() {
            return Ok(shared);
        }
        if !self.local.book.borrow().is_open() {
            return Err(NotShared::NotOpen);
        }
        let in_main = self.local.in_main.get();
        if !in_main && thread::this().entered.get() == 0 {
            return Err(NotShared::NotEntered);
        }
        let (book, ended) = (Mutex::new(Book::default()), Condvar::new());
        let book = Arc::new(SharedBook { book, ended, home: std::thread::current().id() });
        book.lock().advance(Stage::New, Stage::Open);
        if !in_main {
            close::watch(&book);
        }
        Ok(self.shared.get_or_init(|| SharedLoans { book, scope: PhantomData }))
    }
}

impl<'scope> SharedLoans<'scope> {
    /// Lends a closure to any thread.
    ///
    /// # Errors
    ///
    /// [`LendError`] with the closure, if the scope is not open.
    pub fn lend<F: FnOnce() + Send + 'scope>(&'scope self, body: F) -> Result<SharedLent, LendError<F>> {
        let body = Box::new(body);
        let mut book = self.book.lock();
        if !book.is_open() {
            return Err(LendError::NotOpen(*body));
        }
        // SAFETY: as in `Loans::lend`. The scope cannot begin to be left while its book is locked.
        let body = unsafe { std::mem::transmute::<Box<dyn FnOnce() + Send + 'scope>, SendBody>(body) };
        let number = book.enter(body);
        Ok(SharedLent::new(self.book.clone(), number))
    }
}

impl Default for Loans<'_, '_> {
    fn default() -> Self {
        Loans::new()
    }
}

impl fmt::Debug for Loans<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loans({:?})", self.local.book.borrow())
    }
}

impl fmt::Debug for SharedLoans<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:?}", self.book.lock());
        write!(f, "SharedLoans({text})")
    }
}
