//! Standard input.
//!
//! In tokio: `io/stdin.rs`.

use super::duplicate;
use super::open::{Direction, open};
use super::polled::Polled;
use super::pooled::Reader;
use ayi_io::{AsyncRead, ReadBuf};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Makes a handle to standard input.
///
/// The handle may be made outside of a runtime, and be dropped and made again: it holds back no bytes, except those
/// that a cancelled read of a *file* has left.
///
/// # Examples
///
/// ```no_run
/// use ayi::io::AsyncReadExt;
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut stdin = ayi::io::stdin();
/// let mut buf = [0; 1024];
/// let n = stdin.read(&mut buf).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub fn stdin() -> Stdin {
    Stdin { std: io::stdin(), opened: None }
}

/// A reader of standard input, made by [`stdin`].
///
/// A terminal gives a line at a time, when it is finished. For lines, wrap it in a `BufReader`, one for the whole
/// program, because the bytes that it has read ahead are in there.
///
/// std's `stdin()` has a buffer of its own, and what that has read ahead is not seen here. Use only one of the two.
///
/// # Errors
///
/// A read returns what read(2) reports, `EIO` for a terminal that has hung up. It fails if descriptor 0 has been
/// closed; for a program that is *started* without standard input, Rust opens `/dev/null`, which is empty. It also
/// fails if it has to wait and there is no runtime on this thread, and if it is the first one and the current runtime has
/// ended.
///
/// # Cancel safety
///
/// Nothing is lost if a read is dropped. It has read nothing, or, from a file, its bytes are kept for the next read of
/// the same `Stdin`.
///
/// # Examples
///
/// ```no_run
/// use ayi::io::AsyncReadExt;
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut stdin = ayi::io::stdin();
/// let mut buf = [0; 1024];
/// let n = stdin.read(&mut buf).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Stdin {
    std: io::Stdin,
    opened: Option<Opened>,
}

/// At most this much is read at once into memory that was never written, because zeros are written there first.
const READ: usize = 8 * 1024;

#[derive(Debug)]
enum Opened {
    Polled(Polled),
    Pooled(Reader),
}

impl AsyncRead for Stdin {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let known = buf.initialized().len() - buf.filled().len();
        let room = buf.initialize_unfilled_to(buf.remaining().min(known.max(READ)));
        let read = ready!(match self.opened()? {
            Opened::Polled(polled) => polled.poll_read(cx, room),
            Opened::Pooled(reader) => reader.poll_read(cx, room),
        })?;
        buf.advance(read);
        Poll::Ready(Ok(()))
    }
}

ayi_io::other_families! {
    [] Stdin: read;
}

impl Stdin {
    fn opened(&mut self) -> io::Result<&mut Opened> {
        if self.opened.is_none() {
            let (file, how) = open(duplicate(self.std.as_fd(), "standard input")?, Direction::Read)?;
            self.opened = Some(match how {
                Some(how) => Opened::Polled(Polled::new(file, how)),
                None => Opened::Pooled(Reader::new(file)),
            });
        }
        Ok(self.opened.as_mut().expect("it was opened"))
    }
}

/// Returns descriptor 0.
impl AsFd for Stdin {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.std.as_fd()
    }
}

/// Returns descriptor 0.
impl AsRawFd for Stdin {
    fn as_raw_fd(&self) -> RawFd {
        self.std.as_raw_fd()
    }
}
