//! Reads files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::Mailboxes;
use crate::merger::Message;

/// How much is read before it is looked at: what is binary mostly shows it soon, and may be large.
const PIECE: u64 = 64 * 1024;

/// Takes files, and sends their texts on to the counters.
pub(crate) fn read(mail: Mailboxes) {
    for file in &mail.readers {
        match text(&file) {
            Ok(text) => mail.counters.send(text).expect("counters outlive the readers"),
            Err(reason) => mail.merger.send(Message::skipped(file, reason)).expect("the merger outlives the readers"),
        }
    }
}

fn text(path: &Path) -> Result<String, String> {
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    loop {
        let begin = bytes.len();
        if file.by_ref().take(PIECE).read_to_end(&mut bytes).map_err(|error| error.to_string())? == 0 {
            break;
        }
        if let Some(at) = bytes[begin..].iter().position(|byte| *byte == 0) {
            return Err(format!("binary: byte {} is NUL", begin + at));
        }
    }
    String::from_utf8(bytes).map_err(|error| format!("not UTF-8: {}", error.utf8_error()))
}
