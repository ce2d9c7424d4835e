//! Random programs that do everything at once: they swallow kills, throw from destructors, trace, and reparent. There is no
//! expected trace; what is asserted is that every frame is unwound once and nothing is left.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use greenlet::{AnyGreenlet, Builder, Greenlet, WeakGreenlet, current, main, set_tracer, stats};

use crate::harness::{left, on_thread, raise, scaled, unraisable};

const SLOTS: usize = 6;
const SEEDS: usize = 400;
/// Seeds beyond those that once found something.
const FOUND: [u64; 1] = [3205];

/// What all greenlets of a program share.
struct World {
    random: Cell<u64>,
    /// Operations that are left; without any, everything unwinds and ends.
    budget: Cell<u32>,
    slots: RefCell<Vec<Option<Greenlet<u32>>>>,
    weak: RefCell<Vec<WeakGreenlet<u32>>>,
    begun: Cell<u32>,
    unwound: Cell<u32>,
}

/// Counts the end of a frame, and acts in it.
struct Frame(Rc<World>);

impl Drop for Frame {
    fn drop(&mut self) {
        // Contained: a panic that leaves a destructor of a frame that unwinds ends the process.
        let _ = catch_unwind(AssertUnwindSafe(|| self.0.act()));
        self.0.unwound.set(self.0.unwound.get() + 1);
    }
}

impl World {
    fn below(&self, limit: u64) -> u64 {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.set(x);
        x % limit
    }

    fn any(&self) -> Option<Greenlet<u32>> {
        match self.below(8) {
            0 => Some(main()),
            1 => Some(current()),
            2 => self.weak.borrow().last().and_then(WeakGreenlet::upgrade),
            _ => self.slots.borrow()[self.below(SLOTS as u64) as usize].clone(),
        }
    }

    fn make(self: &Rc<World>) {
        let world = self.clone();
        let body = move |v| {
            world.begun.set(world.begun.get() + 1);
            let _frame = Frame(world.clone());
            world.live(v)
        };
        let parent: Option<AnyGreenlet> = if self.below(3) == 0 { self.any().map(|g| (*g).clone()) } else { None };
        let made = parent.map_or(Builder::new(), |parent| Builder::new().parent(&parent)).build(body);
        self.weak.borrow_mut().push(made.downgrade());
        let old = self.slots.borrow_mut()[self.below(SLOTS as u64) as usize].replace(made);
        drop(old);
    }

    /// A body: acts, swallows some of what is raised in it, and ends.
    fn live(self: &Rc<World>, mut v: u32) -> u32 {
        for _ in 0..self.below(12) {
            match catch_unwind(AssertUnwindSafe(|| self.act())) {
                Ok(got) => v = v.wrapping_add(got),
                Err(payload) if self.budget.get() == 0 || self.below(3) != 0 => resume_unwind(payload),
                Err(_) => {}
            }
        }
        v
    }

    /// One random operation.
    fn act(self: &Rc<World>) -> u32 {
        let Some(budget) = self.budget.get().checked_sub(1) else { return 0 };
        self.budget.set(budget);
        let kind = self.below(20);
        let target = self.any();
        let got = match (kind, &target) {
            (0..6, Some(g)) => g.switch(1).ok().and_then(|got| got.value()),
            (6, Some(g)) => g.throw("thrown").ok().and_then(|got| got.value()),
            (7 | 8, Some(g)) => g.kill().ok().and_then(|got| got.value()),
            (9 | 10, Some(g)) => self.any().and_then(|parent| g.set_parent(&parent).ok()).map(|()| 0),
            (11 | 12, _) => {
                let taken = self.slots.borrow_mut()[self.below(SLOTS as u64) as usize].take();
                drop(taken);
                None
            }
            (13, _) => raise("raised"),
            (14, _) => {
                let world = self.clone();
                let tracer: greenlet::Tracer = Rc::new(move |_| {
                    if world.below(10) == 0 {
                        world.act();
                    }
                });
                drop(set_tracer(if self.below(2) == 0 { Some(tracer) } else { None }));
                None
            }
            (15, Some(g)) => g.cast::<String>().switch(String::new()).ok().map(|_| 0),
            _ => {
                self.make();
                None
            }
        };
        drop(target);
        got.unwrap_or(0)
    }
}

#[test]
fn random_programs_leave_nothing() {
    on_thread(|| {
        unraisable();
        let mut survivors = 0;
        for seed in (1..=scaled(SEEDS) as u64).chain(FOUND) {
            let world = Rc::new(World {
                random: Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
                budget: Cell::new(400),
                slots: RefCell::new(vec![None; SLOTS]),
                weak: RefCell::default(),
                begun: Cell::new(0),
                unwound: Cell::new(0),
            });
            greenlet::enter(|| {
                while world.budget.get() > 0 {
                    let _ = catch_unwind(AssertUnwindSafe(|| world.act()));
                }
                survivors += stats().active;
                set_tracer(None);
                let slots = world.slots.replace(vec![None; SLOTS]);
                drop(slots);
            });
            drop(world.slots.take());
            drop(world.weak.take());
            assert_eq!(left(), (0, 0, 0, 0), "seed {seed}");
            assert_eq!(world.begun.get(), world.unwound.get(), "seed {seed}");
            assert_eq!(Rc::strong_count(&world), 1, "seed {seed}");
        }
        assert!(survivors > 0 || scaled(SEEDS) < 100, "the programs are too tame");
    });
}
