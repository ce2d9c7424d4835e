//! Who waits for one descriptor, in which order, and who is passed over.

use std::collections::VecDeque;

use tasklets::net::UnixDatagram;
use tasklets::{AnyTasklet, Channel, Tasklet, schedule, spawn};

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

/// Takes those out of the ring that are in there; how many have been by now.
fn hold_back(readers: &[AnyTasklet]) -> usize {
    readers
        .iter()
        .filter(|reader| reader.is_scheduled() && !reader.is_blocked())
        .for_each(|reader| reader.remove().unwrap());
    readers.iter().filter(|reader| reader.is_paused()).count()
}

/// A busy thread takes no more events while many have been told of one, and do not go on: but they need not.
#[test]
fn those_who_were_told_and_do_not_go_on_hold_back_nobody() {
    const READERS: usize = 300;
    checked(|| {
        let pairs: Vec<_> = (0..READERS).map(|_| UnixDatagram::pair().unwrap()).collect();
        let wait = |there: &UnixDatagram| {
            let there = there.try_clone().unwrap();
            spawn(move || there.recv(&mut [0; 8]).unwrap())
        };
        let readers: Vec<Tasklet<usize>> = pairs.iter().map(|(_, there)| wait(there)).collect();
        let handles: Vec<AnyTasklet> = readers.iter().map(|reader| (**reader).clone()).collect();
        schedule().unwrap();
        assert!(handles.iter().all(AnyTasklet::is_blocked));
        // One of the two is always before those that are told, and keeps the thread from ever being idle.
        let other = spawn({
            let handles = handles.clone();
            move || {
                while hold_back(&handles) < READERS {
                    schedule().unwrap();
                }
            }
        });
        pairs.iter().for_each(|(here, _)| assert_eq!(here.send(b"told").unwrap(), 4));
        let began = std::time::Instant::now();
        while hold_back(&handles) < READERS {
            assert!(began.elapsed().as_secs() < 30, "{} of {READERS} have been told", hold_back(&handles));
            schedule().unwrap();
        }
        other.join().unwrap();
        handles.iter().for_each(|reader| reader.insert().unwrap());
        readers.into_iter().for_each(|reader| assert_eq!(reader.join().unwrap(), 4));
    });
}
