//! Standard streams that are files. epoll refuses those, because they wait only for the disk. So the pool reads and
//! writes them, one call at a time.
//!
//! Invariants:
//! 1. A stream has at most one call in the pool, so bytes stay in order.
//! 2. No more is read than was asked for: the position in the file belongs to the next process as well, in
//!    `(a; b) < file`.
//! 3. What was read for a future that is gone is kept for the next one.
//! 4. What was accepted is written: by the pool, or if the pool does not get to it, by the task that waits for it or
//!    drops the stream. The bytes lie under a mutex, and the thread that takes them writes them, once.
//!
//! In tokio: `io/blocking.rs`.

use ayi_runtime::runtime::Handle;
use ayi_runtime::task::{Builder, JoinHandle};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

/// The number of bytes per call. A call costs some 10 µs of thread switches, and copying this much takes about as long.
const MAX_BYTES: usize = 64 * 1024;

/// A file that is read.
#[derive(Debug)]
pub(super) struct Reader {
    file: Arc<File>,
    state: Reading,
}

#[derive(Debug)]
enum Reading {
    /// Bytes that were read. Those from this index on have not been returned yet.
    Has(Vec<u8>, usize),
    Call(JoinHandle<io::Result<Vec<u8>>>),
}

impl Reader {
    pub(super) fn new(file: File) -> Reader {
        Reader { file: Arc::new(file), state: Reading::Has(Vec::new(), 0) }
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if let Reading::Has(bytes, given) = &mut self.state {
            if bytes.len() == *given {
                *given = 0;
                let (file, bytes, len) = (self.file.clone(), mem::take(bytes), buf.len());
                self.state = Reading::Call(call(move || read(&file, bytes, len))?);
            }
        }
        if let Reading::Call(call) = &mut self.state {
            let result = ready!(Pin::new(call).poll(cx));
            self.state = Reading::Has(Vec::new(), 0);
            let bytes = result.map_err(io::Error::other)??;
            self.state = Reading::Has(bytes, 0);
        }
        let Reading::Has(bytes, given) = &mut self.state else { unreachable!("the call has ended") };
        let n = buf.len().min(bytes.len() - *given);
        buf[..n].copy_from_slice(&bytes[*given..*given + n]);
        *given += n;
        Poll::Ready(Ok(n))
    }
}

/// Reads, in the pool. Returns no bytes at the end of the file.
fn read(mut file: &File, mut bytes: Vec<u8>, len: usize) -> io::Result<Vec<u8>> {
    bytes.resize(len.min(MAX_BYTES), 0);
    let n = loop {
        match file.read(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => break result?,
        }
    };
    bytes.truncate(n);
    Ok(bytes)
}

/// A file that is written to.
#[derive(Debug)]
pub(super) struct Writer {
    accepted: Arc<Accepted>,
    call: Option<JoinHandle<io::Result<()>>>,
}

#[derive(Debug)]
struct Accepted {
    file: File,
    bytes: Mutex<Vec<u8>>,
}

impl Writer {
    pub(super) fn new(file: File) -> Writer {
        Writer { accepted: Arc::new(Accepted { file, bytes: Mutex::default() }), call: None }
    }

    /// Accepts some bytes, once the earlier ones are written.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(cx))?;
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let n = buf.len().min(MAX_BYTES);
        self.accepted.bytes().extend_from_slice(&buf[..n]);
        let accepted = self.accepted.clone();
        match call(move || accepted.write_out()) {
            Ok(call) => self.call = Some(call),
            Err(error) => {
                self.accepted.bytes().clear();
                return Poll::Ready(Err(error));
            }
        }
        Poll::Ready(Ok(n))
    }

    /// Ready when everything that was accepted is written, or could not be.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(call) = &mut self.call else { return Poll::Ready(Ok(())) };
        let result = ready!(Pin::new(call).poll(cx));
        self.call = None;
        // If the pool's runtime has ended before the pool got to it, it is done here.
        Poll::Ready(result.unwrap_or_else(|_cancelled| self.accepted.write_out()))
    }
}

impl Drop for Writer {
    /// Invariant 4. This waits for the disk, if something is left.
    fn drop(&mut self) {
        if self.call.is_some() {
            // A caller that wants to see errors has flushed.
            let _ = self.accepted.write_out();
        }
    }
}

impl Accepted {
    /// Writes the bytes. The first thread to come writes; the others wait for that, and find nothing left.
    fn write_out(&self) -> io::Result<()> {
        let mut bytes = self.bytes();
        let result = (&self.file).write_all(&bytes);
        bytes.clear();
        result
    }

    /// Locks the bytes. Nothing under the lock panics.
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `f` on the pool of this thread's runtime.
fn call<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> io::Result<JoinHandle<T>> {
    let handle = Handle::try_current().map_err(io::Error::other)?;
    Builder::new().spawn_blocking_on(f, &handle)
}
