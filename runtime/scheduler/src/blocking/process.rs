//! Child processes, as in [`std::process`], while only the calling tasklet waits.
//!
//! A wait takes a thread of the pool that [`unblock`](crate::unblock) uses, until the child ends, even if its tasklet is killed. A child is not killed when its
//! handle is dropped, nor when a tasklet is that waits for it: as in the standard library, it goes on.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::panic::Location;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use shared_child::SharedChild;

use super::pipes::read_both;
use super::unblocked::Unblocked;
use super::{unblock, work};
use crate::block_on;
use crate::core::Scheduler;
use crate::futures::block_on::wait_for;
use crate::futures::error::BlockOnError;
use crate::seams::clock;

/// A pipe to a child's standard input.
pub type ChildStdin = Unblocked<std::process::ChildStdin>;

/// A pipe from a child's standard output.
pub type ChildStdout = Unblocked<std::process::ChildStdout>;

/// A pipe from a child's standard error.
pub type ChildStderr = Unblocked<std::process::ChildStderr>;

/// What is to be run, as [`std::process::Command`], which it can be made of.
///
/// # Examples
///
/// ```
/// # if cfg!(unix) {
/// use tasklets_runtime::process::Command;
/// use tasklets_runtime::{run, spawn};
///
/// spawn(|| {
///     let output = Command::new("echo").arg("hello").output().unwrap();
///     assert_eq!(output.stdout, b"hello\n");
/// })
/// .detach();
/// assert!(run().is_finished());
/// # }
/// ```
///
/// If a caller is killed while it waits, or its time is up, what has begun goes on to its end. Until then the command cannot be changed: what
/// changes it waits for that, with its thread; what runs it again waits as ever, with its tasklet.
pub struct Command {
    /// Locked where it runs, on threads of the pool, and for moments where it is changed.
    inner: Arc<Mutex<std::process::Command>>,
}

impl Command {
    /// A program, without arguments.
    pub fn new(program: impl AsRef<OsStr>) -> Command {
        std::process::Command::new(program).into()
    }

    /// One more argument.
    pub fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Command {
        let argument = argument.as_ref();
        self.inner.lock().arg(argument);
        self
    }

    /// More arguments.
    pub fn args(&mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> &mut Command {
        for argument in arguments {
            self.arg(argument);
        }
        self
    }

    /// A variable of its environment.
    pub fn env(&mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Command {
        let (key, value) = (key.as_ref(), value.as_ref());
        self.inner.lock().env(key, value);
        self
    }

    /// Variables of its environment.
    pub fn envs(
        &mut self,
        variables: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> &mut Command {
        for (key, value) in variables {
            self.env(key, value);
        }
        self
    }

    /// Takes a variable out of its environment.
    pub fn env_remove(&mut self, key: impl AsRef<OsStr>) -> &mut Command {
        let key = key.as_ref();
        self.inner.lock().env_remove(key);
        self
    }

    /// Takes all variables out of its environment.
    pub fn env_clear(&mut self) -> &mut Command {
        self.inner.lock().env_clear();
        self
    }

    /// The folder that it runs in.
    pub fn current_dir(&mut self, folder: impl AsRef<Path>) -> &mut Command {
        let folder = folder.as_ref();
        self.inner.lock().current_dir(folder);
        self
    }

    /// Its standard input.
    pub fn stdin(&mut self, stdin: impl Into<Stdio>) -> &mut Command {
        let stdin = stdin.into();
        self.inner.lock().stdin(stdin);
        self
    }

    /// Its standard output.
    pub fn stdout(&mut self, stdout: impl Into<Stdio>) -> &mut Command {
        let stdout = stdout.into();
        self.inner.lock().stdout(stdout);
        self
    }

    /// Its standard error.
    pub fn stderr(&mut self, stderr: impl Into<Stdio>) -> &mut Command {
        let stderr = stderr.into();
        self.inner.lock().stderr(stderr);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// As [`std::process::Command::spawn`], and if the caller may not wait.
    #[track_caller]
    pub fn spawn(&mut self) -> io::Result<Child> {
        let child = self.work("process::Command::spawn", std::process::Command::spawn)?;
        Child::new(child)
    }

    /// Runs it to its end, and collects what it prints.
    ///
    /// # Errors
    ///
    /// As [`std::process::Command::output`], and if the caller may not wait.
    #[track_caller]
    pub fn output(&mut self) -> io::Result<Output> {
        self.work("process::Command::output", std::process::Command::output)
    }

    /// Runs it to its end.
    ///
    /// # Errors
    ///
    /// As [`std::process::Command::status`], and if the caller may not wait.
    #[track_caller]
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        self.work("process::Command::status", std::process::Command::status)
    }

    /// Lends the command to another thread.
    #[track_caller]
    fn work<R: Send + 'static>(
        &mut self,
        what: &'static str,
        job: impl FnOnce(&mut std::process::Command) -> io::Result<R> + Send + 'static,
    ) -> io::Result<R> {
        let command = self.inner.clone();
        work(what, move || job(&mut command.lock()))
    }
}

impl From<std::process::Command> for Command {
    fn from(inner: std::process::Command) -> Command {
        Command { inner: Arc::new(Mutex::new(inner)) }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.inner.try_lock() {
            Some(command) => command.fmt(f),
            None => f.write_str("a command that runs"),
        }
    }
}

/// A child process that runs or has ended, as [`std::process::Child`].
///
/// # Examples
///
/// ```
/// # if cfg!(unix) {
/// use tasklets_runtime::process::Command;
/// use tasklets_runtime::{schedule, spawn};
///
/// let mut child = Command::new("sleep").arg("1000").spawn()?;
/// let killer = child.killer();
/// let waiter = spawn(move || child.wait());
/// schedule()?;
/// killer.kill()?;
/// assert!(!waiter.join()??.success());
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Child {
    /// Its standard input, if that is a pipe.
    pub stdin: Option<ChildStdin>,
    /// Its standard output, if that is a pipe.
    pub stdout: Option<ChildStdout>,
    /// Its standard error, if that is a pipe.
    pub stderr: Option<ChildStderr>,
    shared: Arc<SharedChild>,
    /// What waits for it on a thread of the pool; kept for the next wait by one that was given up.
    waiting: Option<blocking::Task<io::Result<ExitStatus>>>,
}

impl Child {
    fn new(mut child: std::process::Child) -> io::Result<Child> {
        let stdin = child.stdin.take().map(Unblocked::new);
        let stdout = child.stdout.take().map(Unblocked::new);
        let stderr = child.stderr.take().map(Unblocked::new);
        Ok(Child { stdin, stdout, stderr, shared: Arc::new(SharedChild::new(child)?), waiting: None })
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.shared.id()
    }

    /// Ends it by force; nothing happens if it has ended. It is to be waited for then, as always.
    ///
    /// # Errors
    ///
    /// As [`std::process::Child::kill`].
    pub fn kill(&mut self) -> io::Result<()> {
        self.shared.kill()
    }

    /// A handle that kills it, for whoever does not wait for it.
    pub fn killer(&self) -> Killer {
        Killer { shared: self.shared.clone() }
    }

    /// Waits for its end. Its standard input is closed first.
    ///
    /// # Errors
    ///
    /// As [`std::process::Child::wait`], and if the caller may not wait.
    #[track_caller]
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.wait_until(None, Location::caller())?
    }

    /// [`wait`](Child::wait) for this long at most; none if it goes on still. However often it is called, the waiting takes one thread of
    /// the pool.
    ///
    /// # Errors
    ///
    /// As [`wait`](Child::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// # if cfg!(unix) {
    /// use std::time::Duration;
    /// use tasklets_runtime::process::Command;
    ///
    /// let mut child = Command::new("sleep").arg("1000").spawn()?;
    /// if child.wait_timeout(Duration::from_millis(10))?.is_none() {
    ///     child.kill()?;
    /// }
    /// assert!(!child.wait()?.success());
    /// # }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn wait_timeout(&mut self, time: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = clock::deadline(&Scheduler::local(), time);
        in_time(self.wait_until(deadline, Location::caller()))
    }

