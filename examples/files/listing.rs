//! The page that shows a folder.

use std::ffi::OsString;
use std::fmt::Write;
use std::io;
use std::os::unix::ffi::OsStrExt;

use cap_std::fs::Dir;

use crate::target::{Target, written};

/// A folder with more is not shown whole.
const MOST: usize = 10_000;

pub(crate) fn page(folder: &Dir, target: &Target, hidden: bool) -> io::Result<String> {
    let mut entries: Vec<(bool, OsString)> = Vec::new();
    let mut more = false;
    for entry in folder.entries()? {
        let entry = entry?;
        let name = entry.file_name();
        if name.as_bytes().starts_with(b".") && !hidden {
            continue;
        }
        // Of a link, what it leads to. What cannot be had is not shown: links that lead out, pipes.
        let Ok(metadata) = folder.metadata(&name) else { continue };
        if !metadata.is_dir() && !metadata.is_file() {
            continue;
        }
        if entries.len() == MOST {
            more = true;
            break;
        }
        entries.push((metadata.is_file(), name));
    }
    // Folders first.
    entries.sort();
    let title = escaped(&format!("/{}", target.path.display()));
    let mut page =
        format!("<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<h1>{title}</h1>\n<ul>\n");
    if target.path.iter().next().is_some() {
        page.push_str("<li><a href=\"../\">../</a>\n");
    }
    for (is_file, name) in entries {
        let slash = if is_file { "" } else { "/" };
        // With a dot before it, no name is taken for a scheme.
        let (link, shown) = (written(&name), escaped(&name.to_string_lossy()));
        let _ = writeln!(page, "<li><a href=\"./{link}{slash}\">{shown}{slash}</a>");
    }
    page.push_str(if more { "</ul>\n<p>and more\n" } else { "</ul>\n" });
    Ok(page)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
