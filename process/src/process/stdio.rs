//! Our ends of a child's pipes.
//!
//! Our ends are non-blocking. The child's are not affected: the ends of a pipe are open file descriptions of their own
//! (pipe(7)), and the flag belongs to the description.
//!
//! In tokio: `process/unix/mod.rs`, `ChildStdio`.

use ayi_io::{AsyncRead, AsyncWrite, ReadBuf};
use ayi_net::unix::pipe::{Receiver, Sender};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};

/// The pipe that a child reads as its standard input.
///
/// The child sees the end of its input when this is dropped. `shutdown` and `flush` do nothing.
///
/// # Examples
///
/// ```
/// use ayi::io::AsyncWriteExt;
/// use ayi::process::Command;
/// use std::process::Stdio;
///
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
/// let mut stdin = child.stdin.take().unwrap();
/// stdin.write_all(b"tea").await?;
/// drop(stdin);
/// assert_eq!(child.wait_with_output().await?.stdout, b"tea");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct ChildStdin {
    sender: Sender,
}

/// The pipe that a child writes as its standard output.
///
/// The end of the stream comes when the child, and every process that has inherited the pipe from it, has closed it. If
/// this is dropped, later writes of the child fail, mostly by SIGPIPE.
///
/// # Examples
///
/// ```
/// use ayi::io::AsyncReadExt;
/// use ayi::process::Command;
/// use std::process::Stdio;
///
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut child = Command::new("echo").arg("tea").stdout(Stdio::piped()).spawn()?;
/// let mut stdout = child.stdout.take().unwrap();
/// let mut buf = [0; 8];
/// let n = stdout.read(&mut buf).await?;
/// assert_eq!(&buf[..n], b"tea\n");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct ChildStdout {
    pub(crate) receiver: Receiver,
}

/// The pipe that a child writes as its standard error. Otherwise it is like [`ChildStdout`].
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use ayi::process::Command;
/// use std::process::Stdio;
/// let mut child = Command::new("sh").args(["-c", "echo late >&2"]).stderr(Stdio::piped()).spawn()?;
/// let stderr = child.stderr.take().unwrap(); // AsyncRead
/// # drop(stderr);
/// # child.wait().await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct ChildStderr {
    pub(crate) receiver: Receiver,
}

impl ChildStdin {
    /// Takes the pipe of a child that std has started. It becomes non-blocking.
    ///
    /// # Errors
    ///
    /// Returns what fcntl(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::ChildStdin;
    /// use std::process::{Command, Stdio};
    /// let mut child = Command::new("cat").stdin(Stdio::piped()).spawn()?;
    /// let stdin = ChildStdin::from_std(child.stdin.take().unwrap())?;
    /// # drop(stdin);
    /// # child.wait()?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn from_std(inner: std::process::ChildStdin) -> io::Result<ChildStdin> {
        Ok(ChildStdin { sender: Sender::from_owned_fd(inner.into())? })
    }

    /// Takes the descriptor out of the runtime, and makes it blocking, for example for another child.
    ///
    /// # Errors
    ///
    /// Returns what fcntl(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::process::Command;
    /// # use std::process::Stdio;
    /// let mut child = Command::new("cat").stdin(Stdio::piped()).spawn()?;
    /// let fd = child.stdin.take().unwrap().into_owned_fd()?;
    /// let as_file = std::fs::File::from(fd);
    /// # drop(as_file);
    /// # child.wait().await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
        self.sender.into_blocking_fd()
    }
}

