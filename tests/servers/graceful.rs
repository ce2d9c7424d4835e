//! The orderly end of servers.

use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use tasklets::net::{TcpListener, TcpStream};
use tasklets::server::{Acceptor, Drained, graceful};
use tasklets::{Receiver, Sender, bounded, now, schedule, sleep, spawn, with_virtual_time};

use crate::common::checked;

const GRACE: Duration = Duration::from_secs(60);

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Serves what `connections` does, on the virtual clock, and is asked to stop after a second.
fn stopped_after_a_second(connections: impl FnOnce(&Acceptor) + 'static) -> (Drained<()>, Duration) {
    with_virtual_time(|| {
        let (stop, stopped): (Sender<()>, Receiver<()>) = bounded(2);
        spawn(move || {
            sleep(secs(1)).unwrap();
            stop.send(()).unwrap();
            sleep(secs(1000)).unwrap();
        })
        .detach();
        let began = now();
        let end = graceful(&stopped, GRACE, move |server| {
            connections(server);
            sleep(secs(1000)).unwrap();
        });
        (end, now() - began)
    })
}

/// Notes that it was dropped.
struct Note(Rc<Cell<bool>>);

impl Drop for Note {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn what_is_busy_may_finish() {
    checked(|| {
        let (end, took) = stopped_after_a_second(|server| {
            server.spawn(|connection| {
                assert!(!connection.is_stopping());
                sleep(secs(30)).unwrap();
                assert!(connection.is_stopping());
            });
        });
        assert_eq!((end.result, end.served, end.killed, took), (None, 1, 0, secs(30)));
    });
}

#[test]
fn what_idles_ends_at_once() {
    checked(|| {
        let (end, took) = stopped_after_a_second(|server| {
            server.spawn(|connection| {
                assert_eq!(connection.idle(|| sleep(secs(500)).unwrap()), None);
                assert!(connection.idle(|| ()).is_none(), "it is stopping");
            });
        });
        assert_eq!((end.served, end.killed, took), (1, 0, secs(1)));
    });
}

#[test]
fn what_is_left_after_the_grace_is_killed() {
    checked(|| {
        let dropped = Rc::new(Cell::new(false));
        let note = Note(dropped.clone());
        let (end, took) = stopped_after_a_second(move |server| {
            server.spawn(move |_| {
                let _note = note;
                sleep(secs(500)).unwrap();
            });
        });
        assert_eq!((end.served, end.killed, end.hurried, took), (0, 1, false, secs(1) + GRACE));
        assert!(dropped.get());
        assert_eq!(end.to_string(), "0 connections served, 1 killed");
    });
}

#[test]
fn a_second_request_ends_the_grace() {
    checked(|| {
        let (stop, stopped) = bounded(2);
        let took = with_virtual_time(|| {
            spawn(move || {
                for _ in 0..2 {
                    sleep(secs(5)).unwrap();
                    stop.send(()).unwrap();
                }
            })
            .detach();
            let began = now();
            let end = graceful(&stopped, GRACE, |server| {
                server.spawn(|_| sleep(secs(500)).unwrap());
                sleep(secs(500)).unwrap();
            });
            assert_eq!((end.result, end.killed, end.hurried), (None, 1, true));
            now() - began
        });
        assert_eq!(took, secs(10));
    });
}

#[test]
fn who_panics_ends_alone() {
    checked(|| {
        let (end, took) = stopped_after_a_second(|server| {
            server.spawn(|_| std::panic::resume_unwind(Box::new("oh")));
            server.spawn(|_| sleep(secs(10)).unwrap());
        });
        assert_eq!((end.served, end.panicked, took), (1, 1, secs(10)));
        assert_eq!(end.to_string(), "1 connections served, 1 panicked");
    });
}

#[test]
fn a_panic_of_who_accepts_is_raised_after_the_connections_were_killed() {
    checked(|| {
        let dropped = Rc::new(Cell::new(false));
        let note = Note(dropped.clone());
        let (_stop, stopped) = bounded::<()>(1);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            graceful(&stopped, GRACE, move |server| {
                server.spawn(move |_| {
                    let _note = note;
                    sleep(secs(500)).unwrap();
                });
                schedule().unwrap();
                std::panic::resume_unwind(Box::new("oh"));
            })
        }));
        assert_eq!(outcome.map(drop).unwrap_err().downcast_ref(), Some(&"oh"));
        assert!(dropped.get());
    });
}

