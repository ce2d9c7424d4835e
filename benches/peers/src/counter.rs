//! A counter for tasks that have to be `Send` although they all run on one thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Counts on one thread at the price of a `Cell`: a locked addition would be charged to peers whose tasks have to be `Send`.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0.store(self.get() + 1, Relaxed);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Relaxed)
    }
}
