//! Many connections at once; and that no descriptor is left of them.

use std::io::{Read, Write};

use tasklets::net::{TcpListener, TcpStream};
use tasklets::{run, spawn};

use crate::common::{checked, scale};
use crate::support::{descriptors, echo, in_a_process, is_child};

#[test]
fn thousands_of_connections_and_no_descriptor_left() {
    if !is_child() {
        return in_a_process("many::thousands_of_connections_and_no_descriptor_left");
    }
    let before = descriptors();
    checked(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
        let clients = scale(3_000).min(most as usize / 2 - 50);
        spawn(move || {
            for stream in listener.incoming().take(clients) {
                let stream = stream.unwrap();
                spawn(move || echo(&stream).unwrap()).detach();
            }
        })
        .detach();
        let clients: Vec<_> = (0..clients)
            .map(|number| {
                spawn(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    for round in 0..3_u32 {
                        let sent = [number as u32, round].map(u32::to_le_bytes).concat();
                        stream.write_all(&sent).unwrap();
                        let mut received = [0; 8];
                        stream.read_exact(&mut received).unwrap();
                        assert_eq!(received[..], sent);
                    }
                })
            })
            .collect();
        assert!(run().is_finished());
        for client in clients {
            client.join().unwrap();
        }
    });
    assert_eq!(descriptors(), before);
}

#[test]
fn connections_come_and_go_and_no_descriptor_is_left() {
    if !is_child() {
        return in_a_process("many::connections_come_and_go_and_no_descriptor_is_left");
    }
    let before = descriptors();
    checked(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let rounds = scale(300);
        spawn(move || {
            for stream in listener.incoming().take(rounds) {
                let stream = stream.unwrap();
                spawn(move || echo(&stream).unwrap()).detach();
            }
        })
        .detach();
        for round in 0..rounds {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"x").unwrap();
            match round % 3 {
                0 => stream.read_exact(&mut [0]).unwrap(),
                1 => {
                    let reader = spawn(move || stream.read(&mut [0; 8]));
                    tasklets::schedule().unwrap();
                    reader.kill().unwrap();
                }
                _ => {}
            }
        }
        assert!(run().is_finished());
    });
    assert_eq!(descriptors(), before);
}
