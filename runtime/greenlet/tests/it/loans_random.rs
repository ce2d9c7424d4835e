//! Random programs of scopes: whatever happens, nothing of a scope is left, and what it borrows was there.

use std::cell::Cell;
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};

use greenlet::{Greenlet, scope};

use crate::harness::{OnDrop, exit_of, on_thread, raise, scaled, to_main};
use crate::loans::{Canary, Listener};

#[test]
fn random_scopes() {
    on_thread(|| {
        for seed in 1..=scaled(40) as u64 {
            random_scope(&mut Dice(seed * 0x9e37_79b9), 0);
        }
    });
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % sides
    }
}

/// A scope whose borrowers are begun, left, forgotten, killed, resumed and dropped, in scopes of their own, too.
fn random_scope(dice: &mut Dice, depth: u32) {
    let canary = Canary::new();
    let begun = Cell::new(0u32);
    let ended = Cell::new(0u32);
    let seeds: Vec<u64> = (0..dice.roll(6)).map(|_| dice.roll(u64::MAX) | 1).collect();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        scope(|loans| {
            let mut greenlets = Vec::new();
            for seed in seeds {
                let guard = (Listener(&canary), OnDrop(|| ended.set(ended.get() + 1)));
                begun.set(begun.get() + 1);
                let canary = &canary;
                let lent = loans.lend(move || {
                    let (_guard, mut dice) = (guard, Dice(seed));
                    for _ in 0..dice.roll(4) {
                        if depth < 3 && dice.roll(3) == 0 {
                            random_scope(&mut dice, depth + 1);
                        }
                        match dice.roll(8) {
                            0 => raise("random"),
                            1 => drop(exit_of(|| to_main(()))),
                            _ => to_main(()),
                        }
                        canary.sing();
                    }
                });
                let lent = lent.unwrap();
                match dice.roll(5) {
                    0 => forget(lent),
                    1 => drop(lent),
                    _ => greenlets.push(Greenlet::new(|()| lent.run())),
                }
            }
            for _ in 0..dice.roll(12) {
                if greenlets.is_empty() {
                    break;
                }
                let at = dice.roll(greenlets.len() as u64) as usize;
                match dice.roll(6) {
                    0 => drop(greenlets.swap_remove(at)),
                    1 => forget(greenlets.swap_remove(at)),
                    2 => _ = catch_unwind(AssertUnwindSafe(|| greenlets[at].kill())),
                    _ => _ = catch_unwind(AssertUnwindSafe(|| greenlets[at].switch(()))),
                }
            }
            if dice.roll(4) == 0 {
                raise("random body");
            }
        })
    }));
    drop(outcome);
    assert_eq!(begun.get(), ended.get(), "something of a scope is left");
    canary.sing();
}
