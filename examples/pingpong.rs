//! Two tasklets play: each waits for the ball and hits it back. However long they play, neither stack grows.

use tasklets::{Channel, run, spawn};

const RALLY: u32 = 100_000;

fn play(sound: &str, mine: &Channel<u32>, theirs: &Channel<u32>) {
    for hits in mine {
        if hits <= 6 || hits == RALLY {
            println!("{hits:>6} {sound}");
        }
        if hits == RALLY {
            return theirs.shutdown();
        }
        theirs.send(hits + 1).expect("the other side waits for the ball");
    }
}

fn main() {
    let (left, right) = (Channel::named("left"), Channel::named("right"));
    let (mine, theirs) = (left.clone(), right.clone());
    spawn(move || play("ping", &mine, &theirs));
    let (mine, theirs) = (right, left.clone());
    spawn(move || play("pong", &mine, &theirs));
    left.send(1).expect("the left side waits for the ball");
    println!("{}", run());
}
