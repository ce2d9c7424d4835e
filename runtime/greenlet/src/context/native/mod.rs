//! Contexts of our own: one swap of the stack pointer, on stacks from an arena.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `x86_64`, `aarch64` | the switch itself, for one instruction set each |
//! | `arena` | carving stacks out of mappings, and taking them back |
//! | `memory` | what is asked of the kernel |
//! | `fault` | hearing of overflows |
//! | `limits` | which limit was met, where it refuses |
//! | `valgrind`, `sanitizer`, `thread_sanitizer` | telling these of stacks and switches |
//!
//! A switch is symmetric: it goes from any context of the thread to any other, and the thread's own stack is one of them.
//! The last bytes of a stack are its [`Header`], in the page that a shallow body uses anyway.

mod arena;
mod fault;
mod limits;
mod memory;
mod sanitizer;
mod thread_sanitizer;
mod valgrind;

#[cfg(target_arch = "aarch64")]
#[path = "aarch64.rs"]
mod isa;
#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
mod isa;

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::ptr::{self, NonNull};

use self::arena::{Arena, Slot};
use self::fault::Alternate;
pub(crate) use self::fault::{Stderr, with_thread_name};
use self::isa::Frame;
use self::memory::page_size;
use self::sanitizer::Left;
use self::thread_sanitizer::Fiber;
use super::{Memory, OutOfStacks, Refusals};
use crate::prefetch;

/// So many lines of the cache below where a stack was left are brought nearer for what begins there.
const BELOW: isize = 13;

/// What a switch stores on the stack that it leaves, in bytes.
pub(crate) const FRAME: usize = size_of::<Frame>();

/// Where the running stack is left by a switch that is made here.
#[inline(always)]
pub(crate) fn here() -> *const () {
    isa::here().wrapping_sub(1).cast()
}

/// What a thread has for its contexts: its stacks.
#[derive(Debug)]
pub(crate) struct Hub {
    arena: RefCell<Arena>,
    /// The bounds of the thread's own stack, for the sanitizer, once a switch has told them.
    root: Cell<(*const u8, usize)>,
    /// What the thread sanitizer knows the thread's own stack by.
    fiber: Fiber,
    on_fault: fn(usize),
    alternate: Alternate,
}

impl Hub {
    /// What a thread needs; `on_fault` is told the address of each fault, and returns if it knows nothing of it.
    pub(crate) fn new(on_fault: fn(usize)) -> Hub {
        Hub {
            arena: RefCell::default(),
            root: Cell::new((ptr::null(), 0)),
            fiber: thread_sanitizer::current(),
            on_fault,
            alternate: Alternate::default(),
        }
    }

    /// Has requests to the kernel refused, as if a limit had been met.
    pub(crate) fn refuse(&self, refusals: Refusals) {
        self.arena.borrow_mut().refusals = refusals;
    }

    /// What is mapped for stacks.
    pub(crate) fn memory(&self) -> Memory {
        let arena = self.arena.borrow();
        Memory { reserved: arena.reserved(), resident: arena.resident() }
    }
}

/// Sets the guard of stacks to come, in bytes; returns what was set before.
pub(crate) fn set_guard_size(bytes: usize) -> usize {
    memory::set_guard_size(bytes)
}

/// A place to switch to: a stack and where it was left; or the thread's own stack.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where it was left, unless it runs.
    frame: Cell<*mut Frame>,
    /// Dangling for the root.
    header: NonNull<Header>,
}

/// What is known of a stack, at its top.
#[repr(C, align(64))]
#[derive(Debug)]
struct Header {
    slot: Slot,
    /// What the stack runs.
    entry: fn(),
    hub: *const Hub,
    /// Valgrind's number for it.
    valgrind: usize,
    /// What the address sanitizer keeps for it between greenlets.
    sanitizer: Cell<Left>,
    fiber: Fiber,
}

impl Context {
    /// The thread's own stack.
    pub(crate) const fn root() -> Context {
        Context { frame: Cell::new(ptr::null_mut()), header: NonNull::dangling() }
    }

    /// The size that a stack gets if this much is asked for.
    pub(crate) fn round(size: usize) -> usize {
        arena::round(size)
    }

    /// A stack of a rounded size.
    ///
    /// The hub stays where it is for as long as its stacks do.
    pub(crate) fn new(hub: &Hub, size: usize, entry: fn()) -> Result<Context, OutOfStacks> {
        let slot = hub.arena.borrow_mut().take(size)?;
        fault::watch(hub.on_fault);
        hub.alternate.install();
        // SAFETY: the end of the slot, which is larger than a header and page-aligned.
        let (high, header) = unsafe {
            let high = slot.low.add(slot.size);
            (high, high.cast::<Header>().sub(1))
        };
        let valgrind = valgrind::register(slot.low, high);
        let sanitizer = Cell::new(sanitizer::register(slot.low.as_ptr(), slot.size));
        // SAFETY: memory of the slot, which nobody else knows of.
        unsafe { header.write(Header { slot, entry, hub, valgrind, sanitizer, fiber: thread_sanitizer::create() }) };
        let context = Context { frame: Cell::new(ptr::null_mut()), header };
        // SAFETY: nothing is on the stack yet.
        unsafe { context.reset() };
        Ok(context)
    }

    /// Makes an idle stack begin anew at the next switch to it.
    ///
    /// # Safety
    ///
    /// The context is not the root, does not run, and none of its frames is needed any more.
    pub(crate) unsafe fn reset(&self) {
        if let Some(Header { slot, .. }) = self.header() {
            sanitizer::clear(slot.low.as_ptr(), slot.size);
        }
        // SAFETY: below the header there is nothing that is needed, and plenty of room.
        unsafe {
            let frame = self.header.as_ptr().cast::<Frame>().sub(1);
            frame.write(Frame::first(begin, self.header.as_ptr()));
            self.frame.set(frame);
        }
    }

