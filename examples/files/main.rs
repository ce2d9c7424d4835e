//! A file server: HTTP/1.1 with keep-alive, ranges and limits, in plain blocking code.
//!
//! Requests are read and answered in tasklets (`connection.rs`); a connection that waits for its next request has none. Files are opened
//! and read on other threads (`answer.rs`), as disks block; sockets make only their tasklet wait. Ctrl-C lets the connections finish what
//! they are at, and a second one does not.

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
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tasklets::net::{Served, Server, TcpListener};
use tasklets::{signal, spawn};

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
    let (site, limits) = (Arc::new(site), Rc::new(connection::Limits::of(arguments)));
    let server = Server::new(listener).idle_timeout(arguments.times.idle_time).grace(arguments.times.grace);
    // Of a connection that panics, the panic hook has told. The others go on.
    let server = server.on_panic(drop);
    let (stopper, asked) = (server.stopper(), server.stopper());
    spawn(move || {
        let signal = stop.recv();
        // From now on, a signal does what it always does: a second Ctrl-C ends the process.
        drop((stop, signal));
        stopper.stop();
    })
    .detach();
    let greeting = limits.clone();
    let served = server.serve_with(
        move |stream, _| connection::greet(stream, &greeting),
        move |stream, ()| connection::serve(stream, &asked, &site, &limits),
    )?;
    let Served { accepted, killed, panicked, .. } = served;
    say(format_args!("{accepted} connections served, {killed} killed, {panicked} panicked"));
    Ok(())
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
