//! A line on standard error that says how far the count is, if that is a terminal and it takes long.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use crate::merger::Totals;

const LONG: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Progress {
    /// When to show the next line; never without a terminal.
    next: Option<Instant>,
    shown: bool,
}

impl Progress {
    pub(crate) fn begin() -> Progress {
        Progress { next: stderr().is_terminal().then(|| Instant::now() + LONG), shown: false }
    }

    pub(crate) fn show(&mut self, totals: &Totals) {
        let now = Instant::now();
        if self.next.is_none_or(|next| now < next) {
            return;
        }
        self.next = Some(now + PAUSE);
        self.shown = true;
        eprint!("\r\x1b[K{} files, {} words", totals.files, totals.tally.total);
    }

    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            eprint!("\r\x1b[K");
        }
    }
}
