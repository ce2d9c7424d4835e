//! Counts the words of text files, in the style of actors: a walker finds files, readers read them, a pool of counters counts
//! their words, and a merger adds everything up. Each is a tasklet in a loop on its mailbox.
//!
//! ```sh
//! cargo run --release --example wordcount -- [PATH...]
//! ```

mod counter;
mod merger;
mod progress;
mod reader;
mod walker;

use std::cell::Cell;
use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use clap::builder::{PathBufValueParser, TypedValueParser};
use tasklets::{Builder, Channel, Tasklet, set_channel_callback, stats};

use crate::merger::Totals;

/// Counts the words of text files and prints the most frequent ones.
///
/// A word is a maximal run of alphabetic characters, as Unicode defines them, in lower case. A path that is a folder stands
/// for all files in it and below, without folders called .git or target. Links to files are followed, links to folders only
/// if they are given as a path. Files that cannot be read, are binary (hold a NUL byte) or are not UTF-8 are named on
/// standard error and skipped.
#[derive(Parser)]
#[command(name = "wordcount", max_term_width = 100)]
struct Arguments {
    /// Files and folders; one that is given twice counts twice
    #[arg(value_name = "PATH", default_value = ".", value_parser = PathBufValueParser::new().try_map(existing))]
    paths: Vec<PathBuf>,
    /// How many of the most frequent words to print
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// How many readers to start
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    readers: u16,
    /// How many counters to start
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    counters: u16,
}

fn existing(path: PathBuf) -> io::Result<PathBuf> {
    path.metadata().map(|_| path)
}

/// Who gets which messages.
#[derive(Clone)]
struct Mailboxes {
    walker: Channel<PathBuf>,
    readers: Channel<PathBuf>,
    counters: Channel<String>,
    merger: Channel<merger::Message>,
}

/// Room for the standard library's work on files, and for a panic's backtrace.
const STACK: usize = 256 * 1024;

/// Lets the actors count. When all who send to a mailbox have ended, it is closed, and so stage after stage ends.
fn count(arguments: &Arguments) -> Result<Totals, Box<dyn Error>> {
    let mail = Mailboxes {
        walker: Channel::named("walker"),
        readers: Channel::named("readers"),
        counters: Channel::named("counters"),
        merger: Channel::named("merger"),
    };
    let walker = actor("walker", &mail, walker::walk);
    let readers: Vec<_> = (0..arguments.readers).map(|_| actor("reader", &mail, reader::read)).collect();
    let counters: Vec<_> = (0..arguments.counters).map(|_| actor("counter", &mail, counter::count)).collect();
    let merger = actor("merger", &mail, merger::merge);

    for path in &arguments.paths {
        mail.walker.send(path.clone())?;
    }
    mail.walker.shutdown();
    walker.join()?;
    mail.readers.shutdown();
    readers.iter().try_for_each(Tasklet::join)?;
    mail.counters.shutdown();
    counters.iter().try_for_each(Tasklet::join)?;
    mail.merger.shutdown();
    Ok(merger.join()?)
}

fn actor<R: 'static>(name: &str, mail: &Mailboxes, body: fn(Mailboxes) -> R) -> Tasklet<R> {
    let mail = mail.clone();
    Builder::new().name(name).stack_size(STACK).spawn(move || body(mail))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let messages = Rc::new(Cell::new(0_u64));
    let counted = messages.clone();
    set_channel_callback(Some(Rc::new(move |event| counted.set(counted.get() + u64::from(event.sending)))));
    let totals = match count(&arguments) {
        Ok(totals) => totals,
        Err(error) => {
            eprintln!("wordcount: {error}");
            return ExitCode::FAILURE;
        }
    };
    match print(&totals, arguments.top, messages.get()) {
        // Who reads the output has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wordcount: cannot print: {error}");
            ExitCode::FAILURE
        }
        Ok(()) => ExitCode::SUCCESS,
    }
}

fn print(totals: &Totals, top: usize, messages: u64) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for (word, count) in totals.most_frequent(top) {
        writeln!(out, "{count:>10}  {word}")?;
    }
    let Totals { files, skipped, tally } = totals;
    let (words, distinct, bytes) = (tally.total, tally.words.len(), tally.bytes);
    writeln!(out, "{files} files ({skipped} more skipped), {words} words ({distinct} distinct), {bytes} bytes")?;
    writeln!(out, "{} tasklets, {messages} messages, {} switches", stats().ended, stats().switches)?;
    out.flush()
}
