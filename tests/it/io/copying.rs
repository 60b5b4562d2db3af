//! Everything that moves bytes from a reader to a writer, side by side: what holds for one holds for the others.

use crate::support::{poll_once, run};
use ayi::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter, ReadBuf, SimplexStream,
    WriteBuffer, copy, copy_bidirectional, copy_bidirectional_with_sizes, copy_buf, duplex, split,
};
use ayi::task::yield_now;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

/// What a reader does, one step a read. After the last step it is at its end.
#[derive(Clone, Copy)]
enum Step {
    Gives(&'static [u8]),
    Fails(ErrorKind),
    /// It waits for one poll.
    Waits,
    /// It waits for ever.
    IsSilent,
    /// It returns bytes without end, and never has to wait.
    Floods,
}
use Step::{Fails, Floods, Gives, IsSilent, Waits};

struct Source(VecDeque<Step>);

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.0.pop_front() {
            None => Poll::Ready(Ok(())),
            Some(Gives(bytes)) => {
                buf.put_slice(bytes);
                Poll::Ready(Ok(()))
            }
            Some(Fails(kind)) => Poll::Ready(Err(kind.into())),
            Some(Waits) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(IsSilent) => {
                self.0.push_front(IsSilent);
                Poll::Pending
            }
            Some(Floods) => {
                self.0.push_front(Floods);
                buf.put_slice(b"~");
                Poll::Ready(Ok(()))
            }
        }
    }
}

/// A writer with a buffer, which records what is done to it. Each write and each flush first waits for one poll.
#[derive(Clone, Default)]
struct Log(Rc<LogState>);

#[derive(Default)]
struct LogState {
    buffered: RefCell<Vec<u8>>,
    flushed: RefCell<Vec<u8>>,
    flushes: Cell<u32>,
    is_closed: Cell<bool>,
    is_full: Cell<bool>,
    is_quick: Cell<bool>,
    has_waited: Cell<bool>,
    /// The error of the next flush.
    error: Cell<Option<ErrorKind>>,
}

impl Log {
    fn poll_wait(&self, cx: &mut Context<'_>) -> Poll<()> {
        let has_waited = self.0.has_waited.replace(!self.0.has_waited.get());
        if has_waited || self.0.is_quick.get() {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn flushed(&self) -> String {
        String::from_utf8(self.0.flushed.borrow().clone()).unwrap()
    }
}

impl AsyncWrite for Log {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.0.is_full.get() {
            return Poll::Ready(Ok(0));
        }
        std::task::ready!(self.poll_wait(cx));
        let part = &buf[..buf.len().min(3)];
        self.0.buffered.borrow_mut().extend_from_slice(part);
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_wait(cx));
        if let Some(error) = self.0.error.take() {
            return Poll::Ready(Err(error.into()));
        }
        self.0.flushes.set(self.0.flushes.get() + 1);
        self.0.flushed.borrow_mut().append(&mut self.0.buffered.borrow_mut());
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.is_closed.set(true);
        Poll::Ready(Ok(()))
    }
}

/// A stream made of the two.
struct Both<W> {
    source: Source,
    writer: W,
}

impl<W: Unpin> AsyncRead for Both<W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.source).poll_read(cx, buf)
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Both<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(cx)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Copy,
    CopyBuf,
    /// From the first stream to the second, whose own source is silent.
    There,
    Back,
}

const ALL: [Way; 4] = [Way::Copy, Way::CopyBuf, Way::There, Way::Back];

impl Way {
    async fn copy(self, source: Source, log: Log) -> io::Result<u64> {
        let (mut from, mut to) = (source, log);
        if self == Way::Copy {
            return copy(&mut from, &mut to).await;
        }
        if self == Way::CopyBuf {
            return copy_buf(&mut BufReader::new(from), &mut to).await;
        }
        let silence = Source(VecDeque::new());
        let mut from = Both { source: from, writer: ayi::io::sink() };
        let mut to = Both { source: silence, writer: to };
        match self {
            Way::There => copy_bidirectional(&mut from, &mut to).await.map(|copied| copied.0),
            _ => copy_bidirectional_with_sizes(&mut to, &mut from, 1, 8).await.map(|copied| copied.1),
        }
    }
}

fn source<const N: usize>(steps: [Step; N]) -> Source {
    Source(steps.into())
}

#[test]
fn what_came_is_flushed_while_the_source_is_silent() {
    run(async || {
        for way in ALL {
            let log = Log::default();
            let copying =
                ayi::spawn(way.copy(source([Gives(b"one"), Waits, Gives(b"two"), IsSilent]), log.clone()));
            while log.flushed() != "onetwo" {
                yield_now().await;
            }
            // A flush that waits is given up when there is more to write.
            assert!((1..=2).contains(&log.0.flushes.get()), "{way:?}");
            assert!(!copying.is_finished() && !log.0.is_closed.get(), "{way:?}");
            copying.abort();
        }
    });
}

#[test]
fn a_flush_that_fails_while_the_source_is_silent_is_told() {
    run(async || {
        for way in ALL {
            let log = Log::default();
            log.0.error.set(Some(ErrorKind::BrokenPipe));
            let error = way.copy(source([Gives(b"one"), IsSilent]), log).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{way:?}");
        }
    });
}

