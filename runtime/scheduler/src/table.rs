//! The tasklet table: what is known of each tasklet, and where it is.
//!
//! Invariants: a tasklet is in at most one place (`Place`), and what is linked is alive. `len` counts the ring's members.
//! Nothing here runs user code: what may run some when dropped is handed to the caller.

use std::collections::VecDeque;
use std::panic::Location;
use std::rc::Rc;

use greenlet::{Greenlet, Payload};

use crate::flags::{Flag, Flags};
use crate::job::Run;
use crate::keys::Keys;
use crate::link::Link;
use crate::park::Wait;
use crate::report::Report;
use crate::stacks::StackSize;
#[cfg(feature = "tracing")]
use crate::trace::Span;

/// Index of a tasklet in the table.
pub(crate) type Key = u32;

pub(crate) const NONE: Key = Key::MAX;

/// The life of a tasklet. A dead or unbound one can be bound again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// Has no body.
    Unbound,
    /// Has a body that was not set up: not alive.
    Bound,
    /// Alive; its body has not begun and no stack is bound to it.
    Unstarted,
    /// Alive; its body has begun.
    Started,
    /// Its body has ended.
    Dead,
}

/// Where a tasklet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In neither of the below: paused, if it is alive.
    Nowhere,
    Ring,
    /// Queued on what it waits for.
    Blocked,
    /// Was to be started when there was no stack.
    Starved,
}

/// What a tasklet's pending operation ends with, if not as it should.
pub(crate) enum Mail {
    /// To be raised.
    Bomb(Payload),
    /// It was blocked and nobody could ever have woken it.
    Deadlock(Box<Report>),
}

/// What a blocked tasklet waits for.
pub(crate) struct Waits {
    pub(crate) on: Rc<dyn Wait>,
    pub(crate) ticket: u32,
    /// Whether something outside the thread may end the wait.
    pub(crate) outside: bool,
    /// Whether it ends at a deadline.
    pub(crate) timed: bool,
    pub(crate) at: &'static Location<'static>,
}

/// What most tasklets never have.
#[derive(Default)]
pub(crate) struct Rare {
    pub(crate) mail: Option<Mail>,
    pub(crate) name: Option<Rc<str>>,
    /// An orderly end of its runtime does not wait for the times that it waits for.
    pub(crate) background: bool,
    #[cfg(feature = "tracing")]
    pub(crate) span: Option<Span>,
}

/// What the table knows of a tasklet besides its link.
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) life: Life,
    pub(crate) flags: Flags,
    pub(crate) generation: u64,
    /// Handles of any kind.
    pub(crate) handles: u32,
    pub(crate) stack_size: StackSize,
    /// The greenlet that its body runs in.
    pub(crate) base: Option<Greenlet<()>>,
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) waits: Option<Waits>,
    pub(crate) job: Option<Rc<dyn Run>>,
    pub(crate) rare: Option<Box<Rare>>,
}

/// A spawned tasklet that has not begun is to cost less than 300 bytes, its closure's allocation included.
const _: () = assert!(size_of::<Entry>() + size_of::<Link>() <= 120);

impl Entry {
    /// One without a body, and with one handle.
    #[inline(always)]
    pub(crate) fn new(spawned_at: &'static Location<'static>) -> Entry {
        Entry {
            place: Place::Nowhere,
            life: Life::Unbound,
            flags: Flags::default(),
            generation: 0,
            handles: 1,
            stack_size: StackSize::default(),
            base: None,
            spawned_at,
            waits: None,
            job: None,
            rare: None,
        }
    }

    /// What it has of the rare things.
    pub(crate) fn rare(&self) -> Option<&Rare> {
        self.rare.as_deref()
    }

    /// The rare things of one that begins, if it has any.
    pub(crate) fn rare_of(name: Option<Rc<str>>, background: bool) -> Option<Box<Rare>> {
        (name.is_some() || background).then(|| Box::new(Rare { name, background, ..Rare::default() }))
    }

    /// Room for the rare things.
    pub(crate) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(crate) fn name(&self) -> Option<Rc<str>> {
        self.rare()?.name.clone()
    }

