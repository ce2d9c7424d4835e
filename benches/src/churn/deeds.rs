//! What one tasklet does.

use std::cell::Cell;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::rc::Rc;

use greenlet::{Generator, Greenlet, current, main, yield_};
use tasklets::{Channel, schedule, schedule_remove, spawn};

/// Throws of dice that are the same for the same seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % bound
    }

    /// Dice of its own for a tasklet.
    pub(crate) fn another(&mut self) -> Dice {
        Dice(self.0 ^ self.below(1 << 30) as u64)
    }
}

/// What is thrown on purpose.
struct Deliberate;

/// Leaves the panics of this program's own making unsaid.
pub(crate) fn silence_deliberate_panics() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.payload().is::<Deliberate>() {
            hook(info);
        }
    }));
}

/// Counts what is alive: every frame that was entered has been left at the end, in whatever way.
#[derive(Clone, Default)]
pub(crate) struct Alive(Rc<Cell<usize>>);

impl Alive {
    pub(crate) fn count(&self) -> usize {
        self.0.get()
    }

    fn enter(&self) -> Entered {
        self.0.set(self.0.get() + 1);
        Entered(self.clone())
    }
}

struct Entered(Alive);

impl Drop for Entered {
    fn drop(&mut self) {
        let Alive(count) = &self.0;
        count.set(count.get() - 1);
    }
}

/// Does something so many calls deep. A frame is about half a KiB.
pub(crate) fn deep<R>(alive: &Alive, calls: usize, work: &mut dyn FnMut() -> R) -> R {
    let _entered = alive.enter();
    let frame = black_box([calls as u8; 384]);
    let result = if calls == 0 { work() } else { deep(alive, calls - 1, work) };
    black_box(frame);
    result
}

/// What tasklets of a round share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) alive: Alive,
    pub(crate) channel: Channel<u64>,
}

/// Something for a tasklet to do, which blocks, ends, panics or is still there when the round is over.
pub(crate) fn deed(shared: &Shared, dice: &mut Dice, calls: usize) {
    let Shared { alive, channel } = shared;
    let number = dice.below(12);
    deep(alive, dice.below(calls + 1), &mut || match number {
        0 => {}
        1 | 2 => (0..dice.below(20)).for_each(|_| drop(schedule())),
        3 | 4 => drop(channel.receive()),
        5 | 6 => drop(channel.send(1)),
        7 => panic_any(Deliberate),
        8 => {
            let caught = catch_unwind(AssertUnwindSafe(|| deep(alive, 5, &mut || panic_any(Deliberate))));
            assert!(caught.is_err_and(|payload| payload.is::<Deliberate>()));
            drop(schedule());
        }
        9 => drop(schedule_remove()),
        10 => nested(alive, dice.below(4) + 1, dice.below(2) == 0),
        _ => {
            generate(alive, dice.below(40));
            let alive = alive.clone();
            let child = spawn(move || deep(&alive, 3, &mut || drop(schedule())));
            drop(child.join());
        }
    });
}

/// Greenlets in greenlets. They end one after the other, or all are dropped as they stand.
fn nested(alive: &Alive, levels: usize, ends: bool) {
    let (inner, parent) = (alive.clone(), current::<()>());
    let greenlet = Greenlet::new(move |()| {
        let _entered = inner.enter();
        if levels > 1 {
            nested(&inner, levels - 1, ends);
        }
        // The first switch away is from as deep as the levels are; a second one follows only if somebody comes back.
        drop(parent.switch(()));
    });
    greenlet.switch(()).expect("a switch to a new greenlet");
    drop(schedule());
    if ends {
        greenlet.switch(()).expect("a switch to a suspended greenlet");
        assert!(greenlet.is_dead());
    }
    black_box(main::<()>());
}

/// A generator that yields from a recursion, dropped at its end or amid it.
fn generate(alive: &Alive, taken: usize) {
    fn walk(alive: &Alive, levels: u32) {
        let _entered = alive.enter();
        if levels > 0 {
            walk(alive, levels - 1);
            yield_(levels).expect("a generator");
            walk(alive, levels - 1);
        }
    }
    let walker = alive.clone();
    let generator = Generator::<u32>::new(move || walk(&walker, 5));
    assert_eq!(generator.take(taken).count(), taken.min(31));
}
