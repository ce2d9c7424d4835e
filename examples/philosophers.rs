//! The dining philosophers: forks are actors, philosophers are tasklets. Who has no fork waits for its answer; the last philosopher is
//! left-handed, so that they cannot all wait for each other.

use std::collections::VecDeque;

use tasklets::actor::{self, Addr, Mailbox, Reply};
use tasklets::{run, schedule, spawn};

const NAMES: [&str; 5] = ["Ada", "Grace", "Barbara", "Edith", "Frances"];
const MEALS: usize = 3;

enum Fork {
    Take(Reply<()>),
    PutBack,
}

/// One fork: held by whoever was answered last.
fn fork(mailbox: &Mailbox<Fork>) {
    let (mut held, mut waiting) = (false, VecDeque::new());
    for message in mailbox {
        match message {
            Fork::Take(reply) => waiting.push_back(reply),
            Fork::PutBack => held = false,
        }
        while !held && let Some(next) = waiting.pop_front() {
            held = next.send(()).is_ok();
        }
    }
}

fn dine(name: &str, first: &Addr<Fork>, second: &Addr<Fork>) {
    for _ in 0..MEALS {
        first.ask(Fork::Take).expect("a fork");
        schedule().expect("others");
        second.ask(Fork::Take).expect("a fork");
        println!("{name} eats");
        schedule().expect("others");
        first.tell(Fork::PutBack).expect("a fork");
        second.tell(Fork::PutBack).expect("a fork");
    }
    println!("{name} is full");
}

fn main() {
    let forks = NAMES.map(|_| actor::spawn(fork));
    for (seat, name) in NAMES.into_iter().enumerate() {
        let (left, right) = (forks[seat].clone(), forks[(seat + 1) % NAMES.len()].clone());
        let (first, second) = if seat == NAMES.len() - 1 { (right, left) } else { (left, right) };
        spawn(move || dine(name, &first, &second)).detach();
    }
    drop(forks);
    println!("{}", run());
}
