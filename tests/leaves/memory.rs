//! Streams in memory, types made of streams, and the extension methods.

use crate::Leaves;
use ayi::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite,
    AsyncWriteExt, BufReader, BufWriter, ReadBuf, SimplexStream, TimeoutStream, WriteBuffer, copy,
    copy_bidirectional, copy_bidirectional_with_sizes, copy_buf, duplex, empty, repeat, sink, split,
};
use ayi::time::Duration;
use std::future::poll_fn;
use std::io::{Cursor, IoSlice, SeekFrom};
use std::pin::Pin;

pub async fn all(leaves: &mut Leaves) {
    read_methods(leaves).await;
    numbers(leaves).await;
    buffered_methods(leaves).await;
    write_methods(leaves).await;
    endless(leaves).await;
    streams(leaves).await;
    copies(leaves).await;
    limits(leaves).await;
}

const PAGE: [u8; 4096] = [b'\n'; 4096];

async fn read_methods(leaves: &mut Leaves) {
    let read = &["ayi_io::AsyncReadExt::read"];
    leaves.gives_way(read, async || _ = (&PAGE[..]).read(&mut [0]).await.unwrap()).await;
    leaves.gives_way(read, async || _ = (&PAGE[..]).read(&mut []).await.unwrap()).await;
    let mut cursor = Cursor::new(PAGE);
    leaves.gives_way(read, async move || _ = cursor.read(&mut [0]).await.unwrap()).await;
    let take = &["ayi_io::AsyncReadExt::take"];
    leaves.gives_way(take, async || _ = (&PAGE[..]).take(0).read(&mut [0]).await.unwrap()).await;
    let chain = &["ayi_io::AsyncReadExt::chain"];
    leaves.gives_way(chain, async || _ = (&PAGE[..]).chain(empty()).read(&mut [0]).await.unwrap()).await;
    let mut reader = BufReader::new(&PAGE[..]);
    leaves.gives_way(read, async move || _ = reader.read(&mut [0]).await.unwrap()).await;
    let read_buf = &["ayi_io::AsyncReadExt::read_buf"];
    leaves.gives_way(read_buf, async || _ = (&PAGE[..]).read_buf(&mut Vec::new()).await.unwrap()).await;
    let exact = &["ayi_io::AsyncReadExt::read_exact"];
    leaves.gives_way(exact, async || _ = (&PAGE[..]).read_exact(&mut [0; 9]).await.unwrap()).await;
    let to_end = &["ayi_io::AsyncReadExt::read_to_end"];
    leaves.gives_way(to_end, async || _ = (&b"x"[..]).read_to_end(&mut Vec::new()).await.unwrap()).await;
    let to_string = &["ayi_io::AsyncReadExt::read_to_string"];
    leaves
        .gives_way(to_string, async || _ = (&b"x"[..]).read_to_string(&mut String::new()).await.unwrap())
        .await;
}

/// Each number is read from a reader that is always ready, and written to memory.
async fn numbers(leaves: &mut Leaves) {
    macro_rules! each {
        ($($number:literal: $read:ident, $write:ident;)*) => {$(
            let read = &[concat!("ayi_io::AsyncReadExt::read_", $number)];
            leaves.gives_way(read, async || _ = repeat(1).$read().await.unwrap()).await;
            let write = &[concat!("ayi_io::AsyncWriteExt::write_", $number)];
            leaves.gives_way(write, async || Vec::new().$write(Default::default()).await.unwrap()).await;
        )*};
    }
    each! {
        "u8": read_u8, write_u8;
        "i8": read_i8, write_i8;
        "u16": read_u16, write_u16;
        "u16_le": read_u16_le, write_u16_le;
        "i16": read_i16, write_i16;
        "i16_le": read_i16_le, write_i16_le;
        "u32": read_u32, write_u32;
        "u32_le": read_u32_le, write_u32_le;
        "i32": read_i32, write_i32;
        "i32_le": read_i32_le, write_i32_le;
        "u64": read_u64, write_u64;
        "u64_le": read_u64_le, write_u64_le;
        "i64": read_i64, write_i64;
        "i64_le": read_i64_le, write_i64_le;
        "u128": read_u128, write_u128;
        "u128_le": read_u128_le, write_u128_le;
        "i128": read_i128, write_i128;
        "i128_le": read_i128_le, write_i128_le;
        "f32": read_f32, write_f32;
        "f32_le": read_f32_le, write_f32_le;
        "f64": read_f64, write_f64;
        "f64_le": read_f64_le, write_f64_le;
    }
}

