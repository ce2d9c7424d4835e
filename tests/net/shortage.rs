//! Too many open files: nothing ends for that, and all goes on when some are closed.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tasklets::net::{Next, Server, TcpListener, TcpStream};
use tasklets::{run, schedule, select, sleep, spawn};

use crate::common::checked;
use crate::support::{echo, in_a_process, is_child};

/// Leaves room for this many descriptors more, or for less if there are some with greater numbers.
fn leave_room_for(more: i32) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    let next = std::fs::File::open("/dev/null").unwrap().as_raw_fd();
    setrlimit(Resource::Nofile, Rlimit { current: Some((next + more) as u64), maximum }).unwrap();
}

#[test]
fn an_accept_that_fails_can_be_tried_again() {
    if !is_child() {
        return in_a_process("shortage::an_accept_that_fails_can_be_tried_again");
    }
    checked(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        leave_room_for(0);
        let error = listener.accept().unwrap_err();
        assert_eq!(Errno::from_io_error(&error), Some(Errno::MFILE));
        // The poller itself has no descriptors either.
        let error = client.read(&mut [0]).unwrap_err();
        assert_eq!(Errno::from_io_error(&error), Some(Errno::MFILE));
        let error = select! {
            readable(client) -> ready => ready.unwrap_err(),
            after(Duration::from_secs(3600)) => unreachable!("it waits without a poller"),
        };
        assert_eq!(Errno::from_io_error(&error), Some(Errno::MFILE));
        leave_room_for(10);
        let (server, _) = listener.accept().unwrap();
        let server = spawn(move || echo(&server));
        client.write_all(b"now").unwrap();
        client.read_exact(&mut [0; 3]).unwrap();
        drop(client);
        server.join().unwrap().unwrap();
    });
}

/// What waits for connections needs descriptors, too: they are taken before those that connections take.
#[test]
fn connections_that_come_at_once_leave_descriptors_to_wait_with() {
    if !is_child() {
        return in_a_process("shortage::connections_that_come_at_once_leave_descriptors_to_wait_with");
    }
    checked(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // Connected without waiting, so that there is no poller yet.
        let connect = |_| TcpStream::from_std(std::net::TcpStream::connect(address).unwrap()).unwrap();
        let mut clients: Vec<_> = (0..10).map(connect).collect();
        leave_room_for(5);
        let mut served = Vec::new();
        let error = loop {
            match listener.accept() {
                Ok((stream, _)) => served.push(spawn(move || echo(&stream))),
                Err(error) => break error,
            }
        };
        assert_eq!(Errno::from_io_error(&error), Some(Errno::MFILE));
        assert!(!served.is_empty());
        schedule().unwrap();
        for (client, echo) in clients.iter_mut().zip(&served) {
            client.write_all(b"x").unwrap();
            client.read_exact(&mut [0]).unwrap();
            assert!(echo.is_alive());
        }
        drop(clients);
        for echo in served {
            echo.join().unwrap().unwrap();
        }
    });
}

#[test]
fn a_server_goes_on_when_descriptors_come_back() {
    if !is_child() {
        return in_a_process("shortage::a_server_goes_on_when_descriptors_come_back");
    }
    checked(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::new(listener);
        let stopper = server.stopper();
        let server = spawn(move || {
            server.serve(|mut stream: &TcpStream| {
                let mut buffer = [0; 64];
                match stream.read(&mut buffer)? {
                    0 => Ok(Next::Close),
                    got => stream.write_all(&buffer[..got]).map(|()| Next::Wait),
                }
            })
        });
        schedule().unwrap();
        // The clients are in the same process: all connect before there is too little for the server's side.
        let mut clients: Vec<_> = (0..8).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        leave_room_for(4);
        let answered = |client: &mut std::net::TcpStream| {
            client.set_nonblocking(true).unwrap();
            client.write_all(b"x").unwrap();
            for _ in 0..20 {
                sleep(Duration::from_millis(5)).unwrap();
                if client.read(&mut [0]).is_ok() {
                    return true;
                }
            }
            false
        };
        let waiting: Vec<_> = clients.iter_mut().map(answered).collect();
        assert!(waiting.contains(&true) && waiting.contains(&false), "{waiting:?}");
        // Each that goes away leaves two descriptors.
        while !clients.is_empty() {
            let mut client = clients.remove(0);
            client.set_nonblocking(false).unwrap();
            client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let reader = std::thread::spawn(move || {
                // What was asked before has been answered, or is now.
                client.write_all(b"y").unwrap();
                client.read_exact(&mut [0]).unwrap();
            });
            while !reader.is_finished() {
                sleep(Duration::from_millis(1)).unwrap();
            }
            reader.join().unwrap();
        }
        stopper.stop();
        let served = server.join().unwrap().unwrap();
        assert_eq!((served.accepted, served.killed), (8, 0));
        assert!(run().is_finished());
    });
}
