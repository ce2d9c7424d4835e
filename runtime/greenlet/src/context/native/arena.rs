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
//! Tops of stacks must not all lie an even number of pages apart: they would compete for the same few entries of the processor's caches
//! of addresses. Where the stride is even, the guard of every fourth slot is a page larger. One page for every slot would do as well, but
//! the further apart stacks lie, the larger is the page table.
//!
//! A slot is carved when it is first wanted; its guard is installed then, or some slots ahead. A slot that comes back has its memory
//! taken back, and a chunk with no slot in use its address space.

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
/// Where the stride is even, the first of so many slots has a page more.
const ROW: usize = 4;

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

/// Where the slots of a chunk lie, for one size of stacks and of guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    size: usize,
    guard: usize,
}

/// The chunks of one layout.
#[derive(Debug)]
struct Class {
    layout: Layout,
    /// Chunks in which there is room, the one to be used next last.
    open: Vec<usize>,
    /// Slots that the next chunk has.
    next_slots: usize,
}

#[derive(Debug)]
struct Chunk {
    start: NonNull<u8>,
    layout: Layout,
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
        let layout = Layout { size, guard: memory::guard_size() };
        let class = self.class(layout);
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
                let (_, why) = known.unwrap_or_else(|| (size, limits::diagnose(layout.bytes(1), &error)));
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
        let (unused, layout) = (chunk.free.len() == chunk.carved as usize, chunk.layout);
        let class = self.class(layout);
        let open = &mut self.classes[class].open;
        if was_full {
            open.push(key);
        }
        // The last chunk stays: a thread that goes on and off with one stack would map it over and over.
        if unused && open.len() > 1 {
            open.retain(|other| *other != key);
            let chunk = self.chunks.remove(key);
            // SAFETY: none of its slots is in use.
            unsafe { memory::release(chunk.start, chunk.bytes()) };
        } else {
            // SAFETY: the caller's promise.
            unsafe { memory::give_back(slot.low, slot.size) };
        }
    }

    /// Address space that is mapped for stacks, in bytes.
    pub(super) fn reserved(&self) -> usize {
        self.chunks.iter().map(|(_, chunk)| chunk.bytes()).sum()
    }

    /// How much of it has memory, in bytes.
    pub(super) fn resident(&self) -> usize {
        // SAFETY: whole mappings of this arena.
        self.chunks.iter().map(|(_, chunk)| unsafe { memory::resident(chunk.start, chunk.bytes()) }).sum()
    }

    fn class(&mut self, layout: Layout) -> usize {
        self.classes.iter().position(|class| class.layout == layout).unwrap_or_else(|| {
            self.classes.push(Class { layout, open: Vec::new(), next_slots: FIRST_SLOTS });
            self.classes.len() - 1
        })
    }

    /// Maps a new chunk; a smaller one where the kernel refuses.
    fn map(&mut self, class: usize) -> io::Result<usize> {
        let layout = self.classes[class].layout;
        let stride = layout.size.checked_add(layout.guard).ok_or(io::ErrorKind::OutOfMemory)?;
        // Where the kernel has nothing to give, it is not asked for much: those who wait for a stack ask again and again.
        let most = if self.refused.is_some() { 1 } else { self.classes[class].next_slots };
        let mut slots = most.min(MOST_BYTES / stride).max(1);
        let start = loop {
            match self.asked().and_then(|()| memory::reserve(layout.bytes(slots))) {
                Ok(start) => break start,
                Err(error) if slots == 1 => return Err(error),
                Err(_) => slots /= 2,
            }
        };
        self.classes[class].next_slots = (slots * 2).min(MOST_SLOTS);
        let chunk = Chunk { start, layout, slots: slots as u32, carved: 0, guarded: 0, free: Vec::new() };
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
        let guard = chunk.layout.guard_of(number as usize);
        // SAFETY: the guard is at the low end of the slot.
        let low = unsafe { chunk.at(number).add(guard) };
        let slot = Slot { low, size: chunk.layout.size, guard, chunk: key as u32, number };
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
                unsafe { memory::release(chunk.start, chunk.bytes()) };
            }
        }
    }
}

impl Layout {
    fn stride(self) -> usize {
        self.size + self.guard
    }

    /// What the first slot of each row has more.
    fn more(self) -> usize {
        if (self.stride() / page_size()).is_multiple_of(2) { page_size() } else { 0 }
    }

    /// What so many slots need.
    fn bytes(self, slots: usize) -> usize {
        self.stride() * slots + self.more() * slots.div_ceil(ROW)
    }

    fn guard_of(self, slot: usize) -> usize {
        if slot.is_multiple_of(ROW) { self.guard + self.more() } else { self.guard }
    }
}

impl Chunk {
    fn bytes(&self) -> usize {
        self.layout.bytes(self.slots as usize)
    }

    fn is_full(&self) -> bool {
        self.carved == self.slots && self.free.is_empty()
    }

    /// Installs the guard of the next slot; in a large chunk, those of some more, which is less work for the kernel.
    fn install_guards(&mut self) -> io::Result<()> {
        let guard = |slot: u32| (self.at(slot), self.layout.guard_of(slot as usize));
        let next = self.guarded;
        let ahead = (self.slots / 16).min(memory::TOGETHER).min(self.slots - next);
        // SAFETY: the lowest pages of slots that nobody has had.
        unsafe {
            let several = if ahead > 1 { memory::guard_several((next..next + ahead).map(guard)) } else { 0 };
            if several == 0 {
                let (start, bytes) = guard(next);
                memory::guard(start, bytes)?;
            }
            self.guarded += several.max(1);
        }
        Ok(())
    }

    /// Where a slot begins, with its guard.
    fn at(&self, slot: u32) -> NonNull<u8> {
        // SAFETY: the mapping has room for all its slots.
        unsafe { self.start.add(self.layout.bytes(slot as usize)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In chunks of all sizes: their guards are installed one by one, and several at once.
    #[test]
    fn every_slot_has_its_whole_guard_and_its_own_memory() {
        let mut arena = Arena::default();
        for size in [LEAST, 64 * 1024] {
            let mut slots: Vec<Slot> = (0..700).map(|_| arena.take(size).expect("memory")).collect();
            slots.sort_unstable_by_key(|slot| slot.low);
            let mut end = 0;
            for slot in &slots {
                assert!(slot.size == size && slot.guard >= memory::guard_size(), "{slot:?}");
                let low = slot.low.as_ptr().addr();
                assert!(low - slot.guard >= end, "{slot:?} begins before {end:#x}");
                end = low + size;
                let faults = |offset: isize| {
                    let address = slot.low.as_ptr().wrapping_offset(offset);
                    memory::faults(NonNull::new(address).expect("no null"))
                };
                let guard = slot.guard as isize;
                assert_eq!([-guard, -1, 0, size as isize - 1].map(faults), [true, true, false, false], "{slot:?}");
            }
            let odd = slots.iter().filter(|slot| slot.low.as_ptr().addr() / page_size() % 2 == 1).count();
            assert!((200..500).contains(&odd), "{odd} of 700 begin at an odd page");
            for slot in slots {
                // SAFETY: nobody has used it.
                unsafe { arena.put(slot) };
            }
        }
    }
}
