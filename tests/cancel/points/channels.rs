//! Channels of both kinds, and select.

use std::sync::Arc;

use tasklets::{Channel, Select, block_on, bounded, now, rendezvous, select, spawn, unbounded};

use super::{HOUR, Token, in_all_ways, point, token};

#[test]
fn a_channel_of_this_thread() {
    in_all_ways("send", || {
        let (channel, (token, drops)) = (Channel::new(), token());
        let tx = channel.clone();
        point(
            move || assert!(tx.send(token).is_err()),
            move || {
                assert_eq!((channel.balance(), drops.get()), (0, 1));
                let other = channel.clone();
                let t = spawn(move || drop(other.receive().unwrap()));
                channel.send(Token(drops)).unwrap_or_else(|error| panic!("{error}"));
                t.join().unwrap();
            },
        )
    });
    in_all_ways("receive", || {
        let channel = Channel::<u8>::new();
        let rx = channel.clone();
        point(move || drop(rx.receive()), move || assert!(channel.balance() == 0 && channel.try_receive().is_err()))
    });
    in_all_ways("send_sequence", || {
        let channel = Channel::new();
        let tx = channel.clone();
        let sent = move || drop(tx.send_sequence(1..=3));
        point(sent, move || assert_eq!(channel.balance(), 0))
    });
    in_all_ways("for value in channel", || {
        let channel = Channel::<u8>::new();
        let rx = channel.clone();
        point(move || for _ in &rx {}, move || assert_eq!(channel.balance(), 0))
    });
    in_all_ways("send_exception", || {
        let channel = Channel::<u8>::new();
        let tx = channel.clone();
        point(move || drop(tx.send_exception("lost")), move || assert!(channel.try_receive().is_err()))
    });
    in_all_ways("send_timeout", || {
        let (channel, (token, drops)) = (Channel::new(), token());
        let tx = channel.clone();
        let after = move || assert_eq!((channel.balance(), drops.get()), (0, 1));
        point(move || assert!(tx.send_timeout(token, HOUR).is_err()), after)
    });
    in_all_ways("send_deadline", || {
        let (channel, (token, drops)) = (Channel::new(), token());
        let tx = channel.clone();
        let after = move || assert_eq!((channel.balance(), drops.get()), (0, 1));
        point(move || assert!(tx.send_deadline(token, now() + HOUR).is_err()), after)
    });
    in_all_ways("receive_timeout", || {
        let channel = Channel::<u8>::new();
        let rx = channel.clone();
        point(move || drop(rx.receive_timeout(HOUR)), move || assert_eq!(channel.balance(), 0))
    });
    in_all_ways("receive_deadline", || {
        let channel = Channel::<u8>::new();
        let rx = channel.clone();
        point(move || drop(rx.receive_deadline(now() + HOUR)), move || assert_eq!(channel.balance(), 0))
    });
}

#[test]
fn channels_between_threads() {
    in_all_ways("rendezvous send", || {
        let (tx, rx) = rendezvous();
        let value = Arc::new(5);
        let (theirs, sent) = (tx.clone(), value.clone());
        point(
            move || drop(theirs.send(sent)),
            move || {
                assert!(rx.try_recv().is_err());
                assert_eq!(Arc::strong_count(&value), 1);
                drop(tx);
            },
        )
    });
    in_all_ways("rendezvous recv", || {
        let (tx, rx) = rendezvous::<u8>();
        let theirs = rx.clone();
        let after = move || {
            assert!(tx.try_send(1).unwrap_err().is_full());
            drop(rx);
        };
        point(move || drop(theirs.recv()), after)
    });
    in_all_ways("bounded send", || {
        let (tx, rx) = bounded(1);
        tx.send(1).unwrap();
        let theirs = tx.clone();
        point(
            move || drop(theirs.send(2)),
            move || assert_eq!((rx.try_recv().unwrap(), rx.try_recv().is_err()), (1, true)),
        )
    });
    in_all_ways("bounded recv", || {
        let (tx, rx) = bounded(1);
        let theirs = rx.clone();
        point(
            move || drop(theirs.recv()),
            move || {
                tx.try_send(1).unwrap();
                assert_eq!(rx.try_recv().unwrap(), 1);
            },
        )
    });
    in_all_ways("unbounded recv, in a loop", || {
        let (tx, rx) = unbounded::<u8>();
        let theirs = rx.clone();
        let after = move || {
            tx.send(1).unwrap();
            assert_eq!(rx.try_recv().unwrap(), 1);
        };
        point(move || for _ in &theirs {}, after)
    });
}

