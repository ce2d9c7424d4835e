//! Other descriptors that a poller can watch.

use std::io::{ErrorKind, Read, Write, pipe};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use tasklets::io::Pollable;
use tasklets::{now, schedule, spawn, with_virtual_time};

use crate::common::{checked, scale};

#[test]
fn a_pipe_is_read_and_written_through() {
    checked(|| {
        let (reader, writer) = pipe().unwrap();
        let (mut reader, mut writer) = (Pollable::new(reader).unwrap(), Pollable::new(writer).unwrap());
        let bytes: Vec<u8> = (0..scale(1_000_000)).map(|at| (at / 3) as u8).collect();
        let sent = bytes.clone();
        let writing = spawn(move || {
            writer.write_all(&sent).unwrap();
            writer.flush().unwrap();
        });
        let mut received = Vec::new();
        reader.read_to_end(&mut received).unwrap();
        assert!(received == bytes);
        writing.join().unwrap();
    });
}

#[test]
fn readiness_is_waited_for() {
    checked(|| {
        let (reader, writer) = pipe().unwrap();
        let (reader, mut writer) = (Pollable::new(reader).unwrap(), Pollable::new(writer).unwrap());
        writer.writable().unwrap();
        let waiting = spawn(move || {
            reader.readable().unwrap();
            // It is so until it is read.
            reader.readable().unwrap();
            let mut buffer = [0; 8];
            assert_eq!(reader.read_with(|mut io| io.read(&mut buffer)).unwrap(), 1);
            let error = reader.read_with(|_| -> std::io::Result<()> { Err(ErrorKind::InvalidData.into()) });
            assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidData);
            reader.into_inner()
        });
        schedule().unwrap();
        assert!(waiting.is_blocked());
        writer.write_all(b"x").unwrap();
        let mut reader = waiting.join().unwrap();
        assert_eq!(reader.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn a_time_may_be_up() {
    checked(|| {
        let (here, _there) = UnixDatagram::pair().unwrap();
        let here = Pollable::new(here).unwrap();
        here.set_read_timeout(Some(Duration::from_secs(7))).unwrap();
        here.set_write_timeout(Some(Duration::from_secs(8))).unwrap();
        with_virtual_time(|| {
            let began = now();
            assert_eq!(here.readable().unwrap_err().kind(), ErrorKind::TimedOut);
            assert_eq!(now() - began, Duration::from_secs(7));
            let full = loop {
                if let Err(error) = here.write_with(|io| io.send(&[0; 512])) {
                    break error;
                }
            };
            assert_eq!(full.kind(), ErrorKind::TimedOut);
            assert_eq!(now() - began, Duration::from_secs(15));
        });
    });
}

/// A file is always ready, and no poller takes it.
#[test]
fn a_file_is_ready() {
    checked(|| {
        let file = Pollable::new(std::fs::File::open("/proc/self/stat").unwrap()).unwrap();
        file.readable().unwrap();
        let error = file.read_with(|_| -> std::io::Result<()> { Err(ErrorKind::WouldBlock.into()) }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    });
}

/// What a closure does that is tried again and again, may wait, fail and be killed.
#[test]
fn storms_of_refusals_are_waited_through() {
    checked(|| {
        let (reader, mut writer) = pipe().unwrap();
        let reader = Pollable::new(reader).unwrap();
        let storm = scale(50);
        let mut tries = 0;
        let waiting = spawn(move || {
            reader.read_with(|mut io| {
                tries += 1;
                match tries {
                    n if n < storm && n % 3 == 0 => Err(ErrorKind::Interrupted.into()),
                    n if n < storm => {
                        let _one = io.read(&mut [0])?;
                        Err(ErrorKind::WouldBlock.into())
                    }
                    _ => Ok(tries),
                }
            })
        });
        while waiting.is_alive() {
            writer.write_all(b"x").unwrap();
            schedule().unwrap();
            tasklets::sleep(Duration::from_micros(10)).unwrap();
        }
        assert_eq!(waiting.join().unwrap().unwrap(), storm);
    });
}
