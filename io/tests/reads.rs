//! The methods of readers: waits, errors, the end in the middle, and readers that break their contract.

mod support;

use ayi_io::{AsyncBufRead, AsyncRead, AsyncReadExt, ReadBuf, Take};
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use support::Step::{Bytes, Fail, Wait};
use support::{Exchanges, cancelled, now, panic_of, poll_once, script};

#[test]
fn a_read_waits_and_brings_what_is_there() {
    let mut reader = script([Wait, Bytes(b"teapot"), Fail(ErrorKind::BrokenPipe)]);
    let mut buf = [0; 4];
    cancelled(reader.read(&mut buf));
    assert_eq!(now(reader.read(&mut buf)).unwrap(), 4);
    assert_eq!(&buf, b"teap");
    assert_eq!(now(reader.read(&mut buf)).unwrap(), 2);
    assert_eq!(&buf, b"otap");
    assert_eq!(now(reader.read(&mut buf)).unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(now(reader.read(&mut buf)).unwrap(), 0);
}

/// Only what reads until it has all repeats an interrupted call: the caller of `read` sees it.
#[test]
fn an_interrupted_read_is_repeated_where_it_is_one_of_many() {
    let interrupted = || Fail(ErrorKind::Interrupted);
    let reader = || script([interrupted(), Bytes(b"te"), interrupted(), interrupted(), Bytes(b"a")]);
    assert_eq!(now(reader().read(&mut [0])).unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(now(reader().read_exact(&mut [0; 3])).unwrap(), 3);
    assert_eq!(now(reader().read_u16()).unwrap(), 0x7465);
    assert_eq!(now(reader().read_u8()).unwrap(), b't');
    assert_eq!(now(reader().read_to_end(&mut Vec::new())).unwrap(), 3);
    // Here on the stack first, see below.
    assert_eq!(now(reader().read_to_end(&mut vec![0; 32])).unwrap(), 3);
    assert_eq!(now(reader().read_to_string(&mut String::new())).unwrap(), 3);
}

#[test]
fn read_exact_fills_the_buffer_or_says_that_the_end_came() {
    let mut buf = [0; 5];
    let mut reader = script([Bytes(b"te"), Wait, Bytes(b"apoTE")]);
    let mut read = Box::pin(reader.read_exact(&mut buf));
    assert!(poll_once(read.as_mut()).is_pending());
    assert_eq!(now(read).unwrap(), 5);
    assert_eq!(&buf, b"teapo");
    let error = now(reader.read_exact(&mut buf)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(&buf, b"TEapo");
    // A buffer without room is full, and the reader is not asked.
    assert_eq!(now(script([Wait]).read_exact(&mut [])).unwrap(), 0);
}

#[test]
fn numbers_come_in_pieces_and_in_both_orders() {
    let mut reader = script([Bytes(b"\x01"), Wait, Bytes(b"\x02\x03"), Bytes(b"\x04\xff")]);
    let mut read = Box::pin(reader.read_u32());
    assert!(poll_once(read.as_mut()).is_pending());
    assert_eq!(format!("{:?}", now(read.as_mut())), "Ok(16909060)");
    drop(read);
    assert_eq!(now(reader.read_i8()).unwrap(), -1);
    assert_eq!(now(reader.read_u8()).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    let bytes = *b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x80";
    assert_eq!(now((&bytes[..]).read_i16_le()).unwrap(), 0x0201);
    assert_eq!(now((&bytes[14..]).read_i16_le()).unwrap(), -0x7ff1);
    assert_eq!(now((&bytes[14..]).read_i16()).unwrap(), 0x0f80);
    assert_eq!(now((&bytes[..]).read_u64()).unwrap(), 0x0102_0304_0506_0708);
    assert_eq!(now((&bytes[..]).read_u128_le()).unwrap(), u128::from_le_bytes(bytes));
    assert_eq!(now((&bytes[..]).read_i128()).unwrap(), i128::from_be_bytes(bytes));
    assert_eq!(now((&1.5f32.to_be_bytes()[..]).read_f32()).unwrap(), 1.5);
    assert_eq!(now((&(-2.5f64).to_le_bytes()[..]).read_f64_le()).unwrap(), -2.5);
    let error = now((&bytes[..15]).read_u128()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn what_was_read_before_an_error_or_a_drop_stays_in_the_vector() {
    let mut all = b"green ".to_vec();
    let mut reader = script([Bytes(b"te"), Wait, Bytes(b"a"), Fail(ErrorKind::ConnectionReset), Bytes(b"!")]);
    cancelled(reader.read_to_end(&mut all));
    assert_eq!(all, b"green te");
    assert_eq!(now(reader.read_to_end(&mut all)).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(all, b"green tea");
    assert_eq!(now(reader.read_to_end(&mut all)).unwrap(), 1);
    assert_eq!(all, b"green tea!");
}

#[test]
fn a_vector_grows_only_if_more_comes_than_was_reserved() {
    static TEXT: [u8; 100] = [b'x'; 100];
    for reserved in [32, 68, 99, 100, 131, 132, 200] {
        let mut all = Vec::with_capacity(reserved);
        let capacity = all.capacity();
        assert_eq!(now(script([Bytes(&TEXT)]).read_to_end(&mut all)).unwrap(), 100);
        assert_eq!(all, TEXT);
        assert_eq!(all.capacity() == capacity, capacity >= 100, "{reserved}");
    }
}

#[test]
fn more_is_asked_for_as_long_as_all_of_it_comes() {
    static MUCH: [u8; 1 << 20] = [b'x'; 1 << 20];
    let mut all = Vec::with_capacity(2 << 20);
    let mut reader = script([Bytes(&MUCH)]);
    assert_eq!(now(reader.read_to_end(&mut all)).unwrap(), 1 << 20);
    let asked: Vec<usize> = reader.lent.iter().map(|(free, _)| free / 1024).collect();
    assert_eq!(asked[..8], [8, 16, 32, 64, 128, 256, 256, 256]);
    assert!(asked[8..].iter().all(|&free| free == 256));
}

/// A reader that must see its buffer as bytes has it set to zero. That is done once for each byte.
#[test]
fn memory_that_a_reader_has_initialised_is_not_initialised_again() {
    #[derive(Default)]
    struct Initialises {
        /// How much was free in each read, and how much of that was initialised.
        lent: Vec<(usize, usize)>,
    }
    impl AsyncRead for Initialises {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.lent.push((buf.remaining(), buf.initialized().len()));
            buf.initialize_unfilled()[0] = b'0';
            match self.lent.len() {
                2 => Poll::Pending,
                4 => Poll::Ready(Err(ErrorKind::Interrupted.into())),
                6 => Poll::Ready(Ok(())),
                _ => {
                    buf.advance(1);
                    Poll::Ready(Ok(()))
                }
            }
        }
    }
    let mut all = Vec::with_capacity(50);
    let mut reader = Initialises::default();
    let mut read = Box::pin(reader.read_to_end(&mut all));
    assert!(poll_once(read.as_mut()).is_pending());
    assert_eq!(now(read).unwrap(), 3);
    assert_eq!(reader.lent, [(50, 0), (49, 49), (49, 49), (48, 48), (48, 48), (47, 47)]);
    // After the vector has grown, its memory may be other memory.
    struct Long(usize);
    impl AsyncRead for Long {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let known = buf.initialized().len();
            // One byte is read each time. The vector has room for 32, and grows when fewer are free.
            assert_eq!(known, if self.0 < 2 { 0 } else { buf.remaining() }, "{}", self.0);
            if self.0 < 20 {
                buf.initialize_unfilled()[0] = 1;
                buf.advance(1);
            }
            self.0 += 1;
            Poll::Ready(Ok(()))
        }
    }
    let mut all = Vec::new();
    assert_eq!(now(Long(0).read_to_end(&mut all)).unwrap(), 20);
    let mut all = Vec::with_capacity(31);
    let mut reader = Initialises::default();
    assert!(poll_once(pin!(reader.read_to_end(&mut all))).is_pending());
    assert_eq!((reader.lent[0], reader.lent[1]), ((62, 0), (61, 61)));
    let mut all = Vec::with_capacity(32);
    let mut reader = Initialises::default();
    assert!(poll_once(pin!(reader.read_to_end(&mut all))).is_pending());
    // The second read is into memory on the stack.
    assert_eq!(reader.lent, [(32, 0), (32, 0)]);
}

#[test]
fn text_is_appended_when_it_is_complete() {
    let mut text = String::from("grün: ");
    let mut reader = script([Bytes(b"t\xc3"), Wait, Bytes(b"\xa9")]);
    let mut read = Box::pin(reader.read_to_string(&mut text));
    assert!(poll_once(read.as_mut()).is_pending());
    assert_eq!(now(read).unwrap(), 3);
    assert_eq!(text, "grün: té");
}

#[test]
fn a_dropped_read_of_text_leaves_the_characters_that_are_complete() {
    for before in ["", "grün: "] {
        let mut text = String::from(before);
        cancelled(script([Bytes(b"th\xc3\xa9 \xc3"), Wait]).read_to_string(&mut text));
        assert_eq!(text, format!("{before}thé "));
        cancelled(script([Bytes(b"a\xffb"), Wait]).read_to_string(&mut text));
        assert_eq!(text, format!("{before}thé a"));
    }
}

#[test]
fn an_error_leaves_text_as_it_was() {
    for before in ["", "grün: "] {
        let mut text = String::from(before);
        let error = now(script([Bytes(b"tea"), Fail(ErrorKind::TimedOut)]).read_to_string(&mut text));
        assert_eq!((error.unwrap_err().kind(), &text[..]), (ErrorKind::TimedOut, before));
        let error = now((&b"te\xffa"[..]).read_to_string(&mut text)).unwrap_err();
        assert_eq!((error.kind(), &text[..]), (ErrorKind::InvalidData, before));
        let utf8 = error.into_inner().unwrap().downcast::<std::str::Utf8Error>().unwrap();
        assert_eq!((utf8.valid_up_to(), utf8.error_len()), (before.len() + 2, Some(1)));
    }
}

#[test]
fn the_memory_of_an_empty_string_is_used_and_given_back() {
    let mut text = String::with_capacity(100);
    let memory = text.as_ptr();
    now((&b"tea"[..]).read_to_string(&mut text)).unwrap();
    assert_eq!((text.as_ptr(), text.capacity(), &text[..]), (memory, 100, "tea"));
    text.clear();
    let mut reader = script([Bytes(b"tea")]);
    now(reader.read_to_string(&mut text)).unwrap();
    assert_eq!((reader.lent[0], reader.lent[1]), ((100, 0), (97, 0)));
    text.clear();
    now((&b""[..]).read_to_string(&mut text)).unwrap();
    now((&b"\xff"[..]).read_to_string(&mut text)).unwrap_err();
    cancelled(script([Wait]).read_to_string(&mut text));
    assert_eq!((text.as_ptr(), text.capacity(), &text[..]), (memory, 100, ""));
}

#[test]
fn take_counts_and_does_not_ask_the_reader_at_its_limit() {
    let mut reader = script([Bytes(b"teapot"), Wait]).take(4);
    let mut buf = [b'-'; 8];
    assert_eq!(now(reader.read(&mut buf[..3])).unwrap(), 3);
    assert_eq!(reader.limit(), 1);
    assert_eq!(now(reader.read(&mut buf[3..])).unwrap(), 1);
    assert_eq!(&buf, b"teap----");
    assert_eq!(now(reader.read(&mut buf)).unwrap(), 0);
    reader.set_limit(u64::MAX);
    assert_eq!(now(reader.read(&mut buf)).unwrap(), 2);
    assert_eq!(reader.limit(), u64::MAX - 2);
    cancelled(reader.read(&mut buf));
    assert_eq!((reader.get_ref().left(), reader.get_mut().calls), (0, 4));
    assert_eq!(pin!(reader).get_pin_mut().left(), 0);
}

#[test]
fn take_shows_no_more_of_a_buffer_than_may_be_read() {
    fn shown(reader: &mut Take<&'static [u8]>) -> Vec<u8> {
        let bytes = Pin::new(reader).poll_fill_buf(&mut Context::from_waker(Waker::noop()));
        match bytes {
            Poll::Ready(Ok(bytes)) => bytes.to_vec(),
            _ => panic!("it waits or fails"),
        }
    }
    let mut reader = (&b"teapot"[..]).take(3);
    assert_eq!(shown(&mut reader), b"tea");
    Pin::new(&mut reader).consume(1);
    assert_eq!((shown(&mut reader), reader.limit()), (b"ea".to_vec(), 2));
    Pin::new(&mut reader).consume(100);
    assert_eq!((shown(&mut reader), reader.limit()), (vec![], 0));
    assert_eq!(reader.into_inner(), b"pot");
}

#[test]
fn what_take_has_lent_is_appended_behind_what_was_there() {
    let mut memory = [std::mem::MaybeUninit::uninit(); 8];
    let mut buf = ReadBuf::uninit(&mut memory);
    buf.put_slice(b"a ");
    let mut reader = script([Bytes(b"teapot")]).take(3);
    let read = std::future::poll_fn(|cx| Pin::new(&mut reader).poll_read(cx, &mut buf));
    now(read).unwrap();
    assert_eq!((buf.filled(), buf.initialized().len()), (&b"a tea"[..], 5));
    assert_eq!(reader.get_ref().lent, [(3, 0)]);
    // What is known of the rest stays known.
    let mut memory = [0; 8];
    let mut buf = ReadBuf::new(&mut memory);
    now(std::future::poll_fn(|cx| Pin::new(&mut (&b"teapot"[..]).take(3)).poll_read(cx, &mut buf))).unwrap();
    assert_eq!((buf.filled(), buf.initialized().len()), (&b"tea"[..], 8));
}

#[test]
fn a_chain_goes_on_where_the_first_reader_ends() {
    let mut reader = script([Bytes(b"tea")]).chain(script([Wait, Bytes(b"pot")]));
    let mut all = Vec::new();
    // Where nothing is free, nothing comes, and that is not the end.
    assert_eq!(now(reader.read(&mut [])).unwrap(), 0);
    cancelled(reader.read_to_end(&mut all));
    assert_eq!(now(reader.read_to_end(&mut all)).unwrap(), 3);
    assert_eq!(all, b"teapot");
    let (first, second) = reader.get_ref();
    assert_eq!((first.left(), second.left()), (0, 0));
    // The first is not asked again, even if it would go on.
    let mut reader =
        script([Bytes(b"a"), Bytes(b""), Bytes(b"late")]).chain(script([Bytes(b"b"), Bytes(b"c")]));
    assert_eq!(now(reader.read_exact(&mut [0; 3])).unwrap(), 3);
    assert_eq!((reader.get_ref().0.left(), reader.get_ref().1.left()), (1, 0));
    let mut reader = (&b"tea"[..]).chain(&b"pot"[..]);
    *reader.get_mut().0 = b"coffee";
    now(reader.read_exact(&mut [0; 8])).unwrap();
    assert_eq!(reader.into_inner(), (&b""[..], &b"t"[..]));
}

#[test]
fn a_reader_that_exchanges_the_buffer_is_found_out() {
    let exchanged = "a reader has put another ReadBuf in the place of the one that it was lent";
    for len in [0, 4, 64] {
        let mut memory = [1; 5];
        assert_eq!(panic_of(|| now(Exchanges { len }.read(&mut memory))), exchanged);
        assert_eq!(panic_of(|| now(Exchanges { len }.read_exact(&mut memory))), exchanged);
        assert_eq!(panic_of(|| now(Exchanges { len }.take(5).read(&mut memory))), exchanged);
        assert_eq!(memory, [1; 5]);
        assert_eq!(panic_of(|| now(Exchanges { len }.read_u64())), exchanged);
        for capacity in [0, 32, 33, 64, 100] {
            let mut all = Vec::with_capacity(capacity);
            all.resize(capacity.min(32), 7);
            let before = all.clone();
            assert_eq!(panic_of(|| now(Exchanges { len }.read_to_end(&mut all))), exchanged);
            assert_eq!(all, before);
        }
        let mut text = String::from("tea");
        assert_eq!(panic_of(|| now(Exchanges { len }.read_to_string(&mut text))), exchanged);
        assert_eq!(text, "tea");
    }
}

#[cfg(feature = "bytes")]
#[test]
fn buffers_of_the_crate_bytes_are_appended_to() {
    let mut buf = bytes::BytesMut::new();
    let mut reader = script([Bytes(b"tea"), Wait, Bytes(b"pot"), Fail(ErrorKind::TimedOut)]);
    assert_eq!(now(reader.read_buf(&mut buf)).unwrap(), 3);
    cancelled(reader.read_buf(&mut buf));
    assert_eq!(now(reader.read_buf(&mut buf)).unwrap(), 3);
    assert_eq!(now(reader.read_buf(&mut buf)).unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(now(reader.read_buf(&mut buf)).unwrap(), 0);
    assert_eq!(&buf[..], b"teapot");
    // A slice has an end. The reader is not asked then.
    let mut memory = [0; 4];
    let mut slice = &mut memory[..];
    let mut reader = script([Bytes(b"teapot")]);
    assert_eq!(now(reader.read_buf(&mut slice)).unwrap(), 4);
    assert_eq!(now(reader.read_buf(&mut slice)).unwrap(), 0);
    assert_eq!((&memory, reader.calls), (b"teap", 1));
    let mut all = b"tea".to_vec();
    assert!(panic_of(|| now(Exchanges { len: 64 }.read_buf(&mut all))).contains("another ReadBuf"));
    assert_eq!(all, b"tea");
}
