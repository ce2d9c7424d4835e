//! The net: how a scope gets back what it has lent, and what a thread that ends does about loans.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::mem::ManuallyDrop;
use std::sync::{Arc, PoisonError};

use super::book::{Site, Stage};
use super::{LocalBook, SharedBook};
use crate::enter::{ATTEMPTS, active};
use crate::inner::{Anything, State};
use crate::lifetime::{drop_caught, let_go};
use crate::mail::Got;
use crate::received::GreenletExit;
use crate::thread::{self, Thread};
use crate::throw::raise;
use crate::unraisable::Unraisable;

thread_local! {
    /// Closures of scopes of other threads that greenlets of this one, but main, are in the midst of.
    static BORROWS: Cell<usize> = const { Cell::new(0) };
    /// Scopes of this thread's greenlets, but main's, that lend to other threads. Without a destructor, as all thread-locals here.
    static WATCHED: ManuallyDrop<RefCell<Vec<Arc<SharedBook>>>> = const { ManuallyDrop::new(RefCell::new(Vec::new())) };
}

/// Counts a closure of another thread's scope, while it runs in a greenlet that could be given up.
pub(super) struct Borrows(bool);

impl Borrows {
    pub(super) fn new() -> Borrows {
        let counts = !thread::this().current().is_main();
        BORROWS.set(BORROWS.get() + usize::from(counts));
        Borrows(counts)
    }
}

impl Drop for Borrows {
    fn drop(&mut self) {
        // What has begun stays on its thread.
        BORROWS.set(BORROWS.get() - usize::from(self.0));
    }
}

/// Takes note of a scope that lends to other threads.
pub(super) fn watch(book: &Arc<SharedBook>) {
    WATCHED.with(|watched| watched.borrow_mut().push(book.clone()));
}

/// The last one leaves nothing behind: the list has no destructor.
fn forget(book: &SharedBook) {
    WATCHED.with(|watched| {
        let mut watched = watched.borrow_mut();
        watched.retain(|other| !std::ptr::eq(&**other, book));
        if watched.is_empty() {
            *watched = Vec::new();
        }
    });
}

fn watched() -> Vec<Arc<SharedBook>> {
    WATCHED.with(|watched| std::mem::take(&mut *watched.borrow_mut()))
}

/// Gets everything back, or does not return. It does not unwind, and what it kills has ended before it returns.
pub(super) fn close(local: &LocalBook, shared: Option<&SharedBook>) {
    local.book.borrow_mut().advance(Stage::Open, Stage::Closing);
    if let Some(shared) = shared {
        shared.close_up();
    }
    for attempt in 0.. {
        revoke(local);
        if let Some(shared) = shared {
            revoke_shared(shared);
        }
        let sites = running_here(local, shared);
        if sites.is_empty() {
            break;
        }
        if attempt == ATTEMPTS {
            abort(sites.len(), "the scope's own thread, which were killed and refuse to end, or cannot be killed");
        }
        sites.into_iter().for_each(|site| kill(thread::this(), site));
    }
    if let Some(shared) = shared {
        wait_for_others(shared);
        forget(shared);
        shared.lock().advance(Stage::Closing, Stage::Closed);
    }
    debug_assert!(local.book.borrow().is_empty());
    local.book.borrow_mut().advance(Stage::Closing, Stage::Closed);
}

/// Drops what has not begun. Nothing is lent meanwhile.
fn revoke(local: &LocalBook) {
    let mut from = 0;
    loop {
        let next = local.book.borrow().waiting_from(from);
        let Some(number) = next else { return };
        local.consume(number, |body| drop_caught(thread::this().current(), body));
        from = number + 1;
    }
}

fn revoke_shared(shared: &SharedBook) {
    let mut from = 0;
    loop {
        let next = shared.lock().waiting_from(from);
        let Some(number) = next else { return };
        // Another thread may have begun it since.
        shared.consume(number, |body| drop_caught(thread::this().current(), body));
        from = number + 1;
    }
}

/// Where closures run on this thread. That cannot be the running greenlet: what runs in there was called by the scope's body, and
/// has returned.
fn running_here(local: &LocalBook, shared: Option<&SharedBook>) -> Vec<Site> {
    let mut sites: Vec<Site> = local.book.borrow().running().collect();
    if let Some(shared) = shared {
        sites.extend(shared.lock().running().filter(|site| site.thread == shared.home));
    }
    sites
}

/// Kills the greenlet at a site, if that can be done.
fn kill(thread: &Thread, site: Site) {
    for greenlet in active(thread) {
        let inner = greenlet.inner();
        let meant = std::ptr::from_ref(inner).addr() == site.greenlet;
        let possible = inner.state.get() == State::Active && !inner.is_current() && !inner.shielded.get();
        if meant && possible && !thread.is_closed() && !cfg!(panic = "abort") {
            let exit = Box::new(GreenletExit::new("the scope that it borrows from is left"));
            // SAFETY: active and not current, as was just asked; `greenlet` is a handle.
            if let Got::Raise(payload) = unsafe { raise::<Anything>(thread, inner, exit, true) } {
                thread.unraisable(inner, Unraisable::Panicked(payload));
            }
        }
        let_go(greenlet);
    }
}

/// Waits, with this thread stopped, until nothing runs on other threads.
fn wait_for_others(shared: &SharedBook) {
    let mut book = shared.lock();
    while book.running().any(|site| site.thread != shared.home) {
        book = shared.ended.wait(book).unwrap_or_else(PoisonError::into_inner);
    }
}

/// What is left of loans when the greenlets of the thread have ended, or are given up: within `enter`, and at the end of a thread
/// without it.
pub(crate) fn settle() {
    let borrows = BORROWS.get();
    if borrows != 0 {
        abort(borrows, "greenlets of a thread that ends, which were given up, and borrow from other threads");
    }
    for book in watched() {
        book.close_up();
        revoke_shared(&book);
        wait_for_others(&book);
    }
}

/// Ends the process: going on would leave references to what is gone.
#[cold]
fn abort(count: usize, what: &str) -> ! {
    let mut text = String::new();
    let name = std::thread::current().name().unwrap_or("<unnamed>").to_owned();
    let _ = writeln!(text, "\na scope cannot be left on thread {name:?}: {count} of its closures run in {what}");
    let _ = writeln!(
        text,
        "let what is spawned in a scope end when it is killed, and keep it from switching away for ever\n"
    );
    eprint!("{text}");
    std::process::abort();
}
