//! Rounds: many tasklets at once, all of which are gone at the end.

use std::rc::Rc;

use tasklets::{Builder, Channel, Preference, Tasklet, kill_all, run, run_for, schedule, set_error_handler, stats};

use crate::deeds::{Alive, Dice, Shared, deed, deep};

/// The stacks, in bytes, and how many calls deep a tasklet on one may go.
const STACKS: [(usize, usize); 5] = [(32 << 10, 4), (48 << 10, 16), (64 << 10, 32), (128 << 10, 80), (512 << 10, 400)];
/// Tasklets in the largest round.
const MOST: usize = 400;
/// One round in so many is on a thread of its own, which ends.
const THREADS: usize = 50;

/// As large as a round can get, on stacks of every size: what comes later needs no more.
pub(crate) fn largest(dice: &mut Dice) {
    let alive = Alive::default();
    let channel = Channel::<()>::new();
    for (size, calls) in STACKS {
        for _ in 0..MOST {
            let (alive, channel) = (alive.clone(), channel.clone());
            let body = move || deep(&alive, calls, &mut || drop(channel.receive()));
            Builder::new().stack_size(size).spawn(body);
        }
        // Not all sizes at the same time: no round has that many either.
        run();
        channel.shutdown();
        run();
        channel.open();
    }
    assert_eq!(alive.count(), 0);
    for _ in 0..10 {
        round(dice);
    }
}

/// Some tasklets do something; then they are released, killed or forgotten. How many they were.
pub(crate) fn round(dice: &mut Dice) -> u64 {
    if dice.below(THREADS) == 0 {
        let mut dice = dice.another();
        let thread = std::thread::spawn(move || tasklets::enter(|| tasklets_of_a_round(&mut dice)));
        return thread.join().expect("a round that goes well");
    }
    tasklets_of_a_round(dice)
}

fn tasklets_of_a_round(dice: &mut Dice) -> u64 {
    let leaked = stats().greenlets.leaked;
    let ended = stats().ended;
    // Panics of tasklets that nobody joins.
    set_error_handler(Some(Rc::new(drop)));
    let shared = Shared { alive: Alive::default(), channel: Channel::new() };
    shared.channel.set_preference(Preference::from(dice.below(3) as i32 - 1));
    let mut kept: Vec<Tasklet<()>> = Vec::new();
    for _ in 0..dice.below(MOST) + 1 {
        let tasklet = tasklet(&shared, dice);
        match dice.below(4) {
            0 => drop(tasklet),
            // Some before they have begun.
            1 if dice.below(4) == 0 => tasklet.kill().expect("a tasklet that can be killed"),
            _ => kept.push(tasklet),
        }
        if dice.below(10) == 0 {
            drop(schedule());
        }
    }
    run();
    while !kept.is_empty() {
        let one = kept.swap_remove(dice.below(kept.len()));
        end(&shared, dice, one);
    }
    run();
    assert!(kill_all().is_empty(), "nobody here refuses to die");
    run();
    assert_eq!(shared.alive.count(), 0, "frames that were never left");
    assert_eq!(shared.channel.balance(), 0, "waiters that are gone");
    let left = stats();
    assert_eq!((left.tasklets, left.blocked, left.greenlets.active), (0, 0, 0), "{left:?}");
    assert_eq!(left.greenlets.leaked, leaked, "{left:?}");
    left.ended - ended
}

fn tasklet(shared: &Shared, dice: &mut Dice) -> Tasklet<()> {
    let (size, calls) = STACKS[dice.below(STACKS.len())];
    let (shared, mut own) = (shared.clone(), dice.another());
    let body = move || deed(&shared, &mut own, calls);
    let builder = Builder::new().stack_size(size);
    if dice.below(8) == 0 { builder.paused(body) } else { builder.spawn(body) }
}

/// A way to go on for a tasklet that may be blocked, paused, unstarted or dead.
fn end(shared: &Shared, dice: &mut Dice, tasklet: Tasklet<()>) {
    match dice.below(6) {
        0 => drop(tasklet),
        1 => tasklet.kill().expect("a tasklet that can be killed"),
        2 => tasklet.kill_pending().expect("a tasklet that can be killed"),
        3 => drop(tasklet.insert()),
        4 => drop(tasklet.throw("thrown")),
        _ => {
            let channel = &shared.channel;
            let _ = if channel.balance() < 0 {
                channel.send(1).map_err(drop)
            } else {
                channel.try_receive().map(drop).map_err(drop)
            };
            drop(tasklet.insert());
            run_for(tasklets::Budget::switches(20));
        }
    }
}
