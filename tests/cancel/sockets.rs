//! Every operation of sockets and other descriptors that has to wait, interrupted in every way: it has not happened. What comes later is
//! there for the next one, whole, and of what was written a beginning has arrived.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::rc::Rc;

use tasklets::io::Pollable;
use tasklets::net::{Next, Server, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};

use crate::points::{in_all_ways, point};

/// More than fits into any socket's buffers.
const MUCH: usize = 1 << 24;

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn udp() -> (UdpSocket, UdpSocket) {
    let (here, there) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    here.connect(there.local_addr().unwrap()).unwrap();
    there.connect(here.local_addr().unwrap()).unwrap();
    (here, there)
}

/// A path that is free.
fn path() -> PathBuf {
    let thread = std::thread::current().id();
    let path = std::env::temp_dir().join(format!("interrupted-{}-{thread:?}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

/// All that is written arrives.
fn arrives(mut from: impl Write, mut to: impl Read) {
    from.write_all(b"all of it").unwrap();
    let mut buffer = [0; 9];
    to.read_exact(&mut buffer).unwrap();
    assert_eq!(&buffer, b"all of it");
}

/// Bytes of which no two pieces of a buffer's size are equal at once.
fn pattern() -> Vec<u8> {
    let piece: Vec<u8> = (0..65_521u32).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    piece.repeat(MUCH / piece.len() + 1)
}

/// What has come is a beginning, and no more comes.
fn begins(mut from: impl Read) {
    let mut come = Vec::new();
    from.read_to_end(&mut come).unwrap();
    assert!(come.len() < MUCH && pattern().starts_with(&come), "{} bytes", come.len());
}

#[test]
fn a_read() {
    in_all_ways("TcpStream::read", || {
        let (client, server) = pair();
        let theirs = server.try_clone().unwrap();
        point(move || drop((&theirs).read(&mut [0; 8])), move || arrives(&client, &server))
    });
}

#[test]
fn a_vectored_read() {
    in_all_ways("TcpStream::read_vectored", || {
        let (client, server) = pair();
        let theirs = server.try_clone().unwrap();
        let block = move || drop((&theirs).read_vectored(&mut [std::io::IoSliceMut::new(&mut [0; 8])]));
        point(block, move || arrives(&client, &server))
    });
}

#[test]
fn a_peek() {
    in_all_ways("TcpStream::peek", || {
        let (client, server) = pair();
        let theirs = server.try_clone().unwrap();
        point(move || drop(theirs.peek(&mut [0; 8])), move || arrives(&client, &server))
    });
}

#[test]
fn a_write() {
    in_all_ways("TcpStream::write_all", || {
        let (client, server) = pair();
        point(move || drop((&client).write_all(&pattern())), move || begins(&server))
    });
}

#[test]
fn an_accept() {
    in_all_ways("TcpListener::accept", || {
        let listener = Rc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let theirs = listener.clone();
        let after = move || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            assert_eq!(listener.accept().unwrap().1, client.local_addr().unwrap());
        };
        point(move || drop(theirs.accept()), after)
    });
}

/// Its queue is full: who connects waits.
fn full() -> (socket2::Socket, std::net::SocketAddr, Vec<TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let soon = std::time::Duration::from_millis(200);
    let connected = std::iter::from_fn(|| TcpStream::connect_timeout(&address, soon).ok()).take(10).collect();
    (socket, address, connected)
}

#[test]
fn a_connect() {
    in_all_ways("TcpStream::connect", || {
        let (socket, address, connected) = full();
        let after = move || {
            // Those that were there before are whole.
            let (first, _) = socket.accept().unwrap();
            arrives(&connected[0], &TcpStream::from_std(first.into()).unwrap());
        };
        point(move || drop(TcpStream::connect(address)), after)
    });
}

#[test]
fn a_datagram() {
    in_all_ways("UdpSocket::recv", || {
        let (here, there) = udp();
        let theirs = there.try_clone().unwrap();
        let after = move || {
            here.send(b"all").unwrap();
            assert_eq!(there.recv(&mut [0; 8]).unwrap(), 3);
        };
        point(move || drop(theirs.recv(&mut [0; 8])), after)
    });
}

#[test]
fn a_datagram_of_anybody() {
    in_all_ways("UdpSocket::recv_from", || {
        let (here, there) = udp();
        let theirs = there.try_clone().unwrap();
        let after = move || {
            here.send(b"all").unwrap();
            assert_eq!(there.recv_from(&mut [0; 8]).unwrap(), (3, here.local_addr().unwrap()));
        };
        point(move || drop(theirs.recv_from(&mut [0; 8])), after)
    });
}

#[test]
fn a_look_at_a_datagram() {
    in_all_ways("UdpSocket::peek_from", || {
        let (here, there) = udp();
        let theirs = there.try_clone().unwrap();
        let after = move || {
            here.send(b"all").unwrap();
            assert_eq!(there.peek(&mut [0; 8]).unwrap(), 3);
            assert_eq!(there.recv(&mut [0; 8]).unwrap(), 3);
        };
        point(move || drop(theirs.peek_from(&mut [0; 8])), after)
    });
}

#[test]
fn a_read_of_a_unix_socket() {
    in_all_ways("UnixStream::read", || {
        let (client, server) = UnixStream::pair().unwrap();
        let theirs = server.try_clone().unwrap();
        point(move || drop((&theirs).read(&mut [0; 8])), move || arrives(&client, &server))
    });
}

#[test]
fn a_write_to_a_unix_socket() {
    in_all_ways("UnixStream::write_all", || {
        let (client, server) = UnixStream::pair().unwrap();
        point(move || drop((&client).write_all(&pattern())), move || begins(&server))
    });
}

#[test]
fn an_accept_of_a_unix_socket() {
    in_all_ways("UnixListener::accept", || {
        let path = path();
        let listener = Rc::new(UnixListener::bind(&path).unwrap());
        let theirs = listener.clone();
        let after = move || {
            let client = UnixStream::connect(&path).unwrap();
            arrives(&client, &listener.accept().unwrap().0);
            std::fs::remove_file(path).unwrap();
        };
        point(move || drop(theirs.accept()), after)
    });
}

#[test]
fn a_connect_of_a_unix_socket() {
    in_all_ways("UnixStream::connect", || {
        let path = path();
        let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        socket.bind(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
        socket.listen(0).unwrap();
        let first = UnixStream::connect(&path).unwrap();
        let theirs = path.clone();
        let after = move || {
            let listener = UnixListener::from_std(std::os::unix::net::UnixListener::from(socket)).unwrap();
            arrives(&first, &listener.accept().unwrap().0);
            // Nobody else is in the queue.
            let second = UnixStream::connect(&path).unwrap();
            arrives(&second, &listener.accept().unwrap().0);
            std::fs::remove_file(path).unwrap();
        };
        point(move || drop(UnixStream::connect(theirs)), after)
    });
}

#[test]
fn a_datagram_of_a_unix_socket() {
    in_all_ways("UnixDatagram::recv", || {
        let (here, there) = UnixDatagram::pair().unwrap();
        let theirs = there.try_clone().unwrap();
        let after = move || {
            here.send(b"all").unwrap();
            assert_eq!(there.recv_from(&mut [0; 8]).unwrap().0, 3);
        };
        point(move || drop(theirs.recv(&mut [0; 8])), after)
    });
}

/// Fills a socket's queue, one byte each; how many.
fn fill(socket: impl AsFd) -> usize {
    (0..).find(|_| rustix::net::send(&socket, b"x", rustix::net::SendFlags::empty()).is_err()).unwrap()
}

/// There is as much to be received as was sent, and what was interrupted is not.
fn received(socket: &UnixDatagram, sent: usize) {
    let mut buffer = [0; 8];
    for _ in 0..sent {
        assert_eq!((socket.recv(&mut buffer).unwrap(), buffer[0]), (1, b'x'));
    }
    assert!(rustix::net::recv(socket, &mut buffer[..], rustix::net::RecvFlags::empty()).is_err(), "there is more");
}

#[test]
fn sending_a_datagram_of_a_unix_socket() {
    in_all_ways("UnixDatagram::send", || {
        let (here, there) = UnixDatagram::pair().unwrap();
        let sent = fill(&here);
        point(move || drop(here.send(b"y")), move || received(&there, sent))
    });
}

#[test]
fn sending_a_datagram_to_a_path() {
    in_all_ways("UnixDatagram::send_to", || {
        let path = path();
        let (there, here) = (UnixDatagram::bind(&path).unwrap(), UnixDatagram::unbound().unwrap());
        let others = UnixDatagram::unbound().unwrap();
        others.connect(&path).unwrap();
        let (sent, theirs) = (fill(&others), path.clone());
        let after = move || {
            received(&there, sent);
            std::fs::remove_file(path).unwrap();
        };
        point(move || drop(here.send_to(b"y", theirs)), after)
    });
}

#[test]
fn readiness() {
    in_all_ways("Pollable::readable", || {
        let (reader, writer) = std::io::pipe().unwrap();
        let reader = Rc::new(Pollable::new(reader).unwrap());
        let theirs = reader.clone();
        let after = move || {
            (&writer).write_all(b"x").unwrap();
            reader.readable().unwrap();
        };
        point(move || drop(theirs.readable()), after)
    });
}

#[test]
fn a_read_of_a_pipe() {
    in_all_ways("Pollable::read_with", || {
        let (reader, writer) = std::io::pipe().unwrap();
        let reader = Rc::new(Pollable::new(reader).unwrap());
        let theirs = reader.clone();
        let block = move || drop(theirs.read_with(|mut io| io.read(&mut [0; 8])));
        let after = move || {
            (&writer).write_all(b"xyz").unwrap();
            assert_eq!(reader.read_with(|mut io| io.read(&mut [0; 8])).unwrap(), 3);
        };
        point(block, after)
    });
}

#[test]
fn a_write_to_a_pipe() {
    in_all_ways("Pollable::write_all", || {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut writer = Pollable::new(writer).unwrap();
        point(move || drop(writer.write_all(&pattern())), move || begins(reader))
    });
}

/// Its listener is closed, and so are the connections that waited.
#[test]
fn serving() {
    in_all_ways("Server::serve", || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).unwrap();
        let server = Server::new(listener);
        let after = move || {
            assert!(TcpStream::connect(address).is_err());
            // An end if it was accepted, and a reset if it was not.
            assert!(matches!((&client).read(&mut [0; 8]), Ok(0) | Err(_)));
        };
        point(move || drop(server.serve(|_| Ok(Next::Wait))), after)
    });
}
