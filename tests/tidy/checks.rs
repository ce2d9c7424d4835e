//! The checks: from the text of a file to complaints, each with a line number first.

use std::collections::BTreeSet;
use std::path::Path;

use crate::source::{code, words};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 70;

/// How far above an unsafe block its argument may stand: it is above the statement that the block is in.
const ARGUMENT_LINES: usize = 8;

pub(crate) fn long_file(text: &str) -> Vec<String> {
    let lines = text.lines().count();
    if lines < FILE_LINES { Vec::new() } else { vec![format!("{lines}: a file has less than {FILE_LINES} lines")] }
}

/// In formatted code a function ends at the first closing brace with its own indentation.
pub(crate) fn long_functions(text: &str) -> Vec<String> {
    let code = code(text);
    let lines: Vec<&str> = code.lines().map(str::trim_end).collect();
    let mut complaints = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        if !is_function(line) || line.ends_with(['}', ';']) {
            continue;
        }
        let indent = indentation(line);
        let ends = |line: &str| indentation(line) == indent && (line.trim() == "}" || line.ends_with(';'));
        let Some(length) = lines[start..].iter().position(|line| ends(line)).map(|last| last + 1) else { continue };
        if length > FUNCTION_LINES {
            complaints.push(format!("{}: a function of {length} lines; at most {FUNCTION_LINES}", start + 1));
        }
    }
    complaints
}

fn is_function(line: &str) -> bool {
    let head = line.split("fn ").next().unwrap_or_default();
    let modifier = |word: &str| {
        word.starts_with("pub") || ["const", "unsafe", "async", "extern", "in"].contains(&word) || word.ends_with(')')
    };
    line.contains("fn ") && head.split_whitespace().all(modifier)
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

pub(crate) fn unsafe_code(text: &str) -> Vec<String> {
    let code = code(text);
    let lines = code.lines().enumerate().filter(|(_, line)| words(line, "unsafe").next().is_some());
    lines.map(|(at, _)| format!("{}: unsafe code above greenlet", at + 1)).collect()
}

pub(crate) fn forbids_unsafe(text: &str) -> bool {
    code(text).lines().any(|line| line == "#![forbid(unsafe_code)]")
}

pub(crate) fn unargued_unsafe(text: &str) -> Vec<String> {
    let code = code(text);
    let lines: Vec<&str> = text.lines().collect();
    let mut complaints = Vec::new();
    for (at, line) in code.lines().enumerate() {
        for offset in words(line, "unsafe") {
            let after = line[offset + "unsafe".len()..].trim_start();
            let argued = if after.starts_with('{') || after.starts_with("impl") {
                let near = &lines[at.saturating_sub(ARGUMENT_LINES)..=at];
                near.iter().any(|line| line.contains("// SAFETY:"))
            } else if after.starts_with("fn ") {
                // A method of a trait has its contract there.
                comments_above(&lines, at).any(|line| line.contains("# Safety")) || in_trait_impl(&lines, at)
            } else {
                // A type of function pointers, or an attribute.
                true
            };
            if !argued {
                complaints.push(format!("{}: unsafe without its SAFETY comment or section", at + 1));
            }
        }
    }
    complaints
}

fn in_trait_impl(lines: &[&str], at: usize) -> bool {
    let indent = indentation(lines[at]);
    let outer = lines[..at].iter().rev().find(|line| !line.trim().is_empty() && indentation(line) < indent);
    outer.is_some_and(|line| is_impl(line.trim_start()) && line.contains(" for "))
}

fn is_impl(line: &str) -> bool {
    line.starts_with("impl") || line.starts_with("unsafe impl")
}

/// The comments and attributes right above a line.
fn comments_above<'a>(lines: &'a [&'a str], at: usize) -> impl Iterator<Item = &'a &'a str> {
    let part = |line: &&&str| line.trim_start().starts_with("//") || line.trim_start().starts_with("#[");
    lines[..at].iter().rev().take_while(part)
}

pub(crate) fn left_undone(text: &str) -> Vec<String> {
    let code = code(text);
    let marks = ["todo!(", "unimplemented!(", "dbg!(", "#[ignore"];
    let found = code.lines().enumerate().flat_map(|(at, line)| {
        let marks = marks.iter().filter(move |mark| line.contains(**mark));
        marks.map(move |mark| format!("{}: {mark}", at + 1))
    });
    found.collect()
}

pub(crate) fn unreasoned_allowances(text: &str) -> Vec<String> {
    let code = code(text);
    let mut complaints = Vec::new();
    for start in ["#[allow(", "#![allow(", "#[expect(", "#![expect("] {
        for (at, _) in code.match_indices(start) {
            let end = code[at..].find(']').map_or(code.len(), |length| at + length);
            if words(&code[at..end], "reason").next().is_none() {
                complaints.push(format!("{}: {start} without a reason", code[..at].matches('\n').count() + 1));
            }
        }
    }
    complaints
}

pub(crate) fn trailing_white_space(text: &str) -> Vec<String> {
    let lines = text.split('\n').enumerate().filter(|(_, line)| line.ends_with(char::is_whitespace));
    lines.map(|(at, _)| format!("{}: white space at the end", at + 1)).collect()
}

/// Where absolute paths begin that mean something on one machine only: homes, and where this copy of the repository lies.
pub(crate) fn machine_prefixes(root: &Path, home: Option<&Path>) -> Vec<String> {
    let mut prefixes: Vec<String> = ["home", "root", "Users"].iter().map(|folder| format!("/{folder}/")).collect();
    let near = [Some(root), root.parent(), home];
    let telling = |path: &&Path| path.parent().is_some() && *path != std::env::temp_dir();
    prefixes.extend(near.into_iter().flatten().filter(telling).map(|path| format!("{}/", path.display())));
    prefixes
}

pub(crate) fn paths_under(prefixes: &[String], text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for prefix in prefixes {
            let absolute = line.match_indices(&**prefix).any(|(offset, _)| {
                // The end of another path or of an address otherwise.
                !line[..offset].ends_with(|char: char| char.is_alphanumeric() || "._-/})>".contains(char))
            });
            if absolute {
                complaints.push(format!("{}: a path of a development machine", at + 1));
            }
        }
    }
    complaints
}

