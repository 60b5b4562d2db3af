//! Reading up to the end of a line, or up to the end: when errors come in the middle, and when the future is dropped.

use crate::support::{poll_once, run};
use ayi::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, Lines, ReadBuf, TimeoutStream, duplex,
};
use ayi::net::{TcpListener, TcpStream};
use ayi::time::Duration;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// What a peer does, one step a read.
enum Step {
    Sends(&'static [u8]),
    Fails(ErrorKind),
    /// It waits for one poll.
    Waits,
}
use Step::{Fails, Sends, Waits};

struct Script(VecDeque<Step>);

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.0.pop_front() {
            None => Poll::Ready(Ok(())),
            Some(Sends(bytes)) => {
                let read = buf.remaining().min(bytes.len());
                buf.put_slice(&bytes[..read]);
                if read < bytes.len() {
                    self.0.push_front(Sends(&bytes[read..]));
                }
                Poll::Ready(Ok(()))
            }
            Some(Fails(kind)) => Poll::Ready(Err(kind.into())),
            Some(Waits) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

fn script(steps: impl IntoIterator<Item = Step>) -> BufReader<Script> {
    BufReader::new(Script(steps.into_iter().collect()))
}

type Line<T> = Result<T, ErrorKind>;

fn kinds<T>(result: Option<io::Result<T>>) -> Option<Line<T>> {
    result.map(|result| result.map_err(|error| error.kind()))
}

async fn lines_of(steps: impl IntoIterator<Item = Step>) -> Vec<Line<String>> {
    all_of(script(steps).lines()).await
}

async fn all_of<R: ayi::io::AsyncBufRead + Unpin>(mut lines: Lines<R>) -> Vec<Line<String>> {
    let mut all = Vec::new();
    while let Some(line) = kinds(lines.next_line().await.transpose()) {
        all.push(line);
    }
    // The end stays the end.
    assert!(lines.next_line().await.unwrap().is_none());
    all
}

fn ok(line: &str) -> Line<String> {
    Ok(line.to_owned())
}

#[test]
fn lines_end_with_a_line_feed_or_with_the_stream() {
    run(async || {
        assert_eq!(lines_of([]).await, []);
        assert_eq!(lines_of([Sends(b"\n")]).await, [ok("")]);
        let steps = [Sends(b"one\r"), Sends(b"\n\ntwo\r\r\nth"), Waits, Sends(b"ree\r")];
        assert_eq!(lines_of(steps).await, [ok("one"), ok(""), ok("two\r"), ok("three\r")]);
    });
}

#[test]
fn an_error_in_the_middle_of_a_line_is_told_and_then_the_rest_is_given() {
    run(async || {
        let reset = || Fails(ErrorKind::ConnectionReset);
        let failed = || Err(ErrorKind::ConnectionReset);
        assert_eq!(lines_of([Sends(b"one\nhel"), reset()]).await, [ok("one"), failed(), ok("hel")]);
        assert_eq!(lines_of([Sends(b"one\n"), reset()]).await, [ok("one"), failed()]);
        assert_eq!(lines_of([reset()]).await, [failed()]);
        // A reader that continues after its errors continues with the line.
        let steps = [Sends(b"he"), reset(), Sends(b"ll"), reset(), Sends(b"o\nyou\n")];
        assert_eq!(lines_of(steps).await, [failed(), failed(), ok("hello"), ok("you")]);
    });
}

#[test]
fn a_peer_that_resets_in_the_middle_of_a_line_sends_no_line_more_than_it_did() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        peer.write_all(b"one\nhel").unwrap();
        let mut lines = BufReader::new(stream).lines();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("one"));
        socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
        drop(peer);
        assert_eq!(all_of(lines).await, [Err(ErrorKind::ConnectionReset), ok("hel")]);
    });
}