#[test]
fn a_killed_server_takes_its_connections_with_it() {
    checked(|| {
        let dropped = Rc::new(Cell::new(0));
        struct Count(Rc<Cell<u32>>);
        impl Drop for Count {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let (accepting, serving) = (Count(dropped.clone()), Count(dropped.clone()));
        let (_stop, stopped) = bounded::<()>(1);
        let server = spawn(move || {
            graceful(&stopped, GRACE, move |server| {
                let _accepting = accepting;
                server.spawn(move |_| {
                    let _serving = serving;
                    sleep(secs(500)).unwrap();
                });
                sleep(secs(500)).unwrap();
            });
        });
        for _ in 0..4 {
            schedule().unwrap();
        }
        assert_eq!(dropped.get(), 0);
        server.kill().unwrap();
        assert_eq!(dropped.get(), 2);
    });
}

#[test]
fn a_listener_is_closed_and_what_was_accepted_is_answered() {
    checked(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = bounded(1);
        let refused = Rc::new(RefCell::new(None));
        let seen = refused.clone();
        spawn(move || {
            let mut idle = TcpStream::connect(address).unwrap();
            let mut busy = TcpStream::connect(address).unwrap();
            for stream in [&mut idle, &mut busy] {
                stream.write_all(b"x").unwrap();
                stream.read_exact(&mut [0]).unwrap();
            }
            // The first half of a request: the server has seen it.
            busy.write_all(b"y").unwrap();
            busy.read_exact(&mut [0]).unwrap();
            stop.send(()).unwrap();
            assert_eq!(idle.read(&mut [0]).unwrap(), 0, "it idled");
            *seen.borrow_mut() = TcpStream::connect(address).err();
            busy.write_all(b"z").unwrap();
            let mut answer = Vec::new();
            busy.read_to_end(&mut answer).unwrap();
            assert_eq!(answer, b"z");
        });
        let end = graceful(&stopped, GRACE, move |server| {
            server.accept(
                || listener.accept(),
                |(mut stream, _), connection| {
                    let mut request = [0; 2];
                    stream.read_exact(&mut request[..1]).unwrap();
                    stream.write_all(&request[..1]).unwrap();
                    while let Some(Ok(1)) = connection.idle(|| stream.read(&mut request[..1])) {
                        stream.write_all(&request[..1]).unwrap();
                        stream.read_exact(&mut request[1..]).unwrap();
                        stream.write_all(&request[1..]).unwrap();
                    }
                },
            )
        });
        assert!(end.result.is_none());
        assert_eq!((end.served, end.killed, end.panicked), (2, 0, 0));
        assert_eq!(refused.take().unwrap().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn what_cannot_be_accepted_from_ends_accepting() {
    checked(|| {
        let (_stop, stopped) = bounded::<()>(1);
        let end = graceful(&stopped, GRACE, |server| {
            let mut tries = 0;
            let accept = move || {
                tries += 1;
                // ECONNABORTED is that connection's; EMFILE goes away; EBADF does not.
                let errno = [rustix::io::Errno::CONNABORTED, rustix::io::Errno::MFILE, rustix::io::Errno::BADF];
                if tries == 3 { Ok(()) } else { Err(errno[(tries - 1).min(2)].into()) }
            };
            server.accept(accept, |(), _| {}).into_inner().raw_os_error()
        });
        assert_eq!(end.result, Some(Some(rustix::io::Errno::BADF.raw_os_error())));
        assert_eq!(end.served, 1);
    });
}