/// The names in a manifest's tables of dependencies.
pub(crate) fn dependencies(manifest: &str, with_tests: bool) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            let kind = table.rsplit('.').next().unwrap_or_default();
            let wanted = |kind: &str| {
                kind == "dependencies" || kind == "build-dependencies" || with_tests && kind == "dev-dependencies"
            };
            inside = wanted(kind) && table != "workspace.dependencies";
            // `[dependencies.name]`
            if let Some((before, name)) = table.rsplit_once('.')
                && wanted(before)
            {
                names.push(name.to_owned());
            }
        } else if inside && !line.starts_with('#') && !line.is_empty() {
            names.extend(line.split(['.', '=', ' ']).next().map(str::to_owned));
        }
    }
    names
}

/// A page lists the files of a folder in a table under a heading that has the folder's name; what is missing, and what is not
/// there any more.
pub(crate) fn unlisted(page: &str, folder: &str, there: &[String]) -> Vec<String> {
    let heading = format!("`{folder}`");
    let mut lines = page.lines().skip_while(|line| !(line.starts_with('#') && line.contains(&heading)));
    if lines.next().is_none() {
        return vec![format!("no heading with {heading}")];
    }
    let rows = lines.take_while(|line| !line.starts_with('#')).filter_map(|line| line.strip_prefix("| `"));
    let listed: BTreeSet<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    let there: BTreeSet<&str> = there.iter().map(|path| &**path).collect();
    let missing = there.difference(&listed).map(|path| format!("{path} is not listed"));
    let stale = listed.difference(&there).map(|path| format!("{path} is listed and not there"));
    missing.chain(stale).collect()
}