#[test]
fn what_came_before_an_error_of_the_source_is_written_and_flushed() {
    run(async || {
        for way in ALL {
            let log = Log::default();
            let steps = [Gives(b"one"), Gives(b"two"), Fails(ErrorKind::ConnectionReset)];
            let error = way.copy(source(steps), log.clone()).await.unwrap_err();
            assert_eq!(
                (error.kind(), log.flushed().as_str()),
                (ErrorKind::ConnectionReset, "onetwo"),
                "{way:?}"
            );
            assert!(!log.0.is_closed.get(), "{way:?}");
            // Of two errors, the first is returned.
            let log = Log::default();
            log.0.error.set(Some(ErrorKind::BrokenPipe));
            let error = way.copy(source(steps), log.clone()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{way:?}");
        }
    });
}

#[test]
fn at_the_end_all_is_flushed_and_only_two_directions_close() {
    run(async || {
        for way in ALL {
            let log = Log::default();
            let copied = way.copy(source([Gives(b"one"), Gives(b"three")]), log.clone()).await.unwrap();
            assert_eq!((copied, log.flushed().as_str(), log.0.flushes.get()), (8, "onethree", 1), "{way:?}");
            assert_eq!(log.0.is_closed.get(), matches!(way, Way::There | Way::Back), "{way:?}");
            let log = Log::default();
            log.0.error.set(Some(ErrorKind::BrokenPipe));
            let error = way.copy(source([Gives(b"one")]), log).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{way:?}");
        }
    });
}

#[test]
fn a_writer_that_takes_nothing_ends_the_copy() {
    run(async || {
        let says_so = |error: io::Error, way: &str| {
            assert_eq!(error.kind(), ErrorKind::WriteZero, "{way}");
            assert!(error.to_string().contains("took none of the bytes"), "{way}: {error}");
        };
        let full = || {
            let log = Log::default();
            log.0.is_full.set(true);
            log
        };
        for way in ALL {
            says_so(way.copy(source([Gives(b"one")]), full()).await.unwrap_err(), &format!("{way:?}"));
        }
        says_so(full().write_all(b"one").await.unwrap_err(), "write_all");
        let mut buffer = WriteBuffer::new(8);
        buffer.write_all(b"one").unwrap();
        says_so(buffer.write_to(&mut full()).await.unwrap_err(), "WriteBuffer");
        assert_eq!(buffer.len(), 3);
        // Writing no bytes is no failure.
        full().write_all(b"").await.unwrap();
        for way in ALL {
            assert_eq!(way.copy(source([]), full()).await.unwrap(), 0, "{way:?}");
        }
    });
}

#[test]
fn a_source_and_a_writer_that_are_always_ready_leave_room_for_others() {
    run(async || {
        for way in ALL {
            let log = Log::default();
            log.0.is_quick.set(true);
            let copying = ayi::spawn(way.copy(source([Floods]), log.clone()));
            let copied = || log.0.buffered.borrow().len() + log.0.flushed.borrow().len();
            let mut turns = 0;
            while copied() < 20_000 {
                yield_now().await;
                turns += 1;
                // A full buffer of 8 KiB is written three bytes at a time.
                assert!(copied() <= turns * 3 * 129, "{way:?}: {} bytes after {turns} turns", copied());
            }
            // The budget is used up: the source is not silent.
            assert_eq!(log.0.flushes.get(), 0, "{way:?}");
            copying.abort();
        }
    });
}

#[test]
fn what_a_write_buffer_has_is_flushed_once_and_what_is_left_of_an_error_is_kept() {
    run(async || {
        let (mut log, mut buffer) = (Log::default(), WriteBuffer::new(8));
        buffer.write_all(b"onetwo").unwrap();
        {
            let mut writing = pin!(buffer.write_to(&mut log));
            for _ in 0..3 {
                assert!(poll_once(writing.as_mut()).is_pending());
            }
        }
        // It is dropped between its write and its flush: the next one flushes.
        assert!(buffer.is_empty() && log.flushed().is_empty());
        buffer.write_to(&mut log).await.unwrap();
        assert_eq!((log.flushed().as_str(), log.0.flushes.get()), ("onetwo", 1));

        buffer.write_all(b"four").unwrap();
        log.0.error.set(Some(ErrorKind::BrokenPipe));
        assert_eq!(buffer.write_to(&mut log).await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        buffer.write_to(&mut log).await.unwrap();
        assert_eq!(log.flushed(), "onetwofour");
    });
}

#[test]
fn one_direction_that_has_ended_is_heard_of_while_the_other_goes_on() {
    run(async || {
        // Through streams in memory, whole and in halves, and through a writer with a buffer.
        let ((mut client, near), (far, mut server)) = (duplex(4), duplex(4));
        let proxy = ayi::spawn(async move {
            let (mut near, mut far) = (near, BufWriter::new(far));
            let (mut near_reads, mut near_writes) = split(&mut near);
            let there = async {
                copy(&mut near_reads, &mut far).await?;
                far.shutdown().await?;
                Ok::<_, io::Error>(far)
            };
            let mut far = there.await?;
            copy(far.get_mut(), &mut near_writes).await?;
            near_writes.shutdown().await
        });
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let (mut question, mut answer) = (String::new(), String::new());
        server.read_to_string(&mut question).await.unwrap();
        server.write_all(b"ans").await.unwrap();
        server.shutdown().await.unwrap();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!((question.as_str(), answer.as_str()), ("question", "ans"));
        proxy.await.unwrap().unwrap();

        let (mut reads, mut writes) = split(SimplexStream::new_unsplit(4));
        writes.write_all(b"tea").await.unwrap();
        writes.shutdown().await.unwrap();
        let mut text = String::new();
        reads.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "tea");
    });
}
