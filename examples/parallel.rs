//! Runs each line of standard input as a command of the shell, a few at once, and prints what they print in the order of the lines.
//!
//! `printf 'sleep 1; echo one\necho two\n' | parallel 4`. The input is read, the commands run, and what they print is printed as it
//! comes, all in one thread.

use std::error::Error;
use std::rc::Rc;

use clap::Parser;
use tasklets::process::Command;
use tasklets::sync::Semaphore;
use tasklets::{Tasklet, spawn, stdin, unbounded};

#[derive(Parser)]
struct Options {
    /// How many commands run at once.
    #[arg(default_value_t = 4)]
    at_once: usize,
}

/// What a command prints, or how it failed.
fn run(command: &str) -> String {
    match Command::new("sh").arg("-c").arg(command).output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(output) => format!("`{command}`: {}\n", output.status),
        Err(error) => format!("`{command}`: {error}\n"),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let permits = Rc::new(Semaphore::new(options.at_once.max(1)));
    let (begun, results) = unbounded::<Tasklet<String>>();
    let printer = spawn(move || {
        for command in results.iter() {
            print!("{}", command.join().unwrap_or_else(|error| format!("{error}\n")));
        }
    });
    for line in stdin().lines() {
        let line = line?;
        // None is begun before it may run: what is read is not more than what runs.
        permits.acquire()?.forget();
        let permits = permits.clone();
        begun.send(spawn(move || {
            let printed = run(&line);
            permits.add_permits(1);
            printed
        }))?;
    }
    drop(begun);
    printer.join()?;
    Ok(())
}
