//! Buffers around streams: what goes past them, what stays in them after errors, and positions.

mod support;

use ayi_io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite, AsyncWriteExt, BufReader,
    BufStream, BufWriter, ReadBuf,
};
use std::io::{self, Cursor, ErrorKind, IoSlice, SeekFrom};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use support::Step::{Bytes, Fail, Room, Wait};
use support::{Exchanges, cancelled, now, panic_of, poll_once, script};

#[test]
fn small_reads_share_a_call_and_large_ones_go_past_the_buffer() {
    let mut reader = BufReader::with_capacity(4, script([Bytes(b"0123456789ab")]));
    let mut buf = [0; 10];
    assert_eq!(now(reader.read(&mut buf[..2])).unwrap(), 2);
    assert_eq!((reader.buffer(), reader.get_ref().calls), (&b"23"[..], 1));
    // What is buffered comes first, and alone.
    assert_eq!(now(reader.read(&mut buf[2..])).unwrap(), 2);
    assert_eq!(now(reader.read(&mut buf[4..])).unwrap(), 6);
    assert_eq!((&buf, reader.get_ref().calls), (b"0123456789", 2));
    assert_eq!(now(reader.read_u8()).unwrap(), b'a');
    assert_eq!(
        format!("{:?}", BufReader::with_capacity(4, &b"tea"[..])),
        "BufReader { reader: [116, 101, 97], buffer: 0/4 }"
    );
    assert_eq!(Pin::new(&mut reader).get_pin_mut().left(), 0);
    assert_eq!(reader.into_inner().lent, [(4, 4), (6, 6), (4, 4)]);
}

