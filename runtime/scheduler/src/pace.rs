//! When things happened: counted in switches, and by a clock that is read now and then.
//!
//! A switch takes less time than a look at the clock. So the clock is read every [`LOOK`] switches, or sooner if switches
//! are so rare that [`SPARSE`] would pass meanwhile. What happens is stamped with the number of switches so far, and a report
//! finds the marks before and after it: two bounds for its time. Marks are thinned out as they age, so that the bounds stay
//! close to each other in proportion to what lies between them and now.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Switches between two looks at the clock, the timers and the inbox, at most.
pub(crate) const LOOK: u64 = 256;

/// The time between two looks at the clock that is aimed at where switches are rare, in nanoseconds.
const SPARSE: u64 = 250_000;

/// Marks of one age. Level `n` has every 2^n-th mark.
const SLOTS: usize = 8;
const LEVELS: usize = 32;

/// What the clock said after so many switches.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    switches: u64,
    nanos: u64,
}

/// Counts the switches of a thread, and marks the time.
pub(crate) struct Pace {
    /// Switches until the next look at the clock.
    left: Cell<u64>,
    /// How many switches there will have been then.
    due: Cell<u64>,
    began: Instant,
    last: Cell<Mark>,
    marks: Cell<u64>,
    kept: Box<[[Cell<Mark>; SLOTS]]>,
}

impl Pace {
    pub(crate) fn new() -> Pace {
        Pace {
            left: Cell::new(1),
            due: Cell::new(1),
            began: Instant::now(),
            last: Cell::default(),
            marks: Cell::new(0),
            kept: (0..LEVELS).map(|_| Default::default()).collect(),
        }
    }

    /// Counts a switch. Whether it is time to look around, and to mark the time.
    #[inline(always)]
    pub(crate) fn count(&self) -> bool {
        let left = self.left.get().wrapping_sub(1);
        self.left.set(left);
        left == 0
    }

    /// Switches so far.
    #[inline(always)]
    pub(crate) fn switches(&self) -> u64 {
        self.due.get() - self.left.get()
    }

    /// When the clock was looked at last, in nanoseconds.
    #[cfg(unix)]
    pub(crate) fn last_mark(&self) -> u64 {
        self.last.get().nanos
    }

    /// Looks at the clock.
    #[cold]
    #[inline(never)]
    pub(crate) fn mark(&self) {
        let (last, now) = (self.last.get(), self.now());
        self.keep(now);
        let switches = now.switches - last.switches;
        let elapsed = (now.nanos - last.nanos).max(1);
        // A thread that has hardly begun has no pace yet.
        let longest = (now.switches / 8 + 1).min(LOOK);
        let period = (switches * SPARSE / elapsed).clamp(1, longest);
        self.left.set(period);
        self.due.set(now.switches + period);
    }

    /// Keeps a mark, in the place of a mark of its level that is older.
    fn keep(&self, mark: Mark) {
        self.last.set(mark);
        let count = self.marks.get() + 1;
        self.marks.set(count);
        let level = (count.trailing_zeros() as usize).min(LEVELS - 1);
        self.kept[level][(count >> (level + 1)) as usize % SLOTS].set(mark);
    }

    fn now(&self) -> Mark {
        let nanos = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Mark { switches: self.switches(), nanos }
    }

    /// What is known of the past.
    pub(crate) fn past(&self) -> Past {
        self.past_of(self.now())
    }

    fn past_of(&self, now: Mark) -> Past {
        let kept = self.kept.iter().flatten().map(Cell::get).filter(|mark| mark.switches != 0);
        let mut marks: Vec<Mark> = kept.chain([Mark::default()]).collect();
        marks.sort_unstable_by_key(|mark| mark.switches);
        Past { marks, now }
    }
}

/// The marks, oldest first, and the present.
pub(crate) struct Past {
    marks: Vec<Mark>,
    now: Mark,
}

impl Past {
    /// How long ago it is that there had been so many switches.
    pub(crate) fn since(&self, switches: u64) -> Since {
        let after = self.marks.partition_point(|mark| mark.switches <= switches);
        let ago = |mark: Option<&Mark>| {
            let nanos = mark.map_or(self.now.nanos, |mark| mark.nanos);
            Duration::from_nanos(self.now.nanos.saturating_sub(nanos))
        };
        Since {
            switches: self.now.switches.saturating_sub(switches),
            at_least: ago(self.marks.get(after)),
            at_most: ago(after.checked_sub(1).and_then(|before| self.marks.get(before))),
        }
    }
}

/// How long ago something was.
///
/// The number of switches is exact. The time lies between two bounds, because the clock is read every 256 switches, or
/// every quarter of a millisecond where switches are rare, and not at every one. Where the pace of a thread is even, the
/// bounds are that close to each other for what is recent, and within a quarter of its age for what is old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// How many switches of the thread ago.
    pub switches: u64,
    /// It is no shorter time ago than this.
    pub at_least: Duration,
    /// It is no longer time ago than this.
    pub at_most: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_the_truth_and_grow_with_age_only() {
        const EVERY: u64 = 10;
        let pace = Pace::new();
        for count in 1..=100_000 {
            pace.keep(Mark { switches: count * EVERY, nanos: count * EVERY * 1_000 });
        }
        let now = Mark { switches: 100_000 * EVERY + 5, nanos: (100_000 * EVERY + 5) * 1_000 };
        let past = pace.past_of(now);
        assert!(past.marks.len() <= SLOTS * LEVELS + 1);
        for ago in (0..now.switches).step_by(7) {
            let since = past.since(now.switches - ago);
            let truth = Duration::from_micros(ago);
            assert_eq!(since.switches, ago);
            assert!(since.at_least <= truth && truth <= since.at_most, "{ago}: {since:?}");
            let width = since.at_most - since.at_least;
            assert!(width <= truth / 4 + Duration::from_micros(2 * EVERY), "{ago}: {since:?}");
        }
        assert_eq!(past.since(0).at_most, Duration::from_nanos(now.nanos));
    }

    #[test]
    fn the_clock_is_read_soon_and_then_rarely() {
        let pace = Pace::new();
        for _ in 0..100_000 {
            if pace.count() {
                pace.mark();
            }
        }
        assert_eq!(pace.switches(), 100_000);
        let marks = pace.marks.get();
        assert!(marks >= 100_000 / LOOK, "{marks} marks");
        // However slow this machine is now: not every time.
        assert!(marks < 50_000, "{marks} marks");
        assert_eq!(pace.past().since(pace.switches()).switches, 0);
    }
}
