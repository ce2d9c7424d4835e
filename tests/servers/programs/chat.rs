//! The chat server.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::common::scale;
use crate::programs::child::{Random, Server, until, unwatched};

fn start(outbox: usize) -> Server {
    Server::start("chat", &["--listen", "127.0.0.1:0", "--outbox", &outbox.to_string()])
}

struct Client {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Client {
    /// Comes in, and is called so.
    fn named(server: &Server, nick: &str) -> Client {
        let stream = server.connect();
        let lines = BufReader::new(stream.try_clone().unwrap());
        let mut client = Client { stream, lines };
        client.say(&format!("/nick {nick}"));
        client.hear(&format!("is called {nick} now"));
        client
    }

    fn say(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// The next line; none at the end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        (self.lines.read_line(&mut line).unwrap() > 0).then(|| line.trim_end().to_owned())
    }

    /// The next line that ends so; what is before is passed over.
    fn hear(&mut self, end: &str) -> String {
        self.hear_what(end, |line| line.ends_with(end))
    }

    fn hear_what(&mut self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        loop {
            let line = self.line().unwrap_or_else(|| panic!("nobody said {what:?}"));
            if is_it(&line) {
                return line;
            }
        }
    }

    /// Asks who is in the room.
    fn who(&mut self) -> String {
        self.say("/who");
        self.hear_what("who is here", |line| line.starts_with("* in "))
    }
}

#[test]
fn rooms_hear_what_is_said_in_them() {
    if unwatched() {
        return;
    }
    let server = start(100);
    let mut ada = Client::named(&server, "ada");
    let mut grace = Client::named(&server, "grace");
    let mut alan = Client::named(&server, "alan");
    ada.say("hello");
    for client in [&mut ada, &mut grace, &mut alan] {
        assert_eq!(client.hear("hello"), "[lobby] ada: hello");
    }
    grace.say("/join  bridge");
    assert_eq!(ada.hear("bridge"), "* grace has gone to bridge");
    assert_eq!(grace.hear("bridge"), "* grace has come to bridge");
    grace.say("anybody?");
    grace.say("/rooms");
    assert_eq!(grace.hear(")"), "* rooms: bridge (1), lobby (2)");
    alan.say("/who");
    assert_eq!(alan.hear("alan"), "* in lobby: ada, alan");
    for (line, answer) in [
        ("/nick ada", "* somebody is called ada already"),
        ("/nick a b", "* a name has 1 to 20 letters, digits, - and _"),
        ("/join", "* a room's name has 1 to 20 letters, digits, - and _"),
        ("/dance", "* there is no such command; /help tells which there are"),
    ] {
        alan.say(line);
        assert_eq!(alan.line().unwrap(), answer);
    }
    alan.say("\u{1b}[2J\u{7}caf\u{e9}\r");
    assert_eq!(ada.hear("caf\u{e9}"), "[lobby] alan: [2Jcaf\u{e9}");
    alan.say("/quit");
    assert_eq!(alan.hear("goodbye"), "* goodbye");
    assert_eq!(alan.line(), None);
    assert_eq!(ada.hear("gone"), "* alan has gone");
    drop(grace);
    server.interrupt();
    assert_eq!(ada.hear("goodbye"), "* the server ends; goodbye");
    assert_eq!(ada.line(), None);
    assert!(server.end_by_itself().contains("3 connections served"));
}

#[test]
fn who_is_slow_is_dropped_and_stalls_nobody() {
    if unwatched() {
        return;
    }
    let server = start(20);
    let mut ada = Client::named(&server, "ada");
    let mut grace = Client::named(&server, "grace");
    let slow = Client::named(&server, "slow");
    let rest = server.descriptors();
    let long = "x".repeat(900);
    let mut said = 0;
    // Until the buffers of the slow one's connection are full, and then its outbox.
    loop {
        ada.say(&long);
        said += 1;
        assert!(said < 100_000, "nobody is dropped");
        let lines = [ada.hear(""), grace.hear("")];
        if lines.iter().any(|line| line.ends_with("is too slow, and was dropped")) {
            break;
        }
    }
    ada.say("all well?");
    grace.hear("ada: all well?");
    ada.hear("ada: all well?");
    ada.say("/who");
    ada.hear("* in lobby: ada, grace");
    // It may still read what was under way, until its connection ends.
    let mut left = Vec::new();
    let ended = (&slow.stream).read_to_end(&mut left);
    assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    drop(slow);
    server.descriptors_go_back_to(rest - 1);
    server.end();
}

#[test]
fn many_lines_at_once_drop_nobody_who_reads() {
    if unwatched() {
        return;
    }
    let server = start(20);
    let mut ada = Client::named(&server, "ada");
    let mut grace = Client::named(&server, "grace");
    let lines = scale(500);
    let text: String = (0..lines).map(|line| format!("line {line}\n")).collect();
    let mut stream = ada.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || stream.write_all(text.as_bytes()).unwrap());
    for client in [&mut grace, &mut ada] {
        for line in 0..lines {
            client.hear(&format!("[lobby] ada: line {line}"));
        }
    }
    sending.join().unwrap();
    server.end();
}

/// As of a pipe: `printf hello | nc HOST PORT`.
#[test]
fn who_stops_sending_is_heard_to_the_end() {
    if unwatched() {
        return;
    }
    let server = start(100);
    let mut ada = Client::named(&server, "ada");
    let mut other = server.connect();
    other.write_all(b"/nick grace\nlast words").unwrap();
    other.shutdown(Shutdown::Write).unwrap();
    ada.hear("[lobby] grace: last words");
    ada.hear("* grace has gone");
    let mut heard = String::new();
    other.read_to_string(&mut heard).unwrap();
    assert!(heard.ends_with("[lobby] grace: last words\n"), "{heard}");
    server.end();
}

#[test]
fn broken_clients_and_long_lines_leave_nothing_behind() {
    if unwatched() {
        return;
    }
    let server = start(100);
    let mut ada = Client::named(&server, "ada");
    let rest = server.descriptors();
    let mut random = Random(5);
    for round in 0..scale(60) {
        let mut other = server.connect();
        // It may be dropped before all is sent.
        let _ = match round % 3 {
            0 => other.write_all(&vec![b'x'; 5000]),
            1 => other.write_all(&random.bytes(300)),
            _ => other.write_all(b"half a line"),
        };
        if round % 2 == 0 {
            rustix::net::sockopt::set_socket_linger(&other, Some(Duration::ZERO)).unwrap();
        }
        drop(other);
        // What is said of them is heard: the outbox is not to be full.
        ada.say("so?");
        ada.hear("ada: so?");
    }
    until(|| ada.who() == "* in lobby: ada", || "somebody is there still".to_owned());
    server.descriptors_go_back_to(rest);
    server.end();
}
