//! UDP.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

use tasklets::net::UdpSocket;
use tasklets::{now, schedule, spawn, with_virtual_time};

use crate::common::{checked, scale};

#[test]
fn datagrams_come_one_by_one() {
    checked(|| {
        let (here, there) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let (at, from) = (here.local_addr().unwrap(), there.local_addr().unwrap());
        let rounds = scale(100);
        let receiver = spawn(move || {
            let mut buffer = [0; 16];
            for round in 0..rounds {
                let (length, sender) = here.peek_from(&mut buffer).unwrap();
                assert_eq!((length, sender), (round % 10, from));
                assert_eq!(here.recv_from(&mut buffer).unwrap(), (round % 10, from));
                assert_eq!(here.send_to(&buffer[..length], sender).unwrap(), length);
            }
        });
        there.connect(at).unwrap();
        assert_eq!(there.peer_addr().unwrap(), at);
        for round in 0..rounds {
            assert_eq!(there.send(&[7; 10][..round % 10]).unwrap(), round % 10);
            assert_eq!(there.peek(&mut [0; 16]).unwrap(), round % 10);
            assert_eq!(there.recv(&mut [0; 16]).unwrap(), round % 10);
        }
        receiver.join().unwrap();
    });
}

#[test]
fn a_time_may_be_up_and_options_are_those_of_the_socket() {
    checked(|| {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        with_virtual_time(|| {
            let began = now();
            assert_eq!(socket.recv(&mut [0; 8]).unwrap_err().kind(), ErrorKind::TimedOut);
            assert_eq!(now() - began, Duration::from_secs(2));
        });
        socket.set_broadcast(true).unwrap();
        assert!(socket.broadcast().unwrap());
        socket.set_ttl(9).unwrap();
        assert_eq!(socket.ttl().unwrap(), 9);
        let none: &[std::net::SocketAddr] = &[];
        assert_eq!(socket.send_to(b"x", none).unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

/// Nobody is there: the kernel tells the next operation.
#[test]
fn what_is_refused_is_told_to_who_waits() {
    checked(|| {
        let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(nobody).unwrap();
        let other = socket.try_clone().unwrap();
        let waiting = spawn(move || other.recv(&mut [0; 8]));
        schedule().unwrap();
        socket.send(b"hello").unwrap();
        assert_eq!(waiting.join().unwrap().unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}
