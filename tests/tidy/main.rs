//! The shape of the code, as tests: what a reviewer would otherwise have to look for by eye.
//!
//! Each check is a function from text to complaints, so that it can be shown to fail: `checks.rs` tests every one of them on
//! a bad snippet.

mod checks;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

/// The crates that users depend on, lowest first, and the crates of this workspace that each may use.
const LAYERS: [(&str, &str, &[&str]); 4] = [
    ("greenlet", "runtime/greenlet", &[]),
    ("tasklets-runtime", "runtime/scheduler", &["greenlet"]),
    ("tasklets-channels", "channels", &["tasklets-runtime"]),
    ("tasklets", ".", &["tasklets-runtime", "tasklets-channels"]),
];

/// Where `unsafe` lives: in one crate, and in a program that measures what that crate is made of, which nothing depends on.
const UNSAFE: [&str; 2] = ["runtime/greenlet/", "benches/peers/src/references/"];

fn may_be_unsafe(path: &str) -> bool {
    UNSAFE.iter().any(|folder| path.starts_with(folder))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The workspace's files with one of these endings, as paths from its root, and what is in them.
fn files(endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path: PathBuf = entry.expect("a readable entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let skipped = name == "target" || name.starts_with('.') && name != ".ci";
            if path.is_dir() && !skipped {
                folders.push(path);
            } else if path.is_file() && endings.iter().any(|ending| name.ends_with(ending)) {
                let text = fs::read_to_string(&path).expect("a text file");
                let path = path.strip_prefix(root()).expect("under the root").to_string_lossy().replace('\\', "/");
                found.push((path, text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "there are files that end in {endings:?}");
    found
}

/// Fails with every complaint of a check about these files.
fn check(files: &[(String, String)], check: impl Fn(&str) -> Vec<String>) {
    let complaints: Vec<String> = files
        .iter()
        .flat_map(|(path, text)| check(text).into_iter().map(move |complaint| format!("{path}:{complaint}")))
        .collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn files_are_short() {
    check(&files(&[".rs"]), checks::long_file);
}

#[test]
fn functions_are_short() {
    check(&files(&[".rs"]), checks::long_functions);
}

#[test]
fn unsafe_is_in_greenlet_alone() {
    let above: Vec<_> = files(&[".rs"]).into_iter().filter(|(path, _)| !may_be_unsafe(path)).collect();
    check(&above, checks::unsafe_code);
}

#[test]
fn crates_above_greenlet_forbid_unsafe() {
    for (name, folder, _) in LAYERS.iter().filter(|(_, folder, _)| !may_be_unsafe(&format!("{folder}/"))) {
        let lib = fs::read_to_string(root().join(folder).join("src/lib.rs")).expect("a lib.rs");
        assert!(checks::forbids_unsafe(&lib), "{name} does not say #![forbid(unsafe_code)]");
    }
}

#[test]
fn unsafe_is_argued_for() {
    let there: Vec<_> = files(&[".rs"]).into_iter().filter(|(path, _)| may_be_unsafe(path)).collect();
    check(&there, checks::unargued_unsafe);
}

#[test]
fn nothing_is_left_undone() {
    check(&files(&[".rs"]), checks::left_undone);
}

#[test]
fn allowances_have_reasons() {
    check(&files(&[".rs"]), checks::unreasoned_allowances);
}

#[test]
fn lines_do_not_end_in_white_space() {
    check(&files(&[".rs", ".md", ".toml", ".txt", "run"]), checks::trailing_white_space);
}

#[test]
fn no_path_of_a_development_machine() {
    let machine = checks::machine_prefixes(root(), std::env::home_dir().as_deref());
    check(&files(&[".rs", ".md", ".toml", ".txt", "run"]), |text| checks::paths_under(&machine, text));
}

#[test]
fn layers_depend_only_on_those_below() {
    let workspace: Vec<&str> = LAYERS.iter().map(|(name, ..)| *name).chain(["tasklets-bench"]).collect();
    for (name, folder, allowed) in LAYERS {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a Cargo.toml");
        // Tests of the front door may look at every layer.
        let with_tests = folder != ".";
        let ours = checks::dependencies(&manifest, with_tests).into_iter().filter(|name| workspace.contains(&&**name));
        let wrong: Vec<String> = ours.filter(|dependency| !allowed.contains(&&**dependency)).collect();
        assert!(wrong.is_empty(), "{name} depends on {wrong:?}, and may only on {allowed:?}");
    }
}

#[test]
fn the_architecture_lists_every_source_file() {
    let page = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("docs/ARCHITECTURE.md");
    for (_, folder, _) in LAYERS {
        let prefix = if folder == "." { "src/".to_owned() } else { format!("{folder}/src/") };
        let there: Vec<String> =
            files(&[".rs"]).iter().filter_map(|(path, _)| path.strip_prefix(&prefix).map(str::to_owned)).collect();
        let complaints = checks::unlisted(&page, &prefix, &there);
        assert!(complaints.is_empty(), "docs/ARCHITECTURE.md, {prefix}:\n{}", complaints.join("\n"));
    }
}

#[test]
fn every_page_is_tested() {
    let doctests = fs::read_to_string(root().join("src/doctests.rs")).expect("src/doctests.rs");
    let pages = files(&[".md"]).into_iter().filter(|(path, _)| path == "README.md" || path.starts_with("docs/"));
    let complaints: Vec<String> = pages.filter_map(|(path, text)| checks::untested(&path, &text, &doctests)).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn the_readme_shows_the_example_hello() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect(path);
    let (readme, hello) = (read("README.md"), read("examples/hello.rs"));
    assert_eq!(checks::first_listing(&readme), Some(checks::without_head(&hello)));
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut complaints = Vec::new();
    for (path, text) in files(&[".md"]) {
        let folder = root().join(&path).parent().expect("a file is in a folder").to_path_buf();
        let dead = checks::links(&text).into_iter().filter(|link| !folder.join(link).exists());
        complaints.extend(dead.map(|link| format!("{path}: {link} is not there")));
    }
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
