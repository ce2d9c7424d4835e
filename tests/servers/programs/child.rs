//! A server of `examples/` in a process of its own, and clients of it that are plain threads.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal};

use crate::common::tool::meaningless_under;
use crate::example::command;

/// Longer than anything here takes that does not hang.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// Whether these tests mean nothing, because what they are about is in other processes.
pub(crate) fn unwatched() -> bool {
    meaningless_under(&["valgrind"], "the programs run in processes that it does not watch")
}

pub(crate) struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts an example that prints where it listens.
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Server {
        let mut command: Command = command(name);
        let mut child = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{name} said {line:?}"));
        let address = address.trim_end().parse().unwrap();
        Server { child, output, address }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_write_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn interrupt(&self) {
        rustix::process::kill_process(self.pid(), Signal::INT).unwrap();
    }

    /// Stops it, until it stands still, and has it go on.
    pub(crate) fn stop_and_go_on(&self) {
        self.stop_meanwhile(|| ());
    }

    /// Stops it, and does something before it goes on.
    pub(crate) fn stop_meanwhile<R>(&self, f: impl FnOnce() -> R) -> R {
        rustix::process::kill_process(self.pid(), Signal::STOP).unwrap();
        let status = rustix::process::waitpid(Some(self.pid()), rustix::process::WaitOptions::UNTRACED).unwrap();
        assert!(status.is_some_and(|(_, status)| status.stopped()), "it has ended: {status:?}");
        let done = f();
        rustix::process::kill_process(self.pid(), Signal::CONT).unwrap();
        done
    }

    /// How many descriptors the process has open.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// How many bytes of its memory are in use.
    pub(crate) fn resident(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Waits until it has no more descriptors open than this.
    pub(crate) fn descriptors_go_back_to(&self, count: usize) {
        until(|| self.descriptors() <= count, || format!("{} descriptors, not {count}", self.descriptors()));
    }

    /// Lets it have so many descriptors.
    pub(crate) fn limit_descriptors(&self, count: u64) {
        let limit = Rlimit { current: Some(count), maximum: None };
        let limit = Rlimit { maximum: rustix::process::getrlimit(Resource::Nofile).maximum, ..limit };
        rustix::process::prlimit(Some(self.pid()), Resource::Nofile, limit).unwrap();
    }

    /// Waits until it ends by itself; its status, and what it printed last.
    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        let mut printed = String::new();
        self.output.read_to_string(&mut printed).unwrap();
        (self.child.wait().unwrap(), printed)
    }

    /// Ends it in order.
    pub(crate) fn end(self) -> String {
        self.interrupt();
        self.end_by_itself()
    }

    /// Waits until it has ended in order.
    pub(crate) fn end_by_itself(mut self) -> String {
        let (status, printed) = self.wait();
        assert!(status.success(), "{status}: {printed}");
        printed
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Of a test that failed. One that has ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something has become true.
pub(crate) fn until(mut holds: impl FnMut() -> bool, else_: impl Fn() -> String) {
    let deadline = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < deadline, "in vain: {}", else_());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// An answer over HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Reads the next answer of a connection; none at its end. There is no body if it is one to `HEAD`, or has none.
    pub(crate) fn read(stream: &mut impl BufRead, with_body: bool) -> Option<Answer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).unwrap() == 0 {
                assert!(head.is_empty(), "an answer is cut off: {head:?}");
                return None;
            }
        }
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no answer: {head:?}"));
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = answer.field("content-length").map(|length| length.parse().unwrap());
        if with_body && status != 304 {
            answer.body.resize(length.expect("a length"), 0);
            stream.read_exact(&mut answer.body).unwrap();
        }
        Some(answer)
    }
}

/// Sends bytes, and reads one answer.
pub(crate) fn ask(server: &Server, bytes: &[u8]) -> Answer {
    let mut stream = server.connect();
    stream.write_all(bytes).unwrap();
    Answer::read(&mut BufReader::new(stream), !bytes.starts_with(b"HEAD")).expect("an answer")
}

/// A request for a target with more fields, each with its line's end.
pub(crate) fn request(method: &str, target: &str, fields: &str) -> Vec<u8> {
    format!("{method} {target} HTTP/1.1\r\nHost: here\r\n{fields}\r\n").into_bytes()
}

/// Gets something.
pub(crate) fn get(server: &Server, target: &str, fields: &str) -> Answer {
    ask(server, &request("GET", target, fields))
}

/// Bytes that are the same each time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        // Steele and Vigna's splitmix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}
