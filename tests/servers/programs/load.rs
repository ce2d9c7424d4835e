//! The load client, on the file server.

use std::io::{Read, Write};

use crate::common::scale;
use crate::example::{command, output, text};
use crate::programs::child::{Server, unwatched};

#[test]
fn as_many_requests_as_were_to_be_sent_are_answered() {
    if unwatched() {
        return;
    }
    let server = Server::start("files", &["--listen", "127.0.0.1:0", "docs"]);
    let url = format!("http://{}/TESTING.md", server.address);
    let requests = scale(500);
    let count = requests.to_string();
    let output = output(command("load").args([&url, "-c", "8", "-n", &count, "-s", "600", "--slow", "20"]));
    let said = text(output.stdout);
    assert!(output.status.success(), "{said}{}", text(output.stderr));
    let length = std::fs::read("docs/TESTING.md").unwrap().len();
    assert!(said.starts_with(&format!("{requests} requests in ")), "{said}");
    assert!(said.contains(" 0 refused, 0 errors\n") && said.contains("latency in ms:  50 % "), "{said}");
    let megabytes: f64 = said.split(" MB, ").next().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(megabytes > (requests * length) as f64 / 1e6 - 0.1, "{said}");
    server.end();
}

/// What a broken server says to each request before it closes the connection, and what is said of that.
const BROKEN: [(&[u8], &str); 8] = [
    (b"", "the server has gone"),
    (b"\x16\x03\x01\xff\xff\0\0", "invalid"),
    (b"HTTP/1.1 200 OK\r\nContent-Len", "the server has gone"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", "an answer is cut off"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhello", "more than one answer"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nhello", "out of reach"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "a length that is no number"),
    (b"HTTP/1.1 200 OK\r\n\r\nhello", "an answer without a length"),
];

#[test]
fn broken_servers_are_told_of() {
    if unwatched() {
        return;
    }
    for (answer, why) in BROKEN {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let serving = std::thread::spawn(move || {
            for _ in 0..3 {
                let (mut stream, _) = listener.accept().unwrap();
                // The whole of a request: what is unread when it is closed would reset the connection.
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    let mut bytes = [0; 1000];
                    let got = stream.read(&mut bytes).unwrap();
                    asked.extend_from_slice(&bytes[..got]);
                }
                stream.write_all(answer).unwrap();
            }
        });
        let output = output(command("load").args([&url, "-c", "1", "-n", "3", "-s", "600"]));
        let said = text(output.stdout);
        assert_eq!(output.status.code(), Some(1), "{said}{}", text(output.stderr));
        assert!(said.starts_with("0 requests in ") && said.contains(" 0 refused, 3 errors\n"), "{said}");
        assert!(said.contains("first error: ") && said.contains(why), "{said}");
        serving.join().unwrap();
    }
}

#[test]
fn what_goes_wrong_is_told() {
    if unwatched() {
        return;
    }
    let server = Server::start("files", &["--listen", "127.0.0.1:0", "docs"]);
    let address = server.address;
    let output_of = |arguments: &[&str]| {
        let output = output(command("load").args(arguments));
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, said, _) = output_of(&[&format!("http://{address}/nothing"), "-c", "1", "-n", "3"]);
    assert_eq!(code, Some(1));
    assert!(said.contains(" 3 refused, 0 errors"), "{said}");
    server.end();
    // Nobody listens there any more.
    let (code, said, _) = output_of(&[&format!("http://{address}/"), "-c", "2", "-n", "3"]);
    assert_eq!(code, Some(1));
    assert!(said.starts_with("0 requests in ") && said.contains("first error: "), "{said}");
    let (code, _, complaint) = output_of(&["gopher://here/"]);
    assert_eq!(code, Some(2));
    assert!(complaint.contains("it does not begin with http://"), "{complaint}");
}
