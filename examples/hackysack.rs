//! A circle of players kicks a sack around: every player a tasklet, every kick a message. A kick costs the same however many
//! players wait, so that what grows with the circle is only the time until all have taken their places.

use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use clap::Parser;
use tasklets::{Channel, run, spawn};

/// Kicks a sack around in a circle of tasklets.
#[derive(Parser)]
struct Arguments {
    /// How many players stand in the circle
    #[arg(default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..))]
    players: u32,
    /// After how many kicks the game is over
    #[arg(default_value_t = 1000)]
    kicks: u64,
}

/// What the players share.
struct Circle {
    /// A message is the number of the player who kicked.
    players: Vec<Channel<usize>>,
    kicks_left: Cell<u64>,
    /// How many players have had the sack.
    played: Cell<usize>,
    dice: Cell<u64>,
}

impl Circle {
    /// Anybody but `me`: a throw of the dice that is the same in every game.
    fn anybody_but(&self, me: usize) -> usize {
        self.dice.set(self.dice.get().wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407));
        let step = 1 + (self.dice.get() >> 33) as usize % (self.players.len() - 1);
        (me + step) % self.players.len()
    }

    fn play(&self, me: usize) {
        let mut had_it = false;
        for _kicker in &self.players[me] {
            if !std::mem::replace(&mut had_it, true) {
                self.played.set(self.played.get() + 1);
            }
            match self.kicks_left.get() {
                // The game is over: everybody goes home, this player too.
                0 => self.players.iter().for_each(Channel::shutdown),
                left => {
                    self.kicks_left.set(left - 1);
                    self.players[self.anybody_but(me)].send(me).expect("everybody plays until the game is over");
                }
            }
        }
    }
}

fn main() -> ExitCode {
    let Arguments { players, kicks } = Arguments::parse();
    let begun = Instant::now();
    let circle = Rc::new(Circle {
        players: (0..players).map(|_| Channel::new()).collect(),
        kicks_left: Cell::new(kicks),
        played: Cell::new(0),
        dice: Cell::new(1),
    });
    for me in 0..circle.players.len() {
        let circle = circle.clone();
        spawn(move || circle.play(me));
    }
    circle.players[0].send(0).expect("the first player waits for the sack");
    let outcome = run();
    println!("{players} players, {} had the sack, {kicks} kicks: {outcome}", circle.played.get());
    eprintln!("{:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    // More players than the system has stacks for are a game that nobody finishes; the report says so.
    if outcome.is_finished() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
