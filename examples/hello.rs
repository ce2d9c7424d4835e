//! Two tasklets and a channel.

use tasklets::{Channel, run, spawn};

fn main() {
    let ch = Channel::new();
    let rx = ch.clone();
    spawn(move || {
        for name in rx {
            println!("hello {name}");
        }
    });
    spawn(move || {
        for name in ["ada", "grace"] {
            ch.send(name).unwrap();
        }
        ch.shutdown();
    });
    println!("{}", run()); // or who is still blocked, on what, and where
}