#[test]
fn a_reader_that_waits_or_fails_leaves_the_buffer_empty() {
    let mut reader = BufReader::new(script([Wait, Fail(ErrorKind::TimedOut), Bytes(b"tea")]));
    cancelled(reader.read(&mut [0]));
    assert_eq!(now(reader.read(&mut [0])).unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(reader.buffer(), b"");
    assert_eq!(now(reader.read_u8()).unwrap(), b't');
    assert_eq!(reader.buffer(), b"ea");
}

#[test]
fn a_reader_that_exchanges_the_buffer_is_found_out() {
    for len in [0, 4, 64] {
        let mut reader = BufReader::with_capacity(8, Exchanges { len });
        assert!(panic_of(|| now(reader.fill_buf()).unwrap().len()).contains("another ReadBuf"));
        assert!(panic_of(|| now(reader.read(&mut [0])).unwrap()).contains("another ReadBuf"));
        assert_eq!(reader.buffer(), b"");
    }
}

#[test]
fn a_buffer_of_no_bytes_is_refused_for_reading_alone() {
    let refused = "the capacity must be greater than zero: nothing could be read";
    assert_eq!(panic_of(|| BufReader::with_capacity(0, &b"tea"[..])), refused);
    assert_eq!(panic_of(|| BufStream::with_capacity(0, 1, Cursor::new(Vec::new()))), refused);
    let mut writer = BufWriter::with_capacity(0, script([Room(2)]));
    assert_eq!(now(writer.write(b"tea")).unwrap(), 2);
    assert_eq!(writer.get_ref().written, b"te");
}

#[test]
fn small_writes_share_a_call_and_large_ones_go_past_the_buffer() {
    let mut writer = BufWriter::with_capacity(4, script([]));
    for bytes in [&b"01"[..], b"2", b"3"] {
        assert_eq!(now(writer.write(bytes)).unwrap(), bytes.len());
    }
    assert_eq!((writer.buffer(), writer.get_ref().calls), (&b"0123"[..], 0));
    assert_eq!(now(writer.write(b"45")).unwrap(), 2);
    assert_eq!((writer.buffer(), &writer.get_ref().written[..]), (&b"45"[..], &b"0123"[..]));
    assert_eq!(now(writer.write(b"6789")).unwrap(), 4);
    assert_eq!((writer.buffer(), &writer.get_ref().written[..]), (&b""[..], &b"0123456789"[..]));
    assert_eq!(writer.get_mut().calls, 3);
    now(writer.write_u8(b'a')).unwrap();
    now(writer.shutdown()).unwrap();
    let inner = writer.into_inner();
    assert!(inner.is_shut_down && inner.written.ends_with(b"9a"));
    assert_eq!(
        format!("{:?}", BufWriter::with_capacity(4, Vec::new())),
        "BufWriter { writer: [], buffer: 0/4 }"
    );
}

#[test]
fn what_could_not_be_written_stays_in_the_buffer_once() {
    let interrupted = Fail(ErrorKind::Interrupted);
    let steps = [Room(1), Wait, Room(1), Fail(ErrorKind::TimedOut), interrupted, Room(0), Room(2)];
    let mut writer = BufWriter::with_capacity(8, script(steps));
    now(writer.write_all(b"teapot")).unwrap();
    cancelled(writer.flush());
    // What is with the writer already is not in the buffer.
    assert_eq!(writer.buffer(), b"eapot");
    // It fits behind the rest.
    assert_eq!(now(writer.write(b"s")).unwrap(), 1);
    assert_eq!(now(writer.flush()).unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(writer.buffer(), b"apots");
    assert_eq!(now(writer.flush()).unwrap_err().kind(), ErrorKind::WriteZero);
    now(writer.flush()).unwrap();
    assert_eq!((writer.buffer(), &writer.get_ref().written[..]), (&b""[..], &b"teapots"[..]));
}

#[test]
fn several_buffers_are_collected_for_a_writer_of_single_ones() {
    fn slices<'a>(bufs: &[&'a [u8]]) -> Vec<IoSlice<'a>> {
        bufs.iter().map(|buf| IoSlice::new(buf)).collect()
    }
    let mut writer = BufWriter::with_capacity(4, script([]));
    assert!(writer.is_write_vectored());
    assert_eq!(now(writer.write_vectored(&slices(&[b"", b"", b""]))).unwrap(), 0);
    assert_eq!(now(writer.write_vectored(&[])).unwrap(), 0);
    assert_eq!(now(writer.write_vectored(&slices(&[b"", b"0", b"", b"12", b"345"]))).unwrap(), 3);
    assert_eq!((writer.buffer(), writer.get_ref().calls), (&b"012"[..], 0));
    // The first does not fit: the buffer is written before it.
    assert_eq!(now(writer.write_vectored(&slices(&[b"34", b"5"]))).unwrap(), 3);
    assert_eq!((writer.buffer(), &writer.get_ref().written[..]), (&b"345"[..], &b"012"[..]));
    // The first that is not empty is as large as the buffer, and goes alone.
    assert_eq!(now(writer.write_vectored(&slices(&[b"", b"6789", b"a"]))).unwrap(), 4);
    assert_eq!((writer.buffer(), &writer.get_ref().written[..]), (&b""[..], &b"0123456789"[..]));

    let mut writer = BufWriter::with_capacity(4, Vec::new());
    assert_eq!(now(writer.write_vectored(&slices(&[b"0", b"", b"12"]))).unwrap(), 3);
    assert_eq!((writer.buffer(), &writer.get_ref()[..]), (&b"012"[..], &b""[..]));
    // This writer takes several: the total decides.
    assert_eq!(now(writer.write_vectored(&slices(&[b"34", b"56"]))).unwrap(), 4);
    assert_eq!((writer.buffer(), &writer.get_ref()[..]), (&b""[..], &b"0123456"[..]));
}

#[test]
fn a_reader_knows_its_position_and_a_seek_discards_what_is_buffered() {
    let mut reader = BufReader::with_capacity(4, Cursor::new(b"0123456789"));
    assert_eq!(now(reader.read_u8()).unwrap(), b'0');
    assert_eq!((now(reader.stream_position()).unwrap(), reader.buffer()), (1, &b""[..]));
    assert_eq!(now(reader.read_u8()).unwrap(), b'1');
    assert_eq!(now(reader.seek(SeekFrom::Current(3))).unwrap(), 5);
    assert_eq!(now(reader.read_u8()).unwrap(), b'5');
    assert_eq!(now(reader.seek(SeekFrom::End(-1))).unwrap(), 9);
    assert_eq!(now(reader.read_u8()).unwrap(), b'9');
    assert_eq!(now(reader.rewind()).unwrap(), 0);
    assert_eq!(now(reader.read_u8()).unwrap(), b'0');
}

