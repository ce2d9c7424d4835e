//! Random programs of tasklets: channels of every preference, kills, throws, joins, budgets, generators on a tasklet's stack,
//! destructors that act.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use greenlet::{Generator, yield_};
use tasklets::{
    AnyTasklet, Budget, Builder, Channel, JoinError, Preference, Reason, ReceiveError, Tasklet, TaskletError, current,
    enter, kill_all, run, run_for, schedule, schedule_remove, set_error_handler, stats,
};

use crate::random::{Boom, Random, Trace, deep, payload};

const SLOTS: usize = 8;
const CHANNELS: usize = 3;
/// Operations of one program; then everything ends.
const OPERATIONS: u32 = 200;

/// What all tasklets of a program share.
struct World {
    random: Random,
    trace: Trace,
    budget: Cell<u32>,
    spawned: Cell<u32>,
    tasklets: RefCell<Vec<Option<Tasklet<u32>>>>,
    channels: Vec<Channel<Parcel>>,
}

/// A value that tells of its end.
struct Parcel(Rc<World>, u32);

impl Drop for Parcel {
    fn drop(&mut self) {
        self.0.log(format_args!("parcel {} dropped", self.1));
    }
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
        spawned: Cell::new(0),
        tasklets: RefCell::new((0..SLOTS).map(|_| None).collect()),
        channels: (0..CHANNELS).map(|_| Channel::new()).collect(),
    });
    enter(|| {
        let handler = world.clone();
        set_error_handler(Some(Rc::new(move |raised| {
            handler.log(format_args!("nobody joins: {}", payload(&*raised)));
        })));
        for (channel, sign) in world.channels.iter().zip(-1..) {
            channel.set_preference(Preference::from(sign));
        }
        while world.budget.get() > 0 {
            world.attempt();
        }
        world.log(format_args!("the end: {} tasklets, {} blocked", stats().tasklets, stats().blocked));
        let left = kill_all();
        world.log(format_args!("{} refused", left.len()));
        drop(left);
        world.empty();
    });
    set_error_handler(None);
    let stats = stats();
    let left = (stats.tasklets, stats.blocked, stats.greenlets.greenlets, stats.greenlets.stacks);
    assert_eq!(left, (0, 0, 0, 0), "tasklets {seed}: something is left");
    assert_eq!(Rc::strong_count(&world), 1, "tasklets {seed}: a frame is left");
    world.trace.take()
}

fn name(tasklet: &AnyTasklet) -> String {
    tasklet.name().map_or_else(|| "main".to_owned(), |name| name.to_string())
}

/// An error, without the figures of the context.
fn refused(error: TaskletError) -> String {
    match error {
        TaskletError::Stack(_) => "no stack".to_owned(),
        error => error.to_string(),
    }
}

fn why(reason: &Reason) -> String {
    match reason {
        Reason::Deadlock(_) => "deadlock".to_owned(),
        reason => format!("{reason:?}"),
    }
}

impl World {
    fn log(&self, what: impl Display) {
        self.trace.log(name(&current()), what);
    }

    fn empty(&self) {
        let taken = self.tasklets.replace((0..SLOTS).map(|_| None).collect());
        drop(taken);
    }

    fn channel(&self) -> &Channel<Parcel> {
        &self.channels[self.random.below(CHANNELS)]
    }

    fn any(&self) -> Option<AnyTasklet> {
        let slot = self.random.below(SLOTS);
        self.tasklets.borrow()[slot].as_ref().map(|tasklet| (**tasklet).clone())
    }

    fn spawn(self: &Rc<World>) {
        let number = self.spawned.replace(self.spawned.get() + 1);
        let mut builder = Builder::new().name(format!("t{number}"));
        if self.random.below(2) == 0 {
            builder = builder.stack_size((64 * 1024) << self.random.below(4));
        }
        let world = self.clone();
        let body = move || {
            let _frame = Frame(world.clone());
            world.live()
        };
        let made = if self.random.below(4) == 0 { builder.paused(body) } else { builder.spawn(body) };
        let slot = self.random.below(SLOTS);
        let old = self.tasklets.borrow_mut()[slot].replace(made);
        drop(old);
    }

