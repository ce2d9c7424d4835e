//! One client: what it types is read in one tasklet, what it is told is written in another.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

use rustix::net::sockopt;
use tasklets::net::TcpStream;
use tasklets::server::Connection;
use tasklets::{schedule, spawn};

use crate::hub::{Hub, Outbox};

/// A longer line ends the connection.
const LINE: usize = 1000;

/// How long a client may take in nothing at all of what is written to it.
const PATIENCE: Duration = Duration::from_secs(10);

/// For the last words to one that was dropped.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long nothing may come from a client's machine until it is asked whether it is there, and how long it may keep silent then.
const SILENCE: Duration = Duration::from_secs(60);
const ASKED: Duration = Duration::from_secs(10);

const HELP: &str = "* /nick NAME, /join ROOM, /who, /rooms, /quit; all else is said to the room";

pub(crate) fn serve(stream: TcpStream, connection: &Connection, hub: &Rc<Hub>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // One that has vanished without a word is found out.
    sockopt::set_socket_keepalive(&stream, true)?;
    sockopt::set_tcp_keepidle(&stream, SILENCE)?;
    sockopt::set_tcp_keepintvl(&stream, ASKED)?;
    let (number, outbox) = hub.enter(stream.try_clone()?);
    // Leaves also if this tasklet is killed.
    let present = Present { hub: hub.clone(), number };
    let their_end = stream.try_clone()?;
    let writer = spawn(move || write(&their_end, &outbox));
    let outcome = read(&stream, connection, hub, number);
    if let Ok(Some(last)) = &outcome {
        hub.tell(number, last);
    }
    drop(present);
    // What is in the outbox still, is written. It can only fail to be waited for, and then it is written all the same.
    let _ = writer.join();
    outcome.map(drop)
}

/// A client that is there.
struct Present {
    hub: Rc<Hub>,
    number: u64,
}

impl Drop for Present {
    fn drop(&mut self) {
        self.hub.leave(self.number);
    }
}

/// Does what the client types, until it goes; what it is told last.
fn read(mut stream: &TcpStream, connection: &Connection, hub: &Hub, number: u64) -> io::Result<Option<&'static str>> {
    let mut buffer = [0; LINE];
    let mut got = 0;
    loop {
        let Some(more) = connection.idle(|| stream.read(&mut buffer[got..])) else {
            return Ok(Some("* the server ends; goodbye"));
        };
        match more {
            // What it said last may be without an end of line.
            Ok(0) => {
                let _ = obey(hub, number, readable(&buffer[..got]).trim());
                return Ok(None);
            }
            Ok(more) => got += more,
            Err(error) => return Err(error),
        }
        let mut begin = 0;
        while let Some(length) = buffer[begin..got].iter().position(|byte| *byte == b'\n') {
            let line = readable(&buffer[begin..begin + length]);
            begin += length + 1;
            if !obey(hub, number, line.trim()) {
                return Ok(Some("* goodbye"));
            }
            // Lines that come all at once are taken in by the others one by one.
            schedule().map_err(io::Error::other)?;
        }
        buffer.copy_within(begin..got, 0);
        got -= begin;
        if got == LINE {
            return Ok(Some("* that line is too long; goodbye"));
        }
    }
}

/// A line without what a terminal might obey.
fn readable(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().filter(|char| !char.is_control()).collect()
}

/// Does what a line says; whether the client stays.
fn obey(hub: &Hub, number: u64, line: &str) -> bool {
    let (command, rest) = line.split_once(' ').map_or((line, ""), |(command, rest)| (command, rest.trim()));
    match command {
        "" => {}
        "/quit" => return false,
        "/nick" => hub.rename(number, rest),
        "/join" => hub.join(number, rest),
        "/who" => hub.tell_who(number),
        "/rooms" => hub.tell_rooms(number),
        "/help" => hub.tell(number, HELP),
        unknown if unknown.starts_with('/') => {
            hub.tell(number, "* there is no such command; /help tells which there are")
        }
        _ => hub.say(number, line),
    }
    true
}

/// Writes what the client is told, until it has left or cannot be written to.
fn write(mut stream: &TcpStream, outbox: &Outbox) {
    let written = stream.set_write_timeout(Some(PATIENCE)).and_then(|()| {
        for line in &outbox.lines {
            // What was said before is of no use to one that was dropped.
            if outbox.slow.get() {
                break;
            }
            stream.write_all(line.as_bytes())?;
        }
        if outbox.slow.get() {
            stream.set_write_timeout(Some(GOODBYE))?;
            stream.write_all(b"* you are too slow, and were dropped\n")?;
        }
        Ok(())
    });
    // Whoever reads from it, is at the end then.
    let _ = stream.shutdown(Shutdown::Both);
    if let Err(error) = written
        && error.kind() == ErrorKind::TimedOut
    {
        // What it has not taken in, is not kept for it either.
        let _ = sockopt::set_socket_linger(stream, Some(Duration::ZERO));
    }
}