/// A page with listings is included where `cargo test` finds it, and none of them is exempted.
pub(crate) fn untested(path: &str, page: &str, doctests: &str) -> Option<String> {
    let mut listings = page.lines().filter(|line| line.trim_start().starts_with("```rust")).peekable();
    let exempted = |line: &str| line.contains("ignore") || line.contains("no_run");
    if listings.peek().is_some() && !doctests.contains(&format!("\"../{path}\"")) {
        return Some(format!("{path} has listings and is not in src/doctests.rs"));
    }
    listings.any(exempted).then(|| format!("{path} has a listing that does not run"))
}

pub(crate) fn first_listing(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("```rust\n")?;
    rest.split_once("```").map(|(listing, _)| listing)
}

/// A program without the comment that it begins with.
pub(crate) fn without_head(program: &str) -> &str {
    program.split_once("\n\n").filter(|(head, _)| head.starts_with("//!")).map_or(program, |(_, rest)| rest)
}

/// The files that a page refers to.
pub(crate) fn links(page: &str) -> Vec<&str> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains("://")).collect()
}

#[cfg(test)]
mod can_fail {
    use super::*;

    #[test]
    fn long_file_is_found() {
        assert!(long_file(&"x\n".repeat(399)).is_empty());
        assert_eq!(long_file(&"x\n".repeat(400)).len(), 1);
    }

    #[test]
    fn long_function_is_found() {
        let function =
            |head: &str, lines: usize| format!("    {head} {{\n{}    }}\n", "        x();\n".repeat(lines - 2));
        for head in ["fn f()", "pub(crate) unsafe fn f()", "pub const fn f()", "extern \"C\" fn f()"] {
            assert!(long_functions(&function(head, 70)).is_empty(), "{head}");
            assert_eq!(long_functions(&function(head, 71)), ["1: a function of 71 lines; at most 70"], "{head}");
        }
        let declared = format!("trait T {{\n    fn a(\n        x: u8,\n    );\n{}}}\n", "    fn b();\n".repeat(80));
        assert!(long_functions(&declared).is_empty());
    }

    #[test]
    fn unsafe_is_found() {
        assert!(unsafe_code("#![forbid(unsafe_code)]\n// unsafe\nlet a = \"unsafe\";\n").is_empty());
        assert_eq!(unsafe_code("a();\nunsafe { b() }\n").len(), 1);
        assert!(forbids_unsafe("//! Docs.\n\n#![forbid(unsafe_code)]\n"));
        assert!(!forbids_unsafe("// #![forbid(unsafe_code)]\n#![deny(unsafe_code)]\n"));
    }

    #[test]
    fn unargued_unsafe_is_found() {
        let good =
            "// SAFETY: b holds.\nlet a = unsafe { b() };\n/// # Safety\n///\n/// C.\n#[inline]\nunsafe fn c() {}\n";
        assert!(unargued_unsafe(good).is_empty());
        assert!(unargued_unsafe("struct A { run: unsafe fn(*mut ()) }\n").is_empty());
        let contract = "// SAFETY: b.\nunsafe impl A for B {\n    x();\n    unsafe fn a() {}\n}\n";
        assert!(unargued_unsafe(contract).is_empty());
        assert_eq!(unargued_unsafe("impl A {\n    unsafe fn a() {}\n}\n").len(), 1);
        for bad in ["unsafe { b() }\n", "/// Docs.\nunsafe fn c() {}\n", "unsafe impl Send for A {}\n"] {
            assert_eq!(unargued_unsafe(bad).len(), 1, "{bad}");
        }
        let far = format!("// SAFETY: b holds.\n{}unsafe {{ b() }}\n", "x();\n".repeat(ARGUMENT_LINES));
        assert_eq!(unargued_unsafe(&far).len(), 1);
    }

