//! Work with locks that nobody waits for.

use tasklets::sync::Mutex;

use crate::measure::{per_operation, time};

/// One tasklet takes a mutex and releases it.
pub(crate) fn uncontended(name: &str) {
    per_operation(name, 1 << 16, |operations| {
        let count = Mutex::new(0);
        let took = time(|| (0..operations).for_each(|_| *count.lock().expect("a lock") += 1));
        assert_eq!(count.into_inner(), operations);
        took
    });
}
