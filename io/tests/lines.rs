//! The methods of buffered readers: lines and pieces, and what is left after errors and drops.

mod support;

use ayi_io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader, ReadBuf};
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::string::FromUtf8Error;
use std::task::{Context, Poll};
use support::Step::{self, Bytes, Fail, Wait};
use support::{Script, cancelled, now, poll_once, script};

fn buffered(steps: impl IntoIterator<Item = Step>) -> BufReader<Script> {
    BufReader::new(script(steps))
}

#[test]
fn the_buffer_is_shown_until_it_is_consumed() {
    let mut reader = buffered([Wait, Bytes(b"teapot"), Fail(ErrorKind::TimedOut)]);
    cancelled(reader.fill_buf());
    assert_eq!(now(reader.fill_buf()).unwrap(), b"teapot");
    reader.consume(4);
    assert_eq!(now(reader.fill_buf()).unwrap(), b"ot");
    // More than there is: the rest.
    reader.consume(100);
    assert_eq!(now(reader.fill_buf()).unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(now(reader.fill_buf()).unwrap(), b"");
    assert_eq!(reader.get_ref().calls, 4);
}

/// A reader need not be ready twice with the same bytes. It is asked once.
#[test]
fn a_look_at_the_buffer_asks_the_reader_once() {
    struct ReadyOnce(usize);
    impl AsyncRead for ReadyOnce {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            panic!("nobody reads")
        }
    }
    impl AsyncBufRead for ReadyOnce {
        fn poll_fill_buf(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
            self.0 += 1;
            if self.0 % 2 == 0 { Poll::Ready(Ok(b"tea")) } else { Poll::Pending }
        }

        fn consume(self: Pin<&mut Self>, _: usize) {}
    }
    let mut reader = ReadyOnce(0);
    for _ in 0..3 {
        let mut look = pin!(reader.fill_buf());
        assert!(poll_once(look.as_mut()).is_pending());
        assert_eq!(now(look).unwrap(), b"tea");
    }
    assert_eq!(reader.0, 6);
}

#[test]
fn lines_end_with_a_line_feed_or_with_the_stream() {
    let all = |bytes: &'static [u8], pieces: usize| {
        let mut lines = BufReader::with_capacity(pieces, bytes).lines();
        let mut all = Vec::new();
        while let Some(line) = now(lines.next_line()).unwrap() {
            all.push(line);
        }
        assert_eq!(now(lines.next_line()).unwrap(), None);
        all
    };
    for pieces in [1, 2, 3, 64] {
        assert_eq!(all(b"", pieces), [""; 0]);
        assert_eq!(all(b"\n", pieces), [""]);
        assert_eq!(all(b"\r\n\n\r", pieces), ["", "", "\r"]);
        assert_eq!(all(b"one\r\n\ntwo\r\r\nth\xc3\xa9", pieces), ["one", "", "two\r", "th\u{e9}"]);
    }
}

/// The end of a line is looked for in steps.
#[test]
fn long_lines_end_where_they_end() {
    for len in [0, 1, 62, 63, 64, 65, 127, 128, 129, 8191, 8192, 8193, 20000] {
        let text = format!("{}\n{}\n!", "x".repeat(len), "y".repeat(len));
        let mut reader = BufReader::new(text.as_bytes());
        let mut line = String::new();
        assert_eq!(now(reader.read_line(&mut line)).unwrap(), len + 1);
        assert_eq!(line, text[..len + 1]);
        let mut bytes = Vec::new();
        assert_eq!(now(reader.read_until(b'\n', &mut bytes)).unwrap(), len + 1);
        assert_eq!(bytes, text.as_bytes()[len + 1..2 * len + 2]);
        assert_eq!(now(reader.read_until(b'\n', &mut bytes)).unwrap(), 1);
        assert_eq!(now(reader.read_until(b'\n', &mut bytes)).unwrap(), 0);
    }
}