#[test]
fn a_peer_that_is_too_slow_goes_on_with_its_line() {
    run(async || {
        let (ours, mut theirs) = duplex(64);
        let mut ours = TimeoutStream::new(ours);
        ours.set_idle_timeout(Duration::from_millis(1));
        theirs.write_all(b"one\nhel").await.unwrap();
        let mut lines = BufReader::new(ours).lines();
        assert_eq!(kinds(lines.next_line().await.transpose()), Some(ok("one")));
        for _ in 0..3 {
            assert_eq!(kinds(lines.next_line().await.transpose()), Some(Err(ErrorKind::TimedOut)));
        }
        theirs.write_all(b"lo\n").await.unwrap();
        drop(theirs);
        assert_eq!(all_of(lines).await, [ok("hello")]);
    });
}

#[test]
fn a_line_that_is_not_utf8_is_an_error_and_the_next_one_is_given() {
    run(async || {
        let bad = || Err(ErrorKind::InvalidData);
        assert_eq!(lines_of([Sends(b"one\n\xff\ntwo\n")]).await, [ok("one"), bad(), ok("two")]);
        // A character that comes in two pieces is whole.
        assert_eq!(lines_of([Sends(b"\xc3"), Waits, Sends(b"\xa9\n")]).await, [ok("\u{e9}")]);
        // A character is cut off by an error, and another by the end.
        let steps = [Sends(b"\xc3"), Fails(ErrorKind::ConnectionReset)];
        assert_eq!(lines_of(steps).await, [Err(ErrorKind::ConnectionReset), bad()]);
    });
}

#[test]
fn a_line_whose_future_is_dropped_is_not_lost() {
    run(async || {
        let mut lines = script([Sends(b"he"), Waits, Sends(b"llo"), Waits, Sends(b"\nyou")]).lines();
        assert!(poll_once(pin!(lines.next_line())).is_pending());
        assert!(poll_once(pin!(lines.next_line())).is_pending());
        assert_eq!(all_of(lines).await, [ok("hello"), ok("you")]);

        let mut pieces = script([Sends(b"he"), Waits, Sends(b"llo,"), Waits, Sends(b"you")]).split(b',');
        assert!(poll_once(pin!(pieces.next_segment())).is_pending());
        assert_eq!(pieces.next_segment().await.unwrap().unwrap(), b"hello");
        assert!(poll_once(pin!(pieces.next_segment())).is_pending());
        assert_eq!(pieces.next_segment().await.unwrap().unwrap(), b"you");
        assert_eq!(pieces.next_segment().await.unwrap(), None);
    });
}

#[test]
fn an_error_in_the_middle_of_a_piece_is_told_and_then_the_rest_is_given() {
    run(async || {
        let reset = || Fails(ErrorKind::ConnectionReset);
        let mut pieces = script([Sends(b"one,,he"), reset(), Sends(b"llo,\xff"), reset()]).split(b',');
        let mut all = Vec::new();
        while let Some(piece) = kinds(pieces.next_segment().await.transpose()) {
            all.push(piece);
        }
        let failed = || Err(ErrorKind::ConnectionReset);
        let piece = |piece: &[u8]| Ok(piece.to_vec());
        assert_eq!(all, [piece(b"one"), piece(b""), failed(), piece(b"hello"), failed(), piece(b"\xff")]);
    });
}

