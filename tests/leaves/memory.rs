//! Streams in memory, types made of streams, and the extension methods.

use crate::Leaves;
use ayi::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite,
    AsyncWriteExt, BufReader, BufWriter, Cursor, StreamExt, TimeoutStream, WriteBuffer, copy,
    copy_bidirectional, copy_bidirectional_with_sizes, copy_buf, duplex, empty, repeat, simplex, sink, split,
};
use ayi::time::Duration;
use std::future::poll_fn;
use std::io::{IoSlice, IoSliceMut, SeekFrom};
use std::pin::Pin;

pub async fn all(leaves: &mut Leaves) {
    read_methods(leaves).await;
    buffered_methods(leaves).await;
    write_methods(leaves).await;
    endless(leaves).await;
    streams(leaves).await;
    copies(leaves).await;
    limits(leaves).await;
}

const PAGE: [u8; 4096] = [b'\n'; 4096];

async fn read_methods(leaves: &mut Leaves) {
    let read = &["ayi::io::AsyncReadExt::read"];
    leaves.gives_way(read, async || _ = (&PAGE[..]).read(&mut [0]).await.unwrap()).await;
    leaves.gives_way(read, async || _ = (&PAGE[..]).read(&mut []).await.unwrap()).await;
    let mut cursor = Cursor::new(PAGE);
    leaves.gives_way(read, async move || _ = cursor.read(&mut [0]).await.unwrap()).await;
    leaves.gives_way(read, async || _ = (&PAGE[..]).take(0).read(&mut [0]).await.unwrap()).await;
    leaves.gives_way(read, async || _ = (&PAGE[..]).chain(empty()).read(&mut [0]).await.unwrap()).await;
    let mut reader = BufReader::new(&PAGE[..]);
    leaves.gives_way(read, async move || _ = reader.read(&mut [0]).await.unwrap()).await;
    leaves
        .gives_way(&["ayi::io::AsyncReadExt::read_vectored"], async || {
            (&PAGE[..]).read_vectored(&mut [IoSliceMut::new(&mut [0])]).await.unwrap();
        })
        .await;
    let exact = &["ayi::io::AsyncReadExt::read_exact"];
    leaves.gives_way(exact, async || (&PAGE[..]).read_exact(&mut [0; 9]).await.unwrap()).await;
    let to_end = &["ayi::io::AsyncReadExt::read_to_end"];
    leaves.gives_way(to_end, async || _ = (&b"x"[..]).read_to_end(&mut Vec::new()).await.unwrap()).await;
    let to_string = &["ayi::io::AsyncReadExt::read_to_string"];
    leaves
        .gives_way(to_string, async || _ = (&b"x"[..]).read_to_string(&mut String::new()).await.unwrap())
        .await;
    // One await that never ends is its own loop.
    let mut bytes = (&b"x"[..]).chain(repeat(b'x')).take(1 << 20).bytes();
    leaves
        .gives_way(
            &[
                "ayi::io::AsyncReadExt::take",
                "ayi::io::AsyncReadExt::bytes",
                "ayi::io::AsyncReadExt::chain",
                "ayi::io::AsyncReadExt::boxed_reader",
                "ayi::io::Bytes::poll_next",
            ],
            async move || _ = bytes.next().await,
        )
        .await;
}

async fn buffered_methods(leaves: &mut Leaves) {
    let names = &["ayi::io::AsyncBufReadExt::fill_buf", "ayi::io::AsyncBufReadExt::consume"];
    leaves.gives_way(names, async || _ = (&PAGE[..]).fill_buf().await.unwrap()).await;
    let until = &["ayi::io::AsyncBufReadExt::read_until"];
    leaves.gives_way(until, async || _ = (&PAGE[..]).read_until(b'\n', &mut Vec::new()).await.unwrap()).await;
    let line = &["ayi::io::AsyncBufReadExt::read_line"];
    leaves.gives_way(line, async || _ = (&PAGE[..]).read_line(&mut String::new()).await.unwrap()).await;
    let names = &["ayi::io::AsyncBufReadExt::lines", "ayi::io::Lines::poll_next"];
    let mut lines = Cursor::new(PAGE).lines();
    leaves.gives_way(names, async move || _ = lines.next().await).await;
    let mut lines = Cursor::new(PAGE).lines();
    let names = &["ayi::io::Lines::next_line", "ayi::io::Lines::poll_next_line"];
    leaves.gives_way(names, async move || _ = lines.next_line().await.unwrap()).await;
    let names = &["ayi::io::AsyncBufReadExt::split", "ayi::io::Split::poll_next"];
    let mut pieces = AsyncBufReadExt::split(Cursor::new(PAGE), b'\n');
    leaves.gives_way(names, async move || _ = pieces.next().await).await;
    let mut pieces = AsyncBufReadExt::split(Cursor::new(PAGE), b'\n');
    let names = &["ayi::io::Split::next_segment", "ayi::io::Split::poll_next_segment"];
    leaves.gives_way(names, async move || _ = pieces.next_segment().await.unwrap()).await;
    // The same at their end.
    let mut lines = Cursor::new(b"").lines();
    leaves.gives_way(&["lines at their end"], async move || assert!(lines.next().await.is_none())).await;
}

