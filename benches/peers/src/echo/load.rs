//! Loads an echo server: so many connections, with one message under way on each.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

const MESSAGE: usize = 64;

/// Loads a server, and prints requests a second, its processor time for each, and what memory it has.
#[derive(clap::Args)]
pub(crate) struct Load {
    /// Where it listens, on this machine
    port: u16,
    /// Its process, whose processor time and memory are read
    pid: u32,
    /// How many connections, each with a message under way
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How long, in seconds
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

/// A connection, with what of the answer has come.
struct Connection {
    stream: TcpStream,
    sent: [u8; MESSAGE],
    got: usize,
}

impl Load {
    pub(crate) fn run(&self) -> io::Result<()> {
        let mut poll = Poll::new()?;
        let mut connections = self.connect(&poll)?;
        let mut events = Events::with_capacity(1024);
        for connection in &mut connections {
            connection.stream.write_all(&connection.sent)?;
        }
        // Warm: a quarter of the time, and every connection has been answered.
        let warm = Duration::from_secs_f64(self.seconds / 4.0);
        self.answer(&mut poll, &mut events, &mut connections, warm, self.connections * 2)?;
        let (start, before) = (Instant::now(), self.processor_time()?);
        let whole = Duration::from_secs_f64(self.seconds);
        let answers = self.answer(&mut poll, &mut events, &mut connections, whole, self.connections)?;
        let (time, used) = (start.elapsed(), self.processor_time()? - before);
        println!("requests {:.0} /s", answers as f64 / time.as_secs_f64());
        println!("processor {:.3} us", used as f64 / 1e3 / answers as f64);
        println!("busy {:.0} %", used as f64 / time.as_nanos() as f64 * 100.0);
        println!("resident {:.2} MB", self.resident()? as f64 / 1e6);
        Ok(())
    }

    fn connect(&self, poll: &Poll) -> io::Result<Vec<Connection>> {
        let mut connections = Vec::new();
        for number in 0..self.connections {
            let stream = std::net::TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
            let sent = std::array::from_fn(|at| (number * 31 + at) as u8);
            connections.push(Connection { stream, sent, got: 0 });
        }
        Ok(connections)
    }

    /// Takes answers and sends the next messages for a time, and for so many answers at least; how many there were.
    fn answer(
        &self,
        poll: &mut Poll,
        events: &mut Events,
        connections: &mut [Connection],
        time: Duration,
        least: usize,
    ) -> io::Result<usize> {
        let (start, mut answers) = (Instant::now(), 0);
        while start.elapsed() < time || answers < least {
            poll.poll(events, Some(Duration::from_secs(10)))?;
            if events.is_empty() {
                return Err(io::Error::other("the server has not answered for ten seconds"));
            }
            for event in &*events {
                answers += usize::from(connections[event.token().0].take_answer()?);
            }
        }
        Ok(answers)
    }

    /// In nanoseconds, of all threads.
    fn processor_time(&self) -> io::Result<u64> {
        let mut sum = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let times = fs::read_to_string(task?.path().join("schedstat"))?;
            let time = times.split_whitespace().next().and_then(|time| time.parse::<u64>().ok());
            sum += time.ok_or_else(|| io::Error::other("the kernel keeps no schedstat"))?;
        }
        Ok(sum)
    }

    /// In bytes.
    fn resident(&self) -> io::Result<usize> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = value.and_then(|text| text.trim().trim_end_matches(" kB").parse::<usize>().ok());
        Ok(kib.ok_or_else(|| io::Error::other("the kernel tells no VmRSS"))? * 1024)
    }
}

impl Connection {
    /// Takes what has come; if that is the whole answer, the next message goes out.
    fn take_answer(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 2 * MESSAGE];
        let got = match self.stream.read(&mut buffer) {
            Ok(0) => return Err(io::Error::other("the server has closed a connection")),
            Ok(got) => got,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        if self.got + got > MESSAGE || buffer[..got] != self.sent[self.got..self.got + got] {
            return Err(io::Error::other("the server has answered something else"));
        }
        self.got += got;
        if self.got < MESSAGE {
            return Ok(false);
        }
        self.got = 0;
        self.stream.write_all(&self.sent)?;
        Ok(true)
    }
}
