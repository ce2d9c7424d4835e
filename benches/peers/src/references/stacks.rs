//! Stacks cut out of one large mapping, each with a guard below it.

use std::io::Error;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::rc::Rc;

use corosensei::stack::{Stack, StackPointer};

/// What a tasklet has, too.
pub(crate) const STACK: usize = 64 << 10;
const GUARD: usize = 16 << 10;
/// From one stack to the next. No power of two, or the tops of all stacks would compete for the same lines of a cache.
const STRIDE: usize = STACK + GUARD;

/// Linux's `MADV_GUARD_INSTALL`: pages that fault when touched, without a mapping of their own.
const GUARD_INSTALL: libc::c_int = 102;

/// A mapping with room for so many stacks. Nothing is guarded yet.
pub(crate) struct Mapping {
    base: NonNull<u8>,
    stacks: usize,
}

impl Mapping {
    pub(crate) fn new(stacks: usize) -> Mapping {
        let (prot, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let flags = flags | libc::MAP_NORESERVE | libc::MAP_STACK;
        // SAFETY: a new mapping at an address that the kernel chooses touches nothing that is there.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), stacks * STRIDE, prot, flags, -1, 0) };
        assert!(base != libc::MAP_FAILED, "cannot map {stacks} stacks: {}", Error::last_os_error());
        // SAFETY: the range is the mapping just made; the advice changes nothing that is in it.
        unsafe { libc::madvise(base, stacks * STRIDE, libc::MADV_NOHUGEPAGE) };
        Mapping { base: NonNull::new(base.cast()).expect("the kernel maps nothing at 0"), stacks }
    }

    /// Puts a guard below a stack, and tells the addresses of the stack's end and, above it, its beginning.
    pub(crate) fn guard(&self, number: usize) -> (NonNull<u8>, NonNull<u8>) {
        assert!(number < self.stacks);
        // SAFETY: the stack with this number is inside the mapping.
        let (guard, end) = unsafe { (self.base.add(number * STRIDE), self.base.add(number * STRIDE + GUARD)) };
        // SAFETY: the range is the guard of this stack, which nobody uses otherwise.
        let failed = unsafe { libc::madvise(guard.as_ptr().cast(), GUARD, GUARD_INSTALL) } != 0;
        assert!(!failed, "this needs Linux 6.13 or later, for MADV_GUARD_INSTALL: {}", Error::last_os_error());
        // SAFETY: a stack's beginning is inside the mapping, or one past its last byte.
        (end, unsafe { end.add(STACK) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this is what was mapped; what hands out its stacks keeps it, or ends with it.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.stacks * STRIDE) };
    }
}

/// One of the stacks, for corosensei.
pub(crate) struct Slot {
    _mapping: Rc<Mapping>,
    end: NonZeroUsize,
    begin: NonZeroUsize,
}

/// So many stacks, guarded.
pub(crate) fn slots(stacks: usize) -> impl Iterator<Item = Slot> {
    let mapping = Rc::new(Mapping::new(stacks));
    (0..stacks).map(move |number| {
        let (end, begin) = mapping.guard(number);
        let end = NonZeroUsize::new(end.as_ptr().expose_provenance() - GUARD).expect("an address");
        let begin = NonZeroUsize::new(begin.as_ptr().expose_provenance()).expect("an address");
        Slot { _mapping: mapping.clone(), end, begin }
    })
}

// SAFETY: a slot's bytes are its own, mapped as long as it lives, aligned to pages, of 64 KiB, and with a guard below them
// that is inside the limit.
unsafe impl Stack for Slot {
    fn base(&self) -> StackPointer {
        self.begin
    }

    fn limit(&self) -> StackPointer {
        self.end
    }
}
