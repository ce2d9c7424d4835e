//! A connection is reset at any moment of the echo protocol: both sides are told, and nobody waits for ever.

use std::io::{ErrorKind, Read, Write};

use tasklets::net::{TcpListener, TcpStream};
use tasklets::{run, schedule, spawn};

use crate::common::{checked, scale};
use crate::support::{descriptors, echo, in_a_process, is_child, reset};

/// What a client does before it resets the connection.
#[derive(Debug, Clone, Copy)]
enum Step {
    Write(usize),
    Read(usize),
    /// Lets the server take notice.
    Pause,
}

const PROTOCOL: &[Step] = &[
    Step::Pause,
    Step::Write(1),
    Step::Pause,
    Step::Write(63),
    Step::Read(1),
    Step::Pause,
    Step::Read(63),
    Step::Write(64),
    Step::Write(64),
    Step::Pause,
    Step::Read(128),
    Step::Pause,
];

fn follow(stream: &mut TcpStream, steps: &[Step]) {
    let bytes = [7; 128];
    for step in steps {
        match *step {
            Step::Write(length) => stream.write_all(&bytes[..length]).unwrap(),
            Step::Read(length) => stream.read_exact(&mut [0; 128][..length]).unwrap(),
            Step::Pause => tasklets::sleep(std::time::Duration::from_micros(200)).unwrap(),
        }
    }
}

#[test]
fn a_client_resets_at_every_step() {
    if !is_child() {
        return in_a_process("resets::a_client_resets_at_every_step");
    }
    let before = descriptors();
    checked(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for length in 0..=PROTOCOL.len() {
            let client = spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                follow(&mut stream, &PROTOCOL[..length]);
                reset(stream);
            });
            let (stream, _) = listener.accept().unwrap();
            let server = spawn(move || echo(&stream));
            client.join().unwrap();
            match server.join().unwrap() {
                Ok(()) => panic!("it has seen an end after {length} steps"),
                Err(error) => assert!(
                    [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&error.kind()),
                    "{error} after {length} steps"
                ),
            }
        }
    });
    assert_eq!(descriptors(), before);
}

#[test]
fn a_server_resets_at_every_step() {
    checked(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for answered in 0..scale(6) {
            spawn({
                let listener = listener.try_clone().unwrap();
                move || {
                    let (mut stream, _) = listener.accept().unwrap();
                    let mut buffer = [0; 64];
                    for _ in 0..answered {
                        stream.read_exact(&mut buffer).unwrap();
                        stream.write_all(&buffer).unwrap();
                    }
                    reset(stream);
                }
            })
            .detach();
            let mut stream = TcpStream::connect(address).unwrap();
            let mut answers = 0;
            let error = loop {
                let mut buffer = [1; 64];
                match stream.write_all(&buffer).and_then(|()| stream.read_exact(&mut buffer)) {
                    Ok(()) => answers += 1,
                    Err(error) => break error,
                }
            };
            assert_eq!(answers, answered);
            assert!([ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&error.kind()), "{error}");
        }
        assert!(run().is_finished());
    });
}

#[test]
fn who_waits_to_write_is_told_of_a_reset() {
    checked(|| {
        let (mut here, there) = crate::support::pair();
        let writing = spawn(move || here.write_all(&vec![0; 1 << 24]));
        schedule().unwrap();
        assert!(writing.is_blocked());
        reset(there);
        let error = writing.join().unwrap().unwrap_err();
        assert!([ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&error.kind()), "{error}");
    });
}
