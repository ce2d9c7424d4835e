//! A bank of actors: accounts fail at random, a supervisor begins them again, and the total stays right. What an account has booked lies in a
//! ledger outside it; a transfer that was not answered is asked for again, and is booked once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tasklets::Runtime;
use tasklets::actor::{Actor, ActorBuilder, ActorRef, Context, Handler, Only, Reply, SupervisorBuilder};

const ACCOUNTS: usize = 8;
const TRANSFERS: usize = 10_000;

#[derive(Default)]
struct Ledger {
    balance: i64,
    booked: HashSet<usize>,
}

struct Account {
    ledger: Arc<Mutex<Ledger>>,
    handled: usize,
}

struct Book {
    entry: usize,
    amount: i64,
    reply: Reply<()>,
}

impl Actor for Account {
    type Mail = Only<Book>;
}

impl Handler<Book> for Account {
    fn handle(&mut self, Book { entry, amount, reply }: Book, _cx: &mut Context<'_, Account>) {
        self.handled += 1;
        {
            let mut ledger = self.ledger.lock().expect("nobody fails with it locked");
            if ledger.booked.insert(entry) {
                ledger.balance += amount;
            }
        }
        // The worst moment: it is booked, and nobody knows.
        assert!(!self.handled.is_multiple_of(100), "out of order");
        // Who asked may have gone.
        let _ = reply.send(());
    }
}

/// Asks until it is answered.
fn book(account: &ActorRef<Account>, entry: usize, amount: i64) -> usize {
    let ask = || account.ask(|reply| Book { entry, amount, reply });
    (0..).find(|_| ask().is_ok()).unwrap_or_default()
}

fn main() {
    std::panic::set_hook(Box::new(|_| ()));
    let runtime = Runtime::builder().threads(2).build().expect("threads");
    let printed = runtime.run(|| {
        let mut supervisor = SupervisorBuilder::new().name("bank").intensity(usize::MAX, Duration::from_secs(1));
        let (mut accounts, mut ledgers) = (Vec::new(), Vec::new());
        for number in 0..ACCOUNTS {
            let ledger = Arc::new(Mutex::new(Ledger { balance: 100, ..Ledger::default() }));
            ledgers.push(ledger.clone());
            let make = move || Account { ledger: ledger.clone(), handled: 0 };
            let (child, account) = ActorBuilder::new().name(format!("account {number}")).child_of(make);
            supervisor = supervisor.child(child);
            accounts.push(account);
        }
        let supervisor = supervisor.start();
        let mut again = 0;
        for transfer in 0..TRANSFERS {
            again += book(&accounts[transfer * 7 % ACCOUNTS], 2 * transfer, -1);
            again += book(&accounts[(transfer * 3 + 1) % ACCOUNTS], 2 * transfer + 1, 1);
        }
        let tree = supervisor.tree();
        let restarts: u64 = tree.children.iter().map(|account| account.restarts).sum();
        supervisor.shutdown();
        let total: i64 = ledgers.iter().map(|ledger| ledger.lock().expect("no holder").balance).sum();
        format!("{TRANSFERS} transfers, {restarts} failures, {again} asked again: the total is {total}")
    });
    println!("{}", printed.expect("the bank"));
    runtime.shutdown();
}
