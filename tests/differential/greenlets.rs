//! Random programs of greenlets: two families, several stack sizes, parents that change, throws, kills, generators,
//! tracers, destructors that act.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use greenlet::{
    AnyGreenlet, Builder, Generator, Greenlet, GreenletLocal, Received, Stats, SwitchError, Tracer, WeakGreenlet,
    current, enter, main, set_max_stacks, set_tracer, set_unraisable_hook, stats, yield_,
};

use crate::random::{Boom, Random, Trace, deep, payload};

const SLOTS: usize = 6;
/// Operations of one program; then everything unwinds.
const OPERATIONS: u32 = 150;

static VISITS: GreenletLocal<Cell<u32>> = GreenletLocal::new(|| Cell::new(0));

/// What all greenlets of a program share.
struct World {
    random: Random,
    trace: Trace,
    budget: Cell<u32>,
    numbers: RefCell<Vec<Option<Greenlet<u32>>>>,
    texts: RefCell<Vec<Option<Greenlet<String>>>>,
    generators: RefCell<Vec<Option<Generator<u32>>>>,
    weak: RefCell<Vec<WeakGreenlet<u32>>>,
}

/// Acts once more when its frame ends.
struct Frame(Rc<World>);

impl Drop for Frame {
    fn drop(&mut self) {
        self.0.log(format_args!("frame ends, unwinding: {}", std::thread::panicking()));
        // Contained: a panic that leaves a destructor of a frame that unwinds ends the process.
        let _ = catch_unwind(AssertUnwindSafe(|| self.0.act()));
    }
}

/// Runs the program of this seed: its trace.
pub(crate) fn program(seed: u64) -> String {
    let world = Rc::new(World {
        random: Random::new(seed),
        trace: Trace::default(),
        budget: Cell::new(OPERATIONS),
        numbers: RefCell::new(vec![None; SLOTS]),
        texts: RefCell::new(vec![None; SLOTS]),
        generators: RefCell::new((0..SLOTS).map(|_| None).collect()),
        weak: RefCell::default(),
    });
    let hook = world.clone();
    set_unraisable_hook(Some(Rc::new(move |who, what| hook.log(format_args!("nobody receives {what:?} of {who}")))));
    if world.random.below(4) == 0 {
        set_max_stacks(1 + world.random.below(4));
    }
    enter(|| {
        while world.budget.get() > 0 {
            world.attempt();
        }
        world.log(format_args!("the end: {} of {} live", stats().active, stats().greenlets));
        set_tracer(None);
        world.empty();
    });
    world.empty();
    set_unraisable_hook(None);
    let Stats { greenlets, active, stacks, pooled, .. } = stats();
    assert_eq!((greenlets, active, stacks, pooled), (0, 0, 0, 0), "greenlets {seed}: something is left");
    assert_eq!(Rc::strong_count(&world), 1, "greenlets {seed}: a frame is left");
    world.trace.take()
}

impl World {
    fn log(&self, what: impl std::fmt::Display) {
        self.trace.log(current::<()>().id(), what);
    }

    /// Forgets every handle. Each is dropped when nothing is borrowed: it may kill, and what it kills may act.
    fn empty(&self) {
        let taken = self.numbers.replace(vec![None; SLOTS]);
        drop(taken);
        let taken = self.texts.replace(vec![None; SLOTS]);
        drop(taken);
        let taken = self.generators.replace((0..SLOTS).map(|_| None).collect());
        drop(taken);
        let taken = self.weak.take();
        drop(taken);
    }

    fn slot(&self) -> usize {
        self.random.below(SLOTS)
    }

    fn any(&self) -> Greenlet<u32> {
        let found = match self.random.below(8) {
            0 => None,
            1 => Some(current()),
            2 => self.weak.borrow().last().and_then(WeakGreenlet::upgrade),
            _ => self.numbers.borrow()[self.slot()].clone(),
        };
        found.unwrap_or_else(main)
    }

    fn builder(&self) -> Builder {
        let mut builder = Builder::new();
        if self.random.below(2) == 0 {
            builder = builder.stack_size((64 * 1024) << self.random.below(4));
        }
        if self.random.below(3) == 0 {
            let parent: AnyGreenlet = (*self.any()).clone();
            builder = builder.parent(&parent);
        }
        builder
    }

    fn make(self: &Rc<World>) {
        let world = self.clone();
        if self.random.below(4) == 0 {
            let made = self.builder().build(move |text: String| {
                let _frame = Frame(world.clone());
                let n = world.live(text.len() as u32);
                format!("{text}+{n}")
            });
            let slot = self.slot();
            let old = self.texts.borrow_mut()[slot].replace(made);
            drop(old);
            return;
        }
        let made = self.builder().build(move |n| {
            let _frame = Frame(world.clone());
            world.live(n)
        });
        self.weak.borrow_mut().push(made.downgrade());
        let slot = self.slot();
        let old = self.numbers.borrow_mut()[slot].replace(made);
        drop(old);
    }

