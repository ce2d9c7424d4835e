//! Sockets within a machine.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::path::PathBuf;
use std::time::Duration;

use tasklets::net::{UnixDatagram, UnixListener, UnixStream};
use tasklets::{now, run, schedule, spawn, with_virtual_time};

use crate::common::{checked, scale};

/// A path at which there is nothing.
fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("tasklets-{name}-{}", std::process::id()))
}

#[test]
fn streams_echo() {
    checked(|| {
        let path = path("stream");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(path.as_path()));
        let clients = scale(10);
        spawn(move || {
            for stream in listener.incoming().take(clients) {
                let mut stream = stream.unwrap();
                spawn(move || std::io::copy(&mut stream.try_clone().unwrap(), &mut stream).unwrap()).detach();
            }
        })
        .detach();
        for _ in 0..clients {
            let path = path.clone();
            spawn(move || {
                let mut stream = UnixStream::connect(&path).unwrap();
                assert_eq!(stream.peer_addr().unwrap().as_pathname(), Some(path.as_path()));
                stream.write_all(b"hello").unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                assert_eq!(answer, "hello");
            })
            .detach();
        }
        assert!(run().is_finished());
        std::fs::remove_file(path).unwrap();
    });
}

/// A listener whose queue is full refuses, and no poller tells when it is not any more.
#[test]
fn who_connects_to_a_busy_listener_waits() {
    checked(|| {
        let path = path("busy");
        let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        socket.bind(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
        socket.listen(1).unwrap();
        let listener = UnixListener::from_std(std::os::unix::net::UnixListener::from(socket)).unwrap();
        let clients: Vec<_> = (0..6)
            .map(|_| {
                let path = path.clone();
                spawn(move || UnixStream::connect(path).unwrap())
            })
            .collect();
        schedule().unwrap();
        assert!(clients.iter().any(|client| client.is_alive()), "the queue was never full");
        for _ in 0..6 {
            listener.accept().unwrap();
        }
        for client in clients {
            client.join().unwrap();
        }
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn datagrams_wait_for_room() {
    checked(|| {
        let path = path("datagram");
        let (receiver, sender) = (UnixDatagram::bind(&path).unwrap(), UnixDatagram::unbound().unwrap());
        let rounds = scale(100).max(20);
        let to = path.clone();
        let sending = spawn(move || {
            for round in 0..rounds {
                assert_eq!(sender.send_to(&[round as u8], &to).unwrap(), 1);
            }
            sender.connect(&to).unwrap();
            for round in 0..rounds {
                assert_eq!(sender.send(&[round as u8]).unwrap(), 1);
            }
        });
        schedule().unwrap();
        let mut byte = [0];
        for round in (0..rounds).chain(0..rounds) {
            assert_eq!(receiver.recv(&mut byte).unwrap(), 1);
            assert_eq!(byte[0], round as u8);
        }
        sending.join().unwrap();
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn connecting_has_time_limits() {
    checked(|| {
        let path = path("limits");
        let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        socket.bind(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
        socket.listen(1).unwrap();
        let listener = UnixListener::from_std(std::os::unix::net::UnixListener::from(socket)).unwrap();
        let second = Duration::from_secs(1);
        with_virtual_time(|| {
            let began = now();
            let mut queued = Vec::new();
            let error = loop {
                match UnixStream::connect_timeout(&path, second) {
                    Ok(stream) => queued.push(stream),
                    Err(error) => break error,
                }
            };
            assert_eq!((error.kind(), now() - began), (ErrorKind::TimedOut, second));
            assert_eq!(error.to_string(), format!("connect on unix {}: the time was up", path.display()));
            let error = UnixStream::connect_deadline(&path, now() + second).unwrap_err();
            assert_eq!((error.kind(), now() - began), (ErrorKind::TimedOut, 2 * second));
        });
        listener.accept().unwrap();
        assert!(UnixStream::connect_timeout(&path, Duration::from_secs(60)).is_ok());
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
#[cfg(target_os = "linux")]
fn addresses_need_not_be_paths() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;

    checked(|| {
        let name = format!("tasklets-abstract-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let client = UnixStream::connect_addr(&address).unwrap();
        assert_eq!(client.peer_addr().unwrap().as_abstract_name(), Some(name.as_bytes()));
        let accepted = (&listener).into_iter().next().unwrap().unwrap();
        (&accepted).write_all(b"x").unwrap();
        assert_eq!((&client).read(&mut [0; 8]).unwrap(), 1);
        let unnamed = accepted.peer_addr().unwrap();
        assert_eq!(UnixStream::connect_addr(&unnamed).unwrap_err().kind(), ErrorKind::InvalidInput);
        // The same for datagrams.
        let address = SocketAddr::from_abstract_name(format!("{name}-datagrams")).unwrap();
        let receiver = UnixDatagram::bind_addr(&address).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        assert_eq!(sender.send_to_addr(b"one", &address).unwrap(), 3);
        sender.connect_addr(&address).unwrap();
        assert_eq!(sender.try_send(b"three").unwrap(), 5);
        assert_eq!(receiver.recv(&mut [0; 8]).unwrap(), 3);
        assert_eq!(receiver.try_recv(&mut [0; 8]).unwrap(), 5);
        assert_eq!(receiver.try_recv(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn sending_to_who_does_not_receive_takes_too_long() {
    checked(|| {
        let path = path("deaf");
        let (_receiver, sender) = (UnixDatagram::bind(&path).unwrap(), UnixDatagram::unbound().unwrap());
        sender.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        with_virtual_time(|| {
            let began = now();
            let error = loop {
                if let Err(error) = sender.send_to(b"x", &path) {
                    break error;
                }
            };
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(now() - began >= Duration::from_secs(1));
        });
        std::fs::remove_file(path).unwrap();
    });
}

/// Reads stop where descriptors are sent along: the rest must be found, though a read was short.
#[test]
fn short_reads_of_a_local_stream_do_not_say_that_it_is_empty() {
    checked(|| {
        let (mut here, there) = UnixStream::pair().unwrap();
        let reader = spawn(move || {
            let (mut got, mut buffer) = (Vec::new(), [0; 64]);
            while got.len() < 9 {
                let more = (&there).read(&mut buffer).unwrap();
                got.extend_from_slice(&buffer[..more]);
            }
            got
        });
        schedule().unwrap();
        here.write_all(b"one").unwrap();
        let descriptor = std::fs::File::open("/proc/self/stat").unwrap();
        let mut space = [std::mem::MaybeUninit::uninit(); 64];
        let mut along = rustix::net::SendAncillaryBuffer::new(&mut space);
        let descriptors = [std::os::fd::AsFd::as_fd(&descriptor)];
        assert!(along.push(rustix::net::SendAncillaryMessage::ScmRights(&descriptors)));
        let flags = rustix::net::SendFlags::empty();
        rustix::net::sendmsg(&here, &[std::io::IoSlice::new(b"two")], &mut along, flags).unwrap();
        here.write_all(b"six").unwrap();
        assert_eq!(reader.join().unwrap(), b"onetwosix");
    });
}
