//! Pipes and FIFOs.
//!
//! In tokio: `net/unix/pipe.rs`.

use std::fmt;
use std::fs::{File, OpenOptions as FileOptions};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::task::{Context, Poll};

use ayi_runtime::io::{Interest, Ready};

use crate::socket::Socket;
use crate::sys;

/// Makes a pipe: what is written to the sender is read from the receiver.
///
/// # Errors
///
/// Returns what pipe2(2) reports: mostly that there are no file descriptors left.
///
/// # Examples
///
/// ```
/// use ayi::net::unix::pipe;
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (sender, receiver) = pipe::pipe()?;
/// sender.write(b"tea").await?;
/// let mut buf = [0; 8];
/// assert_eq!(receiver.read(&mut buf).await?, 3);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub fn pipe() -> io::Result<(Sender, Receiver)> {
    let (receiver, sender) = sys::pipe()?;
    Ok((
        Sender { socket: Socket::new(File::from(sender).into()) },
        Receiver { socket: Socket::new(File::from(receiver).into()) },
    ))
}

/// The options for opening a FIFO, fifo(7).
///
/// Opening does not wait. A receiver may be opened before there is a writer: its reads then wait for the first one.
/// When the last writer has gone, they return the end of the stream, until another one comes. A sender cannot be opened
/// before there is a reader: that is the error `ENXIO`.
///
/// # Examples
///
/// ```no_run
/// use ayi::net::unix::pipe;
/// // With the writer's side open too, the end of the stream never comes when writers go.
/// let receiver = pipe::OpenOptions::new().read_write(true).open_receiver("/run/orders")?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    read_write: bool,
    unchecked: bool,
}

impl OpenOptions {
    /// Makes options that open one side, and check that it is a FIFO.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe;
    /// let sender = pipe::OpenOptions::new().open_sender("/run/orders")?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn new() -> OpenOptions {
        OpenOptions::default()
    }

    /// Sets whether both sides are opened. A sender can then be opened before there is a receiver, and a receiver does
    /// not see the end of the stream when the last other sender goes. Only Linux has this.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe;
    /// // Waits for a writer without one having to be there.
    /// let receiver = pipe::OpenOptions::new().read_write(true).open_receiver("/run/orders")?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn read_write(&mut self, read_write: bool) -> &mut OpenOptions {
        self.read_write = read_write;
        self
    }

    /// Sets whether the check that the file is a FIFO is left out. Any other file may fail in its own way.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe;
    /// let sender = pipe::OpenOptions::new().unchecked(true).open_sender("/dev/stdout")?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn unchecked(&mut self, unchecked: bool) -> &mut OpenOptions {
        self.unchecked = unchecked;
        self
    }

    /// Opens the FIFO at `path` for reading. It need not have a writer yet.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` if it is no FIFO, and what open(2) reports.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe;
    /// let receiver = pipe::OpenOptions::new().open_receiver("/run/orders")?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn open_receiver<P: AsRef<Path>>(&self, path: P) -> io::Result<Receiver> {
        let file = self.open(path.as_ref(), true)?;
        Ok(Receiver { socket: Socket::new(file.into()) })
    }

    /// Opens the FIFO at `path` for writing.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` if it is no FIFO, and what open(2) reports. Returns `ENXIO` if nobody has opened it for
    /// reading yet, unless [`read_write`](OpenOptions::read_write) is set: try again later.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe;
    /// let sender = pipe::OpenOptions::new().open_sender("/run/orders")?; // fails while nobody reads
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn open_sender<P: AsRef<Path>>(&self, path: P) -> io::Result<Sender> {
        let file = self.open(path.as_ref(), false)?;
        Ok(Sender { socket: Socket::new(file.into()) })
    }

    fn open(&self, path: &Path, is_receiver: bool) -> io::Result<File> {
        let mut options = FileOptions::new();
        options.read(is_receiver || self.read_write).write(!is_receiver || self.read_write);
        let file = options.custom_flags(sys::O_NONBLOCK).open(path)?;
        if !self.unchecked {
            check_fifo(&file)?;
        }
        Ok(file)
    }
}

fn check_fifo(file: &File) -> io::Result<()> {
    if file.metadata()?.file_type().is_fifo() {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "this file is neither a pipe nor a FIFO: make one by mkfifo(3)",
    ))
}

