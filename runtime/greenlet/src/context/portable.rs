//! Contexts on the `generator` package, for every target that it supports.
//!
//! Generators are asymmetric: one can only be resumed from below and suspend downwards. The thread's own stack is
//! therefore the *hub*: a switch from one generator to another stores the target, suspends to the hub, and the hub resumes
//! the target. A symmetric switch so costs two swaps.
//!
//! ```text
//!   root stack         stack A            stack B
//!   switch(root, A)
//!     hub loop ───────▶ entry …
//!                       switch(A, B)
//!     next = B ◀─────── suspend()
//!     hub loop ──────────────────────────▶ entry …
//! ```
//!
//! The suspend is `co_yield_with`, which finds the nearest generator with local data: ours, even where user code inside a
//! greenlet is itself running a foreign generator. It is called from one function that is never inlined, because many resume
//! addresses mispredict the indirect jump of the swap.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use generator::{Generator, Gn};

use super::{Memory, OutOfStacks, Refusals};
use crate::error::StackLimit;
use crate::{overflow, thread};

/// The least stack that leaves room for a panic's own frames.
const MIN_SIZE: usize = 8 * 1024;

/// Stacks of the whole process, against the kernel's limit on mappings.
static STACKS: AtomicUsize = AtomicUsize::new(0);

/// The thread's switchboard: whom the hub resumes next.
#[derive(Debug)]
pub(crate) struct Hub {
    next: Cell<*const Context>,
    /// Stacks that are refused on demand.
    refusals: Cell<Refusals>,
}

impl Hub {
    /// Has stacks refused, as if a limit had been met.
    pub(crate) fn refuse(&self, refusals: Refusals) {
        self.refusals.set(refusals);
    }

    /// The package does not tell.
    pub(crate) fn memory(&self) -> Memory {
        Memory::default()
    }

    fn refuses(&self) -> bool {
        let mut refusals = self.refusals.get();
        let refused = refusals.next();
        self.refusals.set(refusals);
        refused
    }
}

/// The package's guard is a page.
pub(crate) fn set_guard_size(_bytes: usize) -> usize {
    4096
}

/// What the package stores on a stack that it leaves, in bytes, more or less.
pub(crate) const FRAME: usize = 64;

/// About where the running stack is left by a switch that is made here.
#[inline(always)]
pub(crate) fn here() -> *const () {
    let here = 0_u8;
    (&raw const here).wrapping_sub(FRAME).cast()
}

impl Hub {
    /// What a thread needs. The package handles faults itself.
    pub(crate) fn new(_on_fault: fn(usize)) -> Hub {
        // Registers the destructor of the package's own thread-local now, so that it runs after ours.
        let _ = generator::is_generator();
        Hub { next: Cell::new(ptr::null()), refusals: Cell::default() }
    }
}

/// A stack and what runs on it; the root context stands for the thread's own.
pub(crate) struct Context {
    /// `None` for the root. Only the hub, and `retire`, touch it.
    stack: UnsafeCell<Option<ManuallyDrop<Generator<'static, (), ()>>>>,
    size: usize,
}

impl Context {
    pub(crate) const fn root() -> Context {
        Context { stack: UnsafeCell::new(None), size: 0 }
    }

    /// The size that a stack gets if this much is asked for.
    pub(crate) fn round(size: usize) -> usize {
        size.max(MIN_SIZE).next_multiple_of(4096)
    }