async fn buffered_methods(leaves: &mut Leaves) {
    let names = &["ayi_io::AsyncBufReadExt::fill_buf", "ayi_io::AsyncBufReadExt::consume"];
    leaves.gives_way(names, async || _ = (&PAGE[..]).fill_buf().await.unwrap()).await;
    let until = &["ayi_io::AsyncBufReadExt::read_until"];
    leaves.gives_way(until, async || _ = (&PAGE[..]).read_until(b'\n', &mut Vec::new()).await.unwrap()).await;
    let line = &["ayi_io::AsyncBufReadExt::read_line"];
    leaves.gives_way(line, async || _ = (&PAGE[..]).read_line(&mut String::new()).await.unwrap()).await;
    let names = &["ayi_io::AsyncBufReadExt::lines", "ayi_io::Lines::poll_next"];
    let mut lines = Cursor::new(PAGE).lines();
    leaves.gives_way(names, async move || _ = lines.next_line().await).await;
    let mut lines = Cursor::new(PAGE).lines();
    let names = &["ayi_io::Lines::next_line", "ayi_io::Lines::poll_next_line"];
    leaves.gives_way(names, async move || _ = lines.next_line().await.unwrap()).await;
    let names = &["ayi_io::AsyncBufReadExt::split", "ayi_io::Split::poll_next"];
    let mut pieces = AsyncBufReadExt::split(Cursor::new(PAGE), b'\n');
    leaves.gives_way(names, async move || _ = pieces.next_segment().await).await;
    let mut pieces = AsyncBufReadExt::split(Cursor::new(PAGE), b'\n');
    let names = &["ayi_io::Split::next_segment", "ayi_io::Split::poll_next_segment"];
    leaves.gives_way(names, async move || _ = pieces.next_segment().await.unwrap()).await;
    // The same at their end.
    let mut lines = Cursor::new(b"").lines();
    leaves
        .gives_way(&["lines at their end"], async move || assert!(lines.next_line().await.unwrap().is_none()))
        .await;
}

async fn write_methods(leaves: &mut Leaves) {
    let names = &["ayi_io::AsyncWriteExt::write", "ayi_io::AsyncWriteExt::boxed_writer"];
    leaves.gives_way(names, async || _ = Vec::new().write(b"x").await.unwrap()).await;
    leaves
        .gives_way(&["ayi_io::AsyncWriteExt::write_vectored"], async || {
            Vec::new().write_vectored(&[IoSlice::new(b"x")]).await.unwrap();
        })
        .await;
    let write_buf = &["ayi_io::AsyncWriteExt::write_buf"];
    leaves.gives_way(write_buf, async || _ = Vec::new().write_buf(&mut &b"x"[..]).await.unwrap()).await;
    let all_buf = &["ayi_io::AsyncWriteExt::write_all_buf"];
    leaves.gives_way(all_buf, async || Vec::new().write_all_buf(&mut &b"tea"[..]).await.unwrap()).await;
    let names = &["ayi_io::AsyncWriteExt::write_all"];
    leaves.gives_way(names, async || Vec::new().write_all(b"tea").await.unwrap()).await;
    let mut writer = BufWriter::new(Vec::new());
    leaves.gives_way(names, async move || writer.write_all(b"tea").await.unwrap()).await;
    let mut stream = duplex(1).0;
    let flush = &["ayi_io::AsyncWriteExt::flush"];
    leaves.gives_way(flush, async move || stream.flush().await.unwrap()).await;
    let mut stream = duplex(1).0;
    let close = &["ayi_io::AsyncWriteExt::shutdown"];
    leaves.gives_way(close, async move || stream.shutdown().await.unwrap()).await;
    let seek = &["ayi_io::AsyncSeekExt::seek"];
    let mut cursor = Cursor::new(PAGE);
    leaves.gives_way(seek, async move || _ = cursor.seek(SeekFrom::Start(1)).await.unwrap()).await;
    let rewind = &["ayi_io::AsyncSeekExt::rewind"];
    let mut cursor = Cursor::new(PAGE);
    leaves.gives_way(rewind, async move || _ = cursor.rewind().await.unwrap()).await;
    let position = &["ayi_io::AsyncSeekExt::stream_position"];
    let mut cursor = Cursor::new(PAGE);
    leaves.gives_way(position, async move || _ = cursor.stream_position().await.unwrap()).await;
}

