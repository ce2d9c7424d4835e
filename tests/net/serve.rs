//! Serving connections that need no stack while they wait.

use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tasklets::net::{Next, Served, Server, Stopper, TcpListener, TcpStream, UnixListener, UnixStream};
use tasklets::{Channel, Tasklet, now, run, schedule, sleep, spawn, stats, with_virtual_time};

use crate::common::{checked, scale};

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Sends back what has come.
fn once(mut stream: &TcpStream) -> std::io::Result<Next> {
    // What is answered in pieces is not to wait for the acknowledgement of the piece before.
    stream.set_nodelay(true)?;
    let mut buffer = [0; 16];
    match stream.read(&mut buffer)? {
        0 => Ok(Next::Close),
        got => stream.write_all(&buffer[..got]).map(|()| Next::Wait),
    }
}

type Running = Tasklet<std::io::Result<Served>>;

fn start(set: impl FnOnce(Server) -> Server) -> (SocketAddr, Stopper, Running) {
    let (listener, address) = listen();
    let server = set(Server::new(listener));
    let stopper = server.stopper();
    (address, stopper, spawn(move || server.serve(once)))
}

fn ask(stream: &mut TcpStream, question: &[u8]) {
    stream.write_all(question).unwrap();
    let mut answer = vec![0; question.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, question);
}

