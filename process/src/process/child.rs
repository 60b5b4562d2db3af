//! A child that was started.
//!
//! Invariants:
//! 1. `Child` itself has no `Drop`, so that its streams can be moved out of it one by one. [`Life`] has one.
//! 2. A child that has ended is reaped at the moment in which its end is noticed. From then on only its status is left,
//!    and no pid that could be mistaken.
//!
//! In tokio: `process/mod.rs`.

use super::orphan;
use super::output::Collected;
use super::stdio::{ChildStderr, ChildStdin, ChildStdout};
use super::watched::Watched;
use ayi_runtime::task::coop;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::pin;
use std::process::{ExitStatus, Output};
use std::task::{Poll, ready};

/// A process that [`Command::spawn`](super::Command::spawn) has started.
///
/// When it is dropped, the child runs on, unless [`kill_on_drop`](super::Command::kill_on_drop) was set. Either way it
/// is reaped when it ends, by the current runtime, or by whichever of the program's runtimes is next in `block_on`.
/// Reaping is no task: metrics do not count it, and a runtime's end does not wait for it.
///
/// It may be sent to another thread, and be awaited in another runtime than before.
///
/// # Examples
///
/// ```
/// use ayi::process::Command;
///
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut child = Command::new("sh").args(["-c", "exit 7"]).spawn()?;
/// let status = child.wait().await?;
/// assert_eq!(status.code(), Some(7));
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Child {
    /// The child's standard input, if it was set to `Stdio::piped()`. [`wait`](Child::wait) closes it.
    pub stdin: Option<ChildStdin>,
    /// The child's standard output, if it was set to `Stdio::piped()`.
    pub stdout: Option<ChildStdout>,
    /// The child's standard error, if it was set to `Stdio::piped()`.
    pub stderr: Option<ChildStderr>,
    life: Life,
}

#[derive(Debug)]
struct Life {
    state: State,
    kill_on_drop: bool,
}

#[derive(Debug)]
enum State {
    Running(Watched),
    Ended(ExitStatus),
    /// Other code has reaped it: its status is unknown, and its number may be another process's.
    Lost,
}

impl Life {
    /// Records the answer to a question about its end.
    fn note(&mut self, answer: &io::Result<Option<ExitStatus>>) {
        match answer {
            Ok(Some(status)) => self.state = State::Ended(*status),
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => self.state = State::Lost,
            _ => {}
        }
    }
}

fn lost() -> io::Error {
    io::Error::from_raw_os_error(libc::ECHILD)
}

impl Child {
    /// Takes over what std has started. If that fails, the child is killed.
    pub(super) fn from_std(mut std: std::process::Child, kill_on_drop: bool) -> io::Result<Child> {
        let streams = (std.stdin.take(), std.stdout.take(), std.stderr.take());
        let mut watched = Watched::new(std);
        let opened = watched.open_pidfd();
        // It is killed when dropped, until everything has succeeded.
        let life = Life { state: State::Running(watched), kill_on_drop: true };
        let mut child = Child { stdin: None, stdout: None, stderr: None, life };
        opened?;
        child.stdin = streams.0.map(ChildStdin::from_std).transpose()?;
        child.stdout = streams.1.map(ChildStdout::from_std).transpose()?;
        child.stderr = streams.2.map(ChildStderr::from_std).transpose()?;
        child.life.kill_on_drop = kill_on_drop;
        Ok(child)
    }

