//! Events of the poller that are lost, of every kind of source and in both directions: whoever waits goes on all the same.

use std::io::{Read, Write, pipe};
use std::time::Duration;

use tasklets::io::{Pollable, lose_events};
use tasklets::net::{Next, Server, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use tasklets::{Tasklet, schedule, sleep, spawn};

use crate::common::checked;
use crate::support::pair;

/// More than a socket takes in that nobody reads from.
const MUCH: usize = 1 << 24;

/// Somebody who waits, and what ends the wait.
struct Case {
    name: &'static str,
    waiting: Tasklet<()>,
    end: Box<dyn FnOnce()>,
}

fn case(name: &'static str, wait: impl FnOnce() + 'static, end: impl FnOnce() + 'static) -> Case {
    Case { name, waiting: spawn(wait), end: Box::new(end) }
}

/// Reads all, where the thread may block: nothing of this is waited for in tasklets.
fn take_all(mut from: impl Read + Send + 'static) {
    std::thread::spawn(move || from.read_exact(&mut vec![0; MUCH]).unwrap());
}

fn path(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("lost-{name}-{}", std::process::id()))
}

fn streams() -> Vec<Case> {
    let (reading, mut written) = pair();
    let (peeking, mut peeked) = pair();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let writing = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (read, _) = listener.accept().unwrap();
    let (local, mut other) = UnixStream::pair().unwrap();
    let (plain, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let full = UnixStream::try_from(plain).unwrap();
    let (ending, closed) = pair();
    vec![
        case(
            "tcp read",
            move || assert_eq!((&reading).read(&mut [0; 8]).unwrap(), 1),
            move || written.write_all(b"x").unwrap(),
        ),
        case(
            "tcp peek",
            move || assert_eq!(peeking.peek(&mut [0; 8]).unwrap(), 1),
            move || peeked.write_all(b"x").unwrap(),
        ),
        case("tcp write", move || (&writing).write_all(&vec![0; MUCH]).unwrap(), move || take_all(read)),
        case("tcp end", move || assert_eq!((&ending).read(&mut [0; 8]).unwrap(), 0), move || drop(closed)),
        case(
            "unix read",
            move || assert_eq!((&local).read(&mut [0; 8]).unwrap(), 1),
            move || other.write_all(b"x").unwrap(),
        ),
        case("unix write", move || (&full).write_all(&vec![0; MUCH]).unwrap(), move || take_all(theirs)),
    ]
}

fn datagrams_and_pipes() -> Vec<Case> {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = udp.local_addr().unwrap();
    let (receiving, sending) = UnixDatagram::pair().unwrap();
    let (crowded, empties) = UnixDatagram::pair().unwrap();
    let (reader, mut writer) = pipe().unwrap();
    let reader = Pollable::new(reader).unwrap();
    let (ready, mut makes_ready) = pipe().unwrap();
    let ready = Pollable::new(ready).unwrap();
    let (drained, filled) = pipe().unwrap();
    let filled = Pollable::new(filled).unwrap();
    vec![
        case(
            "udp receive",
            move || assert_eq!(udp.recv(&mut [0; 8]).unwrap(), 1),
            move || assert_eq!(std::net::UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"x", address).unwrap(), 1),
        ),
        case(
            "unix receive",
            move || assert_eq!(receiving.recv(&mut [0; 8]).unwrap(), 1),
            move || assert_eq!(sending.send(b"x").unwrap(), 1),
        ),
        case(
            "unix send",
            move || (0..1_000).for_each(|_| assert_eq!(crowded.send(&[0; 1000]).unwrap(), 1000)),
            move || {
                spawn(move || (0..1_000).for_each(|_| assert_eq!(empties.recv(&mut [0; 1000]).unwrap(), 1000)))
                    .detach();
            },
        ),
        case(
            "pipe read",
            move || assert_eq!((&reader).read(&mut [0; 8]).unwrap(), 1),
            move || writer.write_all(b"x").unwrap(),
        ),
        case("readable", move || ready.readable().unwrap(), move || makes_ready.write_all(b"x").unwrap()),
        case("pipe write", move || (&filled).write_all(&vec![0; MUCH]).unwrap(), move || take_all(drained)),
    ]
}

fn listeners() -> Vec<Case> {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let at = path("listener");
    let unix = UnixListener::bind(&at).unwrap();
    // A server without stacks: it accepts one connection, and that one asks twice.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let served = listener.local_addr().unwrap();
    let server = Server::new(listener);
    let stopper = server.stopper();
    let echo = |mut stream: &TcpStream| {
        let mut buffer = [0; 8];
        let got = stream.read(&mut buffer)?;
        stream.write_all(&buffer[..got]).map(|()| if got == 0 { Next::Close } else { Next::Wait })
    };
    vec![
        case(
            "tcp accept",
            move || drop(tcp.accept().unwrap()),
            move || drop(std::net::TcpStream::connect(address).unwrap()),
        ),
        case(
            "unix accept",
            move || drop(unix.accept().unwrap()),
            move || {
                drop(std::os::unix::net::UnixStream::connect(&at).unwrap());
                std::fs::remove_file(&at).unwrap();
            },
        ),
        case(
            "server",
            move || assert_eq!(server.serve(echo).unwrap().accepted, 1),
            move || {
                let mut client = std::net::TcpStream::connect(served).unwrap();
                std::thread::spawn(move || {
                    for _ in 0..2 {
                        client.write_all(b"x").unwrap();
                        client.read_exact(&mut [0]).unwrap();
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    drop(client);
                    stopper.stop();
                });
            },
        ),
    ]
}

/// All events between the moment at which all wait and the one at which all could go on are lost.
fn all_go_on(cases: Vec<Case>) {
    schedule().unwrap();
    // What the poller tells of those that it has just begun to watch.
    sleep(Duration::from_millis(5)).unwrap();
    lose_events(usize::MAX);
    let mut waiting = Vec::new();
    for case in cases {
        assert!(case.waiting.is_blocked(), "{}: it has nothing to wait for", case.name);
        (case.end)();
        waiting.push((case.name, case.waiting));
    }
    sleep(Duration::from_millis(100)).unwrap();
    for (name, tasklet) in &waiting {
        assert!(tasklet.is_blocked(), "{name}: its event was not lost");
    }
    lose_events(0);
    for (name, tasklet) in waiting {
        let joined = tasklet.join_timeout(Duration::from_secs(60));
        joined.unwrap_or_else(|error| panic!("{name}: it waits still: {error}"));
    }
}

#[test]
fn streams_go_on() {
    checked(|| all_go_on(streams()));
}

#[test]
fn datagrams_and_pipes_go_on() {
    checked(|| all_go_on(datagrams_and_pipes()));
}

#[test]
fn listeners_and_servers_go_on() {
    checked(|| all_go_on(listeners()));
}

/// That a connection is made is told by an event, too.
#[test]
fn connects_go_on() {
    checked(|| {
        // Of a queue for one connection, the third has to wait.
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let listener = std::net::TcpListener::from(socket);
        let address = listener.local_addr().unwrap();
        let _queued = std::net::TcpStream::connect(address).unwrap();
        let waits = move || drop(TcpStream::connect(address).unwrap());
        let accepts = move || {
            let (one, _) = listener.accept().unwrap();
            // The client asks again after a second.
            std::thread::spawn(move || drop((one, listener.accept().unwrap())));
        };
        all_go_on(vec![case("tcp connect", waits, accepts)]);
    });
}