    /// [`wait`](Child::wait) until a moment of [`now`](crate::now()); none if it goes on still.
    ///
    /// # Errors
    ///
    /// As [`wait`](Child::wait).
    #[track_caller]
    pub fn wait_deadline(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        in_time(self.wait_until(Some(deadline), Location::caller()))
    }

    fn wait_until(
        &mut self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<io::Result<ExitStatus>, BlockOnError> {
        let what = "process::Child::wait";
        drop(self.stdin.take());
        unblock::check(what, at)?;
        // One that has ended needs no thread, and no time.
        if let Some(ended) = self.try_wait().transpose() {
            return Ok(ended);
        }
        let shared = &self.shared;
        let waiting = self.waiting.get_or_insert_with(|| {
            let shared = shared.clone();
            blocking::unblock(move || shared.wait())
        });
        let ended = wait_for(waiting, what, deadline, at)?;
        // It is not to be asked again.
        self.waiting = None;
        Ok(ended)
    }

    /// How it has ended, if it has. Does not wait.
    ///
    /// # Errors
    ///
    /// As [`std::process::Child::try_wait`].
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.shared.try_wait()
    }

    /// Waits for its end, and collects what it prints meanwhile. Its standard input is closed first.
    ///
    /// # Errors
    ///
    /// As [`std::process::Child::wait_with_output`], and if the caller may not wait.
    #[track_caller]
    pub fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        let (stdout, stderr) = block_on(read_both(self.stdout.take(), self.stderr.take()))??;
        Ok(Output { status: self.wait()?, stdout, stderr })
    }
}

/// What a wait of limited time has come to.
fn in_time(waited: Result<io::Result<ExitStatus>, BlockOnError>) -> io::Result<Option<ExitStatus>> {
    match waited {
        Err(error) if error.is_timeout() => Ok(None),
        other => other?.map(Some),
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// Kills a child process from anywhere; see [`Child::killer`].
#[derive(Clone)]
pub struct Killer {
    shared: Arc<SharedChild>,
}

impl Killer {
    /// Ends the process by force; nothing happens if it has ended.
    ///
    /// # Errors
    ///
    /// As [`std::process::Child::kill`].
    pub fn kill(&self) -> io::Result<()> {
        self.shared.kill()
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.shared.id()
    }
}

impl fmt::Debug for Killer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Killer").field("id", &self.id()).finish()
    }
}
