//! Sockets that go from thread to thread, and are used by several at once.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use tasklets::net::{TcpListener, TcpStream, UnixStream};
use tasklets::{Runtime, bounded, enter, run, schedule, sleep, spawn};

use crate::common::{checked, scale};
use crate::support::{descriptors, echo, in_a_process, is_child, pair};

#[test]
fn one_thread_reads_and_another_one_writes() {
    checked(|| {
        let (here, there) = pair();
        let rounds = scale(2_000);
        let here = Arc::new(here);
        let reading = here.clone();
        let reader = std::thread::spawn(move || {
            enter(|| {
                let mut bytes = vec![0; rounds];
                (&*reading).read_exact(&mut bytes).unwrap();
                assert!(bytes.iter().enumerate().all(|(at, byte)| *byte == at as u8));
            });
        });
        let echoing = std::thread::spawn(move || enter(|| echo(&there).unwrap()));
        for round in 0..rounds {
            (&*here).write_all(&[round as u8]).unwrap();
            if round % 16 == 0 {
                schedule().unwrap();
            }
        }
        reader.join().unwrap();
        drop(here);
        echoing.join().unwrap();
    });
}

/// It is registered with each thread's poller on which it has to wait, and taken out of those that it has left.
#[test]
fn a_connection_goes_around() {
    if !is_child() {
        return in_a_process("threads::a_connection_goes_around");
    }
    let before = descriptors();
    checked(|| {
        let (mut here, there) = pair();
        let (to_next, next) = std::sync::mpsc::channel::<TcpStream>();
        let (to_last, last) = std::sync::mpsc::channel::<TcpStream>();
        let server = std::thread::spawn(move || enter(|| echo(&there).unwrap()));
        let other = std::thread::spawn(move || {
            enter(|| {
                for mut stream in next {
                    let reader = spawn(move || {
                        let mut buffer = [0; 4];
                        stream.read_exact(&mut buffer).unwrap();
                        stream.write_all(&buffer).unwrap();
                        stream
                    });
                    to_last.send(reader.join().unwrap()).unwrap();
                }
            });
        });
        for round in 0..scale(200) as u32 {
            here.write_all(&round.to_le_bytes()).unwrap();
            to_next.send(here).unwrap();
            here = last.recv().unwrap();
            let mut buffer = [0; 4];
            here.read_exact(&mut buffer).unwrap();
            assert_eq!(u32::from_le_bytes(buffer), round);
        }
        drop((here, to_next));
        server.join().unwrap();
        other.join().unwrap();
    });
    assert_eq!(descriptors(), before);
}

#[test]
fn a_runtime_serves_on_all_its_threads() {
    checked(|| {
        let runtime = Runtime::builder().threads(2).build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (clients, rounds) = (scale(40), scale(50));
        let server = runtime.spawn(move || {
            let connections: Vec<_> = listener
                .incoming()
                .take(clients)
                .map(|stream| {
                    let stream = stream.unwrap();
                    tasklets::spawn_anywhere(move || echo(&stream).unwrap())
                })
                .collect();
            connections.into_iter().for_each(|connection| connection.unwrap().join().unwrap());
        });
        let clients: Vec<_> = (0..clients)
            .map(|_| {
                spawn(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    for round in 0..rounds {
                        stream.write_all(&[round as u8]).unwrap();
                        let mut byte = [0];
                        stream.read_exact(&mut byte).unwrap();
                        assert_eq!(byte[0], round as u8);
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
        server.unwrap().join().unwrap();
        runtime.shutdown();
    });
}

/// What another thread asks for is heard by one that sleeps in its poller.
#[test]
fn a_thread_that_sleeps_in_its_poller_hears_others() {
    checked(|| {
        let (here, _there) = pair();
        let reader = spawn(move || (&here).read(&mut [0; 8]));
        schedule().unwrap();
        let (sender, receiver) = tasklets::rendezvous();
        let rounds = scale(200);
        let other = std::thread::spawn(move || {
            for round in 0..rounds {
                if round % 8 == 0 {
                    std::thread::sleep(Duration::from_micros(300));
                }
                sender.send(round).unwrap();
            }
        });
        for round in 0..rounds {
            assert_eq!(receiver.recv().unwrap(), round);
        }
        other.join().unwrap();
        reader.kill().unwrap();
    });
}

/// A busy thread looks at its poller now and then.
#[test]
fn a_busy_thread_hears_its_sockets() {
    checked(|| {
        let (here, mut there) = pair();
        let reader = spawn(move || (&here).read(&mut [0; 8]).unwrap());
        schedule().unwrap();
        let other = std::thread::spawn(move || there.write_all(b"x").map(|()| there));
        let busy = spawn(|| {
            loop {
                schedule().unwrap();
            }
        });
        while reader.is_alive() {
            schedule().unwrap();
        }
        assert_eq!(reader.join().unwrap(), 1);
        busy.kill().unwrap();
        drop(other.join().unwrap().unwrap());
        sleep(Duration::from_millis(1)).unwrap();
    });
}

/// Every byte wakes a reader of every thread, and all but one are refused by the kernel: none of them is lost, nor is a byte.
#[test]
fn a_byte_wakes_many_and_one_has_it() {
    const THREADS: usize = 4;
    const READERS: usize = 3;
    checked(|| {
        let (mut here, there) = UnixStream::pair().unwrap();
        let (tell, told) = bounded(1);
        let readers: Vec<_> = (0..THREADS)
            .map(|_| {
                let (stream, tell) = (there.try_clone().unwrap(), tell.clone());
                std::thread::spawn(move || {
                    enter(move || {
                        for _ in 0..READERS {
                            let (stream, tell) = (stream.try_clone().unwrap(), tell.clone());
                            spawn(move || {
                                let mut byte = [0];
                                while (&stream).read(&mut byte).unwrap() == 1 {
                                    tell.send(byte[0]).unwrap();
                                }
                            })
                            .detach();
                        }
                        // They end, all of them.
                        assert!(run().is_finished());
                    });
                })
            })
            .collect();
        drop(tell);
        for round in 0..scale(1_000) {
            here.write_all(&[round as u8]).unwrap();
            assert_eq!(told.recv().unwrap(), round as u8);
        }
        // Without waiting for each: then their order is anybody's.
        let rest = scale(1_000);
        let writing = spawn(move || {
            (0..rest).for_each(|_| here.write_all(&[1]).unwrap());
            here.shutdown(std::net::Shutdown::Write).unwrap();
        });
        assert_eq!(told.iter().map(usize::from).sum::<usize>(), rest);
        writing.join().unwrap();
        drop(there);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}
