//! Random orders of tasklets, on random kinds of channels, with kills, deadlines and handles that go away. A failure names the
//! seed that it happens with.

use std::rc::Rc;

use tasklets::{Receiver, Sender, Tasklet, schedule, sleep, spawn, with_picker, with_virtual_time};

use crate::common::{Random, checked, scale};
use crate::ledger::Ledger;
use crate::support::{Census, Counted, KINDS, MS, make};

pub(crate) fn seeded(seed: u64) -> Random {
    Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d)
}

fn send_some(tx: &Sender<Counted>, ledger: &Ledger, census: &Census, random: &mut Random) {
    for _ in 0..random.below(6) + 1 {
        let Some(number) = ledger.number() else { return };
        let value = census.value(number);
        let result = match random.below(4) {
            0 => tx.try_send(value),
            1 => tx.send_timeout(value, MS * random.below(3) as u32),
            _ => tx.send(value),
        };
        match result {
            Ok(()) => ledger.sent(number),
            Err(error) => ledger.came_back(error.into_value().number),
        }
        pause(random);
    }
}

fn receive_some(rx: &Receiver<Counted>, ledger: &Ledger, random: &mut Random) {
    for _ in 0..random.below(6) + 1 {
        let result = match random.below(4) {
            0 => rx.try_recv(),
            1 => rx.recv_timeout(MS * random.below(3) as u32),
            _ => rx.recv(),
        };
        match result {
            Ok(value) => ledger.received(value.number),
            Err(error) if error.is_disconnected() => return,
            Err(_) => {}
        }
        pause(random);
    }
}

fn pause(random: &mut Random) {
    match random.below(6) {
        0 => sleep(MS).unwrap(),
        1 | 2 => schedule().unwrap(),
        _ => {}
    }
}

/// Up to four tasklets at the channel, and one that kills some of them.
fn program(seed: u64) {
    let mut random = seeded(seed);
    let kind = KINDS[random.below(KINDS.len())];
    let (ledger, census) = (Rc::new(Ledger::new(40)), Census::default());
    let (tx, rx) = make::<Counted>(kind);
    let mut actors: Vec<Tasklet<()>> = Vec::new();
    for actor in 0..2 + random.below(3) {
        let (ledger, mut random) = (ledger.clone(), seeded(seed * 16 + actor as u64));
        actors.push(if actor % 2 == 0 {
            let (tx, census) = (tx.clone(), census.clone());
            spawn(move || send_some(&tx, &ledger, &census, &mut random))
        } else {
            let rx = rx.clone();
            spawn(move || receive_some(&rx, &ledger, &mut random))
        });
    }
    drop(tx);
    for _ in 0..random.below(4) {
        pause(&mut random);
        schedule().unwrap();
        let victim = random.below(actors.len() * 2);
        if let Some(victim) = actors.get(victim) {
            victim.kill().unwrap();
        }
    }
    // Takes what nobody else does, in competition with the others or after them.
    let competes = random.below(2) == 0;
    while actors.iter().any(|actor| actor.is_alive()) {
        sleep(if competes { MS } else { 5 * MS }).unwrap();
        let left = if competes { rx.recv_timeout(MS) } else { rx.try_recv() };
        left.into_iter().for_each(|value| ledger.received(value.number));
    }
    rx.try_iter().for_each(|value| ledger.received(value.number));
    ledger.balance(&format!("seed {seed}, {kind:?}"));
    assert_eq!(census.alive(), 0, "seed {seed}, {kind:?}");
}

#[test]
fn random_orders_lose_and_duplicate_nothing() {
    checked(|| {
        for seed in 0..scale(3_000) as u64 {
            let mut random = seeded(!seed);
            let picker = move |runnable: usize| random.below(runnable);
            with_virtual_time(|| with_picker(picker, || program(seed)));
        }
    });
}

#[test]
fn the_usual_order_loses_and_duplicates_nothing() {
    checked(|| {
        for seed in 0..scale(3_000) as u64 {
            with_virtual_time(|| program(seed));
        }
    });
}