fn from_file(file: File, is_receiver: bool) -> io::Result<File> {
    check_fifo(&file)?;
    let (readable, writable) = sys::access(file.as_fd())?;
    if !(if is_receiver { readable } else { writable }) {
        let (side, mode) = if is_receiver { ("receiver", "reading") } else { ("sender", "writing") };
        let text = format!("this side of the pipe was not opened for {mode}, so it cannot be a {side}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    sys::set_nonblocking(file.as_fd(), true)?;
    Ok(file)
}

/// The side of a pipe that reads.
///
/// The end of its stream comes when the last sender is dropped.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use ayi::net::unix::pipe;
/// let (sender, receiver) = pipe::pipe()?;
/// sender.write(b"tea").await?;
/// drop(sender);
/// let mut buf = [0; 8];
/// assert_eq!(receiver.read(&mut buf).await?, 3);
/// assert_eq!(receiver.read(&mut buf).await?, 0); // the end
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct Receiver {
    pub(crate) socket: Socket<sys::Pipe>,
}

impl Receiver {
    /// Takes a pipe or FIFO that was opened by other means. It becomes non-blocking.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` if it is neither, or not open for reading.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe::Receiver;
    /// let receiver = Receiver::from_file(std::fs::File::open("/run/orders")?)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn from_file(file: File) -> io::Result<Receiver> {
        Ok(Receiver { socket: Socket::new(from_file(file, true)?.into()) })
    }

    /// Takes a descriptor. See [`from_file`](Receiver::from_file).
    ///
    /// # Errors
    ///
    /// Fails like [`from_file`](Receiver::from_file).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe::{self, Receiver};
    /// let (sender, receiver) = pipe::pipe()?;
    /// let receiver = Receiver::from_owned_fd(receiver.into_blocking_fd()?)?; // non-blocking again
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn from_owned_fd(fd: OwnedFd) -> io::Result<Receiver> {
        Receiver::from_file(fd.into())
    }

    /// Takes a file like [`from_file`](Receiver::from_file), but it must be non-blocking already, and its type is not
    /// checked.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` if it is in blocking mode.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe::{self, Receiver};
    /// let (sender, receiver) = pipe::pipe()?;
    /// let fd = receiver.into_nonblocking_fd()?;
    /// let receiver = Receiver::from_file_unchecked(fd.into())?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn from_file_unchecked(file: File) -> io::Result<Receiver> {
        Ok(Receiver { socket: Socket::from_std(file.into())? })
    }

    /// Takes a descriptor like [`from_file_unchecked`](Receiver::from_file_unchecked) takes a file.
    ///
    /// # Errors
    ///
    /// Fails like [`from_file_unchecked`](Receiver::from_file_unchecked).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe::{self, Receiver};
    /// let (sender, receiver) = pipe::pipe()?;
    /// let receiver = Receiver::from_owned_fd_unchecked(receiver.into_nonblocking_fd()?)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn from_owned_fd_unchecked(fd: OwnedFd) -> io::Result<Receiver> {
        Receiver::from_file_unchecked(fd.into())
    }

    /// Reads what is there into `buf`, and waits while nothing is. Returns 0 at the end of the stream. An empty `buf`
    /// is filled at once.
    ///
    /// # Errors
    ///
    /// Returns what read(2) reports. It also fails if it has to wait and there is no ayi runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// No byte is lost if the future is dropped: it returns as soon as it has read any.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe;
    /// let (sender, receiver) = pipe::pipe()?;
    /// sender.write(b"tea").await?;
    /// let mut buf = [0; 8];
    /// let n = receiver.read(&mut buf).await?;
    /// assert_eq!(&buf[..n], b"tea");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn read(&self, buf: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.socket.read(buf)
    }

    methods! {
        "stream", "let (peer, stream) = ayi::net::unix::pipe::pipe()?;"; ready, reads
    }

    /// Calls `op` once if the pipe is ready. `op` does its own I/O on this pipe, for example by splice(2), and must return
    /// `WouldBlock` only if the pipe did.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` without a call if the pipe is known not to be ready, and the errors of `op`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # fn another_way_to_read(_: impl std::os::fd::AsFd) -> std::io::Result<usize> { Ok(3) }
    /// let (sender, receiver) = ayi::net::unix::pipe::pipe()?;
    /// let result = receiver.try_io(|| another_way_to_read(&receiver));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn try_io<R>(&self, op: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.socket.try_if_ready(Interest::READABLE, op)
    }

    /// Takes the descriptor out of the runtime, and makes it blocking, for example for a child process.
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
    /// # let (sender, receiver) = ayi::net::unix::pipe::pipe()?;
    /// use std::process::{Command, Stdio};
    /// let child = Command::new("true").stdin(Stdio::from(receiver.into_blocking_fd()?)).spawn()?;
    /// # let mut child = child;
    /// # child.wait()?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn into_blocking_fd(self) -> io::Result<OwnedFd> {
        let fd = self.into_nonblocking_fd()?;
        sys::set_nonblocking(fd.as_fd(), false)?;
        Ok(fd)
    }

    /// Takes the descriptor out of the runtime. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// Never fails today: the signature is tokio's.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe::Receiver;
    /// # let (sender, receiver) = ayi::net::unix::pipe::pipe()?;
    /// let receiver = Receiver::from_owned_fd(receiver.into_nonblocking_fd()?)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn into_nonblocking_fd(self) -> io::Result<OwnedFd> {
        Ok(self.socket.into_std()?.into())
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("fd", &self.as_raw_fd()).finish()
    }
}