#[test]
fn a_seek_that_fails_changes_nothing_that_can_be_seen() {
    let mut reader = BufReader::with_capacity(4, Cursor::new(b"0123456789"));
    now(reader.read_exact(&mut [0; 2])).unwrap();
    for position in [SeekFrom::Current(-3), SeekFrom::End(-11), SeekFrom::Current(i64::MIN)] {
        assert_eq!(now(reader.seek(position)).unwrap_err().kind(), ErrorKind::InvalidInput);
        let mut next = [0];
        now(reader.read_exact(&mut next)).unwrap();
        now(reader.seek(SeekFrom::Current(-1))).unwrap();
        assert_eq!(&next, b"2", "{position:?}");
    }
}

/// A stream whose seeks take a while, over positions of which std's cursor knows nothing.
#[derive(Default)]
struct Slow {
    position: u64,
    to: Option<SeekFrom>,
    waits: usize,
    /// A write goes on, until `poll_complete` is done.
    writes: bool,
    seeks: Vec<SeekFrom>,
    written: Vec<u8>,
}

impl AsyncRead for Slow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let free = buf.remaining();
        for byte in buf.initialize_unfilled() {
            *byte = self.position as u8;
            self.position = self.position.wrapping_add(1);
        }
        buf.advance(free);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Slow {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.written.extend(buf);
        (self.writes, self.waits) = (true, 1);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for Slow {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        assert!(self.to.is_none() && !self.writes, "something is going on");
        if position == SeekFrom::End(0) {
            return Err(ErrorKind::Unsupported.into());
        }
        self.seeks.push(position);
        (self.to, self.waits) = (Some(position), 1);
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        if self.waits > 0 {
            self.waits -= 1;
            return Poll::Pending;
        }
        self.writes = false;
        match self.to.take() {
            Some(SeekFrom::Start(n)) => self.position = n,
            Some(SeekFrom::Current(n)) => self.position = self.position.wrapping_add_signed(n),
            Some(SeekFrom::End(-1)) => return Poll::Ready(Err(ErrorKind::TimedOut.into())),
            _ => (),
        }
        Poll::Ready(Ok(self.position))
    }
}

fn wait_for<T>(future: impl Future<Output = T>) -> (T, usize) {
    let mut future = pin!(future);
    for waits in 0.. {
        if let Poll::Ready(result) = poll_once(future.as_mut()) {
            return (result, waits);
        }
    }
    unreachable!()
}

#[test]
fn a_position_too_far_away_is_reached_in_two_steps() {
    let mut reader = BufReader::with_capacity(5, Slow { position: u64::MAX / 2 + 9, ..Slow::default() });
    now(reader.read_exact(&mut [0; 2])).unwrap();
    let (position, waits) = wait_for(reader.seek(SeekFrom::Current(i64::MIN)));
    assert_eq!((position.unwrap(), waits), (10, 2));
    assert_eq!(reader.get_ref().seeks, [SeekFrom::Current(-3), SeekFrom::Current(i64::MIN)]);
    assert_eq!(now(reader.read_u8()).unwrap(), 10);
}

#[test]
fn a_reader_waits_for_a_seek_and_keeps_its_buffer_until_then() {
    let mut reader = BufReader::with_capacity(4, Slow::default());
    now(reader.read_u8()).unwrap();
    let mut seek = Box::pin(reader.seek(SeekFrom::Start(100)));
    assert!(poll_once(seek.as_mut()).is_pending());
    drop(seek);
    assert_eq!(reader.buffer(), [1, 2, 3]);
    // What was begun is completed before the next one.
    assert_eq!(wait_for(reader.seek(SeekFrom::Current(1))).0.unwrap(), 101);
    let (failed, waits) = wait_for(reader.seek(SeekFrom::End(-1)));
    assert_eq!((failed.unwrap_err().kind(), waits), (ErrorKind::TimedOut, 1));
    assert_eq!(wait_for(reader.seek(SeekFrom::End(0))).0.unwrap_err().kind(), ErrorKind::Unsupported);
    // Neither is left behind.
    let complete = Pin::new(&mut reader).poll_complete(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(complete, Poll::Ready(Ok(101))));
}

