//! Programs that are written for the sockets of the standard library, and run with ours when the names are imported from here: each
//! is compiled and run with both.

use std::io::{BufRead, BufReader, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use crate::common::checked;

const SECOND: Duration = Duration::from_secs(1);

/// The same text, with sockets of both libraries; what runs beside is a thread for theirs, and a tasklet for ours.
macro_rules! with_both {
    ($name:ident, $body:ident, $($std:ident)::+, $($socket:ident)+) => {
        #[test]
        fn $name() {
            mod theirs {
                use std::thread::spawn;

                use super::*;
                use $($std)::+::{$($socket),+};

                $body!();
            }
            mod ours {
                use tasklets::net::{$($socket),+};
                use tasklets::spawn;

                use super::*;

                $body!();
            }
            theirs::program();
            checked(ours::program);
        }
    };
}

macro_rules! tcp {
    () => {
        fn serve(listener: &TcpListener) {
            for stream in listener.incoming().take(2) {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while let Some(Ok(line)) = lines.next() {
                    let parts = [IoSlice::new(line.as_bytes()), IoSlice::new(b"!\n")];
                    assert_eq!(stream.write_vectored(&parts).unwrap(), line.len() + 2);
                    stream.flush().unwrap();
                }
                stream.shutdown(Shutdown::Both).unwrap();
            }
        }

        fn options(stream: &TcpStream) {
            stream.set_nodelay(true).unwrap();
            assert!(stream.nodelay().unwrap());
            stream.set_ttl(33).unwrap();
            assert_eq!(stream.ttl().unwrap(), 33);
            assert!(stream.take_error().unwrap().is_none());
            assert_eq!(stream.set_read_timeout(Some(Duration::ZERO)).unwrap_err().kind(), ErrorKind::InvalidInput);
            assert_eq!((stream.read_timeout().unwrap(), stream.write_timeout().unwrap()), (None, None));
            stream.set_write_timeout(Some(SECOND)).unwrap();
            assert_eq!(stream.write_timeout().unwrap(), Some(SECOND));
            assert_eq!(stream.as_fd().as_raw_fd(), stream.as_raw_fd());
            assert!(format!("{stream:?}").starts_with("TcpStream { addr: "));
        }

        pub(super) fn program() {
            let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            listener.set_ttl(40).unwrap();
            assert_eq!(listener.ttl().unwrap(), 40);
            assert!(listener.take_error().unwrap().is_none());
            let address: SocketAddr = listener.local_addr().unwrap();
            let server = spawn(move || serve(&listener));
            let mut stream = TcpStream::connect(address).unwrap();
            options(&stream);
            assert_eq!(stream.peer_addr().unwrap(), address);
            assert_eq!(stream.local_addr().unwrap().ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
            write!(stream, "one\ntwo\n").unwrap();
            let mut first = [0; 4];
            while stream.peek(&mut first).unwrap() < 4 {}
            let mut rest = [0; 6];
            let mut got = 0;
            while got < 10 {
                let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut rest)];
                got += (&stream).read_vectored(&mut buffers).unwrap();
            }
            (&stream).write_all(b"three\n").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, "three!\n");
            drop(stream);
            drop(TcpStream::connect_timeout(&address, SECOND * 60).unwrap());
            server.join().unwrap();
            assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        }
    };
}

macro_rules! udp {
    () => {
        pub(super) fn program() {
            let (one, other) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
            one.set_broadcast(true).unwrap();
            assert!(one.broadcast().unwrap());
            one.set_multicast_loop_v4(false).unwrap();
            assert!(!one.multicast_loop_v4().unwrap());
            one.set_multicast_ttl_v4(5).unwrap();
            assert_eq!(one.multicast_ttl_v4().unwrap(), 5);
            let group = Ipv4Addr::new(224, 0, 0, 123);
            // Where there is a network that has groups.
            if one.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).is_ok() {
                one.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
            }
            let addresses = (one.local_addr().unwrap(), other.local_addr().unwrap());
            let sender = spawn(move || {
                assert_eq!(one.send_to(b"hello", addresses.1).unwrap(), 5);
                one.connect(addresses.1).unwrap();
                assert_eq!(one.peer_addr().unwrap(), addresses.1);
                assert_eq!(one.send(b"again").unwrap(), 5);
                one
            });
            let mut buffer = [0; 16];
            assert_eq!(other.peek_from(&mut buffer).unwrap(), (5, addresses.0));
            assert_eq!(other.recv_from(&mut buffer).unwrap(), (5, addresses.0));
            assert_eq!(other.peek(&mut buffer).unwrap(), 5);
            assert_eq!(other.recv(&mut buffer).unwrap(), 5);
            assert_eq!(&buffer[..5], b"again");
            drop(sender.join());
            other.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
            let kind = other.try_clone().unwrap().recv(&mut buffer).unwrap_err().kind();
            assert!(matches!(kind, ErrorKind::TimedOut | ErrorKind::WouldBlock));
        }
    };
}

macro_rules! unix {
    () => {
        fn streams(path: &std::path::Path) {
            let listener = UnixListener::bind(path).unwrap();
            assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(path));
            let server = spawn(move || {
                let (mut stream, _peer) = (&listener).accept().unwrap();
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                stream.write_all(text.to_uppercase().as_bytes()).unwrap();
                drop(stream);
                let second = (&listener).into_iter().next().unwrap().unwrap();
                drop(second);
            });
            let mut stream = UnixStream::connect(path).unwrap();
            stream.write_all(b"hello").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, "HELLO");
            let address = stream.peer_addr().unwrap();
            let mut second = UnixStream::connect_addr(&address).unwrap();
            assert_eq!(second.read(&mut [0]).unwrap(), 0);
            server.join().unwrap();
        }

        fn datagrams(path: &std::path::Path) {
            let receiver = UnixDatagram::bind(path).unwrap();
            let sender = UnixDatagram::unbound().unwrap();
            let address = receiver.local_addr().unwrap();
            assert_eq!(sender.send_to(b"one", path).unwrap(), 3);
            assert_eq!(sender.send_to_addr(b"two", &address).unwrap(), 3);
            sender.connect(path).unwrap();
            sender.connect_addr(&address).unwrap();
            assert_eq!(sender.send(b"three").unwrap(), 5);
            let mut buffer = [0; 8];
            assert_eq!(receiver.recv(&mut buffer).unwrap(), 3);
            let (got, from) = receiver.recv_from(&mut buffer).unwrap();
            assert!(got == 3 && from.is_unnamed());
            assert_eq!(receiver.recv(&mut buffer).unwrap(), 5);
            receiver.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
            assert!(receiver.recv(&mut buffer).is_err());
            sender.shutdown(Shutdown::Both).unwrap();
        }

        pub(super) fn program() {
            let folder = tempfile::tempdir().unwrap();
            streams(&folder.path().join("stream"));
            datagrams(&folder.path().join("datagrams"));
            let (one, other) = UnixStream::pair().unwrap();
            let descriptor: OwnedFd = one.try_into().unwrap();
            let mut one = UnixStream::try_from(descriptor).unwrap();
            one.write_all(b"x").unwrap();
            assert_eq!((&other).read(&mut [0; 4]).unwrap(), 1);
        }
    };
}

with_both!(programs_on_tcp_run_with_both, tcp, std::net, TcpListener TcpStream);
with_both!(programs_on_udp_run_with_both, udp, std::net, UdpSocket);
with_both!(programs_on_unix_sockets_run_with_both, unix, std::os::unix::net, UnixDatagram UnixListener UnixStream);
