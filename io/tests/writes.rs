//! The methods of writers and of what has a position.

mod support;

use ayi_io::{AsyncSeek, AsyncSeekExt, AsyncWriteExt};
use std::io::{self, Cursor, ErrorKind, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};
use support::Step::{Fail, Room, Wait};
use support::{cancelled, now, panic_of, poll_once, script};

#[test]
fn a_write_takes_what_there_is_room_for() {
    let mut writer = script([Wait, Room(3), Room(0), Fail(ErrorKind::BrokenPipe)]);
    cancelled(writer.write(b"teapot"));
    assert_eq!(now(writer.write(b"teapot")).unwrap(), 3);
    assert_eq!(now(writer.write(b"pot")).unwrap(), 0);
    assert_eq!(now(writer.write(b"pot")).unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(writer.written, b"tea");
    // This writer takes single buffers.
    let bufs = [IoSlice::new(b""), IoSlice::new(b"po"), IoSlice::new(b"t")];
    assert_eq!(now(writer.write_vectored(&bufs)).unwrap(), 2);
    assert_eq!(writer.written, b"teapo");
}

#[test]
fn write_all_goes_on_until_all_is_written() {
    let interrupted = || Fail(ErrorKind::Interrupted);
    let mut writer = script([Room(2), Wait, interrupted(), interrupted(), Room(1), Room(9)]);
    let mut write = Box::pin(writer.write_all(b"teapot"));
    assert!(poll_once(write.as_mut()).is_pending());
    now(write).unwrap();
    assert_eq!((&writer.written[..], writer.left(), writer.calls), (&b"teapot"[..], 0, 6));
    // Nothing is to be written, so the writer is not asked.
    now(script([Wait]).write_all(b"")).unwrap();
}

#[test]
fn a_writer_that_takes_nothing_more_is_an_error() {
    let mut writer = script([Room(2), Room(0)]);
    let error = now(writer.write_all(b"tea")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteZero);
    assert!(error.to_string().contains("can take no more"), "{error}");
    assert_eq!(now(script([Room(0)]).write_u8(1)).unwrap_err().kind(), ErrorKind::WriteZero);
    let mut writer = script([Room(2), Fail(ErrorKind::ConnectionReset)]);
    assert_eq!(now(writer.write_all(b"tea")).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(writer.written, b"te");
}

#[test]
fn numbers_leave_in_pieces_and_in_both_orders() {
    let mut writer = script([Room(1), Wait, Fail(ErrorKind::Interrupted), Room(2)]);
    let mut write = Box::pin(writer.write_u32(0x0102_0304));
    assert!(poll_once(write.as_mut()).is_pending());
    now(write).unwrap();
    assert_eq!(writer.written, [1, 2, 3, 4]);
    let mut bytes = Vec::new();
    now(bytes.write_i8(-1)).unwrap();
    now(bytes.write_i16_le(-2)).unwrap();
    now(bytes.write_u16(0x0102)).unwrap();
    assert_eq!(bytes, [0xff, 0xfe, 0xff, 1, 2]);
    bytes.clear();
    now(bytes.write_f32(1.5)).unwrap();
    now(bytes.write_f64_le(-2.5)).unwrap();
    now(bytes.write_i128(-3)).unwrap();
    now(bytes.write_u128_le(4)).unwrap();
    let (float, rest) = bytes.split_first_chunk().unwrap();
    assert_eq!(f32::from_be_bytes(*float), 1.5);
    let (float, rest) = rest.split_first_chunk().unwrap();
    assert_eq!(f64::from_le_bytes(*float), -2.5);
    let (number, rest) = rest.split_first_chunk().unwrap();
    assert_eq!(i128::from_be_bytes(*number), -3);
    assert_eq!(u128::from_le_bytes(rest.try_into().unwrap()), 4);
}

#[test]
fn flush_and_shutdown_wait_and_fail_like_the_writer() {
    let mut writer = script([Wait, Fail(ErrorKind::BrokenPipe)]);
    cancelled(writer.flush());
    assert_eq!(now(writer.flush()).unwrap_err().kind(), ErrorKind::BrokenPipe);
    now(writer.flush()).unwrap();
    let mut writer = script([Wait, Fail(ErrorKind::NotConnected)]);
    cancelled(writer.shutdown());
    assert_eq!(now(writer.shutdown()).unwrap_err().kind(), ErrorKind::NotConnected);
    assert!(!writer.is_shut_down);
    now(writer.shutdown()).unwrap();
    assert!(writer.is_shut_down);
}

/// It costs a panic, and nothing else.
#[test]
fn a_writer_that_has_written_more_than_there_was_is_found_out() {
    struct Boasts;
    impl ayi_io::AsyncWrite for Boasts {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(buf.len() + 1))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    assert!(panic_of(|| now(Boasts.write_all(b"tea"))).contains("out of range"));
    assert!(panic_of(|| now(Boasts.write_u16(1))).contains("out of range"));
    let mut buffered = ayi_io::BufWriter::new(Boasts);
    now(buffered.write_all(b"tea")).unwrap();
    assert_eq!(panic_of(|| now(buffered.flush())), "a writer has written more than there was");
    assert_eq!(buffered.buffer(), b"tea");
}

#[cfg(feature = "bytes")]
mod buffers_of_the_crate_bytes {
    use super::*;
    use ayi_io::AsyncWrite;
    use bytes::Buf;

    #[test]
    fn advance_by_what_was_written() {
        let mut writer = script([Room(4), Wait, Fail(ErrorKind::TimedOut)]);
        let mut buf = &b"teapot"[..];
        assert_eq!(now(writer.write_buf(&mut buf)).unwrap(), 4);
        assert_eq!(buf, b"ot");
        cancelled(writer.write_buf(&mut buf));
        assert_eq!(now(writer.write_buf(&mut buf)).unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(now(writer.write_buf(&mut buf)).unwrap(), 2);
        // An empty buffer is not written.
        let calls = writer.calls;
        assert_eq!(now(writer.write_buf(&mut buf)).unwrap(), 0);
        assert_eq!((writer.calls, &writer.written[..]), (calls, &b"teapot"[..]));
    }

    #[test]
    fn are_written_whole_and_know_how_far_that_came() {
        let steps = [Room(2), Fail(ErrorKind::Interrupted), Wait, Room(9), Room(0)];
        let mut writer = script(steps);
        let mut buf = (&b"green "[..]).chain(&b"tea"[..]);
        cancelled(writer.write_all_buf(&mut buf));
        assert_eq!(buf.remaining(), 7);
        assert_eq!(now(writer.write_all_buf(&mut buf)).unwrap_err().kind(), ErrorKind::WriteZero);
        assert_eq!((buf.remaining(), &writer.written[..]), (3, &b"green "[..]));
        now(writer.write_all_buf(&mut buf)).unwrap();
        assert_eq!((buf.remaining(), &writer.written[..]), (0, &b"green tea"[..]));
    }

    #[test]
    fn leave_at_once_where_the_writer_takes_several() {
        struct Counts(Vec<usize>);
        impl AsyncWrite for Counts {
            fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
                panic!("it takes several")
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                _: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.0.push(bufs.len());
                Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()))
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
        }
        /// Many pieces of one byte.
        struct Pieces(usize);
        impl Buf for Pieces {
            fn remaining(&self) -> usize {
                self.0
            }

            fn chunk(&self) -> &[u8] {
                &b"x"[..self.0.min(1)]
            }

            fn advance(&mut self, n: usize) {
                self.0 -= n;
            }

            fn chunks_vectored<'a>(&'a self, bufs: &mut [IoSlice<'a>]) -> usize {
                let len = self.0.min(bufs.len());
                bufs[..len].fill(IoSlice::new(b"x"));
                len
            }
        }
        let mut writer = Counts(Vec::new());
        now(writer.write_all_buf(&mut Pieces(150))).unwrap();
        assert_eq!(now(writer.write_buf(&mut Pieces(100))).unwrap(), 64);
        assert_eq!(writer.0, [64, 64, 22, 64]);
    }
}

/// Notes each call, and waits in each step once.
#[derive(Default)]
struct Slow {
    calls: Vec<&'static str>,
    waited: bool,
    to: Option<SeekFrom>,
}

impl AsyncSeek for Slow {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.calls.push("start");
        if position == SeekFrom::End(-1) {
            return Err(ErrorKind::InvalidInput.into());
        }
        self.to = Some(position);
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        self.waited = !self.waited;
        if self.waited {
            return Poll::Pending;
        }
        self.calls.push("complete");
        match self.to {
            Some(SeekFrom::Start(7)) => Poll::Ready(Err(ErrorKind::TimedOut.into())),
            Some(SeekFrom::Start(n)) => Poll::Ready(Ok(n)),
            _ => Poll::Ready(Ok(0)),
        }
    }
}