async fn endless(leaves: &mut Leaves) {
    leaves
        .gives_way(&["ayi_io::Empty::poll_read"], async || {
            poll_fn(|cx| Pin::new(&mut empty()).poll_read(cx, &mut ReadBuf::new(&mut [0]))).await.unwrap();
        })
        .await;
    leaves
        .gives_way(&["ayi_io::Empty::poll_write"], async || {
            poll_fn(|cx| Pin::new(&mut empty()).poll_write(cx, b"x")).await.unwrap();
        })
        .await;
    leaves
        .gives_way(&["ayi_io::Empty::poll_complete", "ayi_io::Empty::poll_seek"], async || {
            poll_fn(|cx| Pin::new(&mut empty()).poll_complete(cx)).await.unwrap();
        })
        .await;
    leaves
        .gives_way(&["ayi_io::Repeat::poll_read"], async || {
            poll_fn(|cx| Pin::new(&mut repeat(1)).poll_read(cx, &mut ReadBuf::new(&mut [0]))).await.unwrap();
        })
        .await;
    leaves
        .gives_way(&["ayi_io::Empty::poll_write_vectored"], async || {
            poll_fn(|cx| Pin::new(&mut empty()).poll_write_vectored(cx, &[IoSlice::new(b"x")]))
                .await
                .unwrap();
        })
        .await;
    leaves
        .gives_way(&["ayi_io::Sink::poll_write_vectored"], async || {
            poll_fn(|cx| Pin::new(&mut sink()).poll_write_vectored(cx, &[IoSlice::new(b"x")])).await.unwrap();
        })
        .await;
    leaves
        .gives_way(&["ayi_io::Sink::poll_write"], async || {
            poll_fn(|cx| Pin::new(&mut sink()).poll_write(cx, b"x")).await.unwrap();
        })
        .await;
    leaves.gives_way(&["a sink that is flushed"], async || sink().flush().await.unwrap()).await;
    leaves.gives_way(&["a sink that is shut down"], async || sink().shutdown().await.unwrap()).await;
    // These never end by themselves.
    let reads = ayi::spawn(async { repeat(b'x').read_to_end(&mut Vec::new()).await });
    let lines = ayi::spawn(async { BufReader::new(repeat(b'x')).lines().next_line().await });
    ayi::task::yield_now().await;
    reads.abort();
    lines.abort();
}

