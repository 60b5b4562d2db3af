//! Streams that do as they are told, and what tests do with them.
#![allow(dead_code)]

use ayi_io::{AsyncRead, AsyncWrite, ReadBuf};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// Polls once, with a waker that nobody needs.
pub fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The result of a future that never waits.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    match poll_once(pin!(future)) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("it waits"),
    }
}

/// Polls a future that waits, and drops it.
pub fn cancelled<T>(future: impl Future<Output = T>) {
    assert!(poll_once(pin!(future)).is_pending(), "it does not wait");
}

/// The message of a panic.
pub fn panic_of<T>(act: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(_) => panic!("it does not panic"),
        Err(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => (*panic.downcast::<&str>().expect("a message")).to_owned(),
        },
    }
}

/// What a stream does, one step a call.
pub enum Step {
    /// A read brings these bytes.
    Bytes(&'static [u8]),
    /// A write takes so many bytes.
    Room(usize),
    Fail(ErrorKind),
    Wait,
}

use Step::{Bytes, Fail, Room, Wait};

/// A reader and writer that follows a script. At the end of it, reads find the end, and writes and flushes take
/// everything.
#[derive(Default)]
pub struct Script {
    steps: VecDeque<Step>,
    /// What was written.
    pub written: Vec<u8>,
    /// How often it was called.
    pub calls: usize,
    /// How much was free in each read, and how much of that was initialised.
    pub lent: Vec<(usize, usize)>,
    pub is_shut_down: bool,
}

pub fn script(steps: impl IntoIterator<Item = Step>) -> Script {
    Script { steps: steps.into_iter().collect(), ..Script::default() }
}

impl Script {
    /// Returns how many steps are left.
    pub fn left(&self) -> usize {
        self.steps.len()
    }

    fn next(&mut self) -> Poll<io::Result<Option<Step>>> {
        self.calls += 1;
        match self.steps.pop_front() {
            Some(Fail(kind)) => Poll::Ready(Err(kind.into())),
            Some(Wait) => Poll::Pending,
            step => Poll::Ready(Ok(step)),
        }
    }
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.lent.push((buf.remaining(), buf.initialized().len() - buf.filled().len()));
        self.next().map_ok(|step| match step {
            Some(Bytes(bytes)) => {
                let (now, later) = bytes.split_at(bytes.len().min(buf.remaining()));
                buf.put_slice(now);
                if !later.is_empty() {
                    self.steps.push_front(Bytes(later));
                }
            }
            None => (),
            Some(_) => panic!("another step comes next"),
        })
    }
}

impl AsyncWrite for Script {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.next().map_ok(|step| {
            let taken = match step {
                Some(Room(room)) => buf.len().min(room),
                None => buf.len(),
                Some(_) => panic!("another step comes next"),
            };
            self.written.extend(&buf[..taken]);
            taken
        })
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.next().map_ok(|step| assert!(step.is_none(), "another step comes next"))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.next().map_ok(|_| self.is_shut_down = true)
    }
}

/// Puts another buffer in the place of the one that it is lent.
pub struct Exchanges {
    /// How long the other one is. It is full.
    pub len: usize,
}

impl AsyncRead for Exchanges {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let other: &'static mut [u8] = vec![b'!'; self.len].leak();
        *buf = ReadBuf::new(other);
        buf.advance(self.len);
        Poll::Ready(Ok(()))
    }
}
