//! Finds files.

use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::io;
use std::path::PathBuf;

use crate::Mailboxes;
use crate::merger::Message;

/// Folders of version control and of build results hold no text that anybody wrote.
const PASSED_OVER: [&str; 2] = [".git", "target"];

/// Takes files and folders, and sends the files on to the readers.
pub(crate) fn walk(mail: Mailboxes) {
    for root in &mail.walker {
        if !root.is_dir() {
            send(&mail, Ok(root));
            continue;
        }
        // Not by recursion: how deep folders nest is not ours to decide.
        let mut folders = vec![root];
        while let Some(folder) = folders.pop() {
            match entries(&folder) {
                Ok(entries) => folders.extend(visit(&mail, entries).into_iter().rev()),
                Err(error) => send(&mail, Err(Message::skipped(folder, error))),
            }
        }
    }
}

/// By name, as the system lists them in any order.
fn entries(folder: &PathBuf) -> io::Result<Vec<DirEntry>> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

/// Sends the files on; the folders to go down to.
fn visit(mail: &Mailboxes, entries: Vec<DirEntry>) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => {
                if !PASSED_OVER.iter().any(|name| entry.file_name() == OsStr::new(name)) {
                    folders.push(path);
                }
            }
            // Folders behind links are not gone down to: they may lead in a circle.
            Ok(kind) if kind.is_symlink() && path.is_dir() => {}
            // Reading from a pipe or a device might never end.
            Ok(kind) if !kind.is_file() && path.metadata().is_ok_and(|file| !file.is_file()) => {
                send(mail, Err(Message::skipped(path, "not a regular file")));
            }
            Ok(_) => send(mail, Ok(path)),
            Err(error) => send(mail, Err(Message::skipped(path, error))),
        }
    }
    folders
}

fn send(mail: &Mailboxes, found: Result<PathBuf, Message>) {
    match found {
        Ok(file) => mail.readers.send(file).expect("readers live as long as the walker"),
        Err(skipped) => mail.merger.send(skipped).expect("the merger outlives the walker"),
    }
}
