//! TCP, as the standard library has it.

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use tasklets::io::WaitError;
use tasklets::net::{TcpListener, TcpStream, lookup_host};
use tasklets::{dump, now, run, schedule, spawn, with_virtual_time};

use crate::common::{checked, scale};
use crate::support::{echo, pair, reset};

#[test]
fn tasklets_echo() {
    checked(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let clients = scale(20);
        let server = spawn(move || {
            for stream in listener.incoming().take(clients) {
                let stream = stream.unwrap();
                spawn(move || echo(&stream).unwrap()).detach();
            }
        });
        let clients: Vec<_> = (0..clients)
            .map(|client| {
                spawn(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    let mut buffer = [0; 64];
                    for round in 0..scale(50) {
                        let message = format!("message {round} of client {client}");
                        stream.write_all(message.as_bytes()).unwrap();
                        stream.read_exact(&mut buffer[..message.len()]).unwrap();
                        assert_eq!(&buffer[..message.len()], message.as_bytes());
                    }
                    stream.shutdown(Shutdown::Write).unwrap();
                    assert_eq!(stream.read(&mut buffer).unwrap(), 0);
                    assert_eq!(stream.read(&mut buffer).unwrap(), 0);
                })
            })
            .collect();
        assert!(run().is_finished());
        server.join().unwrap();
        for client in clients {
            client.join().unwrap();
        }
    });
}

#[test]
fn what_is_large_goes_through_in_pieces() {
    checked(|| {
        let (mut client, server) = pair();
        let bytes: Vec<u8> = (0..scale(4_000_000)).map(|at| (at * 7 + at / 251) as u8).collect();
        let sent = bytes.clone();
        let writer = spawn(move || client.write_all(&sent).unwrap());
        let mut received = Vec::new();
        (&server).read_to_end(&mut received).unwrap();
        assert!(received == bytes);
        writer.join().unwrap();
    });
}

#[test]
fn several_buffers_are_read_and_written_at_once() {
    checked(|| {
        let (mut client, mut server) = pair();
        assert_eq!(client.write_vectored(&[IoSlice::new(b"one "), IoSlice::new(b"two")]).unwrap(), 7);
        let (mut first, mut second) = ([0; 3], [0; 8]);
        let got = server.read_vectored(&mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)]).unwrap();
        assert_eq!((got, &first, &second[..4]), (7, b"one", &b" two"[..]));
    });
}

#[test]
fn a_peek_leaves_what_it_sees() {
    checked(|| {
        let (mut client, server) = pair();
        let peeker = spawn(move || {
            let mut buffer = [0; 8];
            assert_eq!(server.peek(&mut buffer).unwrap(), 2);
            assert_eq!(server.peek(&mut buffer).unwrap(), 2);
            assert_eq!((&server).read(&mut buffer).unwrap(), 2);
        });
        schedule().unwrap();
        client.write_all(b"hi").unwrap();
        peeker.join().unwrap();
    });
}