    /// Returns the process's number while it is known to be the child's, and `None` once its end was noticed: the
    /// system may then give the number to another process.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::process::Command;
    /// let mut child = Command::new("true").spawn()?;
    /// println!("started {}", child.id().unwrap());
    /// child.wait().await?;
    /// assert_eq!(child.id(), None);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn id(&self) -> Option<u32> {
        match &self.life.state {
            State::Running(watched) => Some(watched.id()),
            State::Ended(_) | State::Lost => None,
        }
    }

    /// Waits until the child has ended, and returns its status. Later calls return the same status.
    ///
    /// Its standard input is closed first, if it is still in [`stdin`](Child::stdin), so that a child that reads to the
    /// end does end. Its output is not read: a child that writes more than a pipe holds, 64 KiB, waits until somebody
    /// reads it. [`wait_with_output`](Child::wait_with_output) does that.
    ///
    /// # Errors
    ///
    /// Fails if there is no ayi runtime on this thread, or if it has been shut down. Returns `ECHILD`, on every call,
    /// if other code has reaped the child: a library that calls waitpid(2) for any child, or the kernel, if SIGCHLD is
    /// ignored.
    ///
    /// # Panics
    ///
    /// Panics only where pidfds are refused (see the [module](super)), and where `sleep` panics.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped, except that the standard input is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::process::Command;
    /// use std::process::Stdio;
    /// let mut child = Command::new("cat").stdin(Stdio::piped()).spawn()?;
    /// let status = child.wait().await?; // `cat` sees the end of its input
    /// assert!(status.success());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        orphan::reap_homeless();
        match &mut self.life.state {
            State::Ended(status) => {
                let status = *status;
                coop::consume_budget().await;
                Ok(status)
            }
            State::Lost => Err(lost()),
            State::Running(watched) => {
                let answer = watched.wait().await.map(Some);
                self.life.note(&answer);
                answer.map(|status| status.expect("it has ended"))
            }
        }
    }

    /// Returns the child's status if it has ended, without waiting. It needs no runtime, and leaves the standard input
    /// open.
    ///
    /// # Errors
    ///
    /// Returns `ECHILD` like [`wait`](Child::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::process::Command;
    /// let mut child = Command::new("true").spawn()?;
    /// match child.try_wait()? {
    ///     Some(status) => println!("ended: {status}"),
    ///     None => println!("still running"),
    /// }
    /// # child.wait().await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        match &mut self.life.state {
            State::Ended(status) => Ok(Some(*status)),
            State::Lost => Err(lost()),
            State::Running(watched) => {
                let answer = watched.try_wait();
                self.life.note(&answer);
                answer
            }
        }
    }

    /// Sends SIGKILL, which no process can refuse, and does not wait for the end. It does nothing if the end was
    /// already noticed.
    ///
    /// # Errors
    ///
    /// Returns what kill(2) reports: `PermissionDenied` if the child has become another user.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::process::Command;
    /// use std::os::unix::process::ExitStatusExt;
    /// let mut child = Command::new("sleep").arg("1000").spawn()?;
    /// child.start_kill()?;
    /// assert_eq!(child.wait().await?.signal(), Some(9));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn start_kill(&mut self) -> io::Result<()> {
        match &mut self.life.state {
            State::Running(watched) => watched.kill(),
            State::Ended(_) | State::Lost => Ok(()),
        }
    }

    /// Sends SIGKILL, and waits for the end.
    ///
    /// # Errors
    ///
    /// Fails like [`start_kill`](Child::start_kill) and [`wait`](Child::wait).
    ///
    /// # Panics
    ///
    /// Panics like [`wait`](Child::wait).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped after its first poll, the signal was sent.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::process::Command;
    /// let mut child = Command::new("sleep").arg("1000").spawn()?;
    /// child.kill().await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn kill(&mut self) -> io::Result<()> {
        self.start_kill()?;
        self.wait().await.map(drop)
    }

    /// Waits until the child has ended, and meanwhile reads what it writes, both streams at once. Nothing is returned
    /// of a stream that is no longer in [`stdout`](Child::stdout) or [`stderr`](Child::stderr).
    ///
    /// It continues until the streams have ended: if the child has left a process behind that has inherited them, that
    /// process must close them too.
    ///
    /// # Errors
    ///
    /// Fails like [`wait`](Child::wait), and what read(2) reports.
    ///
    /// # Panics
    ///
    /// Panics like [`wait`](Child::wait).
    ///
    /// # Cancel safety
    ///
    /// What was read is lost if the future is dropped, and the child is dropped with it.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::process::Command;
    /// use std::process::Stdio;
    /// let child = Command::new("echo").arg("tea").stdout(Stdio::piped()).spawn()?;
    /// let output = child.wait_with_output().await?;
    /// assert_eq!(output.stdout, b"tea\n");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        let mut stdout = Collected::new(self.stdout.take());
        let mut stderr = Collected::new(self.stderr.take());
        let mut wait = pin!(self.wait());
        let mut ended = None;
        let status = poll_fn(|cx| {
            if ended.is_none() {
                if let Poll::Ready(status) = wait.as_mut().poll(cx)? {
                    ended = Some(status);
                }
            }
            // Both are polled, whatever the first returns.
            let streams = (stdout.poll_end(cx)?, stderr.poll_end(cx)?);
            ready!(streams.0);
            ready!(streams.1);
            ended.map_or(Poll::Pending, |status| Poll::Ready(io::Result::Ok(status)))
        })
        .await?;
        Ok(Output { status, stdout: stdout.into_bytes(), stderr: stderr.into_bytes() })
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if let State::Running(mut watched) = mem::replace(&mut self.state, State::Lost) {
            // In a process that was forked since, it is the parent's child.
            if self.kill_on_drop && watched.is_ours() {
                // This fails if the child may not be killed, and nobody can be told.
                let _ = watched.kill();
            }
            orphan::leave(watched);
        }
    }
}