    pub(crate) fn has_mail(&self) -> bool {
        self.rare().is_some_and(|rare| rare.mail.is_some())
    }

    pub(crate) fn take_mail(&mut self) -> Option<Mail> {
        self.rare.as_mut()?.mail.take()
    }

    pub(crate) fn waits_outside(&self) -> bool {
        self.waits.as_ref().is_some_and(|waits| waits.outside)
    }

    #[inline]
    pub(crate) fn is_block_trapped(&self) -> bool {
        self.flags.has(Flag::BlockTrap)
    }

    pub(crate) fn alive(&self) -> bool {
        matches!(self.life, Life::Unstarted | Life::Started)
    }

    pub(crate) fn in_background(&self) -> bool {
        self.rare().is_some_and(|rare| rare.background)
    }
}

/// What a tasklet leaves when it has ended.
pub(crate) struct Remains {
    /// Somebody has killed it and waits for its end.
    pub(crate) nested: bool,
    pub(crate) waits: Option<Waited>,
    pub(crate) job: Option<Rc<dyn Run>>,
    pub(crate) mail: Option<Mail>,
}

/// What a tasklet has waited for, and its ticket there.
pub(crate) type Waited = (Rc<dyn Wait>, u32);

#[derive(Default)]
pub(crate) struct Table {
    /// The keys that are in use.
    keys: Keys,
    /// By key. One that nobody has is vacant: its generation is 0, and there is nothing in it. It is not taken out, nor is another
    /// one put in, as a slab of entries would: moving entries is a good part of what a spawn costs.
    entries: Vec<Entry>,
    /// By key.
    pub(crate) links: Vec<Link>,
    generations: u64,
    /// The ring's head, while `len` is not 0.
    pub(crate) head: Key,
    pub(crate) len: usize,
    /// Where those are who yield in turn, the one that is brought nearer next. It goes round the ring ahead of the head, and is put
    /// there again whenever the clock is looked at: a hint, which may be anybody's key meanwhile.
    pub(crate) scout: Key,
    blocked: usize,
    /// How many of those wait for something outside the thread.
    outside: usize,
    /// Tasklets that wait for a stack, first come first served; and some that do not any more.
    pub(crate) starved: VecDeque<Key>,
    pub(crate) starving: usize,
}

