//! The orderly end of servers whose connections need no stack.

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::rc::Rc;

use tasklets::net::{Next, Server, TcpListener, TcpStream};
use tasklets::server::stop_on;
use tasklets::{bounded, now, sleep, spawn, stats, with_virtual_time};

use crate::common::{checked, scale};
use crate::graceful::secs;

/// A connection that waits is closed by the first message, and one that is being served is killed by the second.
#[test]
fn messages_stop_a_server_without_stacks() {
    checked(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = bounded(1);
        let (busy, is_busy) = bounded(1);
        let server = Server::new(listener).grace(secs(600));
        let stopping = stop_on(stopped, server.stopper());
        let server = spawn(move || {
            server.serve(move |mut stream: &TcpStream| {
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                if byte[0] == b's' {
                    busy.send(()).unwrap();
                    sleep(secs(600)).unwrap();
                }
                stream.write_all(&byte).map(|()| Next::Wait)
            })
        });
        let mut clients = [(); 2].map(|()| TcpStream::connect(address).unwrap());
        for client in &mut clients {
            client.write_all(b"a").unwrap();
            client.read_exact(&mut [0]).unwrap();
        }
        clients[1].write_all(b"s").unwrap();
        is_busy.recv().unwrap();
        stop.send(()).unwrap();
        assert_eq!(clients[0].read(&mut [0]).unwrap(), 0);
        assert!(server.is_alive());
        stop.send(()).unwrap();
        let served = server.join().unwrap().unwrap();
        assert_eq!((served.accepted, served.killed), (2, 1));
        drop(stopping);
    });
}

/// All of an orderly end, of a server whose idle connections hold no stack.
#[test]
fn a_server_without_stacks_ends_in_order() {
    checked(|| {
        struct Ended(Rc<Cell<u32>>);
        impl Drop for Ended {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = bounded(1);
        let server = Server::new(listener).grace(secs(10));
        let _stopping = stop_on(stopped, server.stopper());
        let unwound = Rc::new(Cell::new(0));
        let theirs = unwound.clone();
        let server = spawn(move || {
            server.serve(move |mut stream: &TcpStream| {
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                let _ended = Ended(theirs.clone());
                sleep(secs(byte[0].into())).map_err(std::io::Error::other)?;
                stream.write_all(&byte).map(|()| Next::Wait)
            })
        });
        // Idle ones; one that has five seconds of work, and one that has more than there is grace.
        let mut idle: Vec<_> = (0..scale(20)).map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut busy = [5, 200].map(|_| TcpStream::connect(address).unwrap());
        for client in idle.iter_mut().chain(&mut busy) {
            client.write_all(&[0]).unwrap();
            client.read_exact(&mut [0]).unwrap();
        }
        assert_eq!(stats().tasklets, 2, "who serves, and who waits for the message");
        with_virtual_time(|| {
            busy[0].write_all(&[5]).unwrap();
            busy[1].write_all(&[200]).unwrap();
            sleep(secs(1)).unwrap();
            assert_eq!(stats().tasklets, 4);
            let began = now();
            stop.send(()).unwrap();
            for client in &mut idle {
                assert_eq!(client.read(&mut [0]).unwrap(), 0);
            }
            assert_eq!(now(), began, "at once");
            assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
            busy[0].read_exact(&mut [0]).unwrap();
            assert_eq!(now() - began, secs(4));
            assert_eq!(busy[0].read(&mut [0]).unwrap(), 0);
            assert_eq!(unwound.get(), idle.len() as u32 + 3);
            let served = server.join().unwrap().unwrap();
            assert_eq!((served.accepted, served.killed), (idle.len() as u64 + 2, 1));
            assert_eq!(now() - began, secs(10));
            assert_eq!(unwound.get(), idle.len() as u32 + 4);
            assert_eq!(busy[1].read(&mut [0]).unwrap(), 0);
        });
    });
}

/// Who has asked before the server was told to stop is not idle, though nobody has looked yet.
#[test]
fn what_was_asked_before_the_stop_is_answered() {
    checked(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::new(listener);
        let stopper = server.stopper();
        let server = spawn(move || {
            server.serve(|mut stream: &TcpStream| {
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                stream.write_all(&byte).map(|()| Next::Wait)
            })
        });
        let mut clients: Vec<_> = (0..scale(30)).map(|_| TcpStream::connect(address).unwrap()).collect();
        for client in &mut clients {
            client.write_all(b"a").unwrap();
            client.read_exact(&mut [0]).unwrap();
        }
        for client in &mut clients {
            client.write_all(b"b").unwrap();
        }
        // Who has connected and nobody has looked is not lost either.
        clients.extend((0..3).map(|_| {
            let mut client = std::net::TcpStream::connect(address).unwrap();
            client.write_all(b"b").unwrap();
            TcpStream::from_std(client).unwrap()
        }));
        stopper.stop();
        for client in &mut clients {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            assert_eq!(&byte, b"b");
            assert_eq!(client.read(&mut byte).unwrap(), 0);
        }
        assert_eq!(server.join().unwrap().unwrap().killed, 0);
    });
}

/// What is no longer wanted waits for nobody; and where nobody can ask again, the grace is kept.
#[test]
fn who_waits_to_stop_a_server_goes_away_with_it() {
    checked(|| {
        let (stop, stopped) = bounded::<()>(1);
        let server = Server::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let stopper = server.stopper();
        drop(stop_on(stopped, stopper.clone()));
        assert!(stop.try_send(()).is_err(), "nobody listens");
        assert!(!stopper.is_stopped());

        let (stop, stopped) = bounded::<()>(1);
        let _stopping = stop_on(stopped, stopper.clone());
        drop(stop);
        assert_eq!(server.serve(|_| Ok(Next::Close)).unwrap().accepted, 0);
        assert!(stopper.is_stopped());
    });
}
