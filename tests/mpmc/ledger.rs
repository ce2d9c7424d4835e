//! What has become of every value: sent, come back, received.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// The books of a test, one entry for each value.
pub(crate) struct Ledger {
    values: Vec<Fate>,
    next: AtomicUsize,
}

#[derive(Default)]
struct Fate {
    /// Its send returned `Ok`.
    sent: AtomicU8,
    /// Its send failed.
    back: AtomicU8,
    received: AtomicU8,
}

impl Ledger {
    pub(crate) fn new(values: usize) -> Ledger {
        Ledger { values: (0..values).map(|_| Fate::default()).collect(), next: AtomicUsize::new(0) }
    }

    /// The number of a new value; none if there are no more.
    pub(crate) fn number(&self) -> Option<usize> {
        Some(self.next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < self.values.len())
    }

    pub(crate) fn sent(&self, number: usize) {
        self.values[number].sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn came_back(&self, number: usize) {
        self.values[number].back.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, number: usize) {
        self.values[number].received.fetch_add(1, Ordering::Relaxed);
    }

    /// Compares: every value that was sent was received once, none that came back was. Those whose sender was killed in the midst of
    /// it were received once, or not at all. How many were received.
    pub(crate) fn balance(&self, story: &str) -> usize {
        let mut total = 0;
        for (number, fate) in self.values.iter().enumerate() {
            let [sent, back, received] = [&fate.sent, &fate.back, &fate.received].map(|n| n.load(Ordering::Relaxed));
            let right = match (sent, back) {
                (1, 0) => received == 1,
                (0, 1) => received == 0,
                (0, 0) => received <= 1,
                _ => false,
            };
            assert!(right, "value {number}: sent {sent} times, back {back} times, received {received} times; {story}");
            total += usize::from(received);
        }
        total
    }
}
