//! Signals that interrupt system calls: nobody who uses the library is told of them.
//!
//! Once with real signals, in a storm; and once, where `strace` is installed and may trace, with every second call of a kind made to fail so.
#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

mod common;

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tasklets::io::Pollable;
use tasklets::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream, lookup_host};
use tasklets::{Runtime, fs, process, rendezvous, run, sleep, spawn, timeout, unblock};

use common::tool::{meaningless_under, this_program};
use common::{checked, scale};

const CHILD: &str = "INTERRUPTS_TEST_CHILD";
const MS: Duration = Duration::from_millis(1);

fn path(name: &str) -> std::path::PathBuf {
    let thread = std::thread::current().id();
    std::env::temp_dir().join(format!("interrupts-{name}-{}-{thread:?}", std::process::id()))
}

/// Sends and gets back more than fits into a socket.
fn echo(near: impl Read + Write + 'static, far: impl Read + Write + 'static, bytes: usize) {
    let (mut near, mut far) = (near, far);
    spawn(move || {
        let mut buffer = [0; 4096];
        let mut left = bytes;
        while left != 0 {
            let got = far.read(&mut buffer).unwrap();
            assert_ne!(got, 0);
            far.write_all(&buffer[..got]).unwrap();
            left -= got;
        }
    })
    .detach();
    let sent: Vec<u8> = (0..bytes).map(|at| (at / 7) as u8).collect();
    let mut back = vec![0; 4096];
    for piece in sent.chunks(4096) {
        near.write_all(piece).unwrap();
        near.read_exact(&mut back[..piece.len()]).unwrap();
        assert!(back[..piece.len()] == *piece);
    }
}

fn sockets() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = spawn(move || TcpStream::connect(address).unwrap());
    let (server, _) = listener.accept().unwrap();
    echo(client.join().unwrap(), server, 200_000);
    assert!(listener.accept_timeout(MS).is_err());
    let at = path("unix");
    let listener = UnixListener::bind(&at).unwrap();
    let to = at.clone();
    let client = spawn(move || UnixStream::connect(to).unwrap());
    let (server, _) = listener.accept().unwrap();
    std::fs::remove_file(at).unwrap();
    echo(client.join().unwrap(), server, 200_000);
    let (here, there) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let to = there.local_addr().unwrap();
    let (left, right) = UnixDatagram::pair().unwrap();
    let receiver = spawn(move || {
        for _ in 0..20 {
            assert_eq!(there.recv_from(&mut [0; 8]).unwrap().0, 5);
            assert_eq!(right.recv(&mut [0; 8]).unwrap(), 5);
        }
    });
    for _ in 0..20 {
        assert_eq!(here.send_to(b"hello", to).unwrap(), 5);
        assert_eq!(left.send(b"hello").unwrap(), 5);
        sleep(MS).unwrap();
    }
    receiver.join().unwrap();
    assert!(!lookup_host(("localhost", 80)).unwrap().is_empty());
}

fn pipes_and_files() {
    let (reader, writer) = std::io::pipe().unwrap();
    let (mut reader, mut writer) = (Pollable::new(reader).unwrap(), Pollable::new(writer).unwrap());
    let sum = spawn(move || {
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        all.len()
    });
    for _ in 0..50 {
        writer.write_all(&[7; 3000]).unwrap();
    }
    drop(writer);
    assert_eq!(sum.join().unwrap(), 150_000);
    let at = path("file");
    fs::write(&at, vec![b'\n'; 100_000]).unwrap();
    assert_eq!(fs::lines(&at).unwrap().map(Result::unwrap).count(), 100_000);
    let mut file = fs::File::open(&at).unwrap();
    let mut all = Vec::new();
    file.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), 100_000);
    fs::remove_file(&at).unwrap();
}

