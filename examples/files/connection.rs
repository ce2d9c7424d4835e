//! One connection: requests and answers, one after the other.

use std::io::{self, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use tasklets::net::{Next, Stopper, TcpStream};
use tasklets::{now, schedule, unblock};

use crate::answer::{Answer, Rest, Site};
use crate::head::{self, Method, Trouble};
use crate::input::Input;
use crate::reply::{Reply, Status};
use crate::{Arguments, Times};

/// A body is of no use here, and read only so that the next request is found.
const BODY: u64 = 64 * 1024;

/// How much a client may still send, and for how long, when it was told that nobody listens.
const LATE: u64 = 256 * 1024;
const LATE_TIME: Duration = Duration::from_secs(2);

/// What a client may do.
pub(crate) struct Limits {
    head: usize,
    times: Times,
}

impl Limits {
    pub(crate) fn of(arguments: &Arguments) -> Limits {
        Limits { head: arguments.head_bytes as usize, times: arguments.times }
    }
}

/// What is arranged for a connection when it has been accepted.
pub(crate) fn greet(stream: &TcpStream, limits: &Limits) -> io::Result<()> {
    // Small answers go out at once.
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(limits.times.write_time))
}

/// Answers what a client has sent, when there is something. What fails of a connection is the client's matter: it has gone.
pub(crate) fn serve(stream: &TcpStream, stopper: &Stopper, site: &Arc<Site>, limits: &Limits) -> io::Result<Next> {
    let mut input = Input::new(stream);
    if input.fill(now() + limits.times.head_time)? == 0 {
        return Ok(Next::Close);
    }
    while exchange(stream, &mut input, stopper, site, limits)? {
        // Nothing is kept for one that waits: neither a stack nor a buffer.
        if input.bytes().is_empty() {
            return Ok(Next::Wait);
        }
        // Who sends many requests at once, waits for the others after each.
        schedule().map_err(io::Error::other)?;
    }
    part(stream, &mut input)?;
    Ok(Next::Close)
}

/// Reads a request and answers it; whether another one may follow.
fn exchange(
    stream: &TcpStream,
    input: &mut Input,
    stopper: &Stopper,
    site: &Arc<Site>,
    limits: &Limits,
) -> io::Result<bool> {
    let refuse = |status, with_body| {
        (&*stream).write_all(&Reply::plain(status, false, with_body))?;
        Ok(false)
    };
    let head = match head::read(input, limits.head, limits.times.head_time) {
        Ok(head) => head,
        Err(Trouble::Gone) => return Err(io::ErrorKind::ConnectionAborted.into()),
        Err(Trouble::Refused(status)) => return refuse(status, true),
    };
    let with_body = head.method != Method::Head;
    if head.body > BODY {
        return refuse(Status::CONTENT_TOO_LARGE, with_body);
    }
    // Who waits to be asked for the body, is not.
    let unread = head.expects && head.body > 0;
    if !unread && head.body > 0 {
        match input.discard(head.body, now() + limits.times.head_time) {
            Ok(false) => {}
            Ok(true) => return refuse(Status::BAD_REQUEST, with_body),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return refuse(Status::REQUEST_TIMEOUT, with_body),
            Err(error) => return Err(error),
        }
    }
    let keep_alive = head.keep_alive && !unread && !stopper.is_stopped();
    if head.method == Method::Other {
        (&*stream).write_all(&Reply::plain(Status::METHOD_NOT_ALLOWED, keep_alive, true))?;
        return Ok(keep_alive);
    }
    let site = site.clone();
    let Answer { bytes, rest } = unblock(move || site.answer(&head, keep_alive)).map_err(io::Error::other)?;
    (&*stream).write_all(&bytes)?;
    if let Some(rest) = rest {
        send_rest(stream, rest, bytes)?;
    }
    Ok(keep_alive)
}

/// Sends the rest of a file: one piece is read when the one before has been taken in.
fn send_rest(stream: &TcpStream, mut rest: Rest, mut buffer: Vec<u8>) -> io::Result<()> {
    while rest.left > 0 {
        let read = unblock(move || {
            buffer.clear();
            rest.read(&mut buffer).map(|()| (rest, buffer))
        });
        // A file that is shorter now ends the connection: the client sees that something is missing.
        (rest, buffer) = read.map_err(io::Error::other)??;
        (&*stream).write_all(&buffer)?;
    }
    Ok(())
}

/// Parts from a client that may be sending still. To close at once would reset the connection, and take the answer from it.
fn part(stream: &TcpStream, input: &mut Input) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    input.discard(LATE, now() + LATE_TIME)?;
    Ok(())
}
