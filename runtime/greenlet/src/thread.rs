//! What one OS thread knows of its greenlets.
//!
//! The state is reached through a thread-local pointer without a destructor, so that it can be read at any time, and
//! through every control block. A second thread-local owns it: when that is destroyed, nothing is unwound. Stacks that are
//! still suspended are left alone for ever and counted, because the thread-locals that their frames use may be gone.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::blocks::Blocks;
use crate::builder::DEFAULT_STACK_SIZE;
use crate::capture::Visit;
use crate::context::{Context, Hub};
use crate::inner::{Inner, State, family};
use crate::loans;
use crate::mail::Mailbox;
use crate::overflow::{self, Describe};
use crate::pool::Pool;
use crate::stacks::Peaks;
use crate::trace::Tracer;
use crate::transfer;
use crate::unraisable::{self, Hook};
use crate::worker::{self, Crew};

/// Suspended stacks that were given up, in the whole process.
pub(crate) static LEAKED: AtomicU64 = AtomicU64::new(0);

/// The thread is ending, or visits: nothing may be switched to.
const CLOSED: u8 = 1;
/// A tracer is set.
const TRACED: u8 = 2;

pub(crate) struct Thread {
    pub(crate) current: Cell<*const Inner>,
    /// Owned; by a pointer, because others point to it, too.
    main: NonNull<Inner>,
    /// What the greenlet that is being switched to will receive.
    pub(crate) mail: Mailbox,
    /// Who switched here, until its running handle has been given back.
    pub(crate) origin: Cell<*const Inner>,
    /// Who the tracer is told switched here, where that is not `origin`: a greenlet that was ended by what was thrown.
    pub(crate) posing: Cell<*const Inner>,
    /// Who asks a suspended greenlet where it is.
    pub(crate) visit: Visit,
    pub(crate) hub: Hub,
    pub(crate) pool: Pool,
    pub(crate) crew: Crew,
    /// The size of a stack of `DEFAULT_STACK_SIZE`.
    pub(crate) default_size: usize,
    /// Tells an idle stack that is resumed to leave.
    pub(crate) retiring: Cell<bool>,
    /// How many are registered: every active greenlet but main. These own stacks, handles or not.
    pub(crate) registered: Cell<usize>,
    pub(crate) tracer: RefCell<Option<Tracer>>,
    /// Who describes an overflow.
    pub(crate) describe: Cell<Option<Describe>>,
    /// How deep stacks were used, if that is measured; and whether it is.
    pub(crate) peaks: RefCell<Option<Peaks>>,
    pub(crate) measured: Cell<bool>,
    pub(crate) hook: RefCell<Option<Rc<Hook>>>,
    /// Control blocks besides main's.
    pub(crate) blocks: Blocks,
    pub(crate) ids: Cell<u64>,
    /// Nested calls of `enter`.
    pub(crate) entered: Cell<usize>,
    /// Why a switch is not a plain one: `CLOSED` and `TRACED`, together, so that it asks once.
    odd: Cell<u8>,
}

thread_local! {
    static THREAD: Cell<*const Thread> = const { Cell::new(ptr::null()) };
    static OWNER: Owner = const { Owner };
}

/// This thread's state, made when first used.
///
/// The reference is good for as long as the caller runs: the state is freed only by the thread-local's destructor, on a
/// thread whose frames are gone.
#[inline]
pub(crate) fn this<'a>() -> &'a Thread {
    let thread = THREAD.get();
    if thread.is_null() {
        return make();
    }
    // SAFETY: set by `make` to a live allocation, reset before that is freed.
    unsafe { &*thread }
}

/// This thread's state, if it was made. May be asked by a signal handler.
pub(crate) fn existing<'a>() -> Option<&'a Thread> {
    // SAFETY: as in `this`.
    unsafe { THREAD.get().as_ref() }
}

#[cold]
fn make<'a>() -> &'a Thread {
    let hub = Hub::new(overflow::check);
    // Two-way references: the main block points to the state, which owns it.
    let mut state = Box::new_uninit();
    // SAFETY: a box is never null. The pointer is only stored here; it is followed once the state has been written.
    let address = unsafe { NonNull::new_unchecked(state.as_mut_ptr()) };
    // What it awaits does not matter before its first switch: nothing can be sent to what is current.
    let mut main = Box::new(Inner::new(address, State::Active, family::<()>()));
    *main.context.get_mut() = Some(Context::root());
    let main = NonNull::from(Box::leak(main));
    state.write(Thread {
        current: Cell::new(main.as_ptr()),
        main,
        mail: Mailbox::default(),
        origin: Cell::new(ptr::null()),
        posing: Cell::new(ptr::null()),
        visit: Visit::default(),
        hub,
        pool: Pool::default(),
        crew: Crew::default(),
        default_size: Context::round(DEFAULT_STACK_SIZE),
        retiring: Cell::new(false),
        registered: Cell::new(0),
        tracer: RefCell::new(None),
        describe: Cell::new(None),
        peaks: RefCell::new(None),
        measured: Cell::new(false),
        hook: RefCell::new(None),
        blocks: Blocks::default(),
        ids: Cell::new(0),
        entered: Cell::new(0),
        odd: Cell::new(0),
    });
    Box::leak(state);
    // SAFETY: just written. The allocation is freed by `Owner` alone.
    let thread: &Thread = unsafe { address.as_ref() };
    THREAD.set(thread);
    // Registers the destructor. Where that is too late, the thread is ending: no stack may be started on it any more.
    if OWNER.try_with(|_| ()).is_err() {
        thread.set_closed(true);
    }
    thread
}

