//! `process`: children that only their tasklets wait for.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::time::Duration;

use tasklets::process::Command;
use tasklets::{JoinError, run, schedule, sleep, spawn, timeout};

use crate::common::tool::meaningless_under;
use crate::common::{checked, scale};

/// A script for the shell.
fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script);
    command
}

#[test]
fn output_and_status() {
    checked(|| {
        let output = shell("echo out; echo err >&2; exit 3").output().unwrap();
        assert_eq!((output.stdout, output.stderr), (b"out\n".to_vec(), b"err\n".to_vec()));
        assert_eq!(output.status.code(), Some(3));
        assert!(shell("exit 0").status().unwrap().success());
    });
}

#[test]
fn what_cannot_be_started_is_an_error() {
    if meaningless_under(&["valgrind", "qemu"], "it makes of vfork a fork, from which no error comes back") {
        return;
    }
    checked(|| {
        let error = Command::new("no such program").output().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    });
}

#[test]
fn what_a_command_is_told() {
    checked(|| {
        let mut command = shell("echo $0 $ONE $TWO; pwd");
        command
            .args(["zero"])
            .env_clear()
            .envs([("ONE", "1"), ("THREE", "3")])
            .env("TWO", "2")
            .env_remove("TWO")
            .current_dir("/");
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).stdout(Stdio::piped());
        // It can be run again.
        for _ in 0..2 {
            assert_eq!(command.output().unwrap().stdout, b"zero 1\n/\n");
        }
        assert!(format!("{command:?}").contains("sh"));
    });
}

#[test]
fn others_run_while_a_child_does() {
    checked(|| {
        let mut child =
            shell("read line; echo got $line").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let reader = spawn(move || {
            let mut text = String::new();
            child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
            (text, child.wait().unwrap())
        });
        schedule().unwrap();
        assert!(reader.is_blocked());
        // The child goes on because this tasklet does.
        writeln!(stdin, "this").unwrap();
        let (text, status) = reader.join().unwrap();
        assert_eq!(text, "got this\n");
        assert!(status.success());
    });
}

#[test]
fn a_childs_output_is_anothers_input() {
    checked(|| {
        let mut first = shell("echo one; echo two").stdout(Stdio::piped()).spawn().unwrap();
        let between = first.stdout.take().unwrap().into_inner().unwrap();
        let output = shell("read a; read b; echo $b $a").stdin(between).output().unwrap();
        assert_eq!(output.stdout, b"two one\n");
        assert!(first.wait().unwrap().success());
    });
}

#[test]
fn many_children_at_once() {
    checked(|| {
        let tasklets: Vec<_> = (0..scale(20))
            .map(|number| spawn(move || shell(&format!("sleep 0.05; echo {number}")).output().unwrap().stdout))
            .collect();
        for (number, tasklet) in tasklets.iter().enumerate() {
            assert_eq!(tasklet.join().unwrap(), format!("{number}\n").into_bytes());
        }
    });
}

#[test]
fn a_child_is_killed_while_another_tasklet_waits_for_it() {
    checked(|| {
        let mut child = shell("exec sleep 1000").spawn().unwrap();
        let killer = child.killer();
        assert_eq!(killer.id(), child.id());
        assert!(child.try_wait().unwrap().is_none());
        let waiter = spawn(move || child.wait().unwrap());
        schedule().unwrap();
        killer.kill().unwrap();
        assert!(!waiter.join().unwrap().success());
        killer.kill().unwrap();
    });
}

#[test]
fn a_killed_tasklet_leaves_its_child_alone() {
    checked(|| {
        let mut child = shell("read line; exit 7").stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take();
        let child = std::rc::Rc::new(std::cell::RefCell::new(child));
        let theirs = child.clone();
        let waiter = spawn(move || drop(theirs.borrow_mut().wait()));
        schedule().unwrap();
        waiter.kill().unwrap();
        assert!(matches!(waiter.join(), Err(JoinError::Killed)));
        stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
        assert_eq!(child.borrow_mut().wait().unwrap().code(), Some(7));
    });
}

#[test]
fn both_outputs_are_read_at_once() {
    checked(|| {
        // More than a pipe holds, on either.
        let script = "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done >&2; echo end";
        let child = shell(script).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.stdout.len(), output.stderr.len()), (4, 3000 * 41));
    });
}

#[test]
fn a_child_is_talked_to_line_by_line() {
    checked(|| {
        let mut child = shell("while read a b; do echo $((a + b)); done")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut ask, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let ticks = spawn(|| (0..3).for_each(|_| sleep(Duration::from_millis(1)).unwrap()));
        let mut answers = BufReader::new(answers).lines();
        for number in 0..5 {
            writeln!(ask, "{number} {number}").unwrap();
            assert_eq!(answers.next().unwrap().unwrap(), (number * 2).to_string());
        }
        drop(ask);
        assert!(answers.next().is_none());
        assert!(child.wait().unwrap().success());
        ticks.join().unwrap();
        let _ = run();
    });
}

/// Waiting for a limited time, again and again, takes one thread of the pool and loses nothing.
#[test]
fn a_child_is_waited_for_for_a_limited_time() {
    checked(|| {
        let mut child = shell("read line; exit 5").stdin(Stdio::piped()).spawn().unwrap();
        // Who waits closes that.
        let input = child.stdin.take().unwrap();
        // More often than the pool has threads.
        for round in 0..600 {
            let time = if round % 100 == 0 { Duration::from_millis(1) } else { Duration::ZERO };
            assert_eq!(child.wait_timeout(time).unwrap(), None);
        }
        assert_eq!(child.wait_deadline(tasklets::now()).unwrap(), None);
        assert!(timeout(Duration::from_millis(1), || child.wait()).is_err());
        assert_eq!(child.try_wait().unwrap(), None);
        drop(input);
        assert_eq!(child.wait_timeout(Duration::from_secs(600)).unwrap().unwrap().code(), Some(5));
        // And ever after.
        assert_eq!(child.wait_timeout(Duration::ZERO).unwrap().unwrap().code(), Some(5));
        assert_eq!(child.wait().unwrap().code(), Some(5));
        assert_eq!(child.wait_deadline(tasklets::now()).unwrap().unwrap().code(), Some(5));
    });
}