    /// A body: acts, swallows some of what is raised in it, and ends.
    fn live(self: &Rc<World>, mut n: u32) -> u32 {
        self.log(format_args!("begins with {n}"));
        for _ in 0..self.random.below(10) {
            match catch_unwind(AssertUnwindSafe(|| self.act())) {
                Ok(got) => n = n.wrapping_mul(31).wrapping_add(got),
                Err(raised) => {
                    let swallowed = self.budget.get() > 0 && self.random.below(3) == 0;
                    self.log(format_args!("{}, swallowed: {swallowed}", payload(&*raised)));
                    if !swallowed {
                        resume_unwind(raised);
                    }
                }
            }
        }
        self.log(format_args!("ends with {n}"));
        n
    }

    fn attempt(self: &Rc<World>) {
        if let Err(raised) = catch_unwind(AssertUnwindSafe(|| self.act())) {
            self.log(format_args!("got {}", payload(&*raised)));
        }
    }

    /// One random operation, at some depth of calls.
    fn act(self: &Rc<World>) -> u32 {
        let Some(budget) = self.budget.get().checked_sub(1) else { return 0 };
        self.budget.set(budget);
        let got = Cell::new(0);
        let depth = self.random.below(12);
        let sum = deep(depth, u64::from(budget), &|| got.set(self.operate()));
        self.log(format_args!("{} and {sum:016x} from depth {depth}", got.get()));
        got.get()
    }

    fn operate(self: &Rc<World>) -> u32 {
        let kind = self.random.below(24);
        let n = self.budget.get();
        match kind {
            0..7 => return self.told("switch", &self.any(), |g| g.switch(n)),
            7 => return self.told("throw", &self.any(), |g| g.throw(Boom(n))),
            8 | 9 => return self.told("kill", &self.any(), |g| g.kill()),
            10 => {
                let (child, parent) = (self.any(), self.any());
                let result = child.set_parent(&parent).map_err(|error| error.to_string());
                self.log(format_args!("parent of {} is {}: {result:?}", child.id(), parent.id()));
            }
            11 | 12 => {
                let slot = self.slot();
                let taken = self.numbers.borrow_mut()[slot].take();
                drop(taken);
            }
            13 => resume_unwind(Box::new(Boom(n))),
            14 => self.trace_switches(),
            15 => return self.told("text", &self.any().cast::<String>(), |g| g.switch(format!("text {n}"))),
            16 => {
                let Some(g) = self.texts.borrow()[self.slot()].clone() else { return 1 };
                return self.told("text", &g, |g| g.switch(format!("text {n}")));
            }
            17 | 18 => self.generate(),
            19 => return VISITS.with(|visits| visits.replace(visits.get() + 1)),
            20 => {
                let g = self.any();
                let state = (g.is_active(), g.is_dead(), g.parent().map(|parent| parent.id()));
                self.log(format_args!("{} is {state:?}", g.id()));
            }
            _ => self.make(),
        }
        n
    }

    /// Does something that switches to `g`, and logs what came of it. Errors about stacks name limits, which are the context's.
    fn told<T: std::fmt::Debug, V>(
        &self,
        what: &str,
        g: &Greenlet<T>,
        switch: impl FnOnce(&Greenlet<T>) -> Result<Received<T>, SwitchError<V>>,
    ) -> u32 {
        self.log(format_args!("{what} to {}", g.id()));
        let came = match switch(g) {
            Ok(Received::Value(value)) => format!("{value:?}"),
            Ok(Received::Exit(_)) => "exit".to_owned(),
            Err(SwitchError::Stack { value, .. }) => format!("no stack, value given back: {}", value.is_some()),
            Err(error) => {
                let text = error.to_string();
                format!("{text}, value given back: {}", error.into_value().is_some())
            }
        };
        self.log(format_args!("{what} brought {came}"));
        came.len() as u32
    }

    fn trace_switches(self: &Rc<World>) {
        let world = self.clone();
        let tracer: Tracer = Rc::new(move |event| {
            world.log(format_args!("{:?} from {} to {}", event.kind, event.origin.id(), event.target.id()));
            if world.random.below(12) == 0 {
                world.act();
            }
        });
        let old = set_tracer(if self.random.below(2) == 0 { Some(tracer) } else { None });
        drop(old);
    }

    /// Goes on with a generator, or makes one; its body acts between its values.
    fn generate(self: &Rc<World>) {
        // An iterator has no other way to refuse than to panic.
        if std::thread::panicking() {
            return;
        }
        let slot = self.slot();
        let taken = self.generators.borrow_mut()[slot].take();
        let mut generator = taken.unwrap_or_else(|| {
            let world = self.clone();
            Generator::new(move || {
                let _frame = Frame(world.clone());
                for n in 0..3 {
                    let got = world.act();
                    let yielded = yield_(n + got).map_err(|error| error.to_string());
                    world.log(format_args!("yielded: {yielded:?}"));
                }
            })
        });
        let next = generator.next();
        self.log(format_args!("generated {next:?}"));
        let old = self.generators.borrow_mut()[slot].replace(generator);
        drop(old);
    }
}
