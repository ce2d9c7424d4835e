//! Backtraces as text: without the frames that are the same for everybody.

use std::backtrace::Backtrace;
use std::fmt;

/// Parts of paths that tell the machinery under a tasklet from its own code: these crates, in a workspace or from a registry,
/// the switching package, and the standard library.
const MACHINERY: [&str; 10] = [
    "/library/core/src/",
    "/library/alloc/src/",
    "/library/std/src/",
    "runtime/greenlet/src/",
    "runtime/scheduler/src/",
    "channels/src/",
    "/greenlet-",
    "/tasklets-runtime-",
    "/tasklets-channels-",
    "/generator-",
];

/// Writes a backtrace, each line behind `indent`. Without the frames at both ends that are not the tasklet's own, unless the
/// alternate form is asked for, or there are none of its own.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, backtrace: &Backtrace, indent: &str) -> fmt::Result {
    let text = backtrace.to_string();
    let frames = split(&text);
    let own = |frame: &&[&str]| f.alternate() || !is_machinery(frame);
    // What started the thread is above this one.
    let root = |frame: &Vec<&str>| frame[0].contains("__rust_begin_short_backtrace") && !f.alternate();
    let root = frames.iter().position(root).unwrap_or(frames.len());
    let first = frames[..root].iter().position(|frame| own(&frame.as_slice()));
    let last = frames[..root].iter().rposition(|frame| own(&frame.as_slice()));
    let shown = match (first, last) {
        (Some(first), Some(last)) => &frames[first..=last],
        _ => &frames[..],
    };
    for line in shown.iter().flatten() {
        write!(f, "\n{indent}{line}")?;
    }
    Ok(())
}

/// The lines of each frame: its number and name, and mostly another one with its place.
fn split(text: &str) -> Vec<Vec<&str>> {
    let mut frames: Vec<Vec<&str>> = Vec::new();
    for line in text.lines() {
        let number = line.trim_start().split_once(": ").is_some_and(|(number, _)| number.parse::<u32>().is_ok());
        match frames.last_mut() {
            Some(frame) if !number => frame.push(line),
            _ => frames.push(vec![line]),
        }
    }
    frames
}

/// Whether a frame is none of the tasklet's own. What has no place is the root of a stack, or a shim of the compiler's.
fn is_machinery(frame: &[&str]) -> bool {
    let place = frame.iter().skip(1).find_map(|line| line.trim_start().strip_prefix("at "));
    place.is_none_or(|place| MACHINERY.iter().any(|part| place.contains(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "   0: greenlet::capture::answer
             at /src/tasklets/runtime/greenlet/src/capture.rs:106:38
   1: tasklets_channels::channel::Channel<T>::receive
             at /registry/tasklets-channels-0.1.0/src/channel.rs:1:1
   2: clerk::wait
             at ./src/clerk.rs:3:61
   3: core::ops::function::FnOnce::call_once
             at /rustc/59807616e1fa/library/core/src/ops/function.rs:250:5
   4: clerk::main::{{closure}}
             at ./src/clerk.rs:6:79
   5: __rust_try
   6: std::panic::catch_unwind
             at /rustc/59807616e1fa/library/std/src/panic.rs:359:14
   7: start
";

    #[test]
    fn the_machinery_is_at_both_ends() {
        let frames = split(TEXT);
        let own: Vec<bool> = frames.iter().map(|frame| !is_machinery(frame)).collect();
        assert_eq!(own, [false, false, true, false, true, false, false, false]);
        assert_eq!(frames[5], ["   5: __rust_try"]);
    }
}
