//! Where control blocks lie: in chunks, so that a greenlet is made without asking the allocator, although its block is aligned to
//! a cache line.
//!
//! A free place holds the address of the next free one, and where a block says whether it is registered, that it is not: so
//! the registered ones are found by looking at every place. Chunks are given back when the thread's last greenlet is gone.

use std::cell::{Cell, RefCell};
use std::mem::{MaybeUninit, offset_of};
use std::ptr::{self, NonNull};

use crate::inner::Inner;

/// Blocks of a chunk.
const CHUNK: usize = 64;

type Place = MaybeUninit<Inner>;

/// Both lie in a free place.
const _: () = assert!(offset_of!(Inner, registered) >= size_of::<*mut Place>());

#[derive(Default)]
pub(crate) struct Blocks {
    /// Each made by `Box::into_raw`, of a slice of `CHUNK` places.
    chunks: RefCell<Vec<NonNull<[Place]>>>,
    free: Cell<*mut Place>,
    count: Cell<usize>,
}

impl Blocks {
    /// How many blocks there are.
    pub(crate) fn count(&self) -> usize {
        self.count.get()
    }

    /// The first of the registered blocks for which `f` has an answer. `f` makes and frees none.
    ///
    /// Does what a signal handler may: where one has come in the midst of making or freeing blocks, there is no answer.
    pub(crate) fn find_registered<R>(&self, mut f: impl FnMut(&Inner) -> Option<R>) -> Option<R> {
        let chunks = self.chunks.try_borrow().ok()?;
        let mut places = chunks.iter().flat_map(|chunk| (0..CHUNK).map(|at| (chunk.cast::<Inner>(), at)));
        places.find_map(|(chunk, at)| {
            // SAFETY: within the chunk. Whether a place holds a registered block is written there in any case (`put`), and only
            // then is it looked at as a whole. Blocks change through cells alone.
            unsafe {
                let place = chunk.add(at);
                if (&raw const (*place.as_ptr()).registered).cast::<bool>().read() { f(place.as_ref()) } else { None }
            }
        })
    }

    /// Puts a block into a place of its own, where it stays until `free`.
    #[inline]
    pub(crate) fn make(&self, block: Inner) -> NonNull<Inner> {
        if self.free.get().is_null() {
            self.grow();
        }
        let place = self.free.get();
        self.count.set(self.count.get() + 1);
        // SAFETY: `free` names a place of a chunk that holds no block, and in it the next such place, or null; it is taken off
        // the list before it is written.
        unsafe {
            self.free.set(place.cast::<*mut Place>().read());
            // Not by way of a reference, beside which nobody else could look at the place.
            let place = place.cast::<Inner>();
            place.write(block);
            NonNull::new_unchecked(place)
        }
    }

    /// Drops a block and takes its place back.
    ///
    /// # Safety
    ///
    /// `make` of this very value made it, and nobody uses it again.
    #[inline]
    pub(crate) unsafe fn free(&self, block: NonNull<Inner>) {
        let place = block.as_ptr().cast::<Place>();
        self.count.set(self.count.get() - 1);
        // SAFETY: the caller's promise; the place is part of a chunk, which is larger than a pointer and aligned for one.
        unsafe {
            ptr::drop_in_place(block.as_ptr());
            self.put(place);
        }
        if self.count.get() == 0 && self.chunks.borrow().len() > 1 {
            self.shrink();
        }
    }

    /// Adds a place to the list of free ones.
    ///
    /// # Safety
    ///
    /// It is part of a chunk and holds no block.
    unsafe fn put(&self, place: *mut Place) {
        // SAFETY: the caller's promise: nothing else refers to the place.
        unsafe {
            place.cast::<*mut Place>().write(self.free.get());
            (&raw mut (*place.cast::<Inner>()).registered).write(Cell::new(false));
        }
        self.free.set(place);
    }

    #[cold]
    #[inline(never)]
    fn grow(&self) {
        let chunk = Box::into_raw(Box::<[Inner]>::new_uninit_slice(CHUNK));
        // Before anybody can look at its places.
        self.list(chunk);
        // SAFETY: a box is never null.
        self.chunks.borrow_mut().push(unsafe { NonNull::new_unchecked(chunk) });
    }

    /// Lists the places of a chunk without blocks; the first one is used first.
    fn list(&self, chunk: *mut [Place]) {
        for at in (0..CHUNK).rev() {
            // SAFETY: within the chunk, which holds no block.
            unsafe { self.put(chunk.cast::<Place>().add(at)) };
        }
    }

    /// Keeps one chunk of those that hold nothing any more.
    #[cold]
    #[inline(never)]
    fn shrink(&self) {
        let mut chunks = self.chunks.borrow_mut();
        self.free.set(ptr::null_mut());
        for chunk in chunks.drain(1..) {
            // SAFETY: made by `grow`; no block is left, and the list, which referred to it, is begun anew.
            drop(unsafe { Box::from_raw(chunk.as_ptr()) });
        }
        self.list(chunks[0].as_ptr());
    }
}

impl Drop for Blocks {
    /// The thread's state is freed only when no block is left.
    fn drop(&mut self) {
        for chunk in self.chunks.get_mut().drain(..) {
            // SAFETY: made by `grow`, and freed once.
            drop(unsafe { Box::from_raw(chunk.as_ptr()) });
        }
    }
}