async fn write_methods(leaves: &mut Leaves) {
    let names = &["ayi::io::AsyncWriteExt::write", "ayi::io::AsyncWriteExt::boxed_writer"];
    leaves.gives_way(names, async || _ = Vec::new().write(b"x").await.unwrap()).await;
    leaves
        .gives_way(&["ayi::io::AsyncWriteExt::write_vectored"], async || {
            Vec::new().write_vectored(&[IoSlice::new(b"x")]).await.unwrap();
        })
        .await;
    let names = &["ayi::io::AsyncWriteExt::write_all"];
    leaves.gives_way(names, async || Vec::new().write_all(b"tea").await.unwrap()).await;
    let mut writer = BufWriter::new(Vec::new());
    leaves.gives_way(names, async move || writer.write_all(b"tea").await.unwrap()).await;
    let mut stream = duplex(1).0;
    let flush = &["ayi::io::AsyncWriteExt::flush"];
    leaves.gives_way(flush, async move || stream.flush().await.unwrap()).await;
    let mut stream = duplex(1).0;
    let close = &["ayi::io::AsyncWriteExt::close"];
    leaves.gives_way(close, async move || stream.close().await.unwrap()).await;
    let seek = &["ayi::io::AsyncSeekExt::seek"];
    let mut cursor = Cursor::new(PAGE);
    leaves.gives_way(seek, async move || _ = cursor.seek(SeekFrom::Start(1)).await.unwrap()).await;
}

async fn endless(leaves: &mut Leaves) {
    leaves
        .gives_way(&["ayi::io::Empty::poll_read"], async || {
            poll_fn(|cx| Pin::new(&mut empty()).poll_read(cx, &mut [0])).await.unwrap();
        })
        .await;
    leaves
        .gives_way(&["ayi::io::Empty::poll_write"], async || {
            poll_fn(|cx| Pin::new(&mut empty()).poll_write(cx, b"x")).await.unwrap();
        })
        .await;
    leaves
        .gives_way(&["ayi::io::Empty::poll_seek"], async || {
            poll_fn(|cx| Pin::new(&mut empty()).poll_seek(cx, SeekFrom::Start(1))).await.unwrap();
        })
        .await;
    leaves
        .gives_way(&["ayi::io::Repeat::poll_read"], async || {
            poll_fn(|cx| Pin::new(&mut repeat(1)).poll_read(cx, &mut [0])).await.unwrap();
        })
        .await;
    leaves
        .gives_way(&["ayi::io::Sink::poll_write"], async || {
            poll_fn(|cx| Pin::new(&mut sink()).poll_write(cx, b"x")).await.unwrap();
        })
        .await;
    leaves.gives_way(&["a sink that is flushed"], async || sink().flush().await.unwrap()).await;
    leaves.gives_way(&["a sink that is closed"], async || sink().close().await.unwrap()).await;
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
        .gives_way(&["ayi::io::DuplexStream::poll_read"], async move || {
            poll_fn(|cx| Pin::new(&mut ended).poll_read(cx, &mut [0])).await.unwrap();
        })
        .await;
    let mut ended = duplex(8).0;
    leaves
        .gives_way(&["ayi::io::DuplexStream::poll_write"], async move || {
            poll_fn(|cx| Pin::new(&mut ended).poll_write(cx, b"x")).await.unwrap_err();
        })
        .await;
    let mut closed = simplex(8);
    closed.close().await.unwrap();
    leaves
        .gives_way(&["ayi::io::SimplexStream::poll_read"], async move || {
            poll_fn(|cx| Pin::new(&mut closed).poll_read(cx, &mut [0])).await.unwrap();
        })
        .await;
    let mut stream = simplex(1 << 20);
    leaves
        .gives_way(&["ayi::io::SimplexStream::poll_write"], async move || {
            poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, b"x")).await.unwrap();
        })
        .await;
    let (mut reads, mut writes) = split(duplex(8).0);
    leaves
        .gives_way(
            &["ayi::io::ReadHalf::poll_read", "ayi::io::ReadHalf::poll_read_vectored"],
            async move || _ = reads.read(&mut [0]).await.unwrap(),
        )
        .await;
    leaves
        .gives_way(
            &["ayi::io::WriteHalf::poll_write", "ayi::io::WriteHalf::poll_write_vectored"],
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
    let names = &["ayi::io::WriteBuffer::write_to", "ayi::io::WriteBuffer::poll_write_to"];
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
        .gives_way(&["ayi::io::copy"], async || _ = copy(&mut &b"x"[..], &mut Vec::new()).await.unwrap())
        .await;
    leaves
        .gives_way(&["ayi::io::copy_buf"], async || {
            _ = copy_buf(&mut &b"x"[..], &mut Vec::new()).await.unwrap();
        })
        .await;
    let both = &["ayi::io::copy_bidirectional"];
    leaves.gives_way(both, async || _ = copy_bidirectional(&mut empty(), &mut empty()).await.unwrap()).await;
    leaves
        .gives_way(&["ayi::io::copy_bidirectional_with_sizes"], async || {
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
    let names = &["ayi::io::TimeoutStream::poll_read", "ayi::io::TimeoutStream::poll_read_vectored"];
    leaves
        .gives_way(names, async move || {
            poll_fn(|cx| Pin::new(&mut reads).poll_read(cx, &mut [0])).await.unwrap_err();
        })
        .await;
    let names = &["ayi::io::TimeoutStream::poll_write", "ayi::io::TimeoutStream::poll_write_vectored"];
    leaves
        .gives_way(names, async move || {
            poll_fn(|cx| Pin::new(&mut writes).poll_write(cx, b"y")).await.unwrap_err();
        })
        .await;
    let mut limited = TimeoutStream::new(empty());
    leaves
        .gives_way(names, async move || {
            poll_fn(|cx| Pin::new(&mut limited).poll_read(cx, &mut [0])).await.unwrap();
        })
        .await;
    fn is_buffered(_: &impl AsyncBufRead) {}
    is_buffered(&empty());
}
