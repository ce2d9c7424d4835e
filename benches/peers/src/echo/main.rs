//! `echo PEER PORT`: an echo server on another runtime, with one thread that serves, until it is killed; and `echo load`, which
//! measures such a server from outside. See `benches/echo`.

#![forbid(unsafe_code)]

mod load;
mod on_may;
mod on_mio;
mod on_tokio;

use clap::{Parser, Subcommand};

/// Echo servers, and what loads them.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// A bare loop over the poller
    Epoll { port: u16 },
    /// A task for each connection, on the current-thread runtime
    Tokio { port: u16 },
    /// A coroutine for each connection, with one worker
    May { port: u16 },
    /// Loads a server, and prints what it does for how much
    Load(load::Load),
}

fn main() -> std::io::Result<()> {
    match Arguments::parse().what {
        What::Epoll { port } => on_mio::serve(port),
        What::Tokio { port } => on_tokio::serve(port),
        What::May { port } => on_may::serve(port),
        What::Load(load) => load.run(),
    }
}
