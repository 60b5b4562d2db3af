//! The traits on references, boxes, pins, and streams in memory.

use ayi_io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use std::io::{self, Cursor, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn ready<T>(poll: Poll<io::Result<T>>) -> T {
    match poll {
        Poll::Ready(result) => result.unwrap(),
        Poll::Pending => panic!("it waits"),
    }
}

fn read(mut reader: &mut (impl AsyncRead + Unpin), most: usize) -> Vec<u8> {
    let mut memory = vec![0; most];
    let mut buf = ReadBuf::new(&mut memory);
    ready(Pin::new(&mut reader).poll_read(&mut cx(), &mut buf));
    buf.filled().to_vec()
}

/// Takes all kinds of calls, and notes each.
#[derive(Default)]
struct Notes(Vec<&'static str>);

impl AsyncRead for Notes {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.push("read");
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for Notes {
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_mut().0.push("fill");
        Poll::Ready(Ok(b"tea"))
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        assert_eq!(amount, 3);
        self.0.push("consume");
    }
}

impl AsyncSeek for Notes {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        assert_eq!(position, SeekFrom::Start(1));
        self.0.push("start");
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        self.0.push("complete");
        Poll::Ready(Ok(1))
    }
}

impl AsyncWrite for Notes {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.0.push("write");
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.push("flush");
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.push("shutdown");
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.push("write_vectored");
        Poll::Ready(Ok(bufs.len()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

fn call_all(mut stream: impl AsyncBufRead + AsyncSeek + AsyncWrite + Unpin) {
    let cx = &mut cx();
    ready(Pin::new(&mut stream).poll_read(cx, &mut ReadBuf::new(&mut [0])));
    assert_eq!(ready(Pin::new(&mut stream).poll_fill_buf(cx)), b"tea");
    Pin::new(&mut stream).consume(3);
    Pin::new(&mut stream).start_seek(SeekFrom::Start(1)).unwrap();
    assert_eq!(ready(Pin::new(&mut stream).poll_complete(cx)), 1);
    assert_eq!(ready(Pin::new(&mut stream).poll_write(cx, b"tea")), 3);
    assert_eq!(ready(Pin::new(&mut stream).poll_write_vectored(cx, &[IoSlice::new(b"a"); 2])), 2);
    assert!(stream.is_write_vectored());
    ready(Pin::new(&mut stream).poll_flush(cx));
    ready(Pin::new(&mut stream).poll_shutdown(cx));
}

#[test]
fn references_boxes_and_pins_hand_on_every_call() {
    let all =
        ["read", "fill", "consume", "start", "complete", "write", "write_vectored", "flush", "shutdown"];
    let mut notes = Notes::default();
    call_all(&mut notes);
    assert_eq!(notes.0, all);
    let mut notes = Box::<Notes>::default();
    call_all(&mut notes);
    assert_eq!(notes.0, all);
    let mut notes = Box::pin(Notes::default());
    call_all(notes.as_mut());
    assert_eq!(notes.0, all);
    call_all(Box::<Notes>::default());
}

#[test]
fn a_stream_that_cannot_be_moved_is_read_through_its_pin() {
    struct Stays(std::marker::PhantomPinned);
    impl AsyncRead for Stays {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            buf.put_slice(b"tea");
            Poll::Ready(Ok(()))
        }
    }
    let mut stays: Pin<Box<dyn AsyncRead + Send + Sync>> =
        Box::pin(Stays(std::marker::PhantomPinned)) as Pin<Box<dyn AsyncRead + Send + Sync>>;
    assert_eq!(read(&mut stays, 3), b"tea");
}

#[test]
fn a_slice_loses_what_was_read() {
    let mut slice = &b"teapot"[..];
    assert_eq!(read(&mut slice, 4), b"teap");
    assert_eq!(ready(Pin::new(&mut slice).poll_fill_buf(&mut cx())), b"ot");
    Pin::new(&mut slice).consume(1);
    assert_eq!(read(&mut slice, 4), b"t");
    assert_eq!(read(&mut slice, 4), b"");
}

#[test]
fn a_cursor_reads_from_its_position_and_ends_behind_the_last_byte() {
    let mut cursor = Cursor::new("teapot");
    Pin::new(&mut cursor).start_seek(SeekFrom::End(-4)).unwrap();
    assert_eq!(ready(Pin::new(&mut cursor).poll_complete(&mut cx())), 2);
    assert_eq!(read(&mut cursor, 3), b"apo");
    assert_eq!(ready(Pin::new(&mut cursor).poll_fill_buf(&mut cx())), b"t");
    Pin::new(&mut cursor).consume(1);
    assert_eq!(read(&mut cursor, 3), b"");
    for position in [7, u64::MAX] {
        cursor.set_position(position);
        assert_eq!(read(&mut cursor, 3), b"");
        assert_eq!(cursor.position(), position);
    }
    let before = Pin::new(&mut cursor).start_seek(SeekFrom::Start(1)).and_then(|()| {
        let cursor = Pin::new(&mut cursor);
        cursor.start_seek(SeekFrom::Current(-2))
    });
    assert_eq!(before.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

fn write(mut writer: impl AsyncWrite + Unpin) -> [usize; 2] {
    let cx = &mut cx();
    assert!(writer.is_write_vectored());
    let one = ready(Pin::new(&mut writer).poll_write(cx, b"ab"));
    let more =
        ready(Pin::new(&mut writer).poll_write_vectored(cx, &[IoSlice::new(b"c"), IoSlice::new(b"de")]));
    ready(Pin::new(&mut writer).poll_flush(cx));
    ready(Pin::new(&mut writer).poll_shutdown(cx));
    [one, more]
}

#[test]
fn a_vector_grows_and_a_slice_does_not() {
    let mut vec = b"-".to_vec();
    assert_eq!(write(&mut vec), [2, 3]);
    assert_eq!(vec, b"-abcde");

    let mut cursor = Cursor::new(b"------".to_vec());
    cursor.set_position(3);
    assert_eq!(write(&mut cursor), [2, 3]);
    assert_eq!(cursor.into_inner(), b"---abcde");

    let mut vec = Vec::new();
    assert_eq!(write(Cursor::new(&mut vec)), [2, 3]);
    assert_eq!(vec, b"abcde");

    let mut array = [b'-'; 4];
    assert_eq!(write(Cursor::new(&mut array[..])), [2, 2]);
    assert_eq!(&array, b"abcd");

    let mut cursor = Cursor::new(vec![b'-'; 3].into_boxed_slice());
    assert_eq!(write(&mut cursor), [2, 1]);
    assert_eq!(&**cursor.get_ref(), b"abc");
}

#[test]
fn a_writer_of_single_buffers_takes_the_first_that_is_not_empty() {
    struct Single(Vec<u8>);
    impl AsyncWrite for Single {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.0.extend(buf);
            Poll::Ready(Ok(buf.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    let mut writer = Single(Vec::new());
    assert!(!writer.is_write_vectored());
    let bufs = [IoSlice::new(b""), IoSlice::new(b"tea"), IoSlice::new(b"pot")];
    assert_eq!(ready(Pin::new(&mut writer).poll_write_vectored(&mut cx(), &bufs)), 3);
    assert_eq!(ready(Pin::new(&mut writer).poll_write_vectored(&mut cx(), &[])), 0);
    assert_eq!(writer.0, b"tea");
}
