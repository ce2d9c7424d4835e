//! `churn [SECONDS]` makes and ends tasklets and greenlets in every way there is, on two threads, and looks at what the process
//! holds every two seconds. It fails if that does not stay flat.

#![forbid(unsafe_code)]

mod deeds;
mod flat;
mod rounds;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;

use flat::{Flat, Held};

const THREADS: u64 = 2;
const BETWEEN: Duration = Duration::from_secs(2);
/// One line for so many looks, and before that one the threads give back what is idle.
const LOOKS_A_LINE: u64 = 5;

/// Makes and ends tasklets in every way there is, and fails if memory, mappings or file descriptors do not stay flat.
#[derive(Parser)]
struct Arguments {
    /// How long
    #[arg(default_value_t = 600, value_parser = clap::value_parser!(u64).range(30..))]
    seconds: u64,
    /// What the dice begin with
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

/// How the threads that work and the one that looks stop for each other.
struct Gate {
    barrier: Barrier,
    pause: AtomicBool,
    trim: AtomicBool,
    stop: AtomicBool,
    tasklets: AtomicU64,
}

impl Gate {
    /// Works round by round, and rests whenever somebody wants to look.
    fn work(&self, seed: u64) {
        let mut dice = deeds::Dice::new(seed);
        rounds::largest(&mut dice);
        while !self.stop.load(Ordering::SeqCst) {
            self.tasklets.fetch_add(rounds::round(&mut dice), Ordering::Relaxed);
            if self.pause.load(Ordering::SeqCst) {
                if self.trim.load(Ordering::SeqCst) {
                    greenlet::trim();
                }
                self.barrier.wait();
                self.barrier.wait();
            }
        }
    }

    /// What the process holds while everybody rests.
    fn look(&self, trim: bool, stop: bool) -> Held {
        self.trim.store(trim, Ordering::SeqCst);
        self.pause.store(true, Ordering::SeqCst);
        self.barrier.wait();
        let held = Held::now();
        self.stop.store(stop, Ordering::SeqCst);
        self.pause.store(false, Ordering::SeqCst);
        self.barrier.wait();
        held
    }
}

fn main() -> ExitCode {
    let Arguments { seconds, seed } = Arguments::parse();
    deeds::silence_deliberate_panics();
    let gate = Gate {
        barrier: Barrier::new(THREADS as usize + 1),
        pause: AtomicBool::new(false),
        trim: AtomicBool::new(false),
        stop: AtomicBool::new(false),
        tasklets: AtomicU64::new(0),
    };
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let gate = &gate;
            scope.spawn(move || {
                // Who looks waits at the barrier, and would for ever.
                if catch_unwind(AssertUnwindSafe(|| tasklets::enter(|| gate.work(seed + thread)))).is_err() {
                    eprintln!("churn: a round went wrong, with --seed {seed}");
                    std::process::exit(1);
                }
            });
        }
        watch(&gate, Duration::from_secs(seconds))
    })
}

/// Looks until the time is up, or something is not flat.
fn watch(gate: &Gate, length: Duration) -> ExitCode {
    let begun = Instant::now();
    // What idle stacks hold comes and goes within bounds; what is left without them hardly moves at all.
    let (mut busy, mut trimmed) = (Flat::with_idle_stacks(), Flat::without());
    for look in 1.. {
        std::thread::sleep(BETWEEN);
        let passed = begun.elapsed();
        let trim = look % LOOKS_A_LINE == 0;
        let warm = passed < length / 5;
        let held = gate.look(trim, false);
        let said = if trim { trimmed.look(held, warm) } else { busy.look(held, warm) };
        if trim {
            let tasklets = gate.tasklets.load(Ordering::Relaxed);
            println!("{:4} s: {tasklets} tasklets; {}", passed.as_secs(), trimmed.last(&busy));
        }
        let over = passed >= length && trim;
        let said = said.and_then(|()| if over { busy.trend().and_then(|()| trimmed.trend()) } else { Ok(()) });
        if let Err(what) = &said {
            eprintln!("churn: not flat: {what}");
        }
        if over || said.is_err() {
            gate.look(false, true);
            return if said.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
    }
    ExitCode::FAILURE
}