impl Table {
    /// Enters what is made with a new generation.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn add(&mut self, entry: impl FnOnce(u64) -> Entry) -> (Key, u64) {
        let at = self.keys.take() as usize;
        if at == self.entries.len() {
            self.grow();
        }
        self.generations += 1;
        let vacant = std::mem::replace(&mut self.entries[at], entry(self.generations));
        // There is nothing in it.
        std::mem::forget(vacant);
        (at as Key, self.generations)
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        // The last two keys stand for something else.
        assert!(self.entries.len() < NONE as usize - 1, "more than four billion tasklets");
        self.entries.push(Entry::new(Location::caller()));
        self.links.push(Link::default());
    }

    /// Frees an entry. What there is in it, or in its link, to be dropped, the caller drops after the table is released.
    #[inline]
    pub(crate) fn take(&mut self, key: Key) -> Option<Box<(Entry, Link)>> {
        let (entry, link) = (self.get(key), self.link(key));
        let bare = entry.base.is_none() && entry.waits.is_none() && entry.job.is_none() && entry.rare.is_none();
        let full = (!bare || link.greenlet.is_some()).then(|| self.empty(key));
        self.free(key);
        full
    }

    #[cold]
    #[inline(never)]
    fn empty(&mut self, key: Key) -> Box<(Entry, Link)> {
        let vacant = Entry::new(self.get(key).spawned_at);
        let entry = std::mem::replace(self.get_mut(key), vacant);
        Box::new((entry, std::mem::take(self.link_mut(key))))
    }

    /// Frees an entry that has nothing in it.
    #[inline]
    pub(crate) fn free(&mut self, key: Key) {
        self.entries[key as usize].generation = 0;
        *self.link_mut(key) = Link::default();
        self.keys.put(key);
    }

    #[inline]
    pub(crate) fn link(&self, key: Key) -> &Link {
        &self.links[key as usize]
    }

    #[inline]
    pub(crate) fn link_mut(&mut self, key: Key) -> &mut Link {
        &mut self.links[key as usize]
    }

    /// Who is after one of the ring, and its link: a hint, which may be wrong of one that is not there.
    #[inline]
    pub(crate) fn after(&self, key: Key) -> Option<(Key, &Link)> {
        let next = self.links.get(key as usize)?.next;
        Some((next, self.links.get(next as usize)?))
    }

    /// Brings what is known of a tasklet nearer.
    #[inline]
    pub(crate) fn prefetch(&self, key: Key) {
        self.prefetch_entry(key);
        if let Some(link) = self.links.get(key as usize) {
            greenlet::prefetch(link);
        }
    }

    /// The same without its link.
    #[inline]
    pub(crate) fn prefetch_entry(&self, key: Key) {
        if let Some(entry) = self.entries.get(key as usize) {
            greenlet::prefetch(entry);
        }
    }

    #[inline]
    pub(crate) fn find(&self, key: Key, generation: u64) -> Option<&Entry> {
        self.entries.get(key as usize).filter(|entry| entry.generation == generation)
    }

    /// Whether this tasklet is alive, and not one that has its key since.
    pub(crate) fn is_alive(&self, key: Key, generation: u64) -> bool {
        self.find(key, generation).is_some_and(Entry::alive)
    }

    pub(crate) fn entry(&self, key: Key) -> Option<&Entry> {
        self.entries.get(key as usize).filter(|entry| entry.generation != 0)
    }

    #[inline]
    pub(crate) fn get(&self, key: Key) -> &Entry {
        debug_assert!(self.entry(key).is_some());
        &self.entries[key as usize]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: Key) -> &mut Entry {
        debug_assert!(self.entry(key).is_some());
        &mut self.entries[key as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &Entry)> {
        (0..).zip(&self.entries).filter(|(_, entry)| entry.generation != 0)
    }

    pub(crate) fn count(&self) -> usize {
        self.keys.len()
    }

    /// Takes a tasklet out of the ring and notes what it waits for; `outside` as in [`Waits`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn block(&mut self, key: Key, outside: bool, waits: impl FnOnce() -> Waits, now: u64) {
        self.unlink(key);
        let entry = self.get_mut(key);
        debug_assert!(entry.place == Place::Nowhere && entry.waits.is_none());
        entry.place = Place::Blocked;
        // It waits for nothing else. Dropping that here would have the new one made elsewhere first, and copied.
        std::mem::forget(entry.waits.replace(waits()));
        self.link_mut(key).stamp(now);
        self.blocked += 1;
        self.outside += usize::from(outside);
    }

    /// Marks a tasklet dead and takes it out of wherever it is. What it leaves is the caller's to drop.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn end(&mut self, key: Key) -> Remains {
        let waits = if self.get(key).place == Place::Ring {
            self.unlink(key);
            None
        } else {
            self.displace(key)
        };
        let entry = self.get_mut(key);
        entry.life = Life::Dead;
        let flags = std::mem::take(&mut entry.flags);
        Remains { nested: flags.has(Flag::Nested), waits, job: entry.job.take(), mail: entry.take_mail() }
    }

    /// Takes a tasklet out of wherever it is but the ring.
    #[cold]
    #[inline(never)]
    fn displace(&mut self, key: Key) -> Option<Waited> {
        self.sate(key);
        self.unblock(key)
    }

    /// Ends a wait, if there is one; the caller drops what the tasklet waited for.
    #[inline]
    pub(crate) fn unblock(&mut self, key: Key) -> Option<Waited> {
        let entry = self.get_mut(key);
        if entry.place != Place::Blocked {
            return None;
        }
        entry.place = Place::Nowhere;
        let waits = entry.waits.take();
        self.blocked -= 1;
        let Waits { on, ticket, outside, .. } = waits?;
        self.outside -= usize::from(outside);
        Some((on, ticket))
    }

    /// How many tasklets are blocked.
    pub(crate) fn blocked(&self) -> usize {
        self.blocked
    }

    /// How many of those wait for something outside the thread.
    #[inline]
    pub(crate) fn outside(&self) -> usize {
        self.outside
    }
}
