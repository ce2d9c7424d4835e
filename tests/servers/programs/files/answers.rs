//! What is answered to what is well asked.

use std::fs;
use std::io::{BufReader, Write};
use std::time::{Duration, SystemTime};

use super::{large, serve, site};
use crate::common::scale;
use crate::programs::child::{Answer, Random, ask, get, request, unwatched};

#[test]
fn files_and_folders() {
    if unwatched() {
        return;
    }
    let site = site();
    let server = serve(&site, &[]);
    let answer = get(&server, "/hello.txt", "");
    assert_eq!((answer.status, answer.text()), (200, "hello\n"));
    assert_eq!(answer.field("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.field("accept-ranges"), Some("bytes"));
    let date = httpdate::parse_http_date(answer.field("date").unwrap()).unwrap();
    assert!(date.elapsed().unwrap_or_default() < Duration::from_secs(600));

    for (target, body) in [("/inside", "hello\n"), ("/empty", ""), ("/hello.txt?a=b", "hello\n")] {
        let answer = get(&server, target, "");
        assert_eq!((answer.status, answer.text()), (200, body), "{target}");
    }
    assert_eq!(get(&server, "/large.bin", "").body, large());
    assert_eq!(get(&server, "http://here/hello.txt", "").text(), "hello\n");
    assert_eq!(get(&server, "/sub/a%20%3Cb%3E%20&%20'c'%25.html", "").text(), "<p>");

    let answer = get(&server, "/sub/with%20index", "");
    assert_eq!((answer.status, answer.field("location")), (301, Some("/sub/with%20index/")));
    let answer = get(&server, "//sub//", "");
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .text()
            .contains("<a href=\"./a%20%3Cb%3E%20%26%20%27c%27%25.html\">a &lt;b&gt; &amp; &#39;c&#39;%.html</a>")
    );
    assert!(answer.text().contains("<a href=\"./with%20index/\">with index/</a>"));
    let answer = get(&server, "/sub/with%20index/", "");
    assert_eq!((answer.text(), answer.field("content-type")), ("<p>index", Some("text/html; charset=utf-8")));
    let listing = get(&server, "/", "");
    assert!(listing.text().contains("hello.txt") && !listing.text().contains("hidden"));
    assert!(!listing.text().contains("link"), "links that lead out are not shown");
    // Not a redirection to another host.
    assert_eq!(get(&server, "//sub", "").field("location"), Some("/sub/"));

    for target in ["/nothing", "/hello.txt/", "/hello.txt/x", "/loop", &format!("/{}", "x".repeat(300))] {
        assert_eq!(get(&server, target, "").status, 404, "{target}");
    }
    server.end();
}

#[test]
fn heads_are_as_those_of_the_files() {
    if unwatched() {
        return;
    }
    let site = site();
    let server = serve(&site, &[]);
    for target in ["/hello.txt", "/large.bin", "/sub/", "/sub", "/nothing", "/"] {
        let (head, whole) = (ask(&server, &request("HEAD", target, "")), get(&server, target, ""));
        assert_eq!(head.status, whole.status, "{target}");
        for field in ["content-length", "content-type", "last-modified", "location"] {
            assert_eq!(head.field(field), whole.field(field), "{field} of {target}");
        }
    }
    // Nothing follows a head: the next answer does.
    let mut stream = server.connect();
    stream.write_all(&[request("HEAD", "/large.bin", ""), request("GET", "/hello.txt", "")].concat()).unwrap();
    let mut stream = BufReader::new(stream);
    assert_eq!(Answer::read(&mut stream, false).unwrap().field("content-length"), Some("300001"));
    assert_eq!(Answer::read(&mut stream, true).unwrap().text(), "hello\n");
    server.end();
}

#[test]
fn ranges_are_parts_of_the_file() {
    if unwatched() {
        return;
    }
    let site = site();
    let server = serve(&site, &[]);
    let file = large();
    let length = file.len() as u64;
    let part = |range: &str, begin: u64, end: u64| {
        let answer = get(&server, "/large.bin", &format!("Range: {range}\r\n"));
        assert_eq!(answer.status, 206, "{range}");
        let expected = format!("bytes {begin}-{}/{length}", end - 1);
        assert_eq!(answer.field("content-range"), Some(&*expected), "{range}");
        assert!(answer.body == file[begin as usize..end as usize], "{range}");
    };
    part("bytes=0-0", 0, 1);
    part("bytes=0-", 0, length);
    part("bytes=-1", length - 1, length);
    part("bytes=-99999999", 0, length);
    part("bytes = 7 - 9", 7, 10);
    part(&format!("bytes={}-", length - 1), length - 1, length);
    part("bytes=5-99999999999999999999999999", 5, length);
    let mut random = Random(2);
    for _ in 0..scale(40) {
        let begin = random.below(length);
        let end = begin + 1 + random.below(length - begin);
        part(&format!("bytes={begin}-{}", end - 1), begin, end);
    }
    for range in [format!("bytes={length}-"), "bytes=-0".to_owned(), "bytes=99999999999999999999-".to_owned()] {
        let answer = get(&server, "/large.bin", &format!("Range: {range}\r\n"));
        assert_eq!((answer.status, answer.field("content-range")), (416, Some("bytes */300001")), "{range}");
    }
    // What means nothing is not there.
    for range in ["bytes=9-3", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-1,5-6", "lines=0-1", "0-1", "bytes=+1-2"] {
        let answer = get(&server, "/hello.txt", &format!("Range: {range}\r\n"));
        assert_eq!((answer.status, answer.text()), (200, "hello\n"), "{range}");
    }
    assert_eq!(get(&server, "/empty", "Range: bytes=0-\r\n").status, 416);
    assert_eq!(ask(&server, &request("HEAD", "/hello.txt", "Range: bytes=0-1\r\n")).status, 200);
    server.end();
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    if unwatched() {
        return;
    }
    let site = site();
    let path = site.path().join("site/hello.txt");
    // Not at a whole second.
    let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
    fs::File::open(&path).unwrap().set_modified(modified).unwrap();
    let server = serve(&site, &[]);
    let answer = get(&server, "/hello.txt", "");
    let date = answer.field("last-modified").unwrap().to_owned();
    assert_eq!(date, "Tue, 14 Nov 2023 22:13:20 GMT");
    let status = |fields: &str| get(&server, "/hello.txt", fields).status;
    assert_eq!(status(&format!("If-Modified-Since: {date}\r\n")), 304);
    assert_eq!(status("If-Modified-Since: Tue, 14 Nov 2023 22:13:19 GMT\r\n"), 200);
    assert_eq!(status("If-Modified-Since: yesterday\r\n"), 200);
    assert_eq!(status(&format!("Range: bytes=0-1\r\nIf-Range: {date}\r\n")), 206);
    assert_eq!(status("Range: bytes=0-1\r\nIf-Range: Tue, 14 Nov 2023 22:13:19 GMT\r\n"), 200);
    assert_eq!(status("Range: bytes=0-1\r\nIf-Range: \"a tag\"\r\n"), 200);
    server.end();
}

#[test]
fn connections_are_kept_and_requests_may_be_sent_ahead() {
    if unwatched() {
        return;
    }
    let site = site();
    let server = serve(&site, &[]);
    let mut stream = server.connect();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    for _ in 0..scale(20) {
        stream.write_all(&request("GET", "/hello.txt", "")).unwrap();
        assert_eq!(Answer::read(&mut answers, true).unwrap().text(), "hello\n");
    }
    let requests = scale(100);
    let ahead: Vec<u8> = (0..requests)
        .flat_map(|at| match at % 4 {
            0 => request("GET", "/hello.txt", ""),
            1 => request("GET", "/large.bin", "Range: bytes=1000-3999\r\n"),
            2 => request("POST", "/hello.txt", "Content-Length: 7\r\n").into_iter().chain(*b"GET / H").collect(),
            // Empty lines before a request are passed over.
            _ => [b"\r\n".to_vec(), request("GET", "/nothing", "")].concat(),
        })
        .collect();
    // From another thread: the server does not read on while nobody takes its answers.
    let sender = std::thread::spawn(move || stream.write_all(&ahead).map(|()| stream));
    for at in 0..requests {
        let answer = Answer::read(&mut answers, true).unwrap();
        assert_eq!(answer.status, [200, 206, 405, 404][at % 4]);
        assert_eq!(answer.field("connection"), Some("keep-alive"));
        if at % 4 == 1 {
            assert!(answer.body == large()[1000..4000]);
        }
    }
    let mut stream = sender.join().unwrap().unwrap();
    stream.write_all(&request("GET", "/hello.txt", "Connection: Upgrade, CLOSE\r\n")).unwrap();
    assert_eq!(Answer::read(&mut answers, true).unwrap().field("connection"), Some("close"));
    assert!(Answer::read(&mut answers, true).is_none());
    server.end();
}

#[test]
fn older_clients_say_if_they_stay() {
    if unwatched() {
        return;
    }
    let site = site();
    let server = serve(&site, &[]);
    for (request, stays) in [
        (&b"GET /hello.txt HTTP/1.0\r\n\r\n"[..], false),
        (b"GET /hello.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
    ] {
        let mut stream = server.connect();
        stream.write_all(request).unwrap();
        let mut answers = BufReader::new(stream.try_clone().unwrap());
        assert_eq!(Answer::read(&mut answers, true).unwrap().text(), "hello\n");
        if stays {
            stream.write_all(request).unwrap();
        }
        assert_eq!(Answer::read(&mut answers, true).is_some(), stays);
    }
    server.end();
}
