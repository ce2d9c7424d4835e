//! A sieve of tasklets: numbers run through a chain of filters, one for each prime so far. What comes out at the end is the
//! next prime, and gets a filter of its own.

use tasklets::{Channel, kill_all, spawn};

fn main() {
    let mut numbers = Channel::new();
    let source = numbers.clone();
    spawn(move || source.send_sequence(2_u32..).expect("somebody always wants the next number"));
    for _ in 0..10 {
        for _ in 0..10 {
            let prime = numbers.receive().expect("the source never ends");
            print!("{prime:>5}");
            let (unfiltered, filtered) = (numbers, Channel::new());
            numbers = filtered.clone();
            spawn(move || {
                for n in unfiltered.iter().filter(|n| n % prime != 0) {
                    filtered.send(n).expect("the next in the chain waits");
                }
            });
        }
        println!();
    }
    assert!(kill_all().is_empty(), "filters let themselves be killed");
}