#[test]
fn options_are_those_of_the_socket() {
    checked(|| {
        let (client, _server) = pair();
        client.set_nodelay(true).unwrap();
        assert!(client.nodelay().unwrap());
        client.set_ttl(42).unwrap();
        assert_eq!(client.ttl().unwrap(), 42);
        assert!(client.take_error().unwrap().is_none());
        assert_eq!(client.keepalive().unwrap(), None);
        client.set_keepalive(Some(Duration::from_secs(77))).unwrap();
        assert_eq!(client.keepalive().unwrap(), Some(Duration::from_secs(77)));
        client.set_keepalive(None).unwrap();
        assert_eq!(client.keepalive().unwrap(), None);
        assert_eq!(client.linger().unwrap(), None);
        client.set_linger(Some(Duration::ZERO)).unwrap();
        assert_eq!(client.linger().unwrap(), Some(Duration::ZERO));
        let other = client.try_clone().unwrap();
        other.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        assert_eq!(client.read_timeout().unwrap(), Some(Duration::from_secs(1)));
        assert_eq!(client.set_write_timeout(Some(Duration::ZERO)).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(client.write_timeout().unwrap(), None);
    });
}

#[test]
fn what_is_tried_does_not_wait() {
    checked(|| {
        let (client, server) = pair();
        let mut buffer = [0; 4];
        assert_eq!(client.try_read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(server.try_write(b"abcdef").unwrap(), 6);
        client.readable().unwrap();
        assert_eq!(client.try_read(&mut buffer).unwrap(), 4);
        assert_eq!(client.try_read(&mut buffer).unwrap(), 2);
        assert_eq!(client.try_read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        // What was found to be empty by trying is waited for by reading.
        let reader = spawn(move || (&client).read(&mut [0; 4]).map(|got| (client, got)).unwrap());
        schedule().unwrap();
        server.try_write(b"x").unwrap();
        let (client, got) = reader.join().unwrap();
        assert_eq!(got, 1);
        // Until there is no room any more, and then there is.
        let mut sent = 0;
        let error = loop {
            match server.try_write(&[1; 50_000]) {
                Ok(wrote) => sent += wrote,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let taking =
            spawn(move || std::io::copy(&mut (&client).take(sent as u64), &mut std::io::sink()).map(|_| client));
        server.writable().unwrap();
        assert!(server.try_write(b"x").is_ok());
        taking.join().unwrap().unwrap();
    });
}

#[test]
fn a_time_that_is_up_ends_a_read() {
    checked(|| {
        let (client, _server) = pair();
        with_virtual_time(|| {
            let began = now();
            client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            for _ in 0..2 {
                let error = (&client).read(&mut [0; 8]).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                let (local, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
                assert_eq!(error.to_string(), format!("read on tcp {local}->{peer}: the time was up"));
            }
            assert_eq!(now() - began, Duration::from_secs(120));
        });
    });
}

#[test]
fn a_time_that_is_up_ends_a_write_and_an_accept() {
    checked(|| {
        let (client, _server) = pair();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        with_virtual_time(|| {
            client.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
            let bytes = vec![0; 1 << 16];
            let error = loop {
                if let Err(error) = (&client).write(&bytes) {
                    break error;
                }
            };
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            let began = now();
            assert_eq!(listener.accept_timeout(Duration::from_secs(3)).unwrap_err().kind(), ErrorKind::TimedOut);
            assert_eq!(now() - began, Duration::from_secs(3));
            let deadline = now() + Duration::from_secs(4);
            assert_eq!(listener.accept_deadline(deadline).unwrap_err().kind(), ErrorKind::TimedOut);
            assert_eq!(now(), deadline);
        });
    });
}

#[test]
fn what_has_come_before_a_deadline_is_read_though_time_is_virtual() {
    checked(|| {
        let (client, mut server) = pair();
        with_virtual_time(|| {
            client.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
            for _ in 0..scale(100) {
                server.write_all(b"x").unwrap();
                let reader = spawn({
                    let client = client.try_clone().unwrap();
                    move || (&client).read(&mut [0; 8]).unwrap()
                });
                assert_eq!(reader.join().unwrap(), 1);
            }
        });
    });
}

#[test]
fn nobody_listens() {
    checked(|| {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let error = TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

/// A listener whose queue is full lets connections wait.
#[test]
fn connecting_may_take_too_long() {
    checked(|| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        with_virtual_time(|| {
            let mut connected = Vec::new();
            let error = loop {
                match TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
                    Ok(stream) => connected.push(stream),
                    Err(error) => break error,
                }
                assert!(connected.len() < 10, "the queue is never full");
            };
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert_eq!(error.to_string(), format!("connect on tcp {address}: the time was up"));
            let deadline = now() + Duration::from_secs(1);
            assert_eq!(TcpStream::connect_deadline(address, deadline).unwrap_err().kind(), ErrorKind::TimedOut);
        });
    });
}

#[test]
fn a_name_is_looked_up_while_others_run() {
    checked(|| {
        let listener = TcpListener::bind("localhost:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = spawn(move || TcpStream::connect(("localhost", port)).unwrap());
        let addresses = lookup_host(format!("localhost:{port}")).unwrap();
        assert!(addresses.contains(&listener.local_addr().unwrap()));
        listener.accept().unwrap();
        client.join().unwrap();
        assert_eq!(lookup_host("127.0.0.1:80").unwrap(), [([127, 0, 0, 1], 80).into()]);
        assert_eq!(lookup_host("no port").unwrap_err().kind(), ErrorKind::InvalidInput);
        let none: &[std::net::SocketAddr] = &[];
        assert_eq!(TcpStream::connect(none).unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn sockets_of_the_standard_library_come_and_go() {
    checked(|| {
        let (client, server) = pair();
        let mut server = std::net::TcpStream::try_from(server).unwrap();
        let waiting = spawn(move || {
            let mut text = String::new();
            (&client).read_to_string(&mut text).unwrap();
            text
        });
        schedule().unwrap();
        server.write_all(b"blocking").unwrap();
        let server = TcpStream::from_std(server).unwrap();
        (&server).write_all(b" or not").unwrap();
        let other = server.try_clone().unwrap();
        // A duplicate, because there is another handle.
        drop(server.into_std().unwrap());
        other.shutdown(Shutdown::Both).unwrap();
        assert_eq!(waiting.join().unwrap(), "blocking or not");
    });
}

#[test]
fn who_waits_is_told_with_both_sides() {
    checked(|| {
        let (client, server) = pair();
        let (local, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let reader = spawn(move || (&client).read(&mut [0; 8]).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let acceptor = spawn(move || drop(listener.accept()));
        schedule().unwrap();
        let dump = dump();
        let of = |tasklet: usize| dump.tasklets[tasklet].blocked_on.clone().unwrap();
        assert_eq!((of(1).operation, of(1).on), ("read", format!("tcp {local}->{peer}")));
        assert_eq!((of(2).operation, of(2).on), ("accept", format!("tcp {at}")));
        assert!(of(1).at.file().ends_with("tcp.rs"), "{}", of(1).at);
        acceptor.kill().unwrap();
        drop(server);
        assert_eq!(reader.join().unwrap(), 0);
    });
}

/// And not at one of the standard library, whose loop it usually is.
#[test]
fn what_takes_several_steps_is_reported_at_its_callers_line() {
    fn check(operation: &str) {
        let blocked = loop {
            schedule().unwrap();
            if let Some(blocked) = dump().tasklets.last().unwrap().blocked_on.clone() {
                break blocked;
            }
        };
        assert_eq!(blocked.operation, operation);
        assert!(blocked.at.file().ends_with("tcp.rs"), "{}", blocked.at);
    }
    checked(|| {
        let (client, server) = pair();
        let writer = spawn(move || (&client).write_all(&vec![0; 64 << 20]).map_err(|error| error.kind()));
        check("write");
        let mut bytes = Vec::new();
        (&server).take(1 << 20).read_to_end(&mut bytes).unwrap();
        reset(server);
        assert_eq!(writer.join().unwrap(), Err(ErrorKind::ConnectionReset));

        let (mut client, mut server) = pair();
        let reader = spawn(move || {
            let mut bytes = [0; 4];
            server.read_exact(&mut bytes).unwrap();
            (bytes, server.read_exact(&mut bytes).map_err(|error| error.kind()))
        });
        check("read");
        for byte in b"whole.." {
            client.write_all(&[*byte]).unwrap();
            check("read");
        }
        drop(client);
        assert_eq!(reader.join().unwrap(), (*b"whol", Err(ErrorKind::UnexpectedEof)));
    });
}

#[test]
fn who_may_not_block_is_told_why() {
    checked(|| {
        let (client, _server) = pair();
        let trapped = spawn(move || {
            tasklets::current().set_block_trap(true);
            let error = (&client).read(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            let inner = error.get_ref().unwrap().downcast_ref::<WaitError>().unwrap();
            assert_eq!(inner.operation(), "read");
            assert!(inner.on().starts_with("tcp 127.0.0.1:") && inner.refusal().is_none());
            assert!(error.to_string().ends_with("its block trap is set"), "{error}");
        });
        trapped.join().unwrap();
    });
}
