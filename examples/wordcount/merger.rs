//! Adds up.

use std::fmt::Display;
use std::path::PathBuf;

use crate::Mailboxes;
use crate::counter::Tally;
use crate::progress::Progress;

/// What became of a file.
pub(crate) enum Message {
    Counted(Tally),
    Skipped { path: PathBuf, reason: String },
}

impl Message {
    pub(crate) fn skipped(path: PathBuf, reason: impl Display) -> Message {
        Message::Skipped { path, reason: reason.to_string() }
    }
}

/// What became of all of them.
#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) files: u64,
    pub(crate) skipped: u64,
    pub(crate) tally: Tally,
}

/// Takes what became of each file. The result is the sum.
pub(crate) fn merge(mail: Mailboxes) -> Totals {
    let mut totals = Totals::default();
    let mut progress = Progress::begin();
    for message in &mail.merger {
        match message {
            Message::Counted(tally) => {
                totals.files += 1;
                totals.tally.add(tally);
            }
            Message::Skipped { path, reason } => {
                totals.skipped += 1;
                progress.clear();
                eprintln!("wordcount: skipped {}: {reason}", path.display());
            }
        }
        progress.show(&totals);
    }
    progress.clear();
    totals
}

impl Totals {
    /// The most frequent words first; equally frequent ones by the alphabet.
    pub(crate) fn most_frequent(&self, top: usize) -> Vec<(&str, u64)> {
        let mut words: Vec<_> = self.tally.words.iter().map(|(word, count)| (word.as_str(), *count)).collect();
        words.sort_unstable_by(|(a, m), (b, n)| n.cmp(m).then(a.cmp(b)));
        words.truncate(top);
        words
    }
}
