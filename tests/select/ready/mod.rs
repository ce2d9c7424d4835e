//! Descriptors as arms: readable, writable.

use std::io::{ErrorKind, Read, Write, pipe};
use std::net::Shutdown;
use std::time::Duration;

use tasklets::io::Pollable;
use tasklets::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use tasklets::select::{Arm, Select, readable, recv};
use tasklets::{Channel, bounded, now, schedule, select, set_select_seed, sleep, spawn, with_virtual_time};

use crate::common::{checked, scale};

mod ends;

const HOUR: Duration = Duration::from_secs(3600);

/// That nobody waits for a descriptor any more: somebody could still be woken then, and this were no deadlock.
fn nobody_watches() {
    let failed = Channel::<()>::new().receive().unwrap_err();
    assert!(failed.to_string().contains("deadlock"), "{failed}");
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Writes until there is no room.
fn fill(stream: &UnixStream) -> usize {
    let mut sum = 0;
    loop {
        match stream.try_write(&[7; 4096]) {
            Ok(wrote) => sum += wrote,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return sum;
            }
        }
    }
}

#[test]
fn the_first_that_comes_is_taken() {
    checked(|| {
        let (here, there) = pair();
        let (orders, more) = (Channel::new(), Channel::new());
        let (their_orders, their_more) = (orders.clone(), more.clone());
        let other = spawn(move || {
            their_orders.send(1).unwrap();
            their_more.receive().unwrap();
            (&there).write_all(b"x").unwrap();
            their_more.receive().unwrap();
            drop(there);
        });
        let next = || {
            select! {
                recv(orders) -> order => format!("order {}", order.unwrap()),
                readable(here) -> ready => format!("ready {:?}", ready.map(|()| (&here).read(&mut [0; 8]).unwrap())),
                after(HOUR) => unreachable!("an hour has passed"),
            }
        };
        assert_eq!(next(), "order 1");
        more.send(()).unwrap();
        assert_eq!(next(), "ready Ok(1)");
        more.send(()).unwrap();
        assert_eq!(next(), "ready Ok(0)", "the end is ready");
        assert_eq!(next(), "ready Ok(0)", "and so it is again");
        other.join().unwrap();
        nobody_watches();
    });
}

#[test]
fn what_is_not_ready_leaves_the_arm_to_the_clock() {
    checked(|| {
        with_virtual_time(|| {
            let (here, _there) = UnixStream::pair().unwrap();
            // The limit that it has is for reads.
            here.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
            let began = now();
            let taken = select! {
                readable(here) -> _ => "ready",
                after(HOUR) => "late",
            };
            assert_eq!((taken, now() - began), ("late", HOUR));
            let taken = select! { readable(here) -> _ => "ready", default => "not ready" };
            assert_eq!(taken, "not ready");
            let taken = select! { writable(here) -> ready => ready.is_ok(), default => false };
            assert!(taken);
            nobody_watches();
        });
    });
}

