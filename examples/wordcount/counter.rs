//! Counts words.

use std::collections::HashMap;

use crate::Mailboxes;
use crate::merger::Message;

/// What was counted.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) words: HashMap<String, u64>,
    /// How many words, each time that they occur.
    pub(crate) total: u64,
    pub(crate) bytes: u64,
}

/// Takes texts, and sends what it counted in each on to the merger.
pub(crate) fn count(mail: Mailboxes) {
    for text in &mail.counters {
        let tally = Message::Counted(Tally::of(&text));
        mail.merger.send(tally).expect("the merger outlives the counters");
    }
}

impl Tally {
    fn of(text: &str) -> Tally {
        let mut tally = Tally { bytes: text.len() as u64, ..Tally::default() };
        for word in text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()) {
            tally.total += 1;
            // Most words are in lower case and known: they are not copied.
            if word.bytes().all(|byte| byte.is_ascii_lowercase())
                && let Some(count) = tally.words.get_mut(word)
            {
                *count += 1;
            } else {
                *tally.words.entry(word.to_lowercase()).or_default() += 1;
            }
        }
        tally
    }

    pub(crate) fn add(&mut self, other: Tally) {
        self.total += other.total;
        self.bytes += other.bytes;
        for (word, count) in other.words {
            *self.words.entry(word).or_default() += count;
        }
    }
}