#[test]
fn a_line_is_kept_over_errors_and_drops() {
    let reset = || Fail(ErrorKind::ConnectionReset);
    let steps = [Bytes(b"ab\xc3"), reset(), Bytes(b"\xa9"), Wait, Bytes(b"d\nef"), reset(), Bytes(b"g")];
    let mut lines = buffered(steps).lines();
    assert_eq!(now(lines.next_line()).unwrap_err().kind(), ErrorKind::ConnectionReset);
    cancelled(lines.next_line());
    assert_eq!(now(lines.next_line()).unwrap().as_deref(), Some("ab\u{e9}d"));
    assert_eq!(now(lines.next_line()).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(now(lines.next_line()).unwrap().as_deref(), Some("efg"));
    assert_eq!(now(lines.next_line()).unwrap(), None);
    assert_eq!(lines.get_ref().get_ref().left(), 0);
    lines.get_mut().get_mut().calls = 0;
    assert_eq!(lines.into_inner().into_inner().calls, 0);
}

#[test]
fn a_line_that_is_not_utf8_is_in_its_error() {
    let mut lines = (&b"one\n\xfft\xfe\ntwo\n\xff"[..]).lines();
    assert_eq!(now(lines.next_line()).unwrap().as_deref(), Some("one"));
    let error = now(lines.next_line()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let error = error.into_inner().unwrap().downcast::<FromUtf8Error>().unwrap();
    assert_eq!(error.into_bytes(), b"\xfft\xfe");
    assert_eq!(now(lines.next_line()).unwrap().as_deref(), Some("two"));
    assert_eq!(now(lines.next_line()).unwrap_err().kind(), ErrorKind::InvalidData);
    assert_eq!(now(lines.next_line()).unwrap(), None);
}

#[test]
fn pieces_are_kept_over_errors_and_drops() {
    let reset = || Fail(ErrorKind::ConnectionReset);
    let steps = [Bytes(b"one,,tw"), Wait, Bytes(b"o,\xff"), reset()];
    let mut pieces = AsyncBufReadExt::split(buffered(steps), b',');
    assert_eq!(now(pieces.next_segment()).unwrap().as_deref(), Some(&b"one"[..]));
    assert_eq!(now(pieces.next_segment()).unwrap().as_deref(), Some(&b""[..]));
    cancelled(pieces.next_segment());
    assert_eq!(now(pieces.next_segment()).unwrap().as_deref(), Some(&b"two"[..]));
    assert_eq!(now(pieces.next_segment()).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(now(pieces.next_segment()).unwrap().as_deref(), Some(&b"\xff"[..]));
    assert_eq!(now(pieces.next_segment()).unwrap(), None);
    assert_eq!(pieces.get_ref().buffer(), b"");
    assert_eq!(pieces.get_mut().get_mut().left(), 0);
    assert_eq!(pieces.into_inner().into_inner().calls, 6);
}

#[test]
fn interrupted_reads_are_repeated() {
    let interrupted = || Fail(ErrorKind::Interrupted);
    let reader = || buffered([interrupted(), Bytes(b"te"), interrupted(), interrupted(), Bytes(b"a\n")]);
    let (mut bytes, mut line) = (Vec::new(), String::new());
    assert_eq!(now(reader().read_until(b'\n', &mut bytes)).unwrap(), 4);
    assert_eq!(now(reader().read_line(&mut line)).unwrap(), 4);
    assert_eq!(now(reader().lines().next_line()).unwrap().as_deref(), Some("tea"));
    assert_eq!((&bytes[..], &line[..]), (&b"tea\n"[..], "tea\n"));
}

#[test]
fn what_came_of_a_line_before_an_error_or_a_drop_is_appended() {
    for before in ["", "> "] {
        let reset = || Fail(ErrorKind::ConnectionReset);
        let steps = [Bytes(b"h\xc3\xa9"), Wait, Bytes(b"l\xc3"), reset(), Bytes(b"o\n")];
        let (mut reader, mut line) = (buffered(steps), String::from(before));
        cancelled(reader.read_line(&mut line));
        assert_eq!(line, format!("{before}h\u{e9}"));
        // The character that the error cuts off is lost.
        assert_eq!(now(reader.read_line(&mut line)).unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(line, format!("{before}h\u{e9}l"));
        assert_eq!(now(reader.read_line(&mut line)).unwrap(), 2);
        assert_eq!(line, format!("{before}h\u{e9}lo\n"));
    }
}

#[test]
fn a_line_that_is_not_utf8_leaves_the_string_as_it_was() {
    for before in ["", "> "] {
        let mut line = String::with_capacity(100);
        line.push_str(before);
        let mut reader = buffered([Bytes(b"ab\xffc\nd\xff"), Fail(ErrorKind::TimedOut), Bytes(b"ok\n")]);
        let error = now(reader.read_line(&mut line)).unwrap_err();
        assert_eq!((error.kind(), &line[..]), (ErrorKind::InvalidData, before));
        let error = error.into_inner().unwrap().downcast::<std::str::Utf8Error>().unwrap();
        assert_eq!(error.valid_up_to(), before.len() + 2);
        assert_eq!(now(reader.read_line(&mut line)).unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(line, before);
        assert_eq!(now(reader.read_line(&mut line)).unwrap(), 3);
        // Its memory is as it was, too.
        assert_eq!((line.capacity(), line), (100, format!("{before}ok\n")));
    }
}

/// Whoever does not trust the peer sets a limit.
#[test]
fn a_limit_ends_a_line() {
    let mut reader = BufReader::new(&b"teapot\ncup\n"[..]).take(4);
    let mut line = String::new();
    assert_eq!(now(reader.read_line(&mut line)).unwrap(), 4);
    assert_eq!((&line[..], reader.limit()), ("teap", 0));
    reader.set_limit(4);
    assert_eq!(now(reader.read_line(&mut line)).unwrap(), 3);
    assert_eq!((&line[..], reader.limit()), ("teapot\n", 1));
}
