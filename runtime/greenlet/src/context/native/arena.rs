//! A thread's stacks: carved out of large mappings, of a few sizes, each with its guard.
//!
//! ```text
//!   a chunk: one mapping, up to 1,024 slots
//!   ┌───────┬─────────────────┬───────┬─────────────────┬───────┬ ─ ─
//!   │ guard │      stack   ◀──│ guard │      stack   ◀──│ guard │
//!   └───────┴─────────────────┴───────┴─────────────────┴───────┴ ─ ─
//!   ◀─────── stride ─────────▶         grows downwards
//! ```
//!
//! The stride is an odd number of pages: with a power of two, the tops of all stacks would compete for the same few entries
//! of the processor's caches of addresses. A slot is carved when it is first wanted; its guard is installed then, or some slots ahead. A
//! slot that comes back has its memory taken back, and a chunk with no slot in use its address space.

use std::io;
use std::ptr::NonNull;

use slab::Slab;

use super::limits;
use super::memory::{self, page_size};
use crate::context::{OutOfStacks, Refusals};

/// The least stack: it leaves room for a panic's own frames.
const LEAST: usize = 16 * 1024;
/// Bounds of a chunk.
const MOST_SLOTS: usize = 1024;
const MOST_BYTES: usize = 128 << 20;
/// The slots of a thread's first chunk; each next one has twice as many.
const FIRST_SLOTS: usize = 16;

/// Where a slot is, and who it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    /// The lowest usable address; the guard is below it.
    pub(super) low: NonNull<u8>,
    pub(super) size: usize,
    pub(super) guard: usize,
    chunk: u32,
    number: u32,
}

/// The stacks that a thread has mapped.
#[derive(Debug, Default)]
pub(super) struct Arena {
    chunks: Slab<Chunk>,
    /// Programs use few sizes, so a scan beats a map.
    classes: Vec<Class>,
    /// Requests that are refused on demand.
    pub(super) refusals: Refusals,
    /// What the kernel refused last, and for how large a stack, if it has granted nothing since: finding out why takes long.
    refused: Option<(usize, OutOfStacks)>,
}

/// The chunks of one stack size, with guards of one size.
#[derive(Debug)]
struct Class {
    size: usize,
    guard: usize,
    /// Chunks in which there is room, the one to be used next last.
    open: Vec<usize>,
    /// Slots that the next chunk has.
    next_slots: usize,
}

#[derive(Debug)]
struct Chunk {
    start: NonNull<u8>,
    size: usize,
    guard: usize,
    slots: u32,
    carved: u32,
    /// So many slots have their guards, at least those that are carved.
    guarded: u32,
    /// Carved and not in use.
    free: Vec<u32>,
}

/// The size that a stack gets if this much is asked for.
pub(super) fn round(size: usize) -> usize {
    size.max(LEAST).max(page_size() * 4).checked_next_power_of_two().unwrap_or(1 << (usize::BITS - 1))
}

impl Arena {
    /// A slot of a rounded size, with its guard.
    pub(super) fn take(&mut self, size: usize) -> Result<Slot, OutOfStacks> {
        let guard = guard_for(size);
        let class = self.class(size, guard);
        let taken = match self.classes[class].open.last() {
            Some(chunk) => Ok(*chunk),
            None => self.map(class),
        };
        let taken = taken.and_then(|key| self.carve(class, key));
        match taken {
            Ok(slot) => {
                self.refused = None;
                Ok(slot)
            }
            Err(error) => {
                let known = self.refused.take().filter(|(of, _)| *of == size);
                let (_, why) = known.unwrap_or_else(|| (size, limits::diagnose(size + guard, &error)));
                Err(self.refused.insert((size, why)).1.clone())
            }
        }
    }

    /// Takes a slot back, and its memory.
    ///
    /// # Safety
    ///
    /// The slot was taken from this arena, and nothing refers to its memory any more.
    pub(super) unsafe fn put(&mut self, slot: Slot) {
        let key = slot.chunk as usize;
        let chunk = &mut self.chunks[key];
        let was_full = chunk.is_full();
        chunk.free.push(slot.number);
        let unused = chunk.free.len() == chunk.carved as usize;
        let class = self.class(slot.size, slot.guard);
        let open = &mut self.classes[class].open;
        if was_full {
            open.push(key);
        }
        // The last chunk stays: a thread that goes on and off with one stack would map it over and over.
        if unused && open.len() > 1 {
            open.retain(|other| *other != key);
            let chunk = self.chunks.remove(key);
            // SAFETY: none of its slots is in use.
            unsafe { memory::release(chunk.start, chunk.stride() * chunk.slots as usize) };
        } else {
            // SAFETY: the caller's promise.
            unsafe { memory::give_back(slot.low, slot.size) };
        }
    }

