//! Waiting in the poller until an exact moment.

use std::io;
use std::time::Duration;

use mio::{Events, Poll, Registry};

/// What is nearer is waited for with a finer clock.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NEAR: Duration = Duration::from_millis(8);

/// Waits for events. It may return up to a millisecond too early, but not too late: `epoll_wait` counts in milliseconds and rounds up. Of
/// a time that is near, the wait is for the poller's own descriptor, which has a finer clock.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn poll(
    poll: &mut Poll,
    registry: &Registry,
    events: &mut Events,
    timeout: Option<Duration>,
) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags};
    let Some(time) = timeout.filter(|time| !time.is_zero()) else { return poll.poll(events, timeout) };
    if time >= NEAR {
        // A wait of years is as good as one without an end, and some kernels refuse it.
        let time = time.min(Duration::from_secs(1 << 20));
        return poll.poll(events, Some(Duration::from_millis(time.as_millis() as u64)));
    }
    let spec = rustix::event::Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
    rustix::event::poll(&mut [PollFd::new(registry, PollFlags::IN)], Some(&spec))?;
    poll.poll(events, Some(Duration::ZERO))
}

/// Waits for events.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn poll(
    poll: &mut Poll,
    _registry: &Registry,
    events: &mut Events,
    timeout: Option<Duration>,
) -> io::Result<()> {
    poll.poll(events, timeout)
}
