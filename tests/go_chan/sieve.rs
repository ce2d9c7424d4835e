//! Primes by a chain of filters that grows with each one found: test/chan/sieve1.go, test/chan/sieve2.go.

use std::collections::VecDeque;

use tasklets::{Channel, Receiver, Sender, spawn};

use crate::common::{checked, scale};
use crate::support::{Go, KINDS, PLACES, make};

/// The first primes, found without any channel.
fn primes(count: usize) -> Vec<u32> {
    let is_prime = |n: &u32| (2..*n).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    (2..).filter(is_prime).take(count).collect()
}

fn send_all(numbers: impl Iterator<Item = u32>, to: Sender<u32>) {
    for number in numbers {
        if to.send(number).is_err() {
            return;
        }
    }
}

/// Passes on what is no multiple, until nobody wants it.
fn filter(numbers: Receiver<u32>, prime: u32, rest: Sender<u32>) {
    for number in numbers {
        if number % prime != 0 && rest.send(number).is_err() {
            return;
        }
    }
}

/// sieve1.go. Ours ends: who has found the last prime drops the chain's end, and that goes up to the source.
fn sieve1(go: &Go, kind: Option<usize>) -> Receiver<u32> {
    let (found, result) = make(kind);
    let starter = go.clone();
    go.go(move || {
        let (source, mut numbers) = make(kind);
        // A source that never waits would never end.
        let last = if kind.is_none() { scale(3_000).max(100) as u32 } else { u32::MAX };
        starter.go(move || send_all(2..last, source));
        while let Ok(prime) = numbers.recv() {
            if found.send(prime).is_err() {
                return;
            }
            let (rest, left) = make(kind);
            let before = std::mem::replace(&mut numbers, left);
            starter.go(move || filter(before, prime, rest));
        }
    });
    result
}

#[test]
fn sieve1_everywhere() {
    checked(|| {
        for place in PLACES {
            for kind in KINDS {
                place.run(move |go| {
                    let count = scale(if kind.is_none() { 40 } else { 60 });
                    let result = sieve1(go, kind);
                    assert_eq!(result.iter().take(count).collect::<Vec<_>>(), primes(count));
                });
            }
        }
    });
}

/// sieve1.go on `Channel`s, where the one who wants no more shuts the last one down.
#[test]
fn sieve1_on_channels() {
    checked(|| {
        let count = scale(60);
        let mut numbers = Channel::new();
        let source = numbers.clone();
        spawn(move || {
            let wanted = |number: &u32| source.send(*number).is_ok();
            assert!((2..).take_while(wanted).count() > 0);
        });
        let mut found: Vec<u32> = Vec::new();
        while found.len() < count {
            let prime = numbers.receive().unwrap();
            found.push(prime);
            let rest = Channel::new();
            let (before, after) = (std::mem::replace(&mut numbers, rest.clone()), rest);
            spawn(move || {
                while let Ok(number) = before.receive() {
                    if number % prime != 0 && after.send(number).is_err() {
                        break;
                    }
                }
                before.shutdown();
            });
        }
        numbers.shutdown();
        assert!(tasklets::run().is_finished());
        assert_eq!(found, primes(count));
    });
}

/// A prime, its next multiple, and where its other ones come from.
struct Multiples {
    next: u32,
    more: Receiver<u32>,
}

/// sieve2.go: the multiples of each prime come from a tasklet of its own, and are merged; what they leave out is prime. Buffered channels
/// are what the original is about.
fn sieve2(go: &Go, kind: Option<usize>) -> Receiver<u32> {
    let (found, result) = make(kind);
    let starter = go.clone();
    go.go(move || {
        let mut merged: VecDeque<Multiples> = VecDeque::new();
        for candidate in 2.. {
            let mut prime = true;
            for multiples in &mut merged {
                while multiples.next < candidate {
                    // Where nothing holds it up, it may be far beyond the last prime that is wanted, and at the end of the multiples.
                    let Ok(next) = multiples.more.recv() else { return };
                    multiples.next = next;
                }
                prime &= multiples.next != candidate;
            }
            if !prime {
                continue;
            }
            if found.send(candidate).is_err() {
                return;
            }
            let (source, more) = make(kind);
            // Without a bound all of them are there at once.
            let last = if kind.is_none() { scale(1_000).max(100) as u32 } else { u32::MAX };
            starter.go(move || send_all((1..last).map(|n| n * candidate), source));
            merged.push_back(Multiples { next: 0, more });
        }
    });
    result
}

#[test]
fn sieve2_everywhere() {
    checked(|| {
        for place in PLACES {
            for kind in KINDS {
                place.run(move |go| {
                    let count = scale(if kind.is_none() { 40 } else { 60 });
                    let result = sieve2(go, kind);
                    assert_eq!(result.iter().take(count).collect::<Vec<_>>(), primes(count));
                });
            }
        }
    });
}
