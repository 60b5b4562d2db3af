//! Streams that never wait, and two streams as one.

mod support;

use ayi_io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt, ReadBuf,
    empty, join, repeat, sink,
};
use std::io::{Cursor, IoSlice, SeekFrom};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use support::Step::{Bytes, Room};
use support::{now, script};

#[test]
fn nothing_is_read_and_everything_is_written() {
    let mut text = String::from("tea");
    assert_eq!(now(empty().read_to_string(&mut text)).unwrap(), 0);
    assert_eq!(now(empty().fill_buf()).unwrap(), b"");
    AsyncBufReadExt::consume(&mut empty(), 7);
    for position in [SeekFrom::Start(u64::MAX), SeekFrom::End(-1), SeekFrom::Current(i64::MIN)] {
        assert_eq!(now(empty().seek(position)).unwrap(), 0);
    }
    fn takes_everything(mut writer: impl AsyncWrite + Unpin) {
        assert!(writer.is_write_vectored());
        assert_eq!(now(writer.write(b"tea")).unwrap(), 3);
        let bufs = [IoSlice::new(b""), IoSlice::new(b"tea"), IoSlice::new(b"pot")];
        assert_eq!(now(writer.write_vectored(&bufs)).unwrap(), 6);
        now(writer.flush()).unwrap();
        now(writer.shutdown()).unwrap();
        assert_eq!(now(writer.write(b"tea")).unwrap(), 3);
    }
    takes_everything(empty());
    takes_everything(sink());
    assert_eq!(
        format!("{:?} {:?} {:?}", empty(), sink(), repeat(7)),
        "Empty { .. } Sink { .. } Repeat { byte: 7 }"
    );
}

#[test]
fn one_byte_fills_what_is_free() {
    let mut memory = [MaybeUninit::uninit(); 4];
    let mut buf = ReadBuf::uninit(&mut memory);
    buf.put_slice(b"a");
    now(std::future::poll_fn(|cx| Pin::new(&mut repeat(b'z')).poll_read(cx, &mut buf))).unwrap();
    assert_eq!((buf.filled(), buf.initialized().len()), (&b"azzz"[..], 4));
    let mut bytes = [0; 3];
    now(repeat(9).take(2).read(&mut bytes)).unwrap();
    assert_eq!(bytes, [9, 9, 0]);
}

#[test]
fn a_reader_and_a_writer_are_one_stream() {
    let mut stream = join(Cursor::new(b"tea\npot"), script([Room(2)]));
    let mut line = String::new();
    now(stream.read_line(&mut line)).unwrap();
    assert_eq!(now(stream.write(line.as_bytes())).unwrap(), 2);
    assert!(!stream.is_write_vectored());
    assert_eq!(now(stream.write_vectored(&[IoSlice::new(b"!"); 2])).unwrap(), 1);
    now(stream.flush()).unwrap();
    now(stream.shutdown()).unwrap();
    assert_eq!((stream.reader().position(), &stream.writer().written[..]), (4, &b"te!"[..]));
    stream.reader_mut().set_position(5);
    stream.writer_mut().calls = 0;
    assert_eq!(now(stream.read_u8()).unwrap(), b'o');
    let mut stream = pin!(stream);
    assert_eq!(stream.as_mut().reader_pin_mut().position(), 6);
    assert_eq!(stream.as_mut().writer_pin_mut().calls, 0);
    let (reader, writer) = join(Cursor::new(b""), script([Bytes(b"x")])).into_inner();
    assert_eq!((reader.position(), writer.left()), (0, 1));
    fn is_buffered(_: &impl AsyncBufRead) {}
    is_buffered(&*stream);
}
