//! A file server: HTTP/1.1 with keep-alive, ranges and limits, in plain blocking code.
//!
//! Each connection is a tasklet that reads a request and writes its answer (`connection.rs`). Files are opened and read on other threads
//! (`answer.rs`), as disks block; sockets make only their tasklet wait. Ctrl-C lets the connections finish what they are at.

#![forbid(unsafe_code)]

mod answer;
mod connection;
mod head;
mod input;
mod listing;
mod range;
mod reply;
mod target;

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tasklets::net::TcpListener;
use tasklets::server::graceful;
use tasklets::signal;

use answer::Site;

/// Serves the files of a folder over HTTP.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// The folder to serve; nothing outside of it is
    #[arg(default_value = ".")]
    folder: PathBuf,

    /// Where to listen; port 0 is any port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// Serve names that begin with a dot, too
    #[arg(long)]
    hidden: bool,

    /// How large the head of a request may be
    #[arg(long, value_name = "BYTES", default_value_t = 16 * 1024, value_parser = clap::value_parser!(u32).range(64..))]
    head_bytes: u32,

    #[command(flatten)]
    times: Times,
}

/// How long clients may take.
#[derive(clap::Args, Clone, Copy)]
pub(crate) struct Times {
    /// To send the head of a request, or its body
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    head_time: Duration,

    /// Until they send their next request
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    idle_time: Duration,

    /// To take in any part of an answer
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    write_time: Duration,

    /// To finish, when the server is asked to end
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    grace: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    let time = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    if time.is_zero() { Err("no time at all is too little".to_owned()) } else { Ok(time) }
}

fn serve(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let stop = signal::terminated()?;
    let site = Site::open(&arguments.folder, arguments.hidden)
        .map_err(|error| format!("cannot serve {}: {error}", arguments.folder.display()))?;
    let listener = TcpListener::bind(arguments.listen)
        .map_err(|error| format!("cannot listen on {}: {error}", arguments.listen))?;
    say(format_args!("listening on {}", listener.local_addr()?));
    let (site, limits) = (Arc::new(site), connection::Limits::of(arguments));
    let end = graceful(&stop, arguments.times.grace, move |server| {
        server.accept(
            || listener.accept(),
            move |(stream, _), connection| connection::serve(&stream, connection, &site, &limits),
        )
    });
    say(format_args!("{end}"));
    end.result.map_or(Ok(()), |failed| Err(failed.into()))
}

/// Prints a line, if anybody reads it.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn main() -> ExitCode {
    match serve(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("files: {error}");
            ExitCode::FAILURE
        }
    }
}
