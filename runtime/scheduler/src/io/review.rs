//! What is done against events that are lost: now and then the poller is asked anew about those that are waited for.
//!
//! No kernel loses events, and no mistake here is known that does. But a tasklet that waits for one that will not come waits for ever, and
//! nothing else would ever tell.

use std::sync::Weak;
use std::time::Duration;

use super::reactor::Reactor;
use super::source::Watched;
use crate::core::Scheduler;

/// A thread sleeps no longer than this if somebody waits for a descriptor, and looks at some of those that often.
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// How many are looked at then: a third of a microsecond for each.
const AT_ONCE: usize = 1_000;

impl Reactor {
    /// Asks anew about some of those that are waited for, if it is time: what is ready now, an event tells again.
    pub(super) fn review(&self, now: u64) {
        if now - self.reviewed.get() < EVERY.as_nanos() as u64 {
            return;
        }
        self.reviewed.set(now);
        let waited_for: Vec<(Weak<dyn Watched>, usize)> = self.seats.borrow_mut().next_to_review(AT_ONCE);
        for (source, token) in waited_for {
            if let Some(source) = source.upgrade() {
                source.ask_anew(&self.link.registry, token);
            }
        }
    }
}

/// Throws away the next events of this thread's poller, as if the kernel had lost them: for tests of what happens then. Those who wait for
/// what was lost go on some seconds later, or sooner if something else happens to their descriptors.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use tasklets_runtime::net::UnixStream;
/// use tasklets_runtime::{io, schedule, spawn};
///
/// let (mut here, mut there) = UnixStream::pair()?;
/// let reader = spawn(move || there.read(&mut [0; 8]));
/// schedule()?;
/// io::lose_events(2); // that it may write, and that it may read
/// here.write_all(b"lost?")?;
/// assert_eq!(reader.join().unwrap()?, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn lose_events(count: usize) {
    if let Ok(reactor) = Scheduler::local().reactor() {
        reactor.to_lose.set(count);
    }
}
