//! The example that counts words, on folders that are made for it.

mod common;
#[path = "common/example.rs"]
mod example;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use example::{command, output, text};
use tempfile::TempDir;

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder for files can be made");
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("files are in a folder")).expect("folders can be made");
        fs::write(path, content).expect("files can be written");
    }
    folder
}

fn wordcount(folder: &TempDir) -> Command {
    let mut command = command("wordcount");
    command.current_dir(folder.path());
    command
}

/// Standard output and standard error of a run that succeeds.
fn succeed(command: &mut Command) -> (String, String) {
    let Output { status, stdout, stderr } = output(command);
    let (out, err) = (text(stdout), text(stderr));
    assert!(status.success(), "{command:?} failed: {status}\n{out}{err}");
    (out, err)
}

/// What the example prints before its last line, counted in the plainest way.
fn counted(texts: &[&str], skipped: usize, top: usize) -> String {
    let mut counts = BTreeMap::new();
    let (mut words, mut bytes) = (0, 0);
    for text in texts {
        bytes += text.len();
        let mut word = String::new();
        for c in text.chars().chain([' ']) {
            if c.is_alphabetic() {
                word.push(c);
            } else if !word.is_empty() {
                *counts.entry(std::mem::take(&mut word).to_lowercase()).or_insert(0_usize) += 1;
                words += 1;
            }
        }
    }
    let distinct = counts.len();
    let mut frequent: Vec<_> = counts.into_iter().collect();
    frequent.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let lines: String = frequent.iter().take(top).map(|(word, count)| format!("{count:>10}  {word}\n")).collect();
    let files = texts.len();
    format!("{lines}{files} files ({skipped} more skipped), {words} words ({distinct} distinct), {bytes} bytes\n")
}

/// Checks the output; the last line is that of the scheduler: the messages that it must have taken, and switches.
#[track_caller]
fn check(printed: &str, counted: &str, tasklets: usize, messages: usize) {
    let Some(last) = printed.strip_prefix(counted) else { panic!("printed:\n{printed}\nexpected:\n{counted}") };
    let begin = format!("{tasklets} tasklets, {messages} messages, ");
    let switches = last.strip_prefix(&begin).and_then(|rest| rest.strip_suffix(" switches\n"));
    let switches = switches.unwrap_or_else(|| panic!("the last line is {last:?} and should begin with {begin:?}"));
    let switches: usize = switches.parse().expect("a number of switches");
    assert!(switches >= tasklets.max(messages) - 1, "{messages} messages with {switches} switches");
}

#[test]
fn counts_nested_folders_and_skips_what_is_not_text() {
    let unicode = "Straße STRASSE straße ΣΊΣΥΦΟΣ σίσυφος naïve don't x2y 東京 東京";
    let deep = "The end. the END? (the) _end_\nthe-end\tÀ à";
    let late = [b"word ".repeat(20_000).as_slice(), b"\0"].concat();
    let folder = folder(&[
        ("a.txt", unicode.as_bytes()),
        ("b/c/d/deep.md", deep.as_bytes()),
        ("b/empty", b""),
        ("b/binary.bin", b"text\0text"),
        ("b/late.bin", &late),
        ("b/latin1.txt", b"caf\xe9 caf\xe9"),
        (".git/objects/x", b"git git git"),
        ("b/target/debug/y", b"built built"),
        ("z/target", b"target is a file here"),
        ("z/.hidden", b"hidden too"),
    ]);
    let texts = [unicode, deep, "", "target is a file here", "hidden too"];
    let (out, err) = succeed(&mut wordcount(&folder));
    // One message for the walker, eight for readers, five for counters, eight for the merger; ten actors.
    check(&out, &counted(&texts, 3, 20), 10, 1 + 8 + 5 + 8);
    let mut named: Vec<&str> = err.lines().collect();
    named.sort_unstable();
    let expected = [
        "wordcount: skipped ./b/binary.bin: binary: byte 4 is NUL",
        "wordcount: skipped ./b/late.bin: binary: byte 100000 is NUL",
        "wordcount: skipped ./b/latin1.txt: not UTF-8: invalid utf-8 sequence of 1 bytes from index 3",
    ];
    assert_eq!(named, expected);
    assert!(out.contains("         4  the\n"), "words are in lower case: {out}");

    let again = succeed(&mut wordcount(&folder));
    assert_eq!(again, (out, err), "two runs differ");
}

#[test]
fn takes_files_and_folders_and_numbers() {
    let folder = folder(&[("one", b"b a b"), ("two/x", b"a c"), ("two/target/x", b"d"), ("three", b"not asked for")]);
    let arguments = ["--top", "2", "--readers", "1", "--counters", "2", "one", "two", "one", "two/target"];
    let (out, err) = succeed(wordcount(&folder).args(arguments));
    check(&out, &counted(&["b a b", "a c", "b a b", "d"], 0, 2), 5, 4 + 4 + 4 + 4);
    assert_eq!(err, "");
}

#[test]
fn nothing_to_count() {
    let folder = folder(&[]);
    let (out, err) = succeed(&mut wordcount(&folder));
    check(&out, &counted(&[], 0, 20), 10, 1);
    assert_eq!(err, "");
}

