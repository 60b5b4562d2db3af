//! Each step of each method costs one operation of the cooperative budget, whatever the stream is.

mod support;

use ayi::task::coop;
use ayi_io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite,
    AsyncWriteExt, BufReader, ReadBuf, empty, repeat, sink,
};
use std::future::poll_fn;
use std::io::{Cursor, ErrorKind, IoSlice, SeekFrom};
use std::pin::{Pin, pin};
use std::task::Poll;
use support::Step::{Bytes, Fail};
use support::{poll_once, script};

/// `act` never waits, and costs that many operations, no more and no less: 128 is the budget of a poll.
#[track_caller]
fn costs<T>(cost: usize, mut act: impl AsyncFnMut() -> T) {
    let rt = ayi::runtime::Runtime::new().unwrap();
    rt.block_on(async {
        ayi::task::yield_now().await;
        for n in 0..128 / cost {
            assert!(coop::has_budget_remaining(), "only {n} were done");
            assert!(poll_once(pin!(act())).is_ready());
        }
        assert!(!coop::has_budget_remaining(), "it costs less");
        assert!(poll_once(pin!(act())).is_pending());
    });
}

const PAGE: [u8; 4096] = [b'\n'; 4096];

#[test]
fn reads() {
    costs(1, async || (&PAGE[..]).read(&mut [0]).await.unwrap());
    costs(1, async || (&PAGE[..]).read(&mut []).await.unwrap());
    costs(1, async || (&PAGE[..]).take(0).read(&mut [0]).await.unwrap());
    costs(1, async || (&b""[..]).chain(&b""[..]).read(&mut [0]).await.unwrap());
    costs(1, async || script([Fail(ErrorKind::TimedOut)]).read(&mut [0]).await.unwrap_err());
    costs(1, async || empty().read(&mut [0]).await.unwrap());
    costs(1, async || (&PAGE[..]).read_exact(&mut [0; 9]).await.unwrap());
    costs(2, async || script([Bytes(b"te"), Bytes(b"a")]).read_exact(&mut [0; 3]).await.unwrap());
    costs(2, async || {
        script([Fail(ErrorKind::Interrupted), Bytes(b"a")]).read_exact(&mut [0]).await.unwrap()
    });
    costs(1, async || (&PAGE[..]).read_u8().await.unwrap());
    costs(1, async || (&PAGE[..]).read_f64_le().await.unwrap());
    costs(1, async || (&b""[..]).read_u16().await.unwrap_err());
    // The bytes, and the end.
    costs(2, async || (&b"x"[..]).read_to_end(&mut Vec::new()).await.unwrap());
    costs(2, async || (&b"x"[..]).read_to_string(&mut String::new()).await.unwrap());
    costs(1, async || (&b""[..]).read_to_end(&mut vec![0; 40]).await.unwrap());
    let mut reader = BufReader::new(&PAGE[..]);
    costs(1, async || reader.read(&mut [0]).await.unwrap());
}

#[cfg(feature = "bytes")]
#[test]
fn reads_and_writes_of_the_buffers_of_the_crate_bytes() {
    costs(1, async || (&PAGE[..]).read_buf(&mut Vec::new()).await.unwrap());
    costs(1, async || (&PAGE[..]).read_buf(&mut &mut [0; 0][..]).await.unwrap());
    costs(1, async || Vec::new().write_buf(&mut &b"x"[..]).await.unwrap());
    costs(1, async || Vec::new().write_buf(&mut &b""[..]).await.unwrap());
    costs(1, async || Vec::new().write_all_buf(&mut &b"x"[..]).await.unwrap());
}

#[test]
fn buffered_reads() {
    costs(1, async || (&PAGE[..]).fill_buf().await.unwrap().len());
    costs(1, async || empty().fill_buf().await.unwrap().len());
    costs(1, async || (&PAGE[..]).read_until(b'\n', &mut Vec::new()).await.unwrap());
    costs(1, async || (&PAGE[..]).read_line(&mut String::new()).await.unwrap());
    costs(1, async || empty().read_line(&mut String::new()).await.unwrap());
    let mut lines = Cursor::new(PAGE).lines();
    costs(1, async || lines.next_line().await.unwrap());
    let mut pieces = AsyncBufReadExt::split(Cursor::new(PAGE), b'\n');
    costs(1, async || pieces.next_segment().await.unwrap());
    let mut ended = Cursor::new(b"").lines();
    costs(1, async || ended.next_line().await.unwrap());
}