    /// Address space that is mapped for stacks, in bytes.
    pub(super) fn reserved(&self) -> usize {
        self.chunks.iter().map(|(_, chunk)| chunk.stride() * chunk.slots as usize).sum()
    }

    /// How much of it has memory, in bytes.
    pub(super) fn resident(&self) -> usize {
        let bytes = |chunk: &Chunk| chunk.stride() * chunk.slots as usize;
        // SAFETY: whole mappings of this arena.
        self.chunks.iter().map(|(_, chunk)| unsafe { memory::resident(chunk.start, bytes(chunk)) }).sum()
    }

    fn class(&mut self, size: usize, guard: usize) -> usize {
        self.classes.iter().position(|class| class.size == size && class.guard == guard).unwrap_or_else(|| {
            self.classes.push(Class { size, guard, open: Vec::new(), next_slots: FIRST_SLOTS });
            self.classes.len() - 1
        })
    }

    /// Maps a new chunk; a smaller one where the kernel refuses.
    fn map(&mut self, class: usize) -> io::Result<usize> {
        let Class { size, guard, .. } = self.classes[class];
        let stride = size.checked_add(guard).ok_or(io::ErrorKind::OutOfMemory)?;
        // Where the kernel has nothing to give, it is not asked for much: those who wait for a stack ask again and again.
        let most = if self.refused.is_some() { 1 } else { self.classes[class].next_slots };
        let mut slots = most.min(MOST_BYTES / stride).max(1);
        let start = loop {
            match self.asked().and_then(|()| memory::reserve(stride * slots)) {
                Ok(start) => break start,
                Err(error) if slots == 1 => return Err(error),
                Err(_) => slots /= 2,
            }
        };
        self.classes[class].next_slots = (slots * 2).min(MOST_SLOTS);
        let chunk = Chunk { start, size, guard, slots: slots as u32, carved: 0, guarded: 0, free: Vec::new() };
        let key = self.chunks.insert(chunk);
        self.classes[class].open.push(key);
        Ok(key)
    }

    /// Takes a slot of a chunk with room.
    fn carve(&mut self, class: usize, key: usize) -> io::Result<Slot> {
        self.asked()?;
        let chunk = &self.chunks[key];
        let number = match chunk.free.last() {
            Some(number) => *number,
            None => {
                if chunk.carved == chunk.guarded {
                    self.chunks[key].install_guards()?;
                }
                self.chunks[key].carved += 1;
                self.chunks[key].carved - 1
            }
        };
        let chunk = &mut self.chunks[key];
        chunk.free.pop();
        // SAFETY: the guard is at the low end of the slot.
        let low = unsafe { chunk.at(number).add(chunk.guard) };
        let slot = Slot { low, size: chunk.size, guard: chunk.guard, chunk: key as u32, number };
        if chunk.is_full() {
            self.classes[class].open.retain(|other| *other != key);
        }
        Ok(slot)
    }

    /// Stands before each request to the kernel; and before a slot is used again, which needs none but might as well.
    fn asked(&mut self) -> io::Result<()> {
        if self.refusals.next() { Err(io::ErrorKind::OutOfMemory.into()) } else { Ok(()) }
    }
}

impl Drop for Arena {
    /// Chunks with a slot in use stay mapped for ever: that is a stack which was never unwound.
    fn drop(&mut self) {
        for (_, chunk) in &self.chunks {
            if chunk.free.len() == chunk.carved as usize {
                // SAFETY: none of its slots is in use.
                unsafe { memory::release(chunk.start, chunk.stride() * chunk.slots as usize) };
            }
        }
    }
}

impl Chunk {
    fn stride(&self) -> usize {
        self.size + self.guard
    }

    fn is_full(&self) -> bool {
        self.carved == self.slots && self.free.is_empty()
    }

    /// Installs the guard of the next slot; in a large chunk, those of some more, which is less work for the kernel.
    fn install_guards(&mut self) -> io::Result<()> {
        let next = self.at(self.guarded);
        let ahead = (self.slots as usize / 16).min(memory::TOGETHER).min((self.slots - self.guarded) as usize);
        // SAFETY: the lowest pages of slots that nobody has had.
        unsafe {
            let several = if ahead > 1 { memory::guard_several(next, self.guard, self.stride(), ahead) } else { 0 };
            if several == 0 {
                memory::guard(next, self.guard)?;
            }
            self.guarded += several.max(1) as u32;
        }
        Ok(())
    }

    /// Where a slot begins, with its guard.
    fn at(&self, slot: u32) -> NonNull<u8> {
        // SAFETY: the mapping has room for all its slots.
        unsafe { self.start.add(self.stride() * slot as usize) }
    }
}

/// The guard as it was set, or a page more: the stride is odd.
fn guard_for(size: usize) -> usize {
    let guard = memory::guard_size();
    if ((size + guard) / page_size()).is_multiple_of(2) { guard + page_size() } else { guard }
}
