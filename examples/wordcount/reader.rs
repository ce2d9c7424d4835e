//! Reads files.

use std::fs;
use std::path::Path;

use crate::Mailboxes;
use crate::merger::Message;

/// Takes files, and sends their texts on to the counters.
pub(crate) fn read(mail: Mailboxes) {
    for file in &mail.readers {
        match text(&file) {
            Ok(text) => mail.counters.send(text).expect("counters outlive the readers"),
            Err(reason) => mail.merger.send(Message::skipped(file, reason)).expect("the merger outlives the readers"),
        }
    }
}

fn text(file: &Path) -> Result<String, String> {
    let bytes = fs::read(file).map_err(|error| error.to_string())?;
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(format!("binary: byte {at} is NUL"));
    }
    String::from_utf8(bytes).map_err(|error| format!("not UTF-8: {}", error.utf8_error()))
}