fn children() {
    let mut cat = process::Command::new("cat");
    let mut cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = cat.stdin.take().unwrap();
    let writing = spawn(move || (0..20).for_each(|_| input.write_all(&[b'x'; 9_000]).unwrap()));
    let output = cat.wait_with_output().unwrap();
    writing.join().unwrap();
    assert_eq!((output.stdout.len(), output.status.success()), (180_000, true));
    let mut sleeper = process::Command::new("sleep").arg("1000").spawn().unwrap();
    let killer = sleeper.killer();
    let waiting = spawn(move || sleeper.wait().unwrap());
    sleep(20 * MS).unwrap();
    killer.kill().unwrap();
    assert!(!waiting.join().unwrap().success());
    assert_eq!(process::Command::new("sh").args(["-c", "exit 3"]).status().unwrap().code(), Some(3));
}

fn threads() {
    let workers = Runtime::builder().threads(2).build().unwrap();
    let (question, asked) = rendezvous::<u32>();
    let answering = workers.spawn(move || asked.iter().inspect(|_| sleep(MS).unwrap()).sum::<u32>()).unwrap();
    for number in 0..20 {
        question.send(number).unwrap();
        sleep(MS).unwrap();
    }
    drop(question);
    assert_eq!(answering.join().unwrap(), 190);
    workers.shutdown();
    assert_eq!(unblock(|| std::thread::sleep(20 * MS)).map(|()| 7).unwrap(), 7);
    assert!(timeout(5 * MS, || sleep(1000 * MS).unwrap()).is_err());
}

/// What the library does that asks the kernel to wait.
fn everything() {
    sockets();
    pipes_and_files();
    children();
    threads();
    assert!(run().is_finished());
}

/// A handler is there, and this thread is the one that the kernel prefers: the process's first.
#[test]
fn a_storm_of_signals() {
    const NAME: &str = "a_storm_of_signals";
    if std::env::var_os(CHILD).is_some() {
        let here = Pid::from_raw(std::process::id() as i32).unwrap();
        let (came, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        signal_hook::flag::register(Signal::USR1.as_raw(), came.clone()).unwrap();
        let ended = over.clone();
        let storm = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                kill_process(here, Signal::USR1).unwrap();
                std::thread::sleep(MS / 5);
            }
        });
        tasklets::enter(|| (0..scale(3)).for_each(|_| everything()));
        over.store(true, Ordering::Relaxed);
        storm.join().unwrap();
        assert!(came.load(Ordering::Relaxed));
        return;
    }
    let output = this_program().args([NAME, "--exact", "--test-threads", "1"]).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// The calls that wait. Those that do not are never interrupted in earnest, and are taken for such by others: a futex's wake-up, the send to itself by
/// which a handler tells of its signal, a look at a child that does not wait.
const CALLS: [&str; 8] = ["epoll_wait", "ppoll", "recvfrom", "sendto", "accept4", "read", "write", "clock_nanosleep"];

#[test]
fn every_second_call_is_interrupted() {
    const NAME: &str = "every_second_call_is_interrupted";
    if std::env::var_os(CHILD).is_some() {
        return checked(everything);
    }
    if meaningless_under(&["valgrind", "qemu", "asan", "tsan"], "another tool traces the program already") {
        return;
    }
    let can_trace = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    if !can_trace.is_ok_and(|output| output.status.success()) {
        eprintln!("left out: there is no strace, or it may not trace");
        return;
    }
    let trace = path("trace");
    for calls in CALLS {
        // The loader reads the program's libraries, and gives up if that fails. Programs that are started are let go.
        let first = if calls == "read" { 16 } else { 1 };
        let mut command = Command::new("strace");
        command.args(["-f", "-q", "-b", "execve", "-e", &format!("trace={calls}"), "-e"]);
        command.arg(format!("inject={calls}:error=EINTR:when={first}+2")).arg("-o").arg(&trace);
        let program = this_program();
        command.arg(program.get_program()).args([NAME, "--exact", "--test-threads", "1"]).env(CHILD, "1");
        let output = command.process_group(0).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("1 passed"), "{calls}: {said}");
        let traced = std::fs::read_to_string(&trace).unwrap();
        let injected = traced.lines().filter(|line| line.contains("(INJECTED)")).count();
        assert!(injected > 0, "{calls}: none was interrupted");
        eprintln!("{calls}: {injected} interrupted");
    }
    std::fs::remove_file(trace).unwrap();
}
