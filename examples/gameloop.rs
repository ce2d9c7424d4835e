//! A game loop: each frame wakes who waits for it, gives all tasklets a budget, and draws. Creatures are plain loops that wait
//! for frames; the level loads beside them with what is left of the budget, and needs no thought of frames at all.

use std::cell::Cell;
use std::rc::Rc;

use tasklets::{Budget, Channel, Ending, Preference, enter, run_for, schedule, spawn};

const WIDTH: usize = 24;
const CHUNKS: u32 = 40;

/// A message is the number of the frame. Who wakes the others goes on: they run when the frame's budget is spent on them.
#[derive(Clone)]
struct Frames(Channel<u32>);

impl Frames {
    fn new() -> Frames {
        let channel = Channel::named("next frame");
        channel.set_preference(Preference::Neither);
        Frames(channel)
    }

    fn sleep(&self, frames: u32) {
        for _ in 0..frames {
            self.0.receive().expect("there is always another frame");
        }
    }

    fn wake_sleepers(&self, frame: u32) {
        while self.0.balance() < 0 {
            self.0.send(frame).expect("somebody waits");
        }
    }
}

fn draw(frame: u32, creatures: &[(char, Rc<Cell<usize>>)], loaded: u32, ending: &Ending) {
    let mut scene = ['.'; WIDTH];
    for (symbol, at) in creatures {
        scene[at.get() % WIDTH] = *symbol;
    }
    let time_left = if matches!(ending, Ending::Expired) { "out of budget" } else { "time to spare" };
    println!("{frame:>2} {} level {:>3} % {time_left}", scene.iter().collect::<String>(), 100 * loaded / CHUNKS);
}

fn main() {
    // The creatures live for ever: `enter` ends them.
    enter(|| {
        let frames = Frames::new();
        let mut creatures = Vec::new();
        for (symbol, pause) in [('@', 1), ('r', 2), ('s', 3)] {
            let at = Rc::new(Cell::new(0));
            creatures.push((symbol, at.clone()));
            let frames = frames.clone();
            spawn(move || {
                loop {
                    frames.sleep(pause);
                    at.set(at.get() + 1);
                }
            });
        }
        let loaded = Rc::new(Cell::new(0));
        let progress = loaded.clone();
        spawn(move || {
            for chunk in 1..=CHUNKS {
                progress.set(chunk);
                schedule().expect("a tasklet may yield");
            }
        });
        for frame in 1..=12 {
            frames.wake_sleepers(frame);
            // A game would say `Budget::time(Duration::from_millis(4))`; counted switches draw the same pictures everywhere.
            let outcome = run_for(Budget::switches(8));
            draw(frame, &creatures, loaded.get(), &outcome.ending);
        }
    });
}
