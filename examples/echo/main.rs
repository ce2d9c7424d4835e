//! An echo server: what a client sends, it gets back.
//!
//! Each connection is a tasklet with a loop. What a client does not take in, is not read from it either: a slow one waits for itself alone.

#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tasklets::net::{TcpListener, TcpStream};
use tasklets::server::{Connection, graceful};
use tasklets::signal;

/// Sends back what it gets.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 is any port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7007")]
    listen: SocketAddr,

    /// How many seconds a client may take to take in what it gets back, and to finish when the server is asked to end
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    patience: u32,
}

const BUFFER: usize = 16 * 1024;

/// Echoes until the client has said everything. An error is the client's matter: it has gone.
fn echo(mut stream: TcpStream, connection: &Connection, patience: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(patience))?;
    let mut buffer = [0; BUFFER];
    // When the server ends, so does who has nothing to send.
    while let Some(got) = connection.idle(|| stream.read(&mut buffer)) {
        match got? {
            0 => break,
            got => stream.write_all(&buffer[..got])?,
        }
    }
    Ok(())
}

fn serve(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let stop = signal::terminated()?;
    let listener = TcpListener::bind(arguments.listen)
        .map_err(|error| format!("cannot listen on {}: {error}", arguments.listen))?;
    let mut out = io::stdout();
    // Nobody need read that.
    let _ = writeln!(out, "listening on {}", listener.local_addr()?);
    let patience = Duration::from_secs(arguments.patience.into());
    let end = graceful(&stop, patience, move |server| {
        server.accept(|| listener.accept(), move |(stream, _), connection| drop(echo(stream, connection, patience)))
    });
    let _ = writeln!(out, "{end}");
    end.result.map_or(Ok(()), |failed| Err(failed.into()))
}

fn main() -> ExitCode {
    match serve(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo: {error}");
            ExitCode::FAILURE
        }
    }
}