#[test]
fn channels_between_threads_for_a_time() {
    in_all_ways("send_timeout", || {
        let ((tx, rx), (token, drops)) = (rendezvous(), token());
        point(
            move || assert!(tx.send_timeout(token, HOUR).is_err()),
            move || assert_eq!((rx.try_recv().is_err(), drops.get()), (true, 1)),
        )
    });
    in_all_ways("send_deadline", || {
        let ((tx, rx), (token, drops)) = (rendezvous(), token());
        point(
            move || assert!(tx.send_deadline(token, now() + HOUR).is_err()),
            move || assert_eq!((rx.try_recv().is_err(), drops.get()), (true, 1)),
        )
    });
    in_all_ways("send_async", || {
        let ((tx, rx), (token, drops)) = (rendezvous(), token());
        point(
            move || drop(block_on(tx.send_async(token))),
            move || assert_eq!((rx.try_recv().is_err(), drops.get()), (true, 1)),
        )
    });
    in_all_ways("recv_async", || {
        let (tx, rx) = bounded(1);
        let theirs = rx.clone();
        let after = move || {
            tx.try_send(1).unwrap();
            assert_eq!(rx.try_recv().unwrap(), 1);
        };
        point(move || drop(block_on(theirs.recv_async())), after)
    });
    in_all_ways("recv_timeout", || {
        let (tx, rx) = bounded(1);
        let theirs = rx.clone();
        let after = move || {
            tx.try_send(1).unwrap();
            assert_eq!(rx.try_recv().unwrap(), 1);
        };
        point(move || drop(theirs.recv_timeout(HOUR)), after)
    });
    in_all_ways("recv_deadline", || {
        let (tx, rx) = bounded::<u8>(1);
        point(move || drop(rx.recv_deadline(now() + HOUR)), move || drop(tx))
    });
}

#[test]
fn a_select() {
    in_all_ways("select", || {
        let (here, (tx, rx)) = (Channel::<u8>::new(), rendezvous::<u8>());
        let (channel, (full, drain)) = (here.clone(), bounded(1));
        full.send(0).unwrap();
        let block = move || {
            select! {
                recv(channel) -> value => drop(value),
                recv(rx) -> value => drop(value),
                send(full, 9) -> sent => drop(sent),
            }
        };
        point(block, move || {
            assert_eq!(here.balance(), 0);
            assert!(tx.try_send(1).is_err());
            assert_eq!((drain.try_recv().unwrap(), drain.try_recv().is_err()), (0, true));
        })
    });
    in_all_ways("select with a time", || {
        let here = Channel::<u8>::new();
        let channel = here.clone();
        let block = move || {
            select! {
                recv(channel) -> value => drop(value),
                after(HOUR) => {},
            }
        };
        point(block, move || assert_eq!(here.balance(), 0))
    });
    in_all_ways("select that sends on a channel of this thread", || {
        let here = Channel::<Token>::new();
        let channel = here.clone();
        let block = move || {
            select! {
                // It is not made where nobody receives it.
                send(channel, unreachable!("nobody is there")) -> sent => drop(sent),
            }
        };
        point(block, move || assert_eq!(here.balance(), 0))
    });
    let waits: [for<'a, 'b> fn(&'a Select<'b>) -> bool; 3] = [
        |set| set.select().is_ok(),
        |set| set.select_timeout(HOUR).is_ok(),
        |set| set.select_deadline(now() + HOUR).is_ok(),
    ];
    for wait in waits {
        in_all_ways("Select", move || {
            let (rx_end, (tx, rx)) = (Channel::<u8>::new(), rendezvous::<u8>());
            let channel = rx_end.clone();
            let block = move || {
                let (first, second) = (select::recv(&channel), select::recv(&rx));
                let mut set = Select::new();
                set.add(&first);
                set.add(&second);
                _ = wait(&set);
            };
            point(block, move || assert_eq!((rx_end.balance(), tx.try_send(1).is_err()), (0, true)))
        });
    }
}