impl ChildStdout {
    /// Takes the pipe of a child that std has started. It becomes non-blocking.
    ///
    /// # Errors
    ///
    /// Returns what fcntl(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::ChildStdout;
    /// use std::process::{Command, Stdio};
    /// let mut child = Command::new("true").stdout(Stdio::piped()).spawn()?;
    /// let stdout = ChildStdout::from_std(child.stdout.take().unwrap())?;
    /// # child.wait()?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn from_std(inner: std::process::ChildStdout) -> io::Result<ChildStdout> {
        Ok(ChildStdout { receiver: Receiver::from_owned_fd(inner.into())? })
    }

    /// Takes the descriptor out of the runtime, and makes it blocking, for example for another child.
    ///
    /// # Errors
    ///
    /// Returns what fcntl(2) reports.
    ///
    /// # Examples
    ///
    /// One child's output is another's input:
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::Command;
    /// use std::process::Stdio;
    /// let mut echo = Command::new("echo").arg("tea").stdout(Stdio::piped()).spawn()?;
    /// let stdout = echo.stdout.take().unwrap();
    /// // Or: let stdin: Stdio = stdout.try_into()?;
    /// let shout = Command::new("tr").args(["a-z", "A-Z"]).stdin(stdout.into_owned_fd()?).output();
    /// assert_eq!(shout.await?.stdout, b"TEA\n");
    /// echo.wait().await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
        self.receiver.into_blocking_fd()
    }
}

impl ChildStderr {
    /// Takes the pipe of a child that std has started. It becomes non-blocking.
    ///
    /// # Errors
    ///
    /// Returns what fcntl(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::process::ChildStderr;
    /// use std::process::{Command, Stdio};
    /// let mut child = Command::new("true").stderr(Stdio::piped()).spawn()?;
    /// let stderr = ChildStderr::from_std(child.stderr.take().unwrap())?;
    /// # child.wait()?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn from_std(inner: std::process::ChildStderr) -> io::Result<ChildStderr> {
        Ok(ChildStderr { receiver: Receiver::from_owned_fd(inner.into())? })
    }

    /// Takes the descriptor out of the runtime, and makes it blocking, for example for another child.
    ///
    /// # Errors
    ///
    /// Returns what fcntl(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::process::Command;
    /// # use std::process::Stdio;
    /// let mut child = Command::new("ls").arg("/no/such").stderr(Stdio::piped()).spawn()?;
    /// let complaints = child.stderr.take().unwrap().into_owned_fd()?;
    /// let lines = Command::new("wc").arg("-l").stdin(complaints).output().await?;
    /// assert_eq!(lines.stdout.trim_ascii(), b"1");
    /// # child.wait().await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
        self.receiver.into_blocking_fd()
    }
}

impl AsyncWrite for ChildStdin {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.sender).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.sender).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.sender.is_write_vectored()
    }

    /// Ready at once: a byte that is written is in the pipe.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.sender).poll_flush(cx)
    }

    /// Ready at once: the pipe is closed by dropping this.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.sender).poll_shutdown(cx)
    }
}

impl AsyncRead for ChildStdout {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.receiver).poll_read(cx, buf)
    }
}

impl AsyncRead for ChildStderr {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.receiver).poll_read(cx, buf)
    }
}

ayi_io::other_families! {
    [] ChildStdin: write;
    [] ChildStdout: read;
    [] ChildStderr: read;
}

impl AsFd for ChildStdin {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.sender.as_fd()
    }
}

impl AsFd for ChildStdout {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}

impl AsFd for ChildStderr {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}

impl AsRawFd for ChildStdin {
    fn as_raw_fd(&self) -> RawFd {
        self.sender.as_raw_fd()
    }
}

impl AsRawFd for ChildStdout {
    fn as_raw_fd(&self) -> RawFd {
        self.receiver.as_raw_fd()
    }
}

impl AsRawFd for ChildStderr {
    fn as_raw_fd(&self) -> RawFd {
        self.receiver.as_raw_fd()
    }
}

impl TryFrom<ChildStdin> for Stdio {
    type Error = io::Error;

    fn try_from(stdin: ChildStdin) -> io::Result<Stdio> {
        stdin.into_owned_fd().map(Stdio::from)
    }
}

impl TryFrom<ChildStdout> for Stdio {
    type Error = io::Error;

    fn try_from(stdout: ChildStdout) -> io::Result<Stdio> {
        stdout.into_owned_fd().map(Stdio::from)
    }
}

impl TryFrom<ChildStderr> for Stdio {
    type Error = io::Error;

    fn try_from(stderr: ChildStderr) -> io::Result<Stdio> {
        stderr.into_owned_fd().map(Stdio::from)
    }
}
