//! `Unblocked`: readers and writers whose calls block their thread.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::rc::Rc;
use std::sync::mpsc;

use tasklets::{JoinError, Unblocked, rendezvous, run, schedule, spawn};

use crate::common::checked;

/// A reader that waits for each piece, and tells when it begins to.
struct Pieces {
    says: mpsc::Sender<()>,
    pieces: mpsc::Receiver<&'static str>,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.says.send(()).unwrap();
        let piece = self.pieces.recv().unwrap_or_default();
        buffer[..piece.len()].copy_from_slice(piece.as_bytes());
        Ok(piece.len())
    }
}

fn pieces() -> (mpsc::Receiver<()>, mpsc::Sender<&'static str>, Unblocked<Pieces>) {
    let (says, waits) = mpsc::channel();
    let (tell, pieces) = mpsc::channel();
    (waits, tell, Unblocked::new(Pieces { says, pieces }))
}

#[test]
fn a_read_makes_only_its_tasklet_wait() {
    checked(|| {
        let (_waits, tell, reader) = pieces();
        let lines = spawn(move || BufReader::new(reader).lines().map(Result::unwrap).collect::<Vec<_>>());
        for piece in ["on", "e\ntw", "o\n"] {
            schedule().unwrap();
            assert!(lines.is_alive());
            tell.send(piece).unwrap();
        }
        drop(tell);
        assert_eq!(lines.join().unwrap(), ["one", "two"]);
    });
}

#[test]
fn what_is_read_for_a_killed_tasklet_is_there_for_the_next() {
    checked(|| {
        let (waits, tell, reader) = pieces();
        let (lend, lent) = rendezvous();
        let reader = Rc::new(RefCell::new(reader));
        let theirs = reader.clone();
        let first = spawn(move || {
            let mut reader = theirs.borrow_mut();
            lend.send(()).unwrap();
            let _ = reader.read(&mut [0; 10]);
        });
        lent.recv().unwrap();
        schedule().unwrap();
        waits.recv().unwrap();
        first.kill().unwrap();
        assert!(matches!(first.join(), Err(JoinError::Killed)));
        tell.send("kept").unwrap();
        let mut buffer = [0; 2];
        let mut reader = Rc::into_inner(reader).unwrap().into_inner();
        reader.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"ke");
        // What was read ahead is not lost.
        reader = reader.into_inner().map(drop).unwrap_err();
        // No more is read before that is used up.
        reader.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"pt");
        assert!(waits.try_recv().is_err());
        drop(tell);
        assert_eq!(reader.read(&mut buffer).unwrap(), 0);
        assert_eq!(reader.read(&mut []).unwrap(), 0);
        assert!(reader.into_inner().is_ok());
    });
}

#[test]
fn a_write_hands_on_what_there_is_and_its_errors() {
    struct Refuses;
    impl Write for Refuses {
        fn write(&mut self, _buffer: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    struct Sends(mpsc::Sender<Vec<u8>>);
    impl Write for Sends {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            self.0.send(buffer.to_vec()).map_err(io::Error::other)?;
            Ok(buffer.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    checked(|| {
        spawn(|| {
            let mut refuses = Unblocked::new(Refuses);
            assert_eq!(refuses.write(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
            assert_eq!(refuses.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);

            let (tx, rx) = mpsc::channel();
            let mut writer = Unblocked::new(Sends(tx));
            writer.write_all(&[7; 20_000]).unwrap();
            writer.flush().unwrap();
            assert_eq!(rx.try_iter().map(|piece| piece.len()).sum::<usize>(), 20_000);
        })
        .detach();
        let _ = run();
    });
}

#[test]
fn errors_of_reads_come_through() {
    struct Fails(u32);
    impl Read for Fails {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => Err(io::ErrorKind::Interrupted.into()),
                2 => Err(io::ErrorKind::ConnectionReset.into()),
                _ => {
                    buffer[0] = b'!';
                    Ok(1)
                }
            }
        }
    }
    checked(|| {
        let mut reader = Unblocked::new(Fails(0));
        let mut byte = [0];
        assert_eq!(reader.read(&mut byte).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(reader.read(&mut byte).unwrap(), 1);
        assert!(format!("{reader:?}").contains("Unblocked"));
    });
}
