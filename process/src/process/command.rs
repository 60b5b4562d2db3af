//! What is to be started, and starting it. The settings that are std's are in `command/settings.rs`.
//!
//! In tokio: `process/mod.rs`.

mod settings;

use super::child::Child;
use super::{orphan, watched};
use ayi_runtime::task::coop;
use std::error::Error;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::process::{Command as StdCommand, ExitStatus, Output, Stdio};

/// A program to start, its arguments and settings.
///
/// It is std's [`Command`](std::process::Command), and has its methods. Unlike there, nothing blocks the thread except
/// the start itself, which takes some 200 µs.
///
/// # Examples
///
/// ```
/// use ayi::process::Command;
///
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let status = Command::new("test").args(["-d", "/"]).status().await?;
/// assert!(status.success());
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct Command {
    std: StdCommand,
    kill_on_drop: bool,
}

impl Command {
    /// Makes a command that will start `program`: a path, or a name that is looked up in `PATH`. Without further
    /// settings the child gets no arguments, and inherits the environment, the working directory, and the standard
    /// streams.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// let status = Command::new("true").status().await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn new<S: AsRef<OsStr>>(program: S) -> Command {
        StdCommand::new(program).into()
    }

    /// Returns std's command, for questions about its settings.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::process::Command;
    /// assert_eq!(Command::new("ls").as_std().get_program(), "ls");
    /// ```
    pub fn as_std(&self) -> &StdCommand {
        &self.std
    }

    /// Returns std's command, mutably, for settings of extension traits.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::process::Command;
    /// Command::new("ls").as_std_mut().arg("-l");
    /// ```
    pub fn as_std_mut(&mut self) -> &mut StdCommand {
        &mut self.std
    }

    /// Returns std's command; [`kill_on_drop`](Command::kill_on_drop) is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::process::Command;
    /// let status = Command::new("true").into_std().status()?; // blocks
    /// # std::io::Result::Ok(())
    /// ```
    pub fn into_std(self) -> StdCommand {
        self.std
    }

    /// Sets whether a child is killed when its [`Child`] is dropped, also if the future of [`output`](Command::output)
    /// or [`status`](Command::status) drops it. By default it runs on.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// let child = Command::new("sleep").arg("1000").kill_on_drop(true).spawn()?;
    /// drop(child); // SIGKILL
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn kill_on_drop(&mut self, kill_on_drop: bool) -> &mut Command {
        self.kill_on_drop = kill_on_drop;
        self
    }

    /// Returns what was set by [`kill_on_drop`](Command::kill_on_drop).
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::process::Command;
    /// let mut command = Command::new("ls");
    /// assert!(!command.get_kill_on_drop());
    /// assert!(command.kill_on_drop(true).get_kill_on_drop());
    /// ```
    pub fn get_kill_on_drop(&self) -> bool {
        self.kill_on_drop
    }

    /// Starts the program. This needs no runtime; awaiting its end does.
    ///
    /// # Errors
    ///
    /// Returns what std reports, with the program's name before it. std's error, which has the system's number, is its
    /// [`source`](Error::source). It is `NotFound` if there is no such program or working directory, `PermissionDenied`
    /// if it may not be executed, and `WouldBlock` if the limit of processes is reached. It also fails if there are no
    /// file descriptors left for the pipes and the pidfd. Nothing has been started then, unless another thread has
    /// taken the last descriptor at just this moment: in that case the program was killed.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// let error = Command::new("/no/such/program").spawn().unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// assert!(error.to_string().starts_with("cannot start \"/no/such/program\": "));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn spawn(&mut self) -> io::Result<Child> {
        orphan::reap_homeless();
        self.start().map_err(|cause| self.explained(cause))
    }

    fn start(&mut self) -> io::Result<Child> {
        let reserved = watched::reserve_pidfd()?;
        let child = self.std.spawn()?;
        drop(reserved);
        Child::from_std(child, self.kill_on_drop)
    }

    /// Starts the program, and waits until it has ended. It is started by the call, before the future is polled.
    ///
    /// Streams that are set to `Stdio::piped()` are closed at once.
    ///
    /// # Errors
    ///
    /// Fails like [`spawn`](Command::spawn) and [`Child::wait`].
    ///
    /// # Panics
    ///
    /// Panics like [`Child::wait`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the child is dropped: it runs on, or is killed, as
    /// [`kill_on_drop`](Command::kill_on_drop) says.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// assert_eq!(Command::new("false").status().await?.code(), Some(1));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn status(&mut self) -> impl Future<Output = io::Result<ExitStatus>> + use<> {
        let child = self.spawn();
        async {
            // A failed start is charged too: a loop that tries again must give way.
            coop::consume_budget().await;
            let mut child = child?;
            // The child must not wait for anybody to use them.
            (child.stdin, child.stdout, child.stderr) = (None, None, None);
            child.wait().await
        }
    }

    /// Starts the program, and collects what it writes until it has ended. It is started by the call, before the future
    /// is polled.
    ///
    /// Both its standard output and its standard error are read, whatever was set for them. Its standard input is
    /// inherited if nothing was set, whereas with std's `output` it is empty.
    ///
    /// # Errors
    ///
    /// Fails like [`spawn`](Command::spawn) and [`Child::wait_with_output`].
    ///
    /// # Panics
    ///
    /// Panics like [`Child::wait`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, what was read is lost, and the child is dropped: it runs on, or is killed, as
    /// [`kill_on_drop`](Command::kill_on_drop) says.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// let output = Command::new("sh").args(["-c", "echo tea; echo cold >&2"]).output().await?;
    /// assert_eq!((output.stdout, output.stderr), (b"tea\n".to_vec(), b"cold\n".to_vec()));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn output(&mut self) -> impl Future<Output = io::Result<Output>> + use<> {
        self.std.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.spawn();
        async {
            coop::consume_budget().await;
            child?.wait_with_output().await
        }
    }

    fn explained(&self, cause: io::Error) -> io::Error {
        let place = self.std.get_current_dir().map(|place| format!(" in {place:?}")).unwrap_or_default();
        let what = format!("cannot start {:?}{place}", self.std.get_program());
        io::Error::new(cause.kind(), CannotStart { what, cause })
    }
}

impl From<StdCommand> for Command {
    fn from(std: StdCommand) -> Command {
        Command { std, kill_on_drop: false }
    }
}

/// Shows what std's shows: the program and its arguments.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.std.fmt(f)
    }
}

#[derive(Debug)]
struct CannotStart {
    what: String,
    cause: io::Error,
}

impl fmt::Display for CannotStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.cause)
    }
}

impl Error for CannotStart {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
