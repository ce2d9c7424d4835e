//! One connection of the load client.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tasklets::net::TcpStream;
use tasklets::{now, sleep};

use crate::Tally;

/// The head of an answer is not longer.
const HEAD: usize = 16 * 1024;

/// After an error, before another try.
const PAUSE: Duration = Duration::from_millis(10);

/// Sends requests one after the other until then, and connects again if the server closes the connection.
pub(crate) fn work(address: SocketAddr, request: &[u8], deadline: Instant, tally: &RefCell<Tally>) {
    let mut connection = None;
    while now() < deadline && tally.borrow_mut().take() {
        let began = Instant::now();
        // The borrow ends before anything waits.
        match get(&mut connection, address, request) {
            Ok((status, bytes)) => tally.borrow_mut().answered(began.elapsed(), status, bytes),
            Err(error) => {
                connection = None;
                tally.borrow_mut().failed(&error);
                if sleep(PAUSE).is_err() {
                    return;
                }
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// Sends a request and reads its answer: the status, and how many bytes it has.
fn get(connection: &mut Option<Connection>, address: SocketAddr, request: &[u8]) -> io::Result<(u16, u64)> {
    let open = match connection.take() {
        Some(open) => open,
        None => Connection { stream: connect(address)?, buffer: vec![0; HEAD] },
    };
    let Connection { mut stream, mut buffer } = open;
    stream.write_all(request)?;
    let mut got = 0;
    let (head, status, length, keep_alive) = loop {
        let more = stream.read(&mut buffer[got..])?;
        if more == 0 {
            let why = if got == HEAD { "the head of an answer is too long" } else { "the server has gone" };
            return Err(io::Error::new(ErrorKind::UnexpectedEof, why));
        }
        got += more;
        if let Some(parsed) = parse(&buffer[..got])? {
            break parsed;
        }
    };
    let total = (head as u64).checked_add(length).ok_or_else(|| wrong("a length that is out of reach"))?;
    let mut left = total.checked_sub(got as u64).ok_or_else(|| wrong("more than one answer"))?;
    while left > 0 {
        let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match stream.read(&mut buffer[..room])? {
            0 => return Err(io::Error::new(ErrorKind::UnexpectedEof, "an answer is cut off")),
            got => left -= got as u64,
        }
    }
    if keep_alive {
        *connection = Some(Connection { stream, buffer });
    }
    Ok((status, total))
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Of an answer: the length of its head, its status, the length of its body, and whether another one may follow.
fn parse(bytes: &[u8]) -> io::Result<Option<(usize, u16, u64, bool)>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut answer = httparse::Response::new(&mut fields);
    let head = match answer.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(io::Error::new(ErrorKind::InvalidData, error)),
    };
    let status = answer.code.ok_or_else(|| wrong("an answer without a status"))?;
    let value = |name: &str| {
        let field = answer.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(field.value).ok()
    };
    let length = match value("content-length") {
        Some(length) => length.parse().map_err(|_| wrong("a length that is no number"))?,
        None if status == 304 || status == 204 => 0,
        None => return Err(wrong("an answer without a length")),
    };
    let keep_alive = !value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(Some((head, status, length, keep_alive)))
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// Sends a head that does not end, a byte a second, again and again.
pub(crate) fn drip(address: SocketAddr) {
    loop {
        // A server that has had enough of it, closes the connection: then it begins anew.
        if let Ok(mut stream) = connect(address) {
            let head = b"GET / HTTP/1.1\r\nHost: here\r\nX: ".iter().copied().chain(std::iter::repeat(b'x'));
            for byte in head {
                if stream.write_all(&[byte]).is_err() || sleep(Duration::from_secs(1)).is_err() {
                    break;
                }
            }
        }
        if sleep(PAUSE).is_err() {
            return;
        }
    }
}