struct Owner;

impl Drop for Owner {
    fn drop(&mut self) {
        let thread = this();
        thread.set_closed(true);
        worker::dismiss(thread);
        let suspended = thread.registered.get();
        LEAKED.fetch_add(suspended as u64, Ordering::Relaxed);
        loans::settle();
        thread.drain_pool();
        // User values; their destructors may call back in, which `closed` makes harmless.
        let tracer = thread.tracer.borrow_mut().take();
        let hook = thread.hook.borrow_mut().take();
        drop((tracer, hook));
        let locals = thread.main().locals.take();
        if catch_unwind(AssertUnwindSafe(move || drop(locals))).is_err() {
            std::process::abort();
        }
        if thread.blocks.count() == 0 && !thread.main().is_held_beyond(1) && thread.current().is_main() {
            let state = THREAD.replace(ptr::null()).cast_mut();
            // SAFETY: made by `make`; no block, handle or frame refers to it any more, and the pointer is reset.
            drop(unsafe { Box::from_raw(state) });
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // SAFETY: leaked by `make`; whoever drops the state has made sure that nothing else refers to main's block.
        drop(unsafe { Box::from_raw(self.main.as_ptr()) });
    }
}

impl Thread {
    #[inline]
    pub(crate) fn main(&self) -> &Inner {
        // SAFETY: it is freed by the drop of this state alone.
        unsafe { self.main.as_ref() }
    }

    #[inline]
    pub(crate) fn current(&self) -> &Inner {
        // SAFETY: the running greenlet is kept by its running handle; main by this state.
        unsafe { &*self.current.get() }
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.odd.get() & CLOSED != 0
    }

    #[inline]
    pub(crate) fn is_traced(&self) -> bool {
        self.odd.get() & TRACED != 0
    }

    #[inline]
    pub(crate) fn is_closed_or_traced(&self) -> bool {
        self.odd.get() != 0
    }

    /// Forbids switches, or allows them again.
    pub(crate) fn set_closed(&self, closed: bool) {
        self.odd.set(self.odd.get() & !CLOSED | if closed { CLOSED } else { 0 });
    }

    pub(crate) fn set_traced(&self, traced: bool) {
        self.odd.set(self.odd.get() & !TRACED | if traced { TRACED } else { 0 });
    }

    /// Takes note of a greenlet that has begun.
    #[inline]
    pub(crate) fn register(&self, inner: &Inner) {
        inner.registered.set(true);
        self.registered.set(self.registered.get() + 1);
    }

    /// Forgets a greenlet that has ended, or was given up.
    #[inline]
    pub(crate) fn unregister(&self, inner: &Inner) {
        if inner.registered.replace(false) {
            self.registered.set(self.registered.get() - 1);
        }
    }

    /// A number for a greenlet.
    #[inline]
    pub(crate) fn next_id(&self) -> u64 {
        self.ids.set(self.ids.get() + 1);
        self.ids.get()
    }

    /// How many stacks are there for the next greenlets.
    pub(crate) fn idle_stacks(&self) -> usize {
        self.pool.idle.get() + self.crew.len()
    }

    /// Frees the idle stacks.
    pub(crate) fn drain_pool(&self) {
        worker::dismiss(self);
        while let Some(context) = self.pool.pop_any() {
            self.retire(context);
        }
    }

    pub(crate) fn retire(&self, context: Context) {
        self.retiring.set(true);
        // SAFETY: pooled stacks are idle in `transfer::entry`, which returns when `retiring` is set.
        unsafe { context.retire(&self.hub) };
        self.retiring.set(false);
    }

    /// Gives an idle stack to the pool, or back to the system.
    pub(crate) fn give_back(&self, context: Context) {
        // SAFETY: its greenlet has ended, or not begun.
        unsafe { context.reset() };
        let resting = self.crew.count_of(context.size());
        if let Err(context) = self.pool.put(context, resting) {
            self.retire(context);
        }
        self.came_back();
    }

    /// Takes note that a stack is idle again. What is idle for long goes back to the system.
    #[inline]
    pub(crate) fn came_back(&self) {
        if self.pool.count_one() {
            self.review();
        }
    }

    #[cold]
    fn review(&self) {
        let unneeded = self.pool.take_unneeded().into_iter().chain(worker::dismiss_unneeded(self));
        unneeded.for_each(|context| self.retire(context));
    }

    /// Calls the hook for errors that nobody can receive.
    pub(crate) fn unraisable(&self, inner: &Inner, what: unraisable::Unraisable) {
        let hook = self.hook.borrow().clone();
        unraisable::report(hook, transfer::any_handle(inner), what);
    }
}