    /// The size of the stack, without its guard; 0 for the root.
    pub(crate) fn size(&self) -> usize {
        self.header().map_or(0, |header| header.slot.size)
    }

    /// How many bytes of the stack have memory, which is how deep it has ever been used; nothing for the root.
    pub(crate) fn used(&self) -> Option<usize> {
        let slot = self.header()?.slot;
        // SAFETY: the slot is ours.
        Some(unsafe { memory::resident(slot.low, slot.size) })
    }

    /// Gives the memory back that is below the caller's frame, on the stack of which this is the context.
    pub(crate) fn give_back_unused(&self) {
        let here = 0_u8;
        let Some(Slot { low, size, .. }) = self.header().map(|header| header.slot) else { return };
        // A page more, for what is called from here, and what signal handlers may have below the stack pointer.
        let unused =
            ((&raw const here).addr().wrapping_sub(low.as_ptr().addr()) / page_size()).saturating_sub(2) * page_size();
        if unused < size {
            // SAFETY: no frame is so far below this one: whole pages of this stack that nothing is in.
            unsafe { memory::give_back(low, unused) };
        }
    }

    /// Where an overflow of this stack faults.
    pub(crate) fn guard(&self) -> Option<Range<usize>> {
        let Slot { low, guard, .. } = self.header()?.slot;
        let low = low.as_ptr().addr();
        Some(low - guard..low)
    }

    /// Brings what a switch to this stack needs nearer.
    #[inline(always)]
    pub(crate) fn prefetch(&self) {
        self.prefetch_lines(0..isa::LINES);
    }

    /// The same where what goes on there calls deeply: what will be below.
    #[inline]
    pub(crate) fn prefetch_below(&self) {
        self.prefetch_lines((-BELOW..0).rev());
    }

    #[inline(always)]
    fn prefetch_lines(&self, which: impl Iterator<Item = isize>) {
        prefetch::lines(self.frame.get().cast(), which);
    }

    /// Gives an idle stack back to the system.
    ///
    /// # Safety
    ///
    /// The context is not the root, does not run, and none of its frames is needed any more.
    pub(crate) unsafe fn retire(self, hub: &Hub) {
        let Some(&Header { slot, valgrind, ref sanitizer, fiber, .. }) = self.header() else { return };
        valgrind::deregister(valgrind);
        thread_sanitizer::destroy(fiber);
        sanitizer::clear(slot.low.as_ptr(), slot.size);
        sanitizer::deregister(slot.low.as_ptr(), slot.size, sanitizer.get());
        // SAFETY: the slot came from this thread's arena; the header, in it, is not looked at again.
        unsafe { hub.arena.borrow_mut().put(slot) };
    }

    #[inline(always)]
    fn header(&self) -> Option<&Header> {
        if self.header == NonNull::dangling() {
            return None;
        }
        // SAFETY: written by `new`, and in place for as long as the context.
        Some(unsafe { self.header.as_ref() })
    }

    fn fiber(&self, hub: &Hub) -> Fiber {
        self.header().map_or(hub.fiber, |header| header.fiber)
    }

    fn bounds(&self, hub: &Hub) -> (*const u8, usize) {
        self.header().map_or(hub.root.get(), |header| (header.slot.low.as_ptr().cast_const(), header.slot.size))
    }
}

/// The first function on a stack.
unsafe extern "C" fn begin(header: *const Header) -> ! {
    // SAFETY: `Context::reset` put the header's address into the first frame.
    let Header { entry, hub, sanitizer, .. } = unsafe { &*header };
    let from = sanitizer::begin(sanitizer.get());
    // SAFETY: the hub outlives its stacks.
    let root = unsafe { &(**hub).root };
    if root.get().0.is_null() {
        root.set(from);
    }
    entry();
    // An ended stack is left by a switch that nothing comes back to.
    std::process::abort();
}

/// Switches from the running context to another; returns when something switches back, with what that one gave for `with`. As
/// all on a thread give the same, that is how to find it again without a look at the stack, whose memory may come late.
///
/// # Safety
///
/// `from` is the running context of this thread and `hub` the thread's. `to` is another context of the same thread that is
/// suspended or not yet entered. Both stay where they are until each has been switched to again.
#[inline(always)]
pub(crate) unsafe fn switch<W>(hub: &Hub, from: *const Context, to: *const Context, with: *const W) -> *const W {
    // SAFETY: both exist; neither reference lives across the switch.
    unsafe {
        let left = sanitizer::leave(|| (*to).bounds(hub));
        thread_sanitizer::switch_to(|| (*to).fiber(hub));
        let brought = isa::switch((*from).frame.as_ptr(), (*to).frame.get(), with.cast());
        sanitizer::arrive(left);
        brought.cast()
    }
}

/// Switches from the running context, which is [reset](Context::reset) before it is switched to again.
///
/// # Safety
///
/// As for [`switch`]; `from` is not the root.
#[inline(always)]
pub(crate) unsafe fn switch_finally<W>(hub: &Hub, from: *const Context, to: *const Context, with: *const W) {
    // SAFETY: as in `switch`.
    unsafe {
        let left = sanitizer::leave(|| (*to).bounds(hub));
        (*from).header.as_ref().sanitizer.set(left);
        thread_sanitizer::switch_to(|| (*to).fiber(hub));
        isa::switch((*from).frame.as_ptr(), (*to).frame.get(), with.cast());
    }
}