#[test]
fn what_is_read_is_appended_and_what_came_before_an_error_is_there() {
    run(async || {
        let steps = || [Sends(b"one\nh\xc3\xa9"), Fails(ErrorKind::ConnectionReset), Sends(b"l\xc3\xa9\nx")];

        let (mut reader, mut line) = (script(steps()), String::from("> "));
        assert_eq!(reader.read_line(&mut line).await.unwrap(), 4);
        assert_eq!(line, "> one\n");
        assert_eq!(reader.read_line(&mut line).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(line, "> one\nh\u{e9}");
        assert_eq!(reader.read_line(&mut line).await.unwrap(), 4);
        assert_eq!(line, "> one\nh\u{e9}l\u{e9}\n");

        let (mut reader, mut all) = (script(steps()), String::from("> "));
        // A text is whole or not there, as tokio's.
        assert_eq!(reader.read_to_string(&mut all).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(all, "> ");
        assert_eq!(reader.read_to_string(&mut all).await.unwrap(), 5);
        assert_eq!(all, "> l\u{e9}\nx");

        let (mut reader, mut all) = (script(steps()), b"> ".to_vec());
        assert_eq!(reader.read_to_end(&mut all).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(all, b"> one\nh\xc3\xa9");
        assert_eq!(reader.read_to_end(&mut all).await.unwrap(), 5);
        assert_eq!(all, b"> one\nh\xc3\xa9l\xc3\xa9\nx");

        let (mut reader, mut piece) = (script(steps()), b"> ".to_vec());
        assert_eq!(reader.read_until(b'l', &mut piece).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(piece, b"> one\nh\xc3\xa9");
        assert_eq!(reader.read_until(b'l', &mut piece).await.unwrap(), 1);
        assert_eq!(piece, b"> one\nh\xc3\xa9l");

        let (mut reader, mut buf) = (script(steps()), [0; 8]);
        assert_eq!(reader.read_exact(&mut buf).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(&buf, b"one\nh\xc3\xa9\0");
        assert_eq!(reader.read_exact(&mut buf).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    });
}

#[test]
fn what_came_before_the_future_was_dropped_is_there() {
    run(async || {
        let steps = || [Sends(b"h\xc3\xa9"), Waits, Sends(b"l\xc3\xa9\n")];

        let (mut reader, mut line) = (script(steps()), String::from("> "));
        assert!(poll_once(pin!(reader.read_line(&mut line))).is_pending());
        assert_eq!(line, "> h\u{e9}");
        assert_eq!(reader.read_line(&mut line).await.unwrap(), 4);
        assert_eq!(line, "> h\u{e9}l\u{e9}\n");

        let (mut reader, mut all) = (script(steps()), String::from("> "));
        assert!(poll_once(pin!(reader.read_to_string(&mut all))).is_pending());
        assert_eq!(all, "> h\u{e9}");
        assert_eq!(reader.read_to_string(&mut all).await.unwrap(), 4);
        assert_eq!(all, "> h\u{e9}l\u{e9}\n");

        let (mut reader, mut all) = (script(steps()), b"> ".to_vec());
        assert!(poll_once(pin!(reader.read_to_end(&mut all))).is_pending());
        assert_eq!(all, b"> h\xc3\xa9");
        assert!(poll_once(pin!(reader.read_until(b'\n', &mut all))).is_ready());
        assert_eq!(all, b"> h\xc3\xa9l\xc3\xa9\n");
    });
}

#[test]
fn text_that_is_not_utf8_leaves_the_string_as_it_was() {
    run(async || {
        let (mut reader, mut text) = (script([Sends(b"ab\xff\ncd\nef\xff")]), String::from("> "));
        assert_eq!(reader.read_line(&mut text).await.unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(text, "> ");
        assert_eq!(reader.read_line(&mut text).await.unwrap(), 3);
        assert_eq!(text, "> cd\n");
        let error = reader.read_to_string(&mut text).await.unwrap_err();
        assert!(
            error.kind() == ErrorKind::InvalidData && error.to_string().contains("invalid utf-8"),
            "{error}"
        );
        assert_eq!(text, "> cd\n");
    });
}

#[test]
fn large_and_small_reads_to_the_end_are_whole() {
    run(async || {
        for size in [0, 1, 31, 32, 33, 8191, 8192, 8193, 300_000, 3_000_000] {
            let bytes: Vec<u8> = (0..size).map(|n| (n * 7 % 251) as u8).collect();
            let mut all = Vec::new();
            assert_eq!((&bytes[..]).read_to_end(&mut all).await.unwrap(), size);
            assert!(all == bytes);
            // It takes no more memory than twice what is needed.
            assert!(all.capacity() <= 2 * size + 64, "{} for {size}", all.capacity());
        }
    });
}

#[test]
fn the_buffer_at_the_end_of_a_stream_is_empty_whatever_is_left_of_the_budget() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        drop(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
        let mut reader = BufReader::new(listener.accept().await.unwrap().0);
        for _ in 0..1000 {
            assert_eq!(reader.fill_buf().await.unwrap(), b"");
        }
        let mut reader = script([Waits, Sends(b"tea")]);
        for _ in 0..1000 {
            assert_eq!(reader.fill_buf().await.unwrap(), b"tea");
        }
    });
}
