//! Connections that break, descriptors that run out, bytes that mean nothing, and the server's end.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use super::{serve, site};
use crate::common::scale;
use crate::programs::child::{Answer, Random, Server, get, request, until, unwatched};

/// How many descriptors the server has when nobody is connected, and it has done everything once.
fn at_rest(server: &Server) -> usize {
    assert_eq!(get(server, "/large.bin", "").status, 200);
    assert_eq!(get(server, "/sub/", "").status, 200);
    let mut least = usize::MAX;
    for _ in 0..20 {
        least = least.min(server.descriptors());
        std::thread::sleep(Duration::from_millis(5));
    }
    least
}

/// Breaks a connection so that the other side sees it as reset.
fn reset(stream: std::net::TcpStream) {
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
}

#[test]
fn connections_that_are_reset_leave_nothing_behind() {
    if unwatched() {
        return;
    }
    let site = site();
    let server = serve(&site, &[]);
    let rest = at_rest(&server);
    let ask = request("GET", "/large.bin", "");
    for round in 0..scale(30) {
        // Before anything, in the midst of the head, of the answer, between two, and with a part unread.
        for sent in [0, 1, ask.len() / 2, ask.len() - 1, ask.len()] {
            let mut stream = server.connect();
            stream.write_all(&ask[..sent]).unwrap();
            reset(stream);
        }
        let mut stream = server.connect();
        stream.write_all(&ask.repeat(3)).unwrap();
        let mut some = vec![0; 1 + round * 10_007];
        stream.read_exact(&mut some).unwrap();
        if round % 2 == 0 { reset(stream) } else { drop(stream) }
    }
    server.descriptors_go_back_to(rest);
    assert_eq!(get(&server, "/hello.txt", "").text(), "hello\n");
    server.end();
}

#[test]
fn bytes_that_mean_nothing_do_no_harm() {
    if unwatched() {
        return;
    }
    let site = site();
    let server = serve(&site, &["--head-time", "1"]);
    let rest = at_rest(&server);
    let mut random = Random(3);
    let asked = request("GET", "/large.bin", "Range: bytes=0-9\r\nIf-Range: x\r\nContent-Length: 3\r\n");
    for round in 0..scale(300) {
        let mut bytes = if round % 3 == 0 { Vec::new() } else { asked.repeat(2) };
        let count = random.below(60) as usize;
        if bytes.is_empty() {
            bytes = random.bytes(1 + count * 20);
        } else {
            // A request with some bytes other than they should be, some missing, some more.
            for _ in 0..1 + count % 4 {
                let at = random.below(bytes.len() as u64) as usize;
                match random.below(3) {
                    0 => bytes[at] = random.next() as u8,
                    1 => drop(bytes.drain(at..(at + count).min(bytes.len()))),
                    _ => drop(bytes.splice(at..at, random.bytes(count))),
                }
                bytes.push(b'\n');
            }
        }
        let mut stream = server.connect();
        // It may be closed before everything is sent.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 "), "{bytes:?}");
    }
    server.descriptors_go_back_to(rest);
    assert_eq!(get(&server, "/hello.txt", "").text(), "hello\n");
    let said = server.end();
    assert!(said.ends_with(" 0 killed, 0 panicked\n"), "{said}");
}

#[test]
fn descriptors_may_run_out_and_come_back() {
    if unwatched() {
        return;
    }
    let site = site();
    let server = serve(&site, &[]);
    let rest = at_rest(&server);
    // For a few connections.
    server.limit_descriptors(rest as u64 + 8);
    let mut held: Vec<_> = (0..30).map(|_| server.connect()).collect();
    until(|| server.descriptors() >= rest + 8, || "descriptors are left".to_owned());
    // Who is connected is told that no file can be opened; who is not, waits.
    held[0].write_all(&request("GET", "/hello.txt", "")).unwrap();
    let mut first = BufReader::new(held[0].try_clone().unwrap());
    let answer = Answer::read(&mut first, true).unwrap();
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
    let last = held.pop().unwrap();
    (&last).write_all(&request("GET", "/hello.txt", "")).unwrap();
    last.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let error = (&last).read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    drop(held);
    drop(first);
    last.set_read_timeout(Some(crate::programs::child::LONG)).unwrap();
    // They come back one by one: there may not be one for the file yet when there is one for the connection.
    let answer = Answer::read(&mut BufReader::new(&last), true).unwrap();
    assert!(answer.text() == "hello\n" || answer.status == 503, "{}", answer.text());
    drop(last);
    server.descriptors_go_back_to(rest);
    assert_eq!(get(&server, "/hello.txt", "").text(), "hello\n");
    server.end();
}

#[test]
fn who_is_being_served_may_finish_when_the_server_ends() {
    if unwatched() {
        return;
    }
    let site = site();
    let mut server = serve(&site, &["--grace", "600"]);
    let mut idle = server.connect();
    idle.write_all(&request("GET", "/hello.txt", "")).unwrap();
    let mut idle = BufReader::new(idle);
    assert!(Answer::read(&mut idle, true).is_some());
    let mut busy = server.connect();
    // More than fits into the sockets' buffers.
    busy.write_all(&request("GET", "/large.bin", "").repeat(40)).unwrap();
    let mut busy = BufReader::new(busy);
    assert_eq!(Answer::read(&mut busy, true).unwrap().body.len(), 300_001);
    server.interrupt();
    assert!(Answer::read(&mut idle, true).is_none(), "it idled");
    until(|| std::net::TcpStream::connect(server.address).is_err(), || "it listens still".to_owned());
    let mut answered = 1;
    let mut last = None;
    while let Some(answer) = Answer::read(&mut busy, true) {
        assert_eq!(answer.body.len(), 300_001);
        last = answer.field("connection").map(str::to_owned);
        answered += 1;
    }
    assert!(answered < 40, "it answered everything");
    assert_eq!(last.as_deref(), Some("close"));
    let (status, said) = server.wait();
    assert!(status.success() && said == "2 connections served, 0 killed, 0 panicked\n", "{status}: {said}");
}

#[test]
fn a_second_interrupt_ends_it_at_once() {
    if unwatched() {
        return;
    }
    let site = site();
    let mut server = serve(&site, &["--grace", "600"]);
    let mut busy = server.connect();
    busy.write_all(&request("GET", "/large.bin", "").repeat(40)).unwrap();
    let mut busy = BufReader::new(busy);
    assert_eq!(Answer::read(&mut busy, true).unwrap().body.len(), 300_001);
    server.interrupt();
    until(|| std::net::TcpStream::connect(server.address).is_err(), || "it listens still".to_owned());
    server.interrupt();
    let (status, said) = server.wait();
    assert_eq!((status.signal(), &*said), (Some(rustix::process::Signal::INT.as_raw()), ""), "{status}: {said}");
}
