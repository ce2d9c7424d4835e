//! A bank whose accounts fail at random: the total stays right.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tasklets::actor::{
    Actor, ActorBuilder, ActorRef, Context, Handler, Mailbox, Only, Pool, Reply, Supervisor, SupervisorBuilder,
};
use tasklets::{Runtime, Spawner};

use crate::common::scale;
use crate::support::{crash, crashes_are_quiet};

const ACCOUNTS: u64 = 64;
const START: i64 = 1_000;

/// What an account has written down: it survives the account.
#[derive(Default)]
struct Book {
    balance: i64,
    /// Transfers that were booked here, so that one that is tried again is not booked twice.
    booked: HashMap<u64, ()>,
}

struct Book1(u64, i64, Reply<bool>);

struct Account {
    book: Arc<Mutex<Book>>,
    chaos: Arc<Chaos>,
}

/// Fails once in a while, so many times.
struct Chaos {
    every: u64,
    count: AtomicU64,
    left: AtomicUsize,
    failed: AtomicUsize,
}

impl Chaos {
    fn strike(&self) {
        let due = self.count.fetch_add(1, Ordering::Relaxed) % self.every == self.every - 1;
        let spend = |left: usize| left.checked_sub(1);
        if due && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok() {
            self.failed.fetch_add(1, Ordering::Relaxed);
            crash();
        }
    }
}

impl Actor for Account {
    type Mail = Only<Book1>;
}

impl Handler<Book1> for Account {
    fn handle(&mut self, Book1(transfer, amount, reply): Book1, _cx: &mut Context<'_, Account>) {
        // Before it is booked, and after that but before anybody knows.
        self.chaos.strike();
        {
            let mut book = self.book.lock();
            if book.booked.insert(transfer, ()).is_none() {
                book.balance += amount;
            }
        }
        self.chaos.strike();
        // Who asked may have given up, and asks again.
        let _ = reply.send(true);
    }
}

struct Bank {
    accounts: Vec<ActorRef<Account>>,
    books: Vec<Arc<Mutex<Book>>>,
    supervisor: Supervisor,
}

fn open(spawner: &Spawner, chaos: &Arc<Chaos>) -> Bank {
    let mut builder = SupervisorBuilder::new().intensity(usize::MAX, Duration::from_secs(1));
    let (mut accounts, mut books) = (Vec::new(), Vec::new());
    for _ in 0..ACCOUNTS {
        let book = Arc::new(Mutex::new(Book { balance: START, ..Book::default() }));
        let (theirs, chaos) = (book.clone(), chaos.clone());
        let make = move || Account { book: theirs.clone(), chaos: chaos.clone() };
        let (child, account) = ActorBuilder::new().on(spawner).child_of(make);
        builder = builder.child(child);
        accounts.push(account);
        books.push(book);
    }
    Bank { accounts, books, supervisor: builder.start() }
}

/// Books one side of a transfer, as often as it takes.
fn book(account: &ActorRef<Account>, transfer: u64, amount: i64) {
    while account.ask(|reply| Book1(transfer, amount, reply)).is_err() {
        assert!(account.is_alive());
    }
}

/// With `TEST_SCALE=10` these are a million transfers, and 10,000 failures.
#[test]
fn no_money_is_lost_whoever_fails() {
    crashes_are_quiet();
    let runtime = Runtime::builder().threads(2).build().unwrap();
    let (transfers, failures) = (scale(100_000) as u64, scale(1_000));
    // Each transfer passes the places where it may fail four times.
    let chaos = Arc::new(Chaos {
        every: (transfers * 4 / failures as u64 / 2).max(1),
        count: AtomicU64::new(0),
        left: AtomicUsize::new(failures),
        failed: AtomicUsize::new(0),
    });
    let (theirs, spawner) = (chaos.clone(), runtime.spawner());
    let total = runtime
        .run(move || {
            let Bank { accounts, books, supervisor } = open(&spawner, &theirs);
            let accounts = Arc::new(accounts);
            let tellers = Pool::new((0..16).map(|_| {
                let accounts = accounts.clone();
                ActorBuilder::new().spawn_by(&spawner, move |mailbox: &Mailbox<u64>| {
                    for number in mailbox {
                        let from = (number * 7 % ACCOUNTS) as usize;
                        let to = (number * 13 + 5) as usize % ACCOUNTS as usize;
                        book(&accounts[from], 2 * number, -1);
                        book(&accounts[to], 2 * number + 1, 1);
                    }
                })
            }));
            (0..transfers).for_each(|number| tellers.tell(number).unwrap());
            for teller in tellers.workers() {
                teller.stop();
                teller.join();
            }
            supervisor.shutdown();
            let booked: usize = books.iter().map(|book| book.lock().booked.len()).sum();
            assert_eq!(booked as u64, 2 * transfers);
            books.iter().map(|book| book.lock().balance).sum::<i64>()
        })
        .unwrap();
    assert_eq!(total, START * ACCOUNTS as i64);
    assert_eq!(chaos.failed.load(Ordering::Relaxed), failures);
    assert!(runtime.shutdown().is_clean());
}
