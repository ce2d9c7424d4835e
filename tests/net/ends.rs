//! How waits end otherwise: by a kill, a shutdown, a deadline; and that nothing is left of them.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::time::Duration;

use tasklets::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use tasklets::{Channel, run, schedule, sleep, spawn, stats, with_virtual_time};

use crate::common::{checked, scale};
use crate::support::pair;

/// Something that waits for ever.
type Operation = Box<dyn FnOnce()>;

fn operations() -> Vec<(&'static str, Operation)> {
    let (reading, peer) = pair();
    let (writing, silent) = pair();
    let (peeking, quiet) = pair();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (here, there) = UnixStream::pair().unwrap();
    let (left, right) = UnixDatagram::pair().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let path = std::env::temp_dir().join(format!("ends-{}-{:?}", std::process::id(), std::thread::current().id()));
    let unix = UnixListener::bind(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    vec![
        ("read", Box::new(move || drop(((&reading).read(&mut [0; 8]), &peer)))),
        ("write", Box::new(move || drop(((&writing).write_all(&vec![0; 1 << 24]), &silent)))),
        ("peek", Box::new(move || drop((peeking.peek(&mut [0; 8]), &quiet)))),
        ("accept", Box::new(move || drop(listener.accept()))),
        ("unix read", Box::new(move || drop(((&here).read(&mut [0; 8]), &there)))),
        ("unix accept", Box::new(move || drop(unix.accept()))),
        ("unix receive", Box::new(move || drop((left.recv(&mut [0; 8]), &right)))),
        ("receive", Box::new(move || drop(udp.recv_from(&mut [0; 8])))),
    ]
}

#[test]
fn a_kill_ends_any_wait() {
    checked(|| {
        for (name, operation) in operations() {
            let waiting = spawn(operation);
            schedule().unwrap();
            assert!(waiting.is_blocked(), "{name}");
            waiting.kill().unwrap();
            assert!(!waiting.is_alive(), "{name}");
            assert_eq!(stats().blocked, 0, "{name}");
        }
    });
}

/// The killer is woken by the same look at the poller as its victim, and runs first, unless this thread stood still at the wrong moment.
#[test]
fn a_kill_before_the_woken_one_runs_passes_the_turn_on() {
    checked(|| {
        let passed_on = (0..100).any(|_| {
            // What is sent to such a socket has arrived when the send returns.
            let ((client, mut server), (alarm, mut bell)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
            let read = || {
                let client = client.try_clone().unwrap();
                spawn(move || (&client).read_exact(&mut [0]).unwrap())
            };
            let (first, second) = (read(), read());
            let killer = spawn(move || {
                (&alarm).read_exact(&mut [0]).unwrap();
                let woken = first.is_alive() && !first.is_blocked();
                first.kill().unwrap();
                woken
            });
            // All wait, and the poller has told that they may write: what comes now is told in its order.
            sleep(Duration::from_millis(1)).unwrap();
            bell.write_all(b"!").unwrap();
            server.write_all(b"x").unwrap();
            let woken = killer.join().unwrap();
            if !woken {
                server.write_all(b"y").unwrap();
            }
            second.join().unwrap();
            woken
        });
        assert!(passed_on);
    });
}

#[test]
fn several_readers_take_turns() {
    checked(|| {
        let (client, mut server) = pair();
        let order = Channel::new();
        let readers: Vec<_> = (0..scale(10))
            .map(|number| {
                let (client, order) = (client.try_clone().unwrap(), order.clone());
                spawn(move || {
                    let mut byte = [0; 1];
                    (&client).read_exact(&mut byte).unwrap();
                    order.send((number, byte[0])).unwrap();
                })
            })
            .collect();
        schedule().unwrap();
        let bytes: Vec<u8> = (0..readers.len()).map(|number| number as u8).collect();
        server.write_all(&bytes).unwrap();
        for number in 0..readers.len() {
            assert_eq!(order.receive().unwrap(), (number, number as u8));
        }
    });
}

#[test]
fn several_accept_from_one_listener() {
    checked(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let acceptors: Vec<_> = (0..4)
            .map(|_| {
                let listener = listener.try_clone().unwrap();
                spawn(move || (0..scale(20)).map(|_| listener.accept().unwrap().1).collect::<Vec<_>>())
            })
            .collect();
        schedule().unwrap();
        let clients = spawn(move || {
            (0..4 * scale(20)).map(|_| TcpStream::connect(address).unwrap().local_addr().unwrap()).collect::<Vec<_>>()
        });
        assert!(run().is_finished());
        let mut accepted: Vec<_> = acceptors.into_iter().flat_map(|acceptor| acceptor.join().unwrap()).collect();
        let mut connected = clients.join().unwrap();
        accepted.sort();
        connected.sort();
        assert_eq!(accepted, connected);
    });
}

#[test]
fn a_shutdown_ends_the_waits_of_other_handles() {
    checked(|| {
        let (client, _server) = pair();
        let other = client.try_clone().unwrap();
        let reader = spawn(move || (&other).read(&mut [0; 8]).unwrap());
        schedule().unwrap();
        client.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reader.join().unwrap(), 0);
    });
}

