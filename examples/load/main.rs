//! A load client for HTTP/1.1: so many connections, each with one request at a time; prints requests a second and latencies.
//!
//! Each connection is a tasklet in a loop (`client.rs`). With `--slow`, more of them send one byte a second for as long as the others work.

#![forbid(unsafe_code)]

mod client;
mod url;

use std::cell::RefCell;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Parser;
use hdrhistogram::Histogram;
use tasklets::{bounded, now, select, signal, spawn};

use url::Url;

/// Sends requests over HTTP as fast as they are answered.
#[derive(Parser)]
struct Arguments {
    /// What to get: http://HOST[:PORT][/PATH]
    url: Url,

    /// How many connections to keep busy
    #[arg(short, long, value_name = "N", default_value_t = 16)]
    connections: u16,

    /// For how many seconds
    #[arg(short, long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,

    /// How many requests to send in all, at most
    #[arg(short = 'n', long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true)]
    requests: u64,

    /// How many more connections send a byte a second
    #[arg(long, value_name = "N", default_value_t = 0)]
    slow: u16,

    /// A field to send, as `Range: bytes=0-99`; may be given several times
    #[arg(short = 'H', long = "header", value_name = "FIELD")]
    fields: Vec<String>,
}

/// What came of it.
pub(crate) struct Tally {
    /// In microseconds.
    latencies: Histogram<u64>,
    bytes: u64,
    /// Answers with a status of 400 or more.
    refused: u64,
    errors: u64,
    first_error: Option<String>,
    /// How many requests may still be sent.
    left: u64,
}

impl Tally {
    fn new(requests: u64) -> Result<Tally, Box<dyn Error>> {
        let latencies = Histogram::new(3)?;
        Ok(Tally { latencies, bytes: 0, refused: 0, errors: 0, first_error: None, left: requests })
    }

    pub(crate) fn answered(&mut self, latency: Duration, status: u16, bytes: u64) {
        self.latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        self.bytes += bytes;
        self.refused += u64::from(status >= 400);
    }

    pub(crate) fn failed(&mut self, error: &io::Error) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| error.to_string());
    }

    /// Whether another request is to be sent.
    pub(crate) fn take(&mut self) -> bool {
        let more = self.left > 0;
        self.left -= u64::from(more);
        more
    }
}

/// Works until the time is up, the requests are sent, or Ctrl-C comes.
fn work(arguments: &Arguments) -> Result<(Tally, Duration), Box<dyn Error>> {
    let stop = signal::ctrl_c()?;
    let address = arguments.url.address()?;
    let request = arguments.url.request(&arguments.fields);
    let tally = Rc::new(RefCell::new(Tally::new(arguments.requests)?));
    let slow: Vec<_> = (0..arguments.slow).map(|_| spawn(move || client::drip(address))).collect();
    // The last one to drop its end says that all have ended.
    let (working, ended) = bounded::<()>(1);
    let began = Instant::now();
    let deadline = now() + Duration::from_secs(arguments.seconds.into());
    let clients: Vec<_> = (0..arguments.connections)
        .map(|_| {
            let (tally, request, working) = (tally.clone(), request.clone(), working.clone());
            spawn(move || {
                let _working = working;
                client::work(address, &request, deadline, &tally);
            })
        })
        .collect();
    // Without any, the slow ones have all the time.
    let _working = (arguments.connections == 0).then_some(working);
    select! {
        recv(ended) -> _ => {},
        recv(stop) -> _ => {},
        at(deadline) => {},
    }
    let took = began.elapsed();
    for client in clients.iter().chain(&slow) {
        client.kill()?;
    }
    drop(clients);
    let tally = Rc::into_inner(tally).expect("the clients have ended").into_inner();
    Ok((tally, took))
}

fn print(tally: &Tally, took: Duration) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let (requests, seconds) = (tally.latencies.len(), took.as_secs_f64());
    let megabytes = tally.bytes as f64 / 1e6;
    writeln!(
        out,
        "{requests} requests in {seconds:.2} s, {megabytes:.1} MB, {} refused, {} errors",
        tally.refused, tally.errors
    )?;
    if let Some(error) = &tally.first_error {
        writeln!(out, "first error: {error}")?;
    }
    writeln!(out, "{:.0} requests/s, {:.1} MB/s", requests as f64 / seconds, megabytes / seconds)?;
    write!(out, "latency in ms:")?;
    for (name, quantile) in [("50 %", 0.5), ("90 %", 0.9), ("99 %", 0.99), ("99.9 %", 0.999), ("most", 1.0)] {
        write!(out, "  {name} {:.3}", tally.latencies.value_at_quantile(quantile) as f64 / 1e3)?;
    }
    writeln!(out)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match work(&arguments) {
        Ok((tally, took)) => {
            // Who reads the output may have seen enough.
            let _ = print(&tally, took);
            if tally.errors + tally.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::from(2)
        }
    }
}
