//! The echo server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::common::scale;
use crate::programs::child::{Random, Server, unwatched};

fn start() -> Server {
    Server::start("echo", &["--listen", "127.0.0.1:0", "--patience", "600"])
}

#[test]
fn what_is_sent_comes_back() {
    if unwatched() {
        return;
    }
    let server = start();
    let mut random = Random(4);
    let clients: Vec<_> = (0..scale(20))
        .map(|_| {
            let (mut stream, bytes) = (server.connect(), random.bytes(100_000));
            std::thread::spawn(move || {
                let (mut sender, sent) = (stream.try_clone().unwrap(), bytes.clone());
                let sending = std::thread::spawn(move || {
                    sender.write_all(&sent).unwrap();
                    sender.shutdown(Shutdown::Write).unwrap();
                });
                let mut back = Vec::new();
                stream.read_to_end(&mut back).unwrap();
                assert!(back == bytes);
                sending.join().unwrap();
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    assert!(server.end().ends_with(&format!("{} connections served\n", scale(20))));
}

#[test]
fn resets_and_who_takes_nothing_harm_nobody() {
    if unwatched() {
        return;
    }
    let server = start();
    let mut stream = server.connect();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    let rest = server.descriptors();
    let mut greedy = server.connect();
    // Until the buffers of both sides are full.
    greedy.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    while greedy.write(&[1; 65536]).is_ok() {}
    for round in 0..scale(50) {
        let mut other = server.connect();
        other.write_all(&vec![2; round * 100]).unwrap();
        rustix::net::sockopt::set_socket_linger(&other, Some(Duration::ZERO)).unwrap();
        drop(other);
        stream.write_all(b"hello").unwrap();
        let mut back = [0; 5];
        stream.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"hello");
    }
    drop(greedy);
    server.descriptors_go_back_to(rest);
    // The one that idles does not keep it from ending.
    server.end();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

/// Also where so many come at once that they could take what the server needs to wait with.
#[test]
fn descriptors_may_run_out_and_come_back() {
    if unwatched() {
        return;
    }
    for program in ["echo", "chat"] {
        let server = Server::start(program, &["--listen", "127.0.0.1:0"]);
        let rest = server.descriptors();
        let mut held: Vec<_> = server.stop_meanwhile(|| {
            server.limit_descriptors(rest as u64 + 8);
            (0..30).map(|_| server.connect()).collect()
        });
        let answered = |mut stream: &TcpStream| {
            stream.write_all(b"hello\n").unwrap();
            let mut said = String::new();
            let mut lines = BufReader::new(stream);
            while !said.ends_with("hello\n") {
                said.clear();
                assert_ne!(lines.read_line(&mut said).unwrap(), 0, "{program} has closed the connection");
            }
        };
        answered(&held[0]);
        answered(&held[1]);
        let last = held.pop().unwrap();
        drop(held);
        answered(&last);
        drop(last);
        // What it waits with, it has now.
        server.descriptors_go_back_to(rest + 3);
        server.end();
    }
}

/// A process that is stopped and goes on finds its wait in the poller interrupted, with no handler that could have it begun again.
#[test]
fn interrupted_waits_go_on() {
    if unwatched() {
        return;
    }
    let server = start();
    let mut stream = server.connect();
    let mut random = Random(5);
    for round in 0..scale(100) {
        // At rest, and in the midst of something.
        let bytes = random.bytes(if round % 2 == 0 { 1 } else { 100_000 });
        let mut sender = stream.try_clone().unwrap();
        let sent = bytes.clone();
        let sending = std::thread::spawn(move || sender.write_all(&sent).unwrap());
        server.stop_and_go_on();
        let mut back = vec![0; bytes.len()];
        stream.read_exact(&mut back).unwrap();
        assert!(back == bytes);
        sending.join().unwrap();
        server.stop_and_go_on();
    }
    drop(stream);
    assert!(server.end().ends_with("1 connections served\n"));
}
