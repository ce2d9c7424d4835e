//! Every operation that does not wait, on every kind, against a plain queue; and waiters that are served in the order in which they
//! came.

use std::collections::VecDeque;

use tasklets::{Receiver, Sender, Tasklet, schedule, spawn};

use crate::common::{Random, checked, scale};
use crate::orders::seeded;
use crate::support::{KINDS, make};

/// What a channel is to be, said as simply as possible.
#[derive(Default)]
struct Model {
    buffer: VecDeque<usize>,
    /// Values of senders who wait.
    sending: VecDeque<usize>,
    /// Receivers who wait, by place.
    receiving: VecDeque<usize>,
    senders: usize,
    receivers: usize,
}

/// What a receiver got; none if nobody was there any more.
type Received = Option<usize>;

/// A channel beside its model.
struct Pair {
    kind: Option<usize>,
    model: Model,
    senders: Vec<Sender<usize>>,
    receivers: Vec<Receiver<usize>>,
    /// What is to become of those who wait: the value that a receiver gets; none if the other side has gone.
    waiting_receivers: Vec<(Tasklet<Received>, Option<Received>)>,
    waiting_senders: Vec<(Tasklet<bool>, usize, Option<bool>)>,
    next: usize,
}

impl Pair {
    fn new(kind: Option<usize>) -> Pair {
        let (tx, rx) = make(kind);
        Pair {
            kind,
            model: Model { senders: 1, receivers: 1, ..Model::default() },
            senders: vec![tx],
            receivers: vec![rx],
            waiting_receivers: Vec::new(),
            waiting_senders: Vec::new(),
            next: 0,
        }
    }

    fn has_room(&self) -> bool {
        self.kind.is_none_or(|capacity| self.model.buffer.len() < capacity)
    }

    /// Sends at once, in the model: whether it can.
    fn model_send(&mut self, value: usize) -> bool {
        if let Some(place) = self.model.receiving.pop_front() {
            self.waiting_receivers[place].1 = Some(Some(value));
            return true;
        }
        let room = self.has_room();
        if room {
            self.model.buffer.push_back(value);
        }
        room
    }

    fn model_recv(&mut self) -> Option<usize> {
        let first = self.model.buffer.pop_front();
        let sent = if first.is_none() || self.has_room() { self.model.sending.pop_front() } else { None };
        if let Some(value) = sent {
            let sender = self.waiting_senders.iter_mut().find(|sender| sender.1 == value).expect("it waits");
            sender.2 = Some(true);
            if first.is_none() {
                return Some(value);
            }
            self.model.buffer.push_back(value);
        }
        first
    }

    fn step(&mut self, random: &mut Random) {
        let value = self.next;
        self.next += 1;
        match random.below(10) {
            0..=2 if !self.senders.is_empty() => {
                let expected = self.model.receivers != 0 && self.model_send(value);
                let result = self.senders[0].try_send(value);
                assert_eq!(result.is_ok(), expected);
                if let Err(error) = result {
                    assert_eq!(error.is_disconnected(), self.model.receivers == 0);
                    assert_eq!(error.into_value(), value);
                }
            }
            3..=5 if !self.receivers.is_empty() => {
                let expected = self.model_recv();
                let result = self.receivers[0].try_recv();
                assert_eq!(result.as_ref().ok(), expected.as_ref());
                assert!(result.is_ok() || result.unwrap_err().is_disconnected() == (self.model.senders == 0));
            }
            6 if !self.senders.is_empty() && self.model.receivers != 0 => {
                let tx = self.senders[0].clone();
                let expected = self.model_send(value).then_some(true);
                if expected.is_none() {
                    self.model.sending.push_back(value);
                }
                // It holds a handle until it has sent.
                let sender = spawn(move || tx.send(value).is_ok());
                self.waiting_senders.push((sender, value, expected));
            }
            7 if !self.receivers.is_empty() && self.model.senders != 0 => {
                let rx = self.receivers[0].clone();
                let expected = self.model_recv();
                if expected.is_none() {
                    self.model.receiving.push_back(self.waiting_receivers.len());
                }
                let receiver = spawn(move || rx.recv().ok());
                self.waiting_receivers.push((receiver, expected.map(Some)));
            }
            8 if self.senders.len() > 1 => drop(self.senders.pop()),
            8 if !self.senders.is_empty() => self.senders.push(self.senders[0].clone()),
            9 if self.receivers.len() > 1 => drop(self.receivers.pop()),
            9 if !self.receivers.is_empty() => self.receivers.push(self.receivers[0].clone()),
            _ => {}
        }
        // Those who were spawned come as far as they can.
        (0..3).for_each(|_| schedule().unwrap());
        self.compare();
    }

    fn compare(&self) {
        let lens = self.senders.iter().map(Sender::len).chain(self.receivers.iter().map(Receiver::len));
        lens.for_each(|len| assert_eq!(len, self.model.buffer.len()));
        for (tasklet, expected) in &self.waiting_receivers {
            assert_eq!(tasklet.is_blocked(), expected.is_none());
        }
        for (tasklet, _, expected) in &self.waiting_senders {
            assert_eq!(tasklet.is_blocked(), expected.is_none());
        }
    }

    /// One side goes away, and whoever waits on the other side is told.
    fn finish(mut self, senders_first: bool) {
        if senders_first {
            self.senders.clear();
            let left: Vec<usize> = std::iter::from_fn(|| self.model_recv()).collect();
            let buffered = self.receivers[0].try_iter().collect::<Vec<_>>();
            assert_eq!(buffered, left);
        } else {
            self.receivers.clear();
            if self.model.receiving.is_empty() {
                let told = self.senders[0].try_send(usize::MAX).unwrap_err();
                assert!(told.is_disconnected());
            }
            self.senders.clear();
        }
        self.receivers.clear();
        for (tasklet, expected) in self.waiting_receivers {
            assert_eq!(tasklet.join().unwrap(), expected.unwrap_or(None));
        }
        for (tasklet, _, expected) in self.waiting_senders {
            assert_eq!(tasklet.join().unwrap(), expected.unwrap_or(false));
        }
    }
}

#[test]
fn a_channel_is_a_queue() {
    checked(|| {
        for seed in 0..scale(400) as u64 {
            for kind in KINDS {
                let mut random = seeded(seed);
                let mut pair = Pair::new(kind);
                for _ in 0..60 {
                    pair.step(&mut random);
                }
                pair.finish(random.below(2) == 0);
            }
        }
    });
}