#[test]
fn what_is_buffered_is_written_before_a_seek() {
    let mut writer = BufWriter::new(Cursor::new(b"0123456789".to_vec()));
    now(writer.write_all(b"ab")).unwrap();
    assert_eq!(now(writer.seek(SeekFrom::Current(2))).unwrap(), 4);
    now(writer.write_all(b"cd")).unwrap();
    assert_eq!(now(writer.rewind()).unwrap(), 0);
    assert_eq!(writer.into_inner().into_inner(), b"ab23cd6789");

    let mut writer = BufWriter::new(Slow::default());
    now(writer.write_all(b"ab")).unwrap();
    let (position, waits) = wait_for(writer.seek(SeekFrom::Start(7)));
    // For the write, and for the seek.
    assert_eq!((position.unwrap(), waits, &writer.get_ref().written[..]), (7, 2, &b"ab"[..]));
    for (position, error) in
        [(SeekFrom::End(-1), ErrorKind::TimedOut), (SeekFrom::End(0), ErrorKind::Unsupported)]
    {
        assert_eq!(wait_for(writer.seek(position)).0.unwrap_err().kind(), error);
        let complete = Pin::new(&mut writer).poll_complete(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(complete, Poll::Ready(Ok(7))));
    }
}

#[test]
fn a_seek_fails_if_what_is_buffered_cannot_be_written() {
    let mut writer = BufWriter::new(Cursor::new([0; 3].as_mut_slice().to_vec().into_boxed_slice()));
    now(writer.write_all(b"teapot")).unwrap();
    assert_eq!(now(writer.seek(SeekFrom::Start(0))).unwrap_err().kind(), ErrorKind::WriteZero);
    assert_eq!(writer.buffer(), b"pot");
    // The position did not change, and no seek is left behind.
    assert_eq!(writer.get_ref().position(), 3);
    assert!(matches!(
        Pin::new(&mut writer).poll_complete(&mut Context::from_waker(Waker::noop())),
        Poll::Ready(Ok(3))
    ));
}

#[test]
fn both_directions_of_a_stream_are_buffered() {
    let mut stream = BufStream::with_capacity(4, 4, script([Bytes(b"01234567")]));
    assert_eq!(now(stream.read_u8()).unwrap(), b'0');
    now(stream.write_u8(b'a')).unwrap();
    assert_eq!((stream.get_ref().calls, stream.get_mut().written.len()), (1, 0));
    assert_eq!(now(stream.fill_buf()).unwrap(), b"123");
    stream.consume(1);
    assert_eq!(now(stream.write_vectored(&[IoSlice::new(b"b"), IoSlice::new(b"c")])).unwrap(), 2);
    assert!(stream.is_write_vectored());
    assert_eq!(Pin::new(&mut stream).get_pin_mut().calls, 1);
    // The rest of the script is for the reader.
    now(stream.read_exact(&mut [0; 6])).unwrap();
    now(stream.shutdown()).unwrap();
    let inner = stream.into_inner();
    assert_eq!((&inner.written[..], inner.is_shut_down), (&b"abc"[..], true));
}

#[test]
fn a_buffered_stream_is_made_of_two_buffers_that_keep_what_they_hold() {
    let mut reader = BufReader::with_capacity(4, Cursor::new(b"01234567".to_vec()));
    assert_eq!(now(reader.read_u8()).unwrap(), b'0');
    let mut writer = BufWriter::with_capacity(3, reader);
    // A reader in a writer: reads find the buffer, and writes go past it.
    assert_eq!(now(writer.fill_buf()).unwrap(), b"123");
    writer.consume(1);
    now(writer.write_all(b"ab")).unwrap();
    let mut stream = BufStream::from(writer);
    assert_eq!(now(stream.read_u16()).unwrap(), 0x3233);
    now(stream.flush()).unwrap();
    assert_eq!(stream.get_ref().get_ref(), b"0123ab67");
    // The position of the inner stream, without what is buffered.
    assert_eq!(now(stream.seek(SeekFrom::Current(-1))).unwrap(), 5);

    let mut writer = BufWriter::new(Cursor::new(b"0123".to_vec()));
    now(writer.write_all(b"ab")).unwrap();
    let mut reader = BufReader::new(writer);
    assert_eq!(now(reader.read_u8()).unwrap(), b'0');
    let mut stream = BufStream::from(reader);
    assert_eq!(now(stream.fill_buf()).unwrap(), b"123");
    now(stream.flush()).unwrap();
    assert_eq!(stream.into_inner().into_inner(), b"0123ab");
}