#[test]
fn idle_connections_have_no_tasklet() {
    checked(|| {
        let (address, stopper, server) = start(|server| server);
        let all = scale(50).max(4);
        let mut clients: Vec<_> = (0..all).map(|_| TcpStream::connect(address).unwrap()).collect();
        for round in 0..3 {
            for client in &mut clients {
                ask(client, &[round; 5]);
                // What is larger than the server's buffer, or as large, is answered, too.
                ask(client, &[round; 16]);
                ask(client, &[round; 100]);
            }
        }
        assert_eq!(stats().tasklets, 1, "the server alone");
        clients.truncate(all / 2);
        ask(clients.first_mut().unwrap(), b"still there");
        stopper.stop();
        assert!(stopper.is_stopped());
        let served = server.join().unwrap().unwrap();
        assert_eq!((served.accepted, served.killed, served.timed_out), (all as u64, 0, 0));
        assert_eq!(clients[0].read(&mut [0]).unwrap(), 0);
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn who_waits_in_its_closure_does_not_stop_the_others() {
    checked(|| {
        let (listener, address) = listen();
        let server = Server::new(listener);
        let (stopper, go) = (server.stopper(), Channel::new());
        let waits = go.clone();
        let server = spawn(move || {
            server.serve(move |mut stream| {
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                if byte[0] == b'w' {
                    waits.receive().unwrap();
                }
                stream.write_all(&byte).map(|()| Next::Wait)
            })
        });
        let mut slow: Vec<_> = (0..5).map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut fast = TcpStream::connect(address).unwrap();
        for stream in &mut slow {
            stream.write_all(b"w").unwrap();
        }
        for _ in 0..scale(20) {
            ask(&mut fast, b"f");
        }
        assert_eq!(go.balance(), -5);
        for stream in &mut slow {
            go.send(()).unwrap();
            stream.read_exact(&mut [0]).unwrap();
        }
        stopper.stop();
        assert_eq!(server.join().unwrap().unwrap().killed, 0);
    });
}

#[test]
fn something_is_kept_for_each_connection() {
    checked(|| {
        struct Kept(Rc<Cell<usize>>, u8);
        impl Drop for Kept {
            fn drop(&mut self) {
                self.0.set(self.0.get() - 1);
                // What is kept may do anything when it goes away.
                let _ = schedule();
            }
        }
        let (listener, address) = listen();
        let server = Server::new(listener);
        let (stopper, alive) = (server.stopper(), Rc::new(Cell::new(0)));
        let counted = alive.clone();
        let server = spawn(move || {
            server.serve_with(
                move |_, peer| {
                    assert!(peer.ip().is_loopback());
                    counted.set(counted.get() + 1);
                    Ok(Kept(counted.clone(), 0))
                },
                |mut stream, kept: &mut Kept| {
                    stream.read_exact(&mut [0])?;
                    kept.1 += 1;
                    stream.write_all(&[kept.1])?;
                    Ok(if kept.1 == 3 { Next::Close } else { Next::Wait })
                },
            )
        });
        let mut clients: Vec<_> = (0..10).map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut byte = [0];
        for client in &mut clients[..5] {
            for round in 1..=3 {
                client.write_all(b"?").unwrap();
                client.read_exact(&mut byte).unwrap();
                assert_eq!(byte[0], round);
            }
            assert_eq!(client.read(&mut byte).unwrap(), 0);
        }
        assert_eq!(alive.get(), 5);
        stopper.stop();
        server.join().unwrap().unwrap();
        assert_eq!(alive.get(), 0);
    });
}

#[test]
fn no_more_connections_than_allowed() {
    checked(|| {
        let (address, stopper, server) = start(|server| server.max_connections(2));
        let mut clients: Vec<_> = (0..4).map(|_| TcpStream::connect(address).unwrap()).collect();
        ask(&mut clients[0], b"a");
        ask(&mut clients[1], b"b");
        clients[2].write_all(b"c").unwrap();
        clients[2].set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        assert_eq!(clients[2].read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
        clients.remove(0);
        clients[1].set_read_timeout(None).unwrap();
        clients[1].read_exact(&mut [0]).unwrap();
        stopper.stop();
        assert_eq!(server.join().unwrap().unwrap().accepted, 3);
    });
}

#[test]
fn idle_connections_are_closed_in_time() {
    checked(|| {
        with_virtual_time(|| {
            let (address, stopper, server) = start(|server| server.idle_timeout(Duration::from_secs(60)));
            let mut idle = TcpStream::connect(address).unwrap();
            let mut busy = TcpStream::connect(address).unwrap();
            let began = now();
            let watcher = spawn(move || {
                ask(&mut idle, b"once");
                assert_eq!(idle.read(&mut [0]).unwrap(), 0);
                now() - began
            });
            for _ in 0..20 {
                ask(&mut busy, b"again");
                sleep(Duration::from_secs(10)).unwrap();
            }
            let closed_after = watcher.join().unwrap().as_secs();
            assert!((60..=90).contains(&closed_after), "{closed_after}");
            ask(&mut busy, b"still there");
            stopper.stop();
            assert_eq!(server.join().unwrap().unwrap().timed_out, 1);
        });
    });
}

#[test]
fn the_grace_is_for_those_that_are_being_served() {
    checked(|| {
        with_virtual_time(|| {
            let (listener, address) = listen();
            let server = Server::new(listener).grace(Duration::from_secs(10));
            let stopper = server.stopper();
            let server = spawn(move || {
                server.serve(|mut stream| {
                    let mut seconds = [0];
                    stream.read_exact(&mut seconds)?;
                    sleep(Duration::from_secs(seconds[0].into())).unwrap();
                    stream.write_all(b"!")?;
                    Ok(Next::Wait)
                })
            });
            let mut clients: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
            clients[0].write_all(&[5]).unwrap();
            clients[1].write_all(&[100]).unwrap();
            sleep(Duration::from_secs(1)).unwrap();
            let began = now();
            stopper.stop();
            let served = server.join().unwrap().unwrap();
            assert_eq!((now() - began).as_secs(), 10);
            assert_eq!((served.accepted, served.killed), (3, 1));
            let mut text = String::new();
            clients[0].read_to_string(&mut text).unwrap();
            assert_eq!(text, "!");
            assert_eq!(clients[1].read(&mut [0]).unwrap(), 0);
            assert_eq!(clients[2].read(&mut [0]).unwrap(), 0);
        });
    });
}

#[test]
fn a_server_that_is_killed_closes_its_connections() {
    checked(|| {
        let (address, _stopper, server) = start(|server| server);
        let mut client = TcpStream::connect(address).unwrap();
        ask(&mut client, b"hello");
        server.kill().unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn a_closure_that_panics_closes_its_connection_alone() {
    checked(|| {
        let (listener, address) = listen();
        let server = Server::new(listener);
        let (stopper, said) = (server.stopper(), Rc::new(RefCell::new(Vec::new())));
        let heard = said.clone();
        tasklets::set_error_handler(Some(Rc::new(move |payload| {
            heard.borrow_mut().push(payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        })));
        let server = spawn(move || {
            server.serve(|mut stream| {
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                assert!(byte[0] != b'p', "asked to panic");
                stream.write_all(&byte).map(|()| Next::Wait)
            })
        });
        let mut clients: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
        ask(&mut clients[0], b"a");
        clients[1].write_all(b"p").unwrap();
        assert_eq!(clients[1].read(&mut [0]).unwrap(), 0);
        ask(&mut clients[0], b"a");
        ask(&mut clients[2], b"c");
        assert_eq!(*said.borrow(), [Some("asked to panic".to_owned())]);
        tasklets::set_error_handler(None);
        stopper.stop();
        assert_eq!(server.join().unwrap().unwrap().accepted, 3);
        assert!(run().is_finished());
    });
}

/// A reader of one byte, which may be an order: to panic, to be slow.
fn obey(mut stream: &TcpStream) -> std::io::Result<Next> {
    let mut byte = [0];
    stream.read_exact(&mut byte)?;
    assert!(byte[0] != b'p', "asked to panic");
    if byte[0] == b's' {
        sleep(Duration::from_secs(600)).unwrap();
    }
    stream.write_all(&byte).map(|()| Next::Wait)
}

#[test]
fn who_asks_for_panics_is_given_them_and_nobody_else_is() {
    checked(|| {
        let (listener, address) = listen();
        let said = Rc::new(RefCell::new(Vec::new()));
        let heard = said.clone();
        let server = Server::new(listener).on_panic(move |payload| {
            heard.borrow_mut().push(payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        });
        let stopper = server.stopper();
        let server = spawn(move || server.serve(obey));
        let mut clients: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
        ask(&mut clients[0], b"a");
        for at in [1, 2] {
            clients[at].write_all(b"p").unwrap();
            assert_eq!(clients[at].read(&mut [0]).unwrap(), 0, "it is closed before anybody is told");
        }
        schedule().unwrap();
        ask(&mut clients[0], b"a");
        assert_eq!(*said.borrow(), vec![Some("asked to panic".to_owned()); 2]);
        stopper.stop();
        let served = server.join().unwrap().unwrap();
        assert_eq!((served.accepted, served.panicked, served.killed), (3, 2, 0));
        assert!(run().is_finished());
    });
}

#[test]
fn unix_sockets_are_served_without_stacks() {
    checked(|| {
        let path = std::env::temp_dir().join(format!("serve-{}-{:?}", std::process::id(), std::thread::current().id()));
        let listener = UnixListener::bind(&path).unwrap();
        let server = Server::new(listener).max_connections(scale(40).max(4));
        assert!(format!("{server:?}").contains("UnixListener"), "{server:?}");
        let (stopper, peers) = (server.stopper(), Rc::new(Cell::new(0)));
        let greeted = peers.clone();
        let greet = move |_: &UnixStream, peer: std::os::unix::net::SocketAddr| {
            assert!(peer.is_unnamed());
            greeted.set(greeted.get() + 1);
            Ok(0)
        };
        let server = spawn(move || {
            server.serve_with(greet, |mut stream, count: &mut u8| {
                *count += 1;
                let mut byte = [0];
                match stream.read(&mut byte)? {
                    0 => Ok(Next::Close),
                    _ => stream.write_all(&[byte[0] + *count]).map(|()| Next::Wait),
                }
            })
        });
        let mut clients: Vec<_> = (0..scale(40).max(4)).map(|_| UnixStream::connect(&path).unwrap()).collect();
        std::fs::remove_file(&path).unwrap();
        for round in 1..4 {
            for client in &mut clients {
                let mut byte = [10];
                client.write_all(&byte).unwrap();
                client.read_exact(&mut byte).unwrap();
                assert_eq!(byte[0], 10 + round);
            }
        }
        // They wait, and no tasklet does but the server.
        schedule().unwrap();
        assert_eq!(stats().tasklets, 1);
        stopper.stop();
        assert_eq!(clients[0].read(&mut [0]).unwrap(), 0);
        let served = server.join().unwrap().unwrap();
        assert_eq!((served.accepted as usize, peers.get()), (clients.len(), clients.len()));
    });
}

#[test]
fn who_is_in_a_hurry_ends_the_grace() {
    checked(|| {
        let (listener, address) = listen();
        let server = Server::new(listener).grace(Duration::from_secs(600));
        let stopper = server.stopper();
        let server = spawn(move || server.serve(obey));
        let mut client = TcpStream::connect(address).unwrap();
        ask(&mut client, b"a");
        client.write_all(b"s").unwrap();
        while stats().tasklets < 2 {
            sleep(Duration::from_millis(1)).unwrap();
        }
        stopper.stop();
        schedule().unwrap();
        assert!(server.is_alive(), "it has ten minutes");
        std::thread::spawn(move || stopper.stop_now()).join().unwrap();
        let served = server.join().unwrap().unwrap();
        assert_eq!((served.accepted, served.killed, served.panicked), (1, 1, 0));
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn a_server_is_stopped_from_another_thread() {
    checked(|| {
        let (address, stopper, server) = start(|server| server);
        let client = std::thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.write_all(b"x").unwrap();
            stream.read_exact(&mut [0]).unwrap();
            stopper.stop();
            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        });
        assert_eq!(server.join().unwrap().unwrap().accepted, 1);
        client.join().unwrap();
    });
}
