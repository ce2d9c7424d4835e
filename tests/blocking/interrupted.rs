//! Operations over the pool of threads whose callers are killed, cancelled, or out of time: what had not begun never happens, and what had
//! is finished, with nobody to hear of it.
//!
//! Each test is a process of its own, whose pool has one thread. While that is busy, nothing else begins.

use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use tasklets::process::Command;
use tasklets::{JoinError, Tasklet, Unblocked, current, fs, schedule, spawn, stats, timeout, unblock};

use crate::common::tool::{meaningless_under, program};
use crate::common::{checked, scale};

const CHILD: &str = "BLOCKING_TEST_CHILD";

/// How a caller is interrupted.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Killed,
    Cancelled,
    OutOfTime,
    CancelledBefore,
}

const WAYS: [Way; 4] = [Way::Killed, Way::Cancelled, Way::OutOfTime, Way::CancelledBefore];

/// Runs a test of this module in a process whose pool has one thread; true for that process.
fn with_one_thread(test: &str) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let output = program(std::env::current_exe().unwrap())
        .args([&format!("interrupted::{test}"), "--exact", "--nocapture", "--test-threads", "1"])
        .env(CHILD, "1")
        .env("BLOCKING_MAX_THREADS", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    false
}

/// Keeps the thread of the pool until what is returned is used.
fn keep_busy() -> impl FnOnce() {
    let (say, begun) = mpsc::channel();
    let (free, wait) = mpsc::channel::<()>();
    let busy = spawn(move || {
        unblock(move || {
            say.send(()).unwrap();
            let _ = wait.recv();
        })
        .unwrap();
    });
    schedule().unwrap();
    begun.recv().unwrap();
    move || {
        drop(free);
        busy.join().unwrap();
        // What was queued meanwhile comes before this.
        unblock(|| ()).unwrap();
    }
}

/// Interrupts an operation that cannot go on.
fn interrupt(way: Way, operation: impl FnOnce() + 'static) {
    let tasklet: Tasklet<()> = spawn(move || match way {
        Way::Killed | Way::Cancelled => operation(),
        Way::OutOfTime => assert!(timeout(Duration::from_millis(1), operation).is_err()),
        Way::CancelledBefore => {
            current().cancel();
            let _ = catch_unwind(AssertUnwindSafe(operation)).unwrap_err();
        }
    });
    for _ in 0..3 {
        schedule().unwrap();
    }
    match way {
        Way::OutOfTime | Way::CancelledBefore => tasklet.join().unwrap(),
        Way::Killed | Way::Cancelled => {
            assert!(tasklet.is_blocked(), "{way:?}: it has to wait");
            if way == Way::Killed {
                tasklet.kill().unwrap()
            } else {
                tasklet.cancel()
            }
            assert!(matches!(tasklet.join(), Err(JoinError::Killed)), "{way:?}");
        }
    }
}