    #[test]
    fn undone_is_found() {
        assert!(left_undone("// todo!()\nlet a = \"dbg!(x)\";\n").is_empty());
        for bad in ["todo!()", "unimplemented!()", "dbg!(x)", "#[ignore = \"slow\"]"] {
            assert_eq!(left_undone(bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn unreasoned_allowance_is_found() {
        assert!(unreasoned_allowances("#[allow(\n    dead_code,\n    reason = \"[x]\"\n)]\n").is_empty());
        assert_eq!(unreasoned_allowances("a\n#[allow(dead_code)]\nb"), ["2: #[allow( without a reason"]);
        assert_eq!(unreasoned_allowances("#![allow(dead_code)] // reason = x").len(), 1);
    }

    #[test]
    fn trailing_white_space_is_found() {
        assert!(trailing_white_space("a\n\nb\n").is_empty());
        for bad in ["a \nb\n", "a\t\n", "a\r\n", "a\n "] {
            assert_eq!(trailing_white_space(bad).len(), 1, "{bad:?}");
        }
    }

    #[test]
    fn machine_path_is_found() {
        let prefixes = machine_prefixes(Path::new("/somewhere/copy"), Some(Path::new("/me")));
        let find = |text: &str| paths_under(&prefixes, text).len();
        assert_eq!(find("see ../me/x, a/somewhere/x, https://example.org/home/x and /proc/self/maps"), 0);
        for folder in ["home", "root", "Users", "somewhere", "me"] {
            assert!(find(&format!("see \"/{folder}/x\"")) > 0, "{folder}");
        }
    }

    #[test]
    fn dependency_is_found() {
        let manifest = "[package]\nname = \"a\"\n[dependencies]\n# Why.\nb.workspace = true\nc = \"1\"\n\
                        [target.'cfg(unix)'.dependencies]\nd = { path = \"d\" }\n[dev-dependencies]\ne = \"1\"\n\
                        [dependencies.f]\npath = \"f\"\n[features]\ng = []\n";
        assert_eq!(dependencies(manifest, false), ["b", "c", "d", "f"]);
        assert_eq!(dependencies(manifest, true), ["b", "c", "d", "e", "f"]);
        assert!(dependencies("[workspace.dependencies]\na = \"1\"\n", true).is_empty());
    }

    #[test]
    fn unlisted_file_is_found() {
        let page =
            "# A\n| `z.rs` | x |\n## `b/src/`\n\n| File | Is |\n| --- | --- |\n| `c.rs` | c |\n| `d/e.rs` | e |\n# B\n";
        let there = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
        assert!(unlisted(page, "b/src/", &there(&["c.rs", "d/e.rs"])).is_empty());
        assert_eq!(unlisted(page, "b/src/", &there(&["c.rs", "d/e.rs", "z.rs"])), ["z.rs is not listed"]);
        assert_eq!(unlisted(page, "b/src/", &there(&["c.rs"])), ["d/e.rs is listed and not there"]);
        assert_eq!(unlisted(page, "x/src/", &[]), ["no heading with `x/src/`"]);
    }

    #[test]
    fn untested_page_is_found() {
        let doctests = "pages! {\n    a: \"../docs/a.md\"\n}\n";
        assert_eq!(untested("docs/a.md", "```rust\nx();\n```\n", doctests), None);
        assert_eq!(untested("docs/b.md", "```text\nx\n```\n", doctests), None);
        assert!(untested("docs/b.md", "```rust\nx();\n```\n", doctests).is_some());
        assert!(untested("docs/a.md", "```rust,no_run\nx();\n```\n", doctests).is_some());
    }

    #[test]
    fn another_program_is_found() {
        let page = "Text.\n\n```rust\nfn main() {}\n```\n\n```rust\nx();\n```\n";
        assert_eq!(first_listing(page), Some("fn main() {}\n"));
        assert_eq!(without_head("//! Docs.\n\nfn main() {}\n"), "fn main() {}\n");
        assert_ne!(without_head("//! Docs.\n\nfn main() { x() }\n"), "fn main() {}\n");
    }

    #[test]
    fn links_are_found() {
        let page = "[a](a.md) [b](docs/b.md#part), [c](https://example.org/c.md), [d](#part)";
        assert_eq!(links(page), ["a.md", "docs/b.md"]);
    }
}
