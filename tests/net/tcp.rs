//! TCP, as the standard library has it.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use tasklets::net::{TcpListener, TcpStream};
use tasklets::{now, run, schedule, spawn, with_virtual_time};

use crate::common::{checked, scale};

/// Two ends of a connection.
pub(crate) fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    assert_eq!(server.local_addr().unwrap(), client.peer_addr().unwrap());
    (client, server)
}

#[test]
fn tasklets_echo() {
    checked(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let clients = scale(20);
        let server = spawn(move || {
            for _ in 0..clients {
                let (stream, _) = listener.accept().unwrap();
                spawn(move || {
                    let mut buffer = [0; 64];
                    loop {
                        let got = (&stream).read(&mut buffer).unwrap();
                        if got == 0 {
                            break;
                        }
                        (&stream).write_all(&buffer[..got]).unwrap();
                    }
                })
                .detach();
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
fn a_time_that_is_up_ends_a_read() {
    checked(|| {
        let (client, _server) = pair();
        with_virtual_time(|| {
            let began = now();
            client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            let error = (&client).read(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert_eq!(now() - began, Duration::from_secs(60));
            let (local, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
            assert_eq!(error.to_string(), format!("read on tcp {local}->{peer}: the time was up"));
        });
        assert!(schedule().is_ok());
    });
}