    /// A body: acts, swallows some of what is raised in it, and ends.
    fn live(self: &Rc<World>) -> u32 {
        self.log("begins");
        let mut n: u32 = 0;
        for _ in 0..self.random.below(12) {
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
        let depth = self.random.below(12);
        let sum = deep(depth, u64::from(budget), &|| self.operate(budget));
        self.log(format_args!("{sum:016x} from depth {depth}"));
        budget
    }

    fn operate(self: &Rc<World>, n: u32) {
        match self.random.below(30) {
            0..4 => self.say("schedule", schedule().map_err(refused)),
            4 => self.say("schedule_remove", schedule_remove().map_err(refused)),
            5..9 => self.send(n),
            9..13 => self.receive(),
            13 => self.say("run", Ok(run().is_finished())),
            14 => {
                let budget = Budget::switches(1 + self.random.below(10) as u64);
                let budget = if self.random.below(2) == 0 { budget.pausing() } else { budget };
                self.say("run_for", Ok(run_for(budget).is_finished()));
            }
            15..20 => self.control(n),
            20 => self.join(),
            21 => resume_unwind(Box::new(Boom(n))),
            22 => self.generate(),
            23 => {
                let slot = self.random.below(SLOTS);
                let taken = self.tasklets.borrow_mut()[slot].take();
                drop(taken);
            }
            24 => match self.random.below(4) {
                0 => self.channel().close(),
                1 => self.channel().shutdown(),
                2 => self.channel().set_schedule_all(self.random.below(2) == 0),
                _ => self.channels.iter().for_each(Channel::open),
            },
            _ => self.spawn(),
        }
    }

    fn say(&self, what: &str, result: Result<impl std::fmt::Debug, String>) {
        self.log(format_args!("{what}: {result:?}"));
    }

    fn send(self: &Rc<World>, n: u32) {
        self.log(format_args!("sends {n}"));
        let channel = self.channel();
        let result = if self.random.below(4) == 0 {
            channel.try_send(Parcel(self.clone(), n))
        } else {
            channel.send(Parcel(self.clone(), n))
        };
        let result = result.map_err(|error| format!("{}, with parcel {}", why(&error.reason), error.into_value().1));
        self.say("send", result);
    }

    fn receive(&self) {
        let channel = self.channel();
        let result = if self.random.below(4) == 0 { channel.try_receive() } else { channel.receive() };
        let result = result.map(|parcel| parcel.1).map_err(|error| match error {
            ReceiveError::Exception(error) => error.to_string(),
            error => error.reason().map(why).unwrap_or_default(),
        });
        self.say("receive", result);
    }

    fn control(&self, n: u32) {
        let Some(tasklet) = self.any() else { return };
        let kind = self.random.below(6);
        self.log(format_args!("operation {kind} on {}", name(&tasklet)));
        let result = match kind {
            0 => tasklet.insert(),
            1 => tasklet.remove(),
            2 => tasklet.run(),
            3 => tasklet.switch(),
            4 => tasklet.kill(),
            _ => tasklet.throw(Boom(n)),
        };
        self.say("operation", result.map_err(refused));
    }

    fn join(&self) {
        let slot = self.random.below(SLOTS);
        let Some(tasklet) = self.tasklets.borrow_mut()[slot].take() else { return };
        let result = tasklet.join().map_err(|error| match error {
            JoinError::Panicked(raised) => payload(&*raised),
            error => error.to_string().lines().next().unwrap_or_default().to_owned(),
        });
        self.say("join", result);
    }

    /// A generator on this tasklet's stack, whose body acts: tasklets switch away from inside it.
    fn generate(self: &Rc<World>) {
        // An iterator has no other way to refuse than to panic.
        if std::thread::panicking() {
            return;
        }
        let world = self.clone();
        let generator: Generator<u32> = Generator::new(move || {
            let _frame = Frame(world.clone());
            for _ in 0..2 {
                let got = world.act();
                let yielded = yield_(got).map_err(|error| error.to_string());
                world.log(format_args!("yielded: {yielded:?}"));
            }
        });
        for value in generator {
            self.log(format_args!("generated {value}"));
        }
    }
}
