//! Who waits for one descriptor, in which order, and who is passed over.

use std::collections::VecDeque;

use tasklets::net::UnixDatagram;
use tasklets::{Channel, Tasklet, schedule, spawn};

use crate::common::{Random, checked, scale};

/// Readers come, are killed, and are sent datagrams, while others only wait until there is something: each datagram is for who has waited
/// longest of those who read.
fn come_and_go(seed: u64) {
    let mut random = Random(seed);
    let (here, there) = UnixDatagram::pair().unwrap();
    let got = Channel::new();
    let mut readers: VecDeque<(usize, Tasklet<()>)> = VecDeque::new();
    let mut onlookers: Vec<Tasklet<()>> = Vec::new();
    for step in 0..60 {
        match random.below(7) {
            0..=2 => {
                let (there, got) = (there.try_clone().unwrap(), got.clone());
                let reader = spawn(move || {
                    let mut byte = [0];
                    assert_eq!(there.recv(&mut byte).unwrap(), 1);
                    got.send((step, byte[0])).unwrap();
                });
                readers.push_back((step, reader));
                schedule().unwrap();
            }
            3 if !readers.is_empty() => {
                let (_, reader) = readers.remove(random.below(readers.len())).unwrap();
                reader.kill().unwrap();
            }
            4 => {
                let there = there.try_clone().unwrap();
                onlookers.push(spawn(move || there.readable().unwrap()));
                schedule().unwrap();
            }
            _ => {
                let Some((reader, tasklet)) = readers.pop_front() else { continue };
                here.send(&[step as u8]).unwrap();
                assert_eq!(got.receive().unwrap(), (reader, step as u8), "seed {seed}");
                tasklet.join().unwrap();
            }
        }
    }
    for (_, reader) in readers {
        reader.kill().unwrap();
    }
    here.send(b"!").unwrap();
    for onlooker in onlookers {
        onlooker.join().unwrap();
    }
}

#[test]
fn readers_are_served_in_their_order_whoever_else_comes_and_goes() {
    checked(|| (0..scale(50) as u64).for_each(come_and_go));
}