fn wait_for<T>(future: impl Future<Output = T>) -> (T, usize) {
    let mut future = std::pin::pin!(future);
    for waits in 0.. {
        if let Poll::Ready(result) = poll_once(future.as_mut()) {
            return (result, waits);
        }
    }
    unreachable!()
}

#[test]
fn a_seek_waits_for_what_goes_on_and_begins_once() {
    let mut stream = Slow::default();
    let (position, waits) = wait_for(stream.seek(SeekFrom::Start(5)));
    assert_eq!((position.unwrap(), waits), (5, 2));
    assert_eq!(stream.calls, ["complete", "start", "complete"]);
    let (failed, _) = wait_for(stream.seek(SeekFrom::End(-1)));
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(stream.calls[3..], ["complete", "start"]);
    let (failed, _) = wait_for(stream.seek(SeekFrom::Start(7)));
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::TimedOut);
    // What went on before has failed.
    let (failed, waits) = wait_for(stream.seek(SeekFrom::Start(1)));
    assert_eq!((failed.unwrap_err().kind(), waits), (ErrorKind::TimedOut, 1));
}

#[test]
fn the_position_is_told_and_taken_back() {
    let mut cursor = Cursor::new(b"teapot");
    assert_eq!(now(cursor.seek(SeekFrom::End(-2))).unwrap(), 4);
    assert_eq!(now(cursor.stream_position()).unwrap(), 4);
    assert_eq!(now(cursor.seek(SeekFrom::Current(9))).unwrap(), 13);
    assert_eq!(now(cursor.rewind()).unwrap(), 0);
    assert_eq!(now(cursor.seek(SeekFrom::Current(-1))).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(cursor.position(), 0);
}
