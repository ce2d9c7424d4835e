//! The time of day: nothing here goes by it, so that nothing happens when somebody sets the clock.

use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// What is waited for is a moment of `Instant`, or a time relative to one. Programs of `examples/` tell the date in answers over HTTP.
#[test]
fn the_library_does_not_know_the_time_of_day() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src", "channels/src", "runtime/scheduler/src", "runtime/greenlet/src"] {
        sources(&root.join(folder), &mut found);
    }
    assert!(found.len() > 100, "{}", found.len());
    let by_the_wall = |path: &&PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        ["SystemTime", "UNIX_EPOCH", "CLOCK_REALTIME", "gettimeofday", "clock_realtime"]
            .iter()
            .any(|name| text.contains(name))
    };
    assert_eq!(found.iter().filter(by_the_wall).collect::<Vec<_>>(), [] as [&PathBuf; 0]);
}