#[test]
fn counts_thousands_of_files_as_a_plain_loop_does() {
    let source = include_str!("../examples/robots.rs");
    let lines: Vec<String> = source.lines().map(|line| format!("{line}\n")).collect();
    let texts: Vec<String> = (0..2000).map(|n| lines[n % lines.len()..].concat()).collect();
    let names: Vec<String> = (0..texts.len()).map(|n| format!("{}/{}/{n}.rs", n % 7, n % 13)).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(String::as_str).zip(texts.iter().map(String::as_bytes)).collect();
    let folder = folder(&files);
    let (out, err) = succeed(&mut wordcount(&folder));
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    check(&out, &counted(&texts, 0, 20), 10, 1 + 3 * texts.len());
    assert_eq!(err, "");
}

#[test]
fn a_missing_path_is_an_error() {
    let folder = folder(&[("there", b"word")]);
    let Output { status, stdout, stderr } = output(wordcount(&folder).args(["there", "not-there"]));
    assert_eq!(status.code(), Some(2));
    assert_eq!(text(stdout), "");
    let err = text(stderr);
    assert!(err.starts_with("error: invalid value 'not-there' for '[PATH]...': "), "{err}");
}

#[test]
fn help_says_what_a_word_is() {
    let folder = folder(&[]);
    let (out, err) = succeed(wordcount(&folder).arg("--help"));
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(out.contains("A word is a maximal run of alphabetic characters"), "{out}");
    assert!(out.contains("Usage: wordcount"), "{out}");
    assert_eq!(err, "");
}

#[test]
fn numbers_of_actors_are_checked() {
    let folder = folder(&[]);
    let Output { status, stderr, .. } = output(wordcount(&folder).args(["--counters", "0"]));
    assert_eq!(status.code(), Some(2));
    assert!(text(stderr).contains("invalid value '0' for '--counters <N>'"));
}

#[cfg(unix)]
mod unix {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn links_do_not_lead_in_circles() {
        let folder = folder(&[("a/file", b"word"), ("b/file", b"other")]);
        let at = |name: &str| folder.path().join(name);
        symlink("..", at("a/up")).expect("links can be made");
        symlink("a", at("folder")).expect("links can be made");
        symlink("../b/file", at("a/linked")).expect("links can be made");
        symlink("circle", at("circle")).expect("links can be made");
        symlink("nowhere", at("dangling")).expect("links can be made");
        let (out, err) = succeed(&mut wordcount(&folder));
        check(&out, &counted(&["word", "other", "other"], 2, 20), 10, 1 + 5 + 3 + 5);
        assert_eq!(err.lines().count(), 2, "{err}");
        assert!(err.contains("skipped ./circle: ") && err.contains("skipped ./dangling: "), "{err}");

        let (out, err) = succeed(wordcount(&folder).arg("folder"));
        check(&out, &counted(&["word", "other"], 0, 20), 10, 1 + 2 + 2 + 2);
        assert_eq!(err, "", "a link to a folder that is given is followed");
    }

    #[test]
    fn unreadable_files_and_folders_are_named() {
        let folder = folder(&[("secret", b"hush"), ("shut/in", b"hush"), ("open", b"word")]);
        let (secret, shut) = (folder.path().join("secret"), folder.path().join("shut"));
        for path in [&secret, &shut] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o000)).expect("rights can be taken away");
        }
        let as_root = fs::read(&secret).is_ok();
        let (out, err) = succeed(&mut wordcount(&folder));
        fs::set_permissions(&shut, fs::Permissions::from_mode(0o700)).expect("rights can be given");
        // Root reads what it likes.
        if !as_root {
            check(&out, &counted(&["word"], 2, 20), 10, 1 + 2 + 1 + 3);
            let expected = ["./secret", "./shut"].map(|path| format!("skipped {path}: Permission denied"));
            assert!(expected.iter().all(|line| err.contains(line)), "{err}");
        }
    }

    #[test]
    fn pipes_are_not_waited_for_and_any_name_will_do() {
        let folder = folder(&[("open", b"word")]);
        fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"b\xffd\n")), "name").expect("any name will do");
        let _socket =
            std::os::unix::net::UnixListener::bind(folder.path().join("socket")).expect("sockets can be made");
        let made = Command::new("mkfifo").arg(folder.path().join("pipe")).status().is_ok_and(|status| status.success());
        let skipped = if made { 2 } else { 1 };
        let (out, err) = succeed(&mut wordcount(&folder));
        check(&out, &counted(&["word", "name"], skipped, 20), 10, 1 + 2 + 2 + 2 + skipped);
        assert!(err.contains("skipped ./socket: not a regular file"), "{err}");
    }

    #[test]
    fn a_reader_of_the_output_may_leave() {
        let folder = folder(&[("file", b"word")]);
        let mut child = wordcount(&folder).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        drop(child.stdout.take());
        let Output { status, stderr, .. } = child.wait_with_output().expect("it ends");
        assert!(status.success(), "{status}");
        assert_eq!(text(stderr), "");
    }
}

#[test]
fn deep_folders_are_walked() {
    let depth = 400;
    let name = format!("{}leaf", "f/".repeat(depth));
    let folder = folder(&[(&name, b"deep")]);
    assert!(Path::new(&name).components().count() == depth + 1);
    let (out, err) = succeed(&mut wordcount(&folder));
    check(&out, &counted(&["deep"], 0, 20), 10, 4);
    assert_eq!(err, "");
}