/// The side of a pipe that writes.
///
/// When the last receiver is dropped, writing fails with `BrokenPipe`.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use ayi::net::unix::pipe;
/// let (sender, receiver) = pipe::pipe()?;
/// drop(receiver);
/// let error = sender.write(b"tea").await.unwrap_err(); // and no SIGPIPE
/// assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct Sender {
    pub(crate) socket: Socket<sys::Pipe>,
}

impl Sender {
    /// Takes a pipe or FIFO that was opened by other means. It becomes non-blocking.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` if it is neither, or not open for writing.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe::Sender;
    /// let sender = Sender::from_file(std::fs::File::create("/run/orders")?)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn from_file(file: File) -> io::Result<Sender> {
        Ok(Sender { socket: Socket::new(from_file(file, false)?.into()) })
    }

    /// Takes a descriptor. See [`from_file`](Sender::from_file).
    ///
    /// # Errors
    ///
    /// Fails like [`from_file`](Sender::from_file).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe::{self, Sender};
    /// let (sender, receiver) = pipe::pipe()?;
    /// let sender = Sender::from_owned_fd(sender.into_blocking_fd()?)?; // non-blocking again
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn from_owned_fd(fd: OwnedFd) -> io::Result<Sender> {
        Sender::from_file(fd.into())
    }

    /// Takes a file like [`from_file`](Sender::from_file), but it must be non-blocking already, and its type is not
    /// checked.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` if it is in blocking mode.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe::{self, Sender};
    /// let (sender, receiver) = pipe::pipe()?;
    /// let fd = sender.into_nonblocking_fd()?;
    /// let sender = Sender::from_file_unchecked(fd.into())?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn from_file_unchecked(file: File) -> io::Result<Sender> {
        Ok(Sender { socket: Socket::from_std(file.into())? })
    }

    /// Takes a descriptor like [`from_file_unchecked`](Sender::from_file_unchecked) takes a file.
    ///
    /// # Errors
    ///
    /// Fails like [`from_file_unchecked`](Sender::from_file_unchecked).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe::{self, Sender};
    /// let (sender, receiver) = pipe::pipe()?;
    /// let sender = Sender::from_owned_fd_unchecked(sender.into_nonblocking_fd()?)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn from_owned_fd_unchecked(fd: OwnedFd) -> io::Result<Sender> {
        Sender::from_file_unchecked(fd.into())
    }

    /// Writes as much of `buf` as there is room for, and waits while there is none. Up to 4096 bytes (`PIPE_BUF`,
    /// pipe(7)) are written whole.
    ///
    /// # Errors
    ///
    /// Returns `BrokenPipe` if no receiver is left, and what write(2) reports. It also fails if it has to wait and
    /// there is no ayi runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// Nothing was written if the future is dropped: it returns as soon as it has written any.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe;
    /// let (sender, receiver) = pipe::pipe()?;
    /// assert_eq!(sender.write(b"tea").await?, 3); // all of it, or what there was room for
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn write(&self, buf: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.socket.write(buf)
    }

    methods! {
        "stream", "let (stream, peer) = ayi::net::unix::pipe::pipe()?;"; ready, writes
    }

    /// Calls `op` once if the pipe is ready. `op` does its own I/O on this pipe, for example by splice(2), and must return
    /// `WouldBlock` only if the pipe did.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` without a call if the pipe is known not to be ready, and the errors of `op`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # fn another_way_to_write(_: impl std::os::fd::AsFd) -> std::io::Result<usize> { Ok(3) }
    /// let (sender, receiver) = ayi::net::unix::pipe::pipe()?;
    /// let result = sender.try_io(|| another_way_to_write(&sender));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn try_io<R>(&self, op: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.socket.try_if_ready(Interest::WRITABLE, op)
    }

    /// Takes the descriptor out of the runtime, and makes it blocking, for example for a child process.
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
    /// # let (sender, receiver) = ayi::net::unix::pipe::pipe()?;
    /// use std::process::{Command, Stdio};
    /// let child = Command::new("true").stdout(Stdio::from(sender.into_blocking_fd()?)).spawn()?;
    /// # let mut child = child;
    /// # child.wait()?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn into_blocking_fd(self) -> io::Result<OwnedFd> {
        let fd = self.into_nonblocking_fd()?;
        sys::set_nonblocking(fd.as_fd(), false)?;
        Ok(fd)
    }

    /// Takes the descriptor out of the runtime. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// Never fails today: the signature is tokio's.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::pipe::Sender;
    /// # let (sender, receiver) = ayi::net::unix::pipe::pipe()?;
    /// let sender = Sender::from_owned_fd(sender.into_nonblocking_fd()?)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn into_nonblocking_fd(self) -> io::Result<OwnedFd> {
        Ok(self.socket.into_std()?.into())
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("fd", &self.as_raw_fd()).finish()
    }
}