    /// A stack of a rounded size.
    pub(crate) fn new(hub: &Hub, size: usize, entry: fn()) -> Result<Context, OutOfStacks> {
        let limit = stack_limit();
        if STACKS.fetch_add(1, Ordering::Relaxed) >= limit {
            STACKS.fetch_sub(1, Ordering::Relaxed);
            return Err(OutOfStacks {
                limit: StackLimit::Mappings,
                why: format!(
                    "{limit} stacks are in use, which is all that vm.max_map_count leaves room for; raise it with sysctl"
                ),
            });
        }
        // The package panics where no memory is to be had, on this side of the switch.
        let made = catch_unwind(AssertUnwindSafe(|| {
            if hub.refuses() {
                resume_unwind(Box::new("refused on demand"));
            }
            let mut stack = Gn::<()>::new_opt(size / size_of::<usize>(), entry);
            // Non-null local data is what makes it a coroutine, which `co_yield_with` looks for.
            stack.set_local_data(ptr::without_provenance_mut(1));
            stack
        }));
        match made {
            Ok(stack) => {
                let stack = UnsafeCell::new(Some(ManuallyDrop::new(stack)));
                Ok(Context { stack, size })
            }
            Err(_) => {
                STACKS.fetch_sub(1, Ordering::Relaxed);
                Err(OutOfStacks {
                    limit: StackLimit::Memory,
                    why: format!(
                        "the system refused to map a stack of {size} bytes; lower the stack size, or raise the limits on \
                         address space (ulimit -v) and mappings (vm.max_map_count)"
                    ),
                })
            }
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Nothing to do: an idle stack goes on in its entry function's loop.
    ///
    /// # Safety
    ///
    /// None here; see the other implementation.
    pub(crate) unsafe fn reset(&self) {}

    /// The package does not tell.
    pub(crate) fn used(&self) -> Option<usize> {
        None
    }

    /// The package does not tell what is unused.
    pub(crate) fn give_back_unused(&self) {}

    /// The package has a fault handler of its own.
    pub(crate) fn guard(&self) -> Option<Range<usize>> {
        None
    }

    /// Brings what a switch to this stack needs nearer.
    #[inline]
    pub(crate) fn prefetch(&self) {
        // SAFETY: the hub holds an exclusive reference only of the stack that runs, and a prefetch reads nothing.
        if let Some(stack) = unsafe { (*self.stack.get()).as_ref() } {
            stack.prefetch();
        }
    }

    /// It is not known where that is.
    #[inline]
    pub(crate) fn prefetch_below(&self) {}

    /// Frees an idle stack.
    ///
    /// # Safety
    ///
    /// The stack is idle, its entry function returns when it is resumed now, and nothing will switch to it again.
    pub(crate) unsafe fn retire(self, _hub: &Hub) {
        if let Some(mut stack) = self.stack.into_inner() {
            stack.resume();
            if !stack.is_done() {
                // Never hand live frames to the package's drop: it may free them without unwinding.
                return;
            }
            drop(ManuallyDrop::into_inner(stack));
            STACKS.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Switches from the running context to another; returns when something switches back, with `with`: all on a thread give the same.
///
/// # Safety
///
/// `from` is the running context of this thread and `hub` the thread's. `to` is another context of the same thread that is
/// suspended or not yet entered. Both stay where they are until each has been switched to again.
#[inline]
pub(crate) unsafe fn switch<W>(hub: &Hub, from: *const Context, to: *const Context, with: *const W) -> *const W {
    hub.next.set(to);
    // SAFETY: only the hub's loop makes exclusive references to `stack`, and it is not in one while `from` runs on the root.
    if unsafe { (*(*from).stack.get()).is_none() } {
        serve(hub, from);
    } else {
        suspend();
    }
    with
}

/// The hub: resumes whoever is next until that is the root itself.
fn serve(hub: &Hub, root: *const Context) {
    loop {
        let next = hub.next.get();
        if ptr::eq(next, root) {
            return;
        }
        // SAFETY: `switch` stored a context that stays in place while it is the one to be resumed. Nobody else refers to its
        // generator: the root is here, and what runs on the stacks only suspends.
        let stack = unsafe { (*(*next).stack.get()).as_mut() };
        let Some(stack) = stack else { return };
        stack.resume();
        if stack.is_done() {
            // Entry functions return only when retired: the package's fault handler has left the stack.
            let thread = thread::this();
            let overrun = overflow::overrun(thread, |context| ptr::eq(context, next)).unwrap_or(thread.current());
            overflow::abort(thread, overrun, stack.get_panic_data().as_deref().and_then(describe));
        }
    }
}

/// Writes to standard error.
pub(crate) struct Stderr;

impl fmt::Write for Stderr {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        std::io::stderr().write_all(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// Calls `f` with the running thread's name.
pub(crate) fn with_thread_name<R>(f: impl FnOnce(&str) -> R) -> R {
    f(std::thread::current().name().unwrap_or("<unnamed>"))
}

fn describe(payload: &(dyn Any + Send)) -> Option<&'static str> {
    match payload.downcast_ref::<generator::Error>() {
        Some(generator::Error::StackErr) => None,
        _ => Some("the stack was left by a panic that nothing caught"),
    }
}

/// Every stack suspends here.
#[inline(never)]
fn suspend() {
    generator::co_yield_with(());
}

/// How many stacks the process may have: the package takes two mappings for each.
fn stack_limit() -> usize {
    static LIMIT: OnceLock<usize> = OnceLock::new();
    *LIMIT.get_or_init(|| {
        let maps = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok();
        let maps = maps.and_then(|text| text.trim().parse::<usize>().ok());
        // A reserve for the program's own mappings.
        maps.map_or(usize::MAX, |maps| maps.saturating_sub(2048).max(64) / 2)
    })
}
