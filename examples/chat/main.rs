//! A chat server: rooms, names, and lines of text, as `nc` or telnet speak.
//!
//! Each client has two tasklets (`client.rs`): one reads what it types, the other writes what the others say, from an outbox with
//! a bound. Whoever talks never waits: a client whose outbox is full is dropped (`hub.rs`).

#![forbid(unsafe_code)]

mod client;
mod hub;

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use tasklets::net::TcpListener;
use tasklets::server::graceful;
use tasklets::signal;

use hub::Hub;

/// Lets people talk in rooms.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 is any port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7777")]
    listen: SocketAddr,

    /// How many lines wait for a slow client before it is dropped
    #[arg(long, value_name = "LINES", default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..))]
    outbox: u16,
}

/// For clients to take in what was said, when the server is asked to end.
const GRACE: Duration = Duration::from_secs(5);

fn serve(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let stop = signal::terminated()?;
    let listener = TcpListener::bind(arguments.listen)
        .map_err(|error| format!("cannot listen on {}: {error}", arguments.listen))?;
    let mut out = io::stdout();
    // Nobody need read that.
    let _ = writeln!(out, "listening on {}", listener.local_addr()?);
    let hub = Rc::new(Hub::new(arguments.outbox.into()));
    let end = graceful(&stop, GRACE, move |server| {
        server.accept(
            || listener.accept(),
            // What fails of a connection is the client's matter: it has gone.
            move |(stream, _), connection| drop(client::serve(stream, connection, &hub)),
        )
    });
    let _ = writeln!(out, "{end}");
    end.result.map_or(Ok(()), |failed| Err(failed.into()))
}

fn main() -> ExitCode {
    match serve(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat: {error}");
            ExitCode::FAILURE
        }
    }
}
