//! Two threads of three tasklets each share work: numbers go out over one channel, and what was found comes back over another.

use std::cmp::Reverse;

use tasklets::{bounded, enter, run, spawn, unbounded};

/// How many times a number is halved, or tripled and counted up, until it is 1.
fn steps(number: u64) -> usize {
    let next = |number: &u64| Some(if number.is_multiple_of(2) { number / 2 } else { 3 * number + 1 });
    std::iter::successors(Some(number), next).take_while(|number| *number != 1).count()
}

fn main() {
    let (tasks, inbox) = bounded(16);
    let (found, answers) = unbounded();
    let worker = || {
        let (inbox, found) = (inbox.clone(), found.clone());
        move || {
            for number in inbox {
                found.send((steps(number), Reverse(number))).expect("main counts");
            }
        }
    };
    let threads = [(); 2].map(|()| {
        let workers = [(); 3].map(|()| worker());
        std::thread::spawn(|| {
            enter(|| {
                workers.into_iter().for_each(|worker| drop(spawn(worker)));
                run();
            });
        })
    });
    drop((inbox, found));

    // Main's own thread has tasklets, too. All ends go away with those who hold them, and so every loop ends.
    spawn(move || (1..1_000).for_each(|number| tasks.send(number).expect("a worker"))).detach();
    let (steps, Reverse(number)) = answers.iter().max().expect("an answer");
    println!("{number} takes {steps} steps");
    threads.into_iter().for_each(|thread| thread.join().expect("its end"));
}