fn folder() -> PathBuf {
    let thread = std::thread::current().id();
    let folder = std::env::temp_dir().join(format!("interrupted-work-{}-{thread:?}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("from"), "one\ntwo\n").unwrap();
    folder
}

/// The operation waits for a thread, is interrupted in each way, and does not happen: the folder is as it was.
fn never_happens(test: &str, operation: fn(&Path)) {
    if !with_one_thread(test) {
        return;
    }
    for way in WAYS {
        checked(move || {
            let folder = folder();
            let theirs = folder.clone();
            let free = keep_busy();
            interrupt(way, move || operation(&theirs));
            assert_eq!(stats().blocked, 1, "{way:?}: but for the one that keeps the thread busy");
            free();
            let left = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
            assert_eq!(left, ["from"], "{way:?}");
            assert_eq!(std::fs::read(folder.join("from")).unwrap(), b"one\ntwo\n", "{way:?}");
            std::fs::remove_dir_all(folder).unwrap();
        });
    }
}

macro_rules! never_happens {
    ($($name:ident: $operation:expr,)*) => {$(
        #[test]
        fn $name() {
            never_happens(stringify!($name), $operation);
        }
    )*};
}

never_happens! {
    a_closure: |folder| {
        let path = folder.join("to");
        drop(unblock(move || std::fs::write(path, "x")));
    },
    a_read_of_a_file: |folder| drop(fs::read(folder.join("from"))),
    a_write_of_a_file: |folder| drop(fs::write(folder.join("to"), "x")),
    a_write_over_a_file: |folder| drop(fs::write(folder.join("from"), "x")),
    a_copy: |folder| drop(fs::copy(folder.join("from"), folder.join("to"))),
    a_rename: |folder| drop(fs::rename(folder.join("from"), folder.join("to"))),
    a_removal: |folder| drop(fs::remove_file(folder.join("from"))),
    a_new_folder: |folder| drop(fs::create_dir_all(folder.join("a/b"))),
    a_look_into_a_folder: |folder| drop(fs::read_dir(folder)),
    lines_of_a_file: |folder| drop(fs::lines(folder.join("from"))),
    opening_a_file: |folder| drop(fs::File::create(folder.join("to"))),
    a_child: |folder| drop(Command::new("touch").arg(folder.join("to")).output()),
    a_childs_start: |folder| drop(Command::new("touch").arg(folder.join("to")).spawn()),
    a_childs_status: |folder| drop(Command::new("touch").arg(folder.join("to")).status()),
    a_lookup: |_| drop(tasklets::net::lookup_host(("localhost", 80))),
    a_connect_by_name: |_| drop(tasklets::net::TcpStream::connect("localhost:1")),
    a_read_of_standard_input: |_| drop(tasklets::stdin().read_line(&mut String::new())),
}

/// A pipe's end that blocks its thread.
fn pipe() -> (UnixStream, UnixStream) {
    UnixStream::pair().unwrap()
}

#[test]
fn a_read_of_a_pipe_that_has_begun() {
    use std::io::{Read, Write};
    for way in [Way::Killed, Way::Cancelled, Way::OutOfTime] {
        checked(move || {
            let (here, mut there) = pipe();
            let reader = std::rc::Rc::new(std::cell::RefCell::new(Unblocked::new(here)));
            let theirs = reader.clone();
            interrupt(way, move || drop(theirs.borrow_mut().read(&mut [0; 8])));
            there.write_all(b"kept").unwrap();
            drop(there);
            // It was read for who is gone, or was not; it is there for the next one all the same, and nothing else.
            let mut all = Vec::new();
            reader.borrow_mut().read_to_end(&mut all).unwrap();
            assert_eq!(all, b"kept", "{way:?}");
        });
    }
}

#[test]
fn a_read_of_a_file_that_has_begun() {
    use std::io::{Read, Write};
    for way in [Way::Killed, Way::Cancelled, Way::OutOfTime] {
        checked(move || {
            let (reader, mut writer) = std::io::pipe().unwrap();
            let file = fs::File::from(std::fs::File::from(std::os::fd::OwnedFd::from(reader)));
            let theirs = std::rc::Rc::new(file);
            let mut ours = theirs.clone();
            interrupt(way, move || drop((&*theirs).read(&mut [0; 1])));
            writer.write_all(b"ab").unwrap();
            drop(writer);
            let mut all = Vec::new();
            std::rc::Rc::get_mut(&mut ours).unwrap().read_to_end(&mut all).unwrap();
            // As documented: a read that had begun has moved the position.
            assert!([&b"ab"[..], b"a", b"b"].contains(&&all[..]), "{way:?}: {all:?}");
        });
    }
}

#[test]
fn a_write_that_has_begun_is_finished() {
    use std::io::{Read, Write};
    if !with_one_thread("a_write_that_has_begun_is_finished") {
        return;
    }
    for way in [Way::Killed, Way::Cancelled, Way::OutOfTime] {
        checked(move || {
            let (here, mut there) = pipe();
            // So that not a byte more fits.
            here.set_nonblocking(true).unwrap();
            let full = std::iter::from_fn(|| (&here).write(&[b'-'; 4096]).ok()).sum::<usize>();
            here.set_nonblocking(false).unwrap();
            let mut writer = Unblocked::new(here);
            let (say, begun) = mpsc::channel();
            interrupt(way, move || {
                say.send(()).unwrap();
                drop(writer.write(b"finished"));
            });
            begun.recv().unwrap();
            // That the thread has begun is not seen from outside; what it was given is written whole, or not at all.
            let mut all = Vec::new();
            there.read_to_end(&mut all).unwrap();
            assert!(all[..full].iter().all(|byte| *byte == b'-'));
            assert!([&b""[..], b"finished"].contains(&&all[full..]), "{way:?}");
        });
    }
}

#[test]
fn a_wait_for_a_child_that_has_begun() {
    for way in [Way::Killed, Way::Cancelled, Way::OutOfTime] {
        checked(move || {
            let mut child = Command::new("sh")
                .arg("-c")
                .arg("read line; exit 7")
                .stdin(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let stdin = child.stdin.take();
            let child = std::rc::Rc::new(std::cell::RefCell::new(child));
            let theirs = child.clone();
            interrupt(way, move || drop(theirs.borrow_mut().wait()));
            assert!(child.borrow_mut().try_wait().unwrap().is_none(), "{way:?}: it goes on");
            drop(stdin);
            assert_eq!(child.borrow_mut().wait().unwrap().code(), Some(7), "{way:?}");
        });
    }
}

/// A child that fills both of its pipes, in turns, needs no second thread of the pool.
#[test]
fn a_child_that_fills_its_pipes() {
    if !with_one_thread("a_child_that_fills_its_pipes") {
        return;
    }
    let script = "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2";
    checked(move || {
        for _ in 0..3 {
            let mut child = Command::new("sh");
            child.arg("-c").arg(script).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            let child = child.spawn().unwrap();
            // Whatever happens, the test ends.
            let output = timeout(Duration::from_secs(100), || child.wait_with_output().unwrap()).unwrap();
            assert_eq!((output.stdout.len(), output.stderr.len()), (300_000, 600_000));
        }
    });
}

/// The thread of the pool is free, and would begin at once.
#[test]
fn who_is_cancelled_already_begins_nothing() {
    if !with_one_thread("who_is_cancelled_already_begins_nothing") {
        return;
    }
    for _ in 0..scale(20) {
        checked(|| {
            let (say, hear) = mpsc::channel();
            interrupt(Way::CancelledBefore, move || drop(unblock(move || say.send("begun"))));
            unblock(|| ()).unwrap();
            assert_eq!(hear.iter().next(), None);
        });
    }
}

/// A command whose caller is gone can be run again: it is what it was.
#[test]
fn a_command_is_as_it_was() {
    if meaningless_under(&["qemu"], "programs that it starts are not emulated") {
        return;
    }
    for way in WAYS {
        checked(move || {
            let folder = folder();
            let mut command = Command::new("sh");
            // The first one waits until it may end.
            command.arg("-c").arg("until [ -e go ]; do sleep 0.01; done; echo said").current_dir(&folder);
            let command = std::rc::Rc::new(std::cell::RefCell::new(command));
            let theirs = command.clone();
            interrupt(way, move || drop(theirs.borrow_mut().output()));
            std::fs::write(folder.join("go"), "").unwrap();
            let output = command.borrow_mut().output().unwrap();
            assert_eq!(output.stdout, b"said\n", "{way:?}");
            assert!(format!("{:?}", command.borrow()).contains("sh"), "{way:?}");
            std::fs::remove_dir_all(folder).unwrap();
        });
    }
}
