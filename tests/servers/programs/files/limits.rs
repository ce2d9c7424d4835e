//! What is answered to what is asked badly, or slowly, or is nobody's business.

use std::io::{BufReader, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use super::{serve, site};
use crate::common::scale;
use crate::common::tool::meaningless_under;
use crate::programs::child::{Answer, ask, get, request, unwatched};

/// What is no request, and what is said to it.
const MALFORMED: [(u16, &str); 18] = [
    (400, "\0\0\0\0\r\n\r\n"),
    (400, "hello\r\n\r\n"),
    (400, "GET\r\n\r\n"),
    (400, "GET /hello.txt\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\nHost: a\r\nno field\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\nHost: a\r\n folded: a\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    (413, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
    (413, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
    (413, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"),
    (505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    (505, "GET / HTTP/1.7\r\nHost: a\r\n\r\n"),
    (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
];

#[test]
fn what_is_no_request_is_told_so_and_the_connection_ends() {
    if unwatched() {
        return;
    }
    let site = site();
    let server = serve(&site, &[]);
    for (status, bytes) in MALFORMED {
        let mut stream = server.connect();
        // What follows may be part of it: it is not looked at.
        stream.write_all(&[bytes.as_bytes(), &request("GET", "/hello.txt", "")].concat()).unwrap();
        let mut answers = BufReader::new(stream);
        let answer = Answer::read(&mut answers, true).unwrap();
        assert_eq!((answer.status, answer.field("connection")), (status, Some("close")), "{bytes:?}");
        assert!(Answer::read(&mut answers, true).is_none(), "{bytes:?}");
    }
    // A target that names nothing does not keep the next request from being found.
    for target in ["hello.txt", "*", "/%00", "ftp://here/hello.txt"] {
        let answer = get(&server, target, "");
        assert_eq!((answer.status, answer.field("connection")), (400, Some("keep-alive")), "{target}");
    }
    assert_eq!(get(&server, "/hello.txt", "").status, 200);
    server.end();
}

#[test]
fn nothing_outside_of_the_folder_is_served() {
    if unwatched() {
        return;
    }
    let site = site();
    let server = serve(&site, &[]);
    let up = ["../secret", "..%2fsecret", "%2e%2e/secret", "%2E%2E%2Fsecret", ".%2e/secret", "sub/../../secret"];
    let more = ["sub/%2e%2e/%2e%2e/secret", "./../secret", "..//secret", "sub/..%2f..%2f/secret", "..%5csecret"];
    let links = ["link", "folder-link/secret", "folder-link/", "absolute", "sub/../link", ".hidden", "%2ehidden"];
    let folder = site.path().join("secret");
    let absolute = folder.to_str().unwrap();
    let doubled = ["%252e%252e/secret", "..;/secret", "\u{2025}/secret"];
    for target in up.iter().chain(&more).chain(&links).chain(&doubled).chain(&[absolute]) {
        for target in [format!("/{target}"), format!("http://here/{target}"), format!("///{target}")] {
            let answer = get(&server, &target, "");
            assert!([400, 403, 404].contains(&answer.status), "{target}: {}", answer.status);
            assert!(!answer.text().contains("the secret"), "{target}");
        }
    }
    server.end();
    // What is hidden may be asked for if that is allowed; what is outside, never.
    let server = serve(&site, &["--hidden"]);
    assert_eq!(get(&server, "/.hidden", "").text(), "the secret");
    assert_eq!(get(&server, "/../secret", "").status, 404);
    server.end();
}

#[test]
fn heads_have_a_size() {
    if unwatched() {
        return;
    }
    let site = site();
    let server = serve(&site, &["--head-bytes", "1000"]);
    assert_eq!(get(&server, "/hello.txt", &format!("X: {}\r\n", "x".repeat(800))).status, 200);
    assert_eq!(get(&server, "/hello.txt", &format!("X: {}\r\n", "x".repeat(1000))).status, 431);
    assert_eq!(get(&server, &format!("/{}", "x".repeat(2000)), "").status, 414);
    assert_eq!(ask(&server, &[b'G'; 5000]).status, 414);
    assert_eq!(get(&server, "/hello.txt", &"X: x\r\n".repeat(100)).status, 431);
    assert_eq!(ask(&server, &b"\r\n".repeat(2000)).status, 414);
    server.end();
}

#[test]
fn heads_have_a_time() {
    if unwatched() {
        return;
    }
    let site = site();
    let server = serve(&site, &["--head-time", "0.5"]);
    // One that stops, one that sends a byte now and then, and one that never sends its body.
    let part = request("GET", "/hello.txt", "X: x");
    assert_eq!(ask(&server, &part[..part.len() - 4]).status, 408);
    assert_eq!(ask(&server, &request("GET", "/hello.txt", "Content-Length: 5\r\n")).status, 408);
    let stream = server.connect();
    let mut sender = stream.try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        let bytes = std::iter::repeat_n(b'x', 1000);
        for byte in b"GET /".iter().copied().chain(bytes) {
            std::thread::sleep(Duration::from_millis(100));
            if sender.write_all(&[byte]).is_err() {
                return true;
            }
        }
        false
    });
    assert_eq!(Answer::read(&mut BufReader::new(stream), true).unwrap().status, 408);
    assert!(dripping.join().unwrap(), "the server listens to it still");
    server.end();
}

#[test]
fn who_idles_for_long_is_left() {
    if unwatched() {
        return;
    }
    let site = site();
    let server = serve(&site, &["--idle-time", "0.2"]);
    let mut stream = server.connect();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "it has never asked");
    let mut stream = server.connect();
    stream.write_all(&request("GET", "/hello.txt", "")).unwrap();
    let mut answers = BufReader::new(stream);
    assert!(Answer::read(&mut answers, true).is_some());
    assert!(Answer::read(&mut answers, true).is_none(), "it does not ask again");
    server.end();
}

/// A tasklet for each would touch a page of a stack for each, at least.
#[test]
fn connections_that_idle_hold_no_stack() {
    if unwatched() || meaningless_under(&["asan", "tsan", "qemu"], "the memory is that of the tool") {
        return;
    }
    let site = site();
    let server = serve(&site, &[]);
    let asked = || {
        let mut stream = server.connect();
        stream.write_all(&request("GET", "/large.bin", "")).unwrap();
        assert_eq!(Answer::read(&mut BufReader::new(&stream), true).unwrap().body.len(), 300_001);
        stream
    };
    drop((asked(), asked()));
    let before = server.resident();
    let mut idle: Vec<_> = (0..scale(400)).map(|_| asked()).collect();
    let more = server.resident().saturating_sub(before);
    assert!(more < 256 * 1024 + idle.len() * 1024, "{more} bytes for {} connections", idle.len());
    // They are there still.
    for stream in idle.iter_mut().step_by(10) {
        stream.write_all(&request("GET", "/hello.txt", "")).unwrap();
        assert_eq!(Answer::read(&mut BufReader::new(stream), true).unwrap().text(), "hello\n");
    }
    server.interrupt();
    for mut stream in idle {
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    server.end_by_itself();
}

#[test]
fn who_sends_byte_by_byte_is_understood() {
    if unwatched() {
        return;
    }
    let site = site();
    let server = serve(&site, &[]);
    let mut stream = server.connect();
    for byte in request("GET", "/hello.txt", "Range: bytes=1-3\r\n") {
        stream.write_all(&[byte]).unwrap();
    }
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    assert_eq!(Answer::read(&mut answers, true).unwrap().text(), "ell");
    // And a second one that comes in two halves.
    let second = request("GET", "/hello.txt", "");
    for half in second.chunks(second.len() / 2 + 1) {
        stream.write_all(half).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(Answer::read(&mut answers, true).unwrap().text(), "hello\n");
    server.end();
}

#[test]
fn who_has_stopped_sending_is_answered() {
    if unwatched() {
        return;
    }
    let site = site();
    let server = serve(&site, &[]);
    let mut stream = server.connect();
    stream.write_all(&request("GET", "/large.bin", "").repeat(3)).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answers = BufReader::new(stream);
    for _ in 0..3 {
        assert_eq!(Answer::read(&mut answers, true).unwrap().body.len(), 300_001);
    }
    assert!(Answer::read(&mut answers, true).is_none());
    // Who stops in the midst, has not asked.
    let mut stream = server.connect();
    stream.write_all(b"GET /hello.txt HTT").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(Answer::read(&mut BufReader::new(stream), true).unwrap().status, 400);
    server.end();
}

#[test]
fn slow_clients_stop_nobody() {
    if unwatched() {
        return;
    }
    let site = site();
    let server = serve(&site, &["--head-time", "600"]);
    let mut slow: Vec<_> = (0..scale(100)).map(|_| server.connect()).collect();
    let part = request("GET", "/large.bin", "X: x");
    for at in 0..3 {
        for stream in &mut slow {
            stream.write_all(&part[at..=at]).unwrap();
        }
        assert_eq!(get(&server, "/hello.txt", "").text(), "hello\n");
    }
    // Who asks and takes nothing.
    for stream in &mut slow {
        stream.write_all(&[&part[3..], b"\r\n\r\n"].concat()).unwrap();
    }
    assert_eq!(get(&server, "/hello.txt", "").text(), "hello\n");
    for stream in slow {
        assert_eq!(Answer::read(&mut BufReader::new(stream), true).unwrap().body.len(), 300_001);
    }
    server.end();
}