#[test]
fn a_handle_that_goes_away_leaves_the_others_their_waits() {
    checked(|| {
        let (client, mut server) = pair();
        let other = client.try_clone().unwrap();
        let duplicate = TcpStream::try_from(client.as_fd().try_clone_to_owned().unwrap()).unwrap();
        let first = spawn(move || (&other).read(&mut [0; 1]).unwrap());
        let second = spawn(move || (&duplicate).read(&mut [0; 1]).unwrap());
        schedule().unwrap();
        drop(client);
        server.write_all(b"ab").unwrap();
        assert_eq!(first.join().unwrap(), 1);
        assert_eq!(second.join().unwrap(), 1);
    });
}

#[test]
fn what_was_said_before_the_end_is_read() {
    checked(|| {
        for pause in [false, true] {
            let (mut client, server) = pair();
            let reader = spawn(move || {
                let mut pieces = Vec::new();
                let mut buffer = [0; 64];
                loop {
                    match (&server).read(&mut buffer).unwrap() {
                        0 => break pieces.concat(),
                        got => pieces.push(buffer[..got].to_vec()),
                    }
                }
            });
            schedule().unwrap();
            client.write_all(b"the last words").unwrap();
            if pause {
                sleep(Duration::from_millis(5)).unwrap();
            }
            drop(client);
            assert_eq!(reader.join().unwrap(), b"the last words");
        }
    });
}

#[test]
fn half_closed_connections_still_answer() {
    checked(|| {
        let (mut client, server) = pair();
        let server = spawn(move || {
            let mut question = String::new();
            (&server).read_to_string(&mut question).unwrap();
            (&server).write_all(question.to_uppercase().as_bytes()).unwrap();
        });
        client.write_all(b"is anybody there").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "IS ANYBODY THERE");
        server.join().unwrap();
        assert!(matches!(client.write(b"more"), Err(error) if error.kind() == ErrorKind::BrokenPipe));
    });
}

#[test]
fn deadlines_and_data_race_without_loss() {
    checked(|| {
        let (client, mut server) = pair();
        with_virtual_time(|| {
            let rounds = scale(200);
            let sender = spawn(move || {
                for round in 0..rounds {
                    sleep(Duration::from_millis((round % 5) as u64 + 8)).unwrap();
                    server.write_all(&[round as u8]).unwrap();
                }
            });
            client.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
            let (mut next, mut byte) = (0, [0]);
            while next < rounds {
                match (&client).read(&mut byte) {
                    Ok(got) => {
                        assert_eq!((got, byte[0]), (1, next as u8));
                        next += 1;
                    }
                    Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
                }
            }
            sender.join().unwrap();
        });
    });
}

/// The poller's events are lost: those who wait go on all the same, if somewhat later.
#[test]
fn lost_events_lose_nobody() {
    checked(|| {
        let pairs: Vec<_> = (0..scale(40)).map(|_| pair()).collect();
        let (readers, mut writers): (Vec<_>, Vec<_>) = pairs
            .into_iter()
            .map(|(client, server)| (spawn(move || (&client).read(&mut [0; 8]).unwrap()), server))
            .unzip();
        sleep(Duration::from_millis(1)).unwrap();
        tasklets::io::lose_events(2 * writers.len());
        for writer in &mut writers {
            writer.write_all(b"lost").unwrap();
        }
        for reader in readers {
            assert_eq!(reader.join().unwrap(), 4);
        }
        tasklets::io::lose_events(0);
    });
}

/// So is what another thread wakes this one with.
#[test]
fn lost_alarms_lose_nobody() {
    checked(|| {
        let (client, _server) = pair();
        let reader = spawn(move || (&client).read(&mut [0; 8]));
        sleep(Duration::from_millis(1)).unwrap();
        tasklets::io::lose_events(10);
        let (sender, receiver) = tasklets::rendezvous();
        let other = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            sender.send("hello").unwrap();
        });
        assert_eq!(receiver.recv().unwrap(), "hello");
        other.join().unwrap();
        tasklets::io::lose_events(0);
        reader.kill().unwrap();
    });
}
