//! Many tasklets: test/chan/goroutines.go.

use tasklets::Channel;

use crate::common::{checked, scale};
use crate::support::{PLACES, make};

/// A chain of ten thousand, each of which passes on what it receives; the last to begin is the first to receive.
#[test]
fn goroutines() {
    checked(|| {
        for place in PLACES {
            for kind in [Some(0), Some(1), None] {
                place.run(move |go| {
                    let links = scale(10_000);
                    let (tx, end) = make::<usize>(kind);
                    let mut left = tx;
                    for _ in 0..links {
                        let (tx, rx) = make(kind);
                        let next = std::mem::replace(&mut left, tx);
                        go.go(move || next.send(rx.recv().unwrap() + 1).unwrap());
                    }
                    left.send(0).unwrap();
                    assert_eq!(end.recv().unwrap(), links);
                    assert!(end.recv().unwrap_err().is_disconnected());
                });
            }
        }
    });
}

/// The same on `Channel`s.
#[test]
fn goroutines_on_channels() {
    checked(|| {
        let links = scale(10_000);
        let end = Channel::new();
        let mut left = end.clone();
        for _ in 0..links {
            let here = Channel::new();
            let (rx, next) = (here.clone(), std::mem::replace(&mut left, here));
            tasklets::spawn(move || next.send(rx.receive().unwrap() + 1).unwrap());
        }
        tasklets::spawn(move || left.send(0).unwrap());
        assert_eq!(end.receive().unwrap(), links);
    });
}
