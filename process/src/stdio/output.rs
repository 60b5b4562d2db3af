//! Standard output and standard error.
//!
//! In tokio: `io/stdout.rs`, `io/stderr.rs`.

use super::duplicate;
use super::open::{Direction, open};
use super::polled::Polled;
use super::pooled::Writer;
use ayi_io::AsyncWrite;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Makes a handle to standard output.
///
/// The handle may be made outside of a runtime.
///
/// # Examples
///
/// ```
/// use ayi::io::AsyncWriteExt;
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut stdout = ayi::io::stdout();
/// stdout.write_all(b"tea\n").await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub fn stdout() -> Stdout {
    Stdout { std: io::stdout(), output: Output(None) }
}

/// Makes a handle to standard error.
///
/// The handle may be made outside of a runtime.
///
/// # Examples
///
/// ```
/// use ayi::io::AsyncWriteExt;
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut stderr = ayi::io::stderr();
/// stderr.write_all(b"no tea\n").await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub fn stderr() -> Stderr {
    Stderr { std: io::stderr(), output: Output(None) }
}

/// A writer to standard output, made by [`stdout`].
///
/// There is no buffer: a write goes to the kernel. For many small writes, wrap this in a `BufWriter`. `print!` has a
/// buffer of a line or more: if you use both, flush it with `std::io::stdout().flush()`. The output of several handles
/// that write at the same time may be mixed.
///
/// If standard output is a *file*, a write is finished as soon as the bytes are copied, and a thread of the pool writes
/// them. [`poll_flush`](AsyncWrite::poll_flush) waits for that and returns its error, unless the next write has
/// returned it. Dropping the handle waits as well. `std::process::exit` does not: flush before it. Elsewhere there is
/// nothing to flush.
///
/// Shutting it down is the same as flushing: the descriptor stays open.
///
/// # Errors
///
/// A write returns what write(2) reports: `BrokenPipe` if nobody reads any longer. It fails if descriptor 1 has been
/// closed. It also fails if it has to wait and there is no runtime on this thread, and if it is the first one and the
/// current runtime has ended.
///
/// # Cancel safety
///
/// A single write that is dropped has written nothing. For a `write_all`, it is not known how much was written.
///
/// # Examples
///
/// ```
/// use ayi::io::AsyncWriteExt;
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut stdout = ayi::io::stdout();
/// stdout.write_all(b"tea\n").await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Stdout {
    std: io::Stdout,
    output: Output,
}

/// A writer to standard error, made by [`stderr`].
///
/// Everything about [`Stdout`] holds here too, with descriptor 2.
///
/// # Examples
///
/// ```
/// use ayi::io::AsyncWriteExt;
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut stderr = ayi::io::stderr();
/// stderr.write_all(b"no tea\n").await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Stderr {
    std: io::Stderr,
    output: Output,
}

/// The common part of both. It is `None` before the first write.
#[derive(Debug)]
struct Output(Option<Opened>);

#[derive(Debug)]
enum Opened {
    Polled(Polled),
    Pooled(Writer),
}

impl Output {
    fn poll_write(
        &mut self,
        stream: BorrowedFd<'_>,
        name: &str,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.0.is_none() {
            let (file, how) = open(duplicate(stream, name)?, Direction::Write)?;
            self.0 = Some(match how {
                Some(how) => Opened::Polled(Polled::new(file, how)),
                None => Opened::Pooled(Writer::new(file)),
            });
        }
        match self.0.as_mut().expect("it was opened") {
            Opened::Polled(polled) => polled.poll_write(cx, buf),
            Opened::Pooled(writer) => writer.poll_write(cx, buf),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(Opened::Pooled(writer)) = &mut self.0 {
            ready!(writer.poll_flush(cx))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stdout {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Stdout { std, output } = &mut *self;
        output.poll_write(std.as_fd(), "standard output", cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl AsyncWrite for Stderr {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Stderr { std, output } = &mut *self;
        output.poll_write(std.as_fd(), "standard error", cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

ayi_io::other_families! {
    [] Stdout: write;
    [] Stderr: write;
}

/// Returns descriptor 1.
impl AsFd for Stdout {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.std.as_fd()
    }
}

/// Returns descriptor 1.
impl AsRawFd for Stdout {
    fn as_raw_fd(&self) -> RawFd {
        self.std.as_raw_fd()
    }
}

/// Returns descriptor 2.
impl AsFd for Stderr {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.std.as_fd()
    }
}

/// Returns descriptor 2.
impl AsRawFd for Stderr {
    fn as_raw_fd(&self) -> RawFd {
        self.std.as_raw_fd()
    }
}
