//! Threads that come and go beside a channel that stays.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use tasklets::{Receiver, Sender, rendezvous, select};

use crate::common::{checked, scale};

fn briefly(rx: &Receiver<usize>, tx: &Sender<usize>) {
    let moment = Duration::from_micros(1);
    assert!(rx.recv_timeout(moment).is_err());
    assert!(tx.send_timeout(0, moment).is_err());
    select! {
        recv(rx) -> _ => panic!("nobody sends"),
        default(moment) => {}
    }
}

#[test]
fn threads_take_the_places_of_those_that_have_gone() {
    checked(|| {
        let (tx, rx) = rendezvous();
        for _ in 0..scale(100) {
            let (tx, rx) = (tx.clone(), rx.clone());
            std::thread::spawn(move || briefly(&rx, &tx)).join().unwrap();
        }
        let echo = std::thread::spawn(move || rx.iter().sum::<usize>());
        for n in 0..10 {
            tx.send(n).unwrap();
        }
        drop(tx);
        assert_eq!(echo.join().unwrap(), 45);
    });
}

#[test]
fn who_lives_is_not_taken_for_one_who_has_gone() {
    checked(|| {
        let (tx, rx) = rendezvous();
        let (ready, rounds) = (Arc::new(Barrier::new(4)), scale(200));
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let (rx, ready) = (rx.clone(), ready.clone());
                std::thread::spawn(move || {
                    ready.wait();
                    rx.iter().sum::<usize>()
                })
            })
            .collect();
        ready.wait();
        let mut sum = 0;
        for n in 0..rounds {
            let theirs = tx.clone();
            std::thread::spawn(move || theirs.send(n).unwrap()).join().unwrap();
            sum += n;
        }
        drop((tx, rx));
        assert_eq!(receivers.into_iter().map(|receiver| receiver.join().unwrap()).sum::<usize>(), sum);
    });
}