/// Both ends are in one task: a read comes after a write in another way.
async fn streams(leaves: &mut Leaves) {
    let mut ended = duplex(8).0;
    leaves
        .gives_way(&["ayi_io::DuplexStream::poll_read"], async move || {
            poll_fn(|cx| Pin::new(&mut ended).poll_read(cx, &mut ReadBuf::new(&mut [0]))).await.unwrap();
        })
        .await;
    let mut ended = duplex(8).0;
    leaves
        .gives_way(&["ayi_io::DuplexStream::poll_write"], async move || {
            poll_fn(|cx| Pin::new(&mut ended).poll_write(cx, b"x")).await.unwrap_err();
        })
        .await;
    let mut ended = duplex(8).0;
    leaves
        .gives_way(&["ayi_io::DuplexStream::poll_write_vectored"], async move || {
            let bufs = [IoSlice::new(b"x")];
            poll_fn(|cx| Pin::new(&mut ended).poll_write_vectored(cx, &bufs)).await.unwrap_err();
        })
        .await;
    let mut closed = SimplexStream::new_unsplit(8);
    closed.shutdown().await.unwrap();
    leaves
        .gives_way(&["ayi_io::SimplexStream::poll_read"], async move || {
            poll_fn(|cx| Pin::new(&mut closed).poll_read(cx, &mut ReadBuf::new(&mut [0]))).await.unwrap();
        })
        .await;
    let mut stream = SimplexStream::new_unsplit(1 << 20);
    leaves
        .gives_way(&["ayi_io::SimplexStream::poll_write"], async move || {
            poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, b"x")).await.unwrap();
        })
        .await;
    let mut stream = SimplexStream::new_unsplit(1 << 20);
    leaves
        .gives_way(&["ayi_io::SimplexStream::poll_write_vectored"], async move || {
            let bufs = [IoSlice::new(b"x")];
            poll_fn(|cx| Pin::new(&mut stream).poll_write_vectored(cx, &bufs)).await.unwrap();
        })
        .await;
    let (mut reads, mut writes) = split(duplex(8).0);
    leaves
        .gives_way(&["ayi_io::ReadHalf::poll_read"], async move || _ = reads.read(&mut [0]).await.unwrap())
        .await;
    leaves
        .gives_way(
            &["ayi_io::WriteHalf::poll_write", "ayi_io::WriteHalf::poll_write_vectored"],
            async move || _ = writes.write(b"x").await.unwrap_err(),
        )
        .await;
    let (mut ours, mut theirs) = duplex(8);
    leaves
        .gives_way(&["both ends of a duplex stream"], async move || {
            ours.write_all(b"x").await.unwrap();
            theirs.read_exact(&mut [0]).await.unwrap();
        })
        .await;
    let names = &["ayi_io::WriteBuffer::write_to", "ayi_io::WriteBuffer::poll_write_to"];
    leaves.gives_way(names, async || WriteBuffer::new(1).write_to(&mut Vec::new()).await.unwrap()).await;
    let mut buffer = WriteBuffer::new(1);
    leaves
        .gives_way(names, async move || {
            std::io::Write::write_all(&mut buffer, b"x").unwrap();
            buffer.write_to(&mut Vec::new()).await.unwrap();
        })
        .await;
}

async fn copies(leaves: &mut Leaves) {
    leaves
        .gives_way(&["ayi_io::copy"], async || _ = copy(&mut &b"x"[..], &mut Vec::new()).await.unwrap())
        .await;
    leaves
        .gives_way(&["ayi_io::copy_buf"], async || {
            _ = copy_buf(&mut &b"x"[..], &mut Vec::new()).await.unwrap();
        })
        .await;
    let both = &["ayi_io::copy_bidirectional"];
    leaves.gives_way(both, async || _ = copy_bidirectional(&mut empty(), &mut empty()).await.unwrap()).await;
    leaves
        .gives_way(&["ayi_io::copy_bidirectional_with_sizes"], async || {
            _ = copy_bidirectional_with_sizes(&mut empty(), &mut empty(), 1, 1).await.unwrap();
        })
        .await;
}

async fn limits(leaves: &mut Leaves) {
    let mut over = TimeoutStream::new(duplex(1));
    over.set_lifetime(Duration::ZERO);
    let (ours, _theirs) = over.into_inner();
    let mut over = TimeoutStream::new(ours);
    over.set_lifetime(Duration::ZERO);
    over.write_all(b"x").await.unwrap();
    let (mut reads, mut writes) = split(over);
    let names = &["ayi_io::TimeoutStream::poll_read"];
    leaves
        .gives_way(names, async move || {
            poll_fn(|cx| Pin::new(&mut reads).poll_read(cx, &mut ReadBuf::new(&mut [0]))).await.unwrap_err();
        })
        .await;
    let names = &["ayi_io::TimeoutStream::poll_write", "ayi_io::TimeoutStream::poll_write_vectored"];
    leaves
        .gives_way(names, async move || {
            poll_fn(|cx| Pin::new(&mut writes).poll_write(cx, b"y")).await.unwrap_err();
        })
        .await;
    let mut limited = TimeoutStream::new(empty());
    leaves
        .gives_way(names, async move || {
            poll_fn(|cx| Pin::new(&mut limited).poll_read(cx, &mut ReadBuf::new(&mut [0]))).await.unwrap();
        })
        .await;
    fn is_buffered(_: &impl AsyncBufRead) {}
    is_buffered(&empty());
}
