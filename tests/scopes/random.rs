//! Random programs of scopes, on seeds: whatever happens, what a member borrows is there, and nothing of it is left afterwards.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tasklets::{
    AnyTasklet, Builder, Channel, ScopeError, kill_all, schedule, schedule_remove, scope_timeout, shield, sleep,
    timeout, try_scope, with_virtual_time,
};

use crate::common::{checked, scale};
use crate::support::{Canary, Listener, OnDrop, raise};

struct Dice(Cell<u64>);

impl Dice {
    fn new(seed: u64) -> Dice {
        Dice(Cell::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1))
    }

    fn roll(&self, sides: u64) -> u64 {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.set(x);
        (x >> 16) % sides
    }

    fn another(&self) -> Dice {
        Dice::new(self.roll(u64::MAX))
    }
}

thread_local! {
    /// Tasklets of the program: anybody may do anything to them.
    static KNOWN: RefCell<Vec<AnyTasklet>> = const { RefCell::new(Vec::new()) };
}

fn meet(tasklet: &AnyTasklet) {
    KNOWN.with(|known| known.borrow_mut().push(tasklet.clone()));
}

fn victim(dice: &Dice) -> Option<AnyTasklet> {
    KNOWN.with(|known| {
        let known = known.borrow();
        let at = dice.roll(known.len().max(1) as u64) as usize;
        known.get(at).cloned()
    })
}

/// One thing that a tasklet may do.
fn act(dice: &Dice, depth: u32, channel: &Channel<u64>) {
    match dice.roll(20) {
        0 => raise("random"),
        1 => _ = schedule_remove(),
        2 => _ = channel.receive(),
        3 => _ = channel.send(1),
        4 => _ = sleep(Duration::from_millis(dice.roll(20))),
        5 => drop(timeout(Duration::from_millis(dice.roll(10)), || act(dice, depth, channel))),
        6 => shield(|| _ = sleep(Duration::from_millis(dice.roll(5)))),
        7 => drop(catch_unwind(AssertUnwindSafe(|| act(dice, depth, channel)))),
        8 | 9 => {
            let Some(victim) = victim(dice) else { return };
            match dice.roll(7) {
                0 => _ = victim.kill(),
                1 => _ = victim.kill_pending(),
                2 => victim.cancel(),
                3 => _ = victim.throw_pending("thrown"),
                4 => _ = victim.remove(),
                5 => _ = victim.insert(),
                _ => {
                    // It is killed where nobody else runs, while the thread unwinds.
                    drop(catch_unwind(AssertUnwindSafe(|| {
                        let _guard = OnDrop(|| {
                            if !related(&victim) {
                                _ = victim.kill()
                            }
                        });
                        raise("unwinding")
                    })));
                }
            }
        }
        10..=12 if depth < 3 => random_scope(&dice.another(), depth + 1, channel),
        _ => schedule().unwrap(),
    }
}

/// Frames are large where they are instrumented.
fn roomy() -> Builder {
    Builder::new().stack_size(1 << 20)
}

/// A member that unwinds and kills who waits for it ends the process, rightly.
fn related(victim: &AnyTasklet) -> bool {
    victim.name().as_deref() == Some("owner")
}

/// A scope of members that do so, in which nothing may be left.
fn random_scope(dice: &Dice, depth: u32, channel: &Channel<u64>) {
    let canary = Canary::new();
    let (made, gone) = (Cell::new(0_usize), Cell::new(0));
    let numbers = RefCell::new(Vec::new());
    let check = OnDrop(|| {
        canary.sing();
        assert_eq!(made.get(), gone.get(), "something of a scope is left");
    });
    let run = || {
        let limit = Duration::from_millis(dice.roll(30));
        let timed = dice.roll(3) == 0;
        let outcome = if timed {
            scope_timeout(limit, |s| fill(s, dice, depth, channel, (&canary, &made, &gone), &numbers))
        } else {
            try_scope(|s| fill(s, dice, depth, channel, (&canary, &made, &gone), &numbers))
        };
        if let Err(ScopeError::Panicked(panics)) = outcome {
            let (first, rest) = panics.into_parts();
            drop((first, rest));
        }
    };
    run();
    drop(check);
}

type Borrowed<'a> = (&'a Canary, &'a Cell<usize>, &'a Cell<usize>);

fn fill<'scope, 'env>(
    s: &'scope tasklets::Scope<'scope, 'env>,
    dice: &Dice,
    depth: u32,
    channel: &'env Channel<u64>,
    (canary, made, gone): Borrowed<'env>,
    numbers: &'env RefCell<Vec<u64>>,
) {
    let mut handles = Vec::new();
    for _ in 0..dice.roll(5) {
        made.set(made.get() + 1);
        let (listener, own) = (Listener(canary, gone), dice.another());
        let builder = if depth < 3 { roomy().name("owner") } else { roomy() };
        let member = s.spawn_by(builder, move || {
            let listener = listener;
            for _ in 0..own.roll(8) {
                act(&own, depth, channel);
                listener.0.sing();
                numbers.borrow_mut().push(1);
            }
            if own.roll(4) == 0 {
                made.set(made.get() + 1);
                let listener = Listener(canary, gone);
                s.spawn(move || drop(listener));
            }
        });
        meet(&member);
        if dice.roll(2) == 0 {
            handles.push(member);
        }
    }
    for _ in 0..dice.roll(4) {
        act(dice, depth, channel);
    }
    for member in handles {
        match dice.roll(3) {
            0 => drop(member),
            _ => drop(member.join()),
        }
    }
}

#[test]
fn random_programs_of_scopes() {
    for seed in 1..=scale(150) as u64 {
        checked(move || {
            with_virtual_time(|| {
                let dice = Dice::new(seed);
                let channel = Channel::new();
                for _ in 0..3 {
                    let (dice, channel) = (dice.another(), channel.clone());
                    let any = roomy().name("owner").spawn(move || random_scope(&dice, 0, &channel)).detach();
                    meet(&any);
                }
                for _ in 0..200 {
                    let _ = catch_unwind(schedule);
                }
                let _ = catch_unwind(AssertUnwindSafe(|| sleep(Duration::from_secs(1))));
                for _ in 0..20 {
                    let Ok(left) = catch_unwind(kill_all) else { continue };
                    assert!(left.is_empty(), "seed {seed}: {left:?} refuse to end");
                    break;
                }
                KNOWN.take();
            });
        });
    }
}