#[test]
fn every_kind_of_descriptor_can_be_waited_for() {
    checked(|| {
        let dir = tempfile::tempdir().unwrap();
        let never = Channel::<()>::new();
        macro_rules! becomes_readable {
            ($what:expr, $make:expr) => {{
                let what = $what;
                assert!(select! { readable(what) -> _ => false, default => true }, "{what:?} is ready already");
                let making = spawn($make);
                select! {
                    readable(what) -> ready => ready.unwrap(),
                    recv(never) -> _ => unreachable!("nobody sends"),
                }
                what.readable().unwrap();
                let made = making.join();
                made.unwrap();
            }};
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        becomes_readable!(&listener, move || TcpStream::connect(address).unwrap());
        assert!(listener.try_accept().is_ok());
        assert_eq!(listener.try_accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let (here, mut there) = pair();
        becomes_readable!(here, move || there.write_all(b"x").map(|()| there).unwrap());
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        becomes_readable!(&socket, move || UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"x", address).unwrap());
        assert_eq!(socket.try_recv_from(&mut [0; 8]).unwrap().0, 1);
        assert_eq!(socket.try_recv(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let path = dir.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        becomes_readable!(&listener, move || UnixStream::connect(path).unwrap());
        assert!(listener.try_accept().is_ok());
        let (here, there) = UnixDatagram::pair().unwrap();
        becomes_readable!(here, move || there.send(b"x").map(|_| there).unwrap());
        let (here, mut there) = UnixStream::pair().unwrap();
        becomes_readable!(here, move || there.write_all(b"x").map(|()| there).unwrap());
        let (reader, mut writer) = pipe().unwrap();
        let reader = Pollable::new(reader).unwrap();
        becomes_readable!(reader, move || writer.write_all(b"x").map(|()| writer).unwrap());
        // A file is always ready.
        let file = Pollable::new(std::fs::File::open("/dev/null").unwrap()).unwrap();
        select! { readable(file) -> ready => ready.unwrap(), recv(never) -> _ => unreachable!("nobody sends") }
        nobody_watches();
    });
}

#[test]
fn room_to_write_is_waited_for() {
    checked(|| {
        let (here, there) = UnixStream::pair().unwrap();
        let sent = fill(&here);
        let taken = select! { writable(here) -> _ => "room", default => "full" };
        assert_eq!(taken, "full");
        let (tx, rx) = bounded::<()>(1);
        let reader = spawn(move || {
            let mut all = vec![0; sent];
            (&there).read_exact(&mut all).unwrap();
            there
        });
        select! {
            writable(here) -> ready => ready.unwrap(),
            recv(rx) -> _ => unreachable!("nobody sends"),
        }
        assert!(here.try_write(b"more").is_ok());
        drop((reader.join().unwrap(), tx));
        nobody_watches();
    });
}

#[test]
fn of_several_that_are_ready_any_is_taken_or_the_first() {
    checked(|| {
        set_select_seed(3);
        let (here, mut there) = UnixStream::pair().unwrap();
        there.write_all(b"x").unwrap();
        let closed = Channel::<()>::new();
        closed.close();
        let mut taken = [0; 3];
        for _ in 0..300 {
            taken[select! { readable(here) -> _ => 0, writable(here) -> _ => 1, recv(closed) -> _ => 2 }] += 1;
        }
        assert!(taken.iter().all(|&count| count > 50), "{taken:?}");
        for _ in 0..20 {
            assert_eq!(
                select! { biased; writable(here) -> _ => 0, readable(here) -> _ => 1, recv(closed) -> _ => 2 },
                0
            );
            assert_eq!(
                select! { biased; readable(here) -> _ => 1, recv(closed) -> _ => 2, writable(here) -> _ => 0 },
                1
            );
        }
    });
}

#[test]
fn many_descriptors_in_a_set() {
    checked(|| {
        let pairs: Vec<_> = (0..scale(40).max(3)).map(|_| UnixStream::pair().unwrap()).collect();
        let (stop, stopped) = bounded(1);
        let count = pairs.len();
        let (ours, theirs): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let writer = spawn(move || {
            for mut stream in theirs.iter().rev() {
                stream.write_all(b"x").unwrap();
                schedule().unwrap();
            }
            stop.send(()).unwrap();
            theirs
        });
        let arms: Vec<_> = ours.iter().map(readable).collect();
        let end = recv(&stopped);
        let mut set = Select::new();
        for arm in &arms {
            set.add(arm);
        }
        let end_number = set.add(&end);
        let mut got = 0;
        while got < count {
            match set.select().unwrap() {
                // It is ready again and again then: nobody sends any more.
                number if number == end_number => assert!(end.take().is_some()),
                number => {
                    arms[number].take().unwrap().unwrap();
                    assert_eq!((&ours[number]).read(&mut [0; 8]).unwrap(), 1, "it was ready");
                    got += 1;
                }
            }
        }
        drop(writer.join().unwrap());
    });
}

#[test]
fn who_reads_and_who_watches_are_both_told() {
    checked(|| {
        let (here, mut there) = UnixStream::pair().unwrap();
        let clone = here.try_clone().unwrap();
        let never = Channel::<()>::new();
        let reader = spawn(move || (&clone).read(&mut [0; 8]).unwrap());
        let watchers: Vec<_> = (0..3)
            .map(|_| {
                let (here, never) = (here.try_clone().unwrap(), never.clone());
                spawn(move || {
                    select! {
                        readable(here) -> ready => ready.unwrap(),
                        recv(never) -> _ => unreachable!("nobody sends"),
                    }
                })
            })
            .collect();
        schedule().unwrap();
        there.write_all(b"xy").unwrap();
        assert_eq!(reader.join().unwrap(), 2);
        // They may have looked before it was read, or wait still.
        schedule().unwrap();
        there.write_all(b"z").unwrap();
        for watcher in watchers {
            watcher.join().unwrap();
        }
        nobody_watches();
    });
}

#[test]
fn clones_on_two_threads_share_what_comes() {
    checked(|| {
        const END: u8 = b'.';
        let rounds = scale(300);
        let (here, there) = UnixStream::pair().unwrap();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let here = here.try_clone().unwrap();
                std::thread::spawn(move || {
                    let never = Channel::<()>::new();
                    let (mut got, mut buffer) = (0, [0]);
                    loop {
                        select! {
                            readable(here) -> ready => ready.unwrap(),
                            recv(never) -> _ => unreachable!("nobody sends"),
                        }
                        match here.try_read(&mut buffer) {
                            Ok(0) => return got,
                            Ok(_) => got += usize::from(buffer[0] != END),
                            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                        }
                    }
                })
            })
            .collect();
        for round in 0..rounds {
            (&there).write_all(b"x").unwrap();
            if round % 10 == 0 {
                sleep(Duration::from_micros(200)).unwrap();
            }
        }
        (&there).write_all(&[END]).unwrap();
        there.shutdown(Shutdown::Write).unwrap();
        let got: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(got, rounds);
    });
}
