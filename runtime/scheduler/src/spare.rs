//! Jobs that are over and that nobody holds any more, for tasklets to come whose bodies are of the same type: what is spawned
//! again and again asks the allocator for nothing.

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use crate::keys::Pile;

/// How many are kept at most: so many, and so many more than there are idle stacks.
const MANY: usize = 1024;
/// The largest that are kept, in bytes.
const LARGEST: usize = 256;

const SHELVES: usize = 16;

type Shelf = Pile<Rc<dyn Any>>;

pub(crate) struct Spares {
    /// Those of a type are on one shelf; others may be, too.
    shelves: RefCell<[Shelf; SHELVES]>,
    count: Cell<usize>,
    /// At so many it is time to see whether there are too many.
    limit: Cell<usize>,
}

impl Default for Spares {
    fn default() -> Spares {
        Spares { shelves: RefCell::default(), count: Cell::new(0), limit: Cell::new(MANY) }
    }
}

impl Spares {
    /// One of this type that nobody else holds, if the first that is found is of it; else that one is not kept any longer.
    #[inline]
    pub(crate) fn take<J: 'static>(&self) -> Option<Rc<J>> {
        let spare = self.shelves.borrow_mut()[shelf::<J>()].pop(|job| Rc::as_ptr(job).addr())?;
        self.count.set(self.count.get() - 1);
        spare.downcast().ok()
    }

    /// Keeps one that nobody else holds, and that has nothing of the user's in it.
    #[inline]
    pub(crate) fn put<J: 'static>(&self, job: Rc<J>) {
        if size_of::<J>() > LARGEST {
            return;
        }
        if self.count.get() >= self.limit.get() {
            self.make_room();
        }
        self.count.set(self.count.get() + 1);
        self.shelves.borrow_mut()[shelf::<J>()].push(job);
    }

    /// Keeps more if there are stacks for them; else lets go of all, those of types, too, that are not wanted any more.
    #[cold]
    #[inline(never)]
    fn make_room(&self) {
        if self.count.get() < greenlet::stats().pooled + MANY {
            return self.limit.set(self.count.get() + MANY / 8);
        }
        self.count.set(0);
        self.limit.set(MANY);
        drop(self.shelves.take());
    }
}

/// Where those of a type are: by its number, which the compiler knows.
#[inline(always)]
fn shelf<J: 'static>() -> usize {
    let mut number = Number(0);
    TypeId::of::<J>().hash(&mut number);
    number.0 as usize % SHELVES
}

/// The last number that was hashed.
struct Number(u64);

impl Hasher for Number {
    #[inline(always)]
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline(always)]
    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |number, byte| number.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    }
}