#[test]
fn writes_and_seeks() {
    costs(1, async || Vec::new().write(b"x").await.unwrap());
    costs(1, async || Vec::new().write_vectored(&[IoSlice::new(b"x")]).await.unwrap());
    costs(1, async || Vec::new().write_all(b"tea").await.unwrap());
    costs(1, async || Vec::new().write_u128(7).await.unwrap());
    costs(1, async || Cursor::new([0; 0].as_mut_slice()).write_all(b"tea").await.unwrap_err());
    costs(1, async || Vec::new().flush().await.unwrap());
    costs(1, async || Vec::new().shutdown().await.unwrap());
    costs(1, async || sink().write_all(b"tea").await.unwrap());
    let mut cursor = Cursor::new(PAGE);
    costs(1, async || cursor.seek(SeekFrom::Start(1)).await.unwrap());
    costs(1, async || cursor.rewind().await.unwrap());
    costs(1, async || cursor.stream_position().await.unwrap());
    costs(1, async || cursor.seek(SeekFrom::Current(-9)).await.unwrap_err());
}

#[test]
fn polls_of_what_never_waits() {
    let (empty, sink) = (&mut empty(), &mut sink());
    costs(1, async || {
        poll_fn(|cx| Pin::new(&mut repeat(1)).poll_read(cx, &mut ReadBuf::new(&mut [0]))).await.unwrap();
    });
    costs(1, async || {
        poll_fn(|cx| Pin::new(&mut *empty).poll_read(cx, &mut ReadBuf::new(&mut [0]))).await.unwrap();
    });
    costs(1, async || {
        poll_fn(|cx| Pin::new(&mut *empty).poll_fill_buf(cx).map_ok(<[u8]>::len)).await.unwrap();
    });
    costs(1, async || poll_fn(|cx| Pin::new(&mut *empty).poll_complete(cx)).await.unwrap());
    costs(1, async || poll_fn(|cx| Pin::new(&mut *empty).poll_write(cx, b"x")).await.unwrap());
    costs(1, async || poll_fn(|cx| Pin::new(&mut *sink).poll_write(cx, b"x")).await.unwrap());
    costs(1, async || poll_fn(|cx| Pin::new(&mut *sink).poll_write_vectored(cx, &[])).await.unwrap());
    costs(1, async || poll_fn(|cx| Pin::new(&mut *sink).poll_flush(cx)).await.unwrap());
    costs(1, async || poll_fn(|cx| Pin::new(&mut *sink).poll_shutdown(cx)).await.unwrap());
}

/// Others in the same task may use up the budget in each poll.
#[test]
fn a_step_is_put_off_once_and_then_completes() {
    ayi::runtime::Runtime::new().unwrap().block_on(async {
        while coop::has_budget_remaining() {
            assert!(poll_once(pin!(coop::consume_budget())).is_ready());
        }
        let mut cursor = Cursor::new(PAGE);
        let mut seek = pin!(cursor.seek(SeekFrom::Start(1)));
        assert!(poll_once(seek.as_mut()).is_pending());
        assert!(poll_once(seek).is_ready());
        let mut lines = cursor.lines();
        assert!(poll_once(pin!(lines.next_line())).is_pending());
        assert!(poll_once(pin!(lines.next_line())).is_ready());
        assert!(poll_once(pin!(lines.next_line())).is_pending());
        // Each of these steps is put off by itself.
        let mut reader = script([Bytes(b"te"), Bytes(b"a")]);
        let mut memory = [0; 3];
        let mut read = pin!(reader.read_exact(&mut memory));
        assert!(poll_once(read.as_mut()).is_pending());
        assert!(poll_once(read.as_mut()).is_pending());
        assert!(poll_once(read).is_ready());
        assert_eq!(reader.calls, 2);
    });
}

/// One await that never ends is its own loop.
#[test]
fn what_never_ends_gives_way() {
    fn gives_way(future: impl Future) {
        ayi::runtime::Runtime::new().unwrap().block_on(async {
            assert!(matches!(poll_once(pin!(future)), Poll::Pending));
        });
    }
    gives_way(async { repeat(b'x').read_to_end(&mut Vec::new()).await });
    gives_way(async { BufReader::new(repeat(b'x')).lines().next_line().await });
    struct Interrupted;
    impl AsyncRead for Interrupted {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<std::io::Result<()>> {
            Poll::Ready(Err(ErrorKind::Interrupted.into()))
        }
    }
    gives_way(async { Interrupted.read_exact(&mut [0]).await });
    gives_way(async { BufReader::new(Interrupted).read_until(0, &mut Vec::new()).await });
}
