//! The buffer for readers: what is filled, what is known to be initialised, and what panics.

use ayi_io::ReadBuf;
use std::mem::MaybeUninit;
use std::panic::catch_unwind;

fn counts(buf: &ReadBuf<'_>) -> (usize, usize, usize) {
    (buf.filled().len(), buf.initialized().len(), buf.remaining())
}

#[test]
fn memory_that_was_never_written_is_zeroed_before_it_is_seen_and_only_once() {
    let mut memory = [MaybeUninit::uninit(); 8];
    let mut buf = ReadBuf::uninit(&mut memory);
    assert_eq!(counts(&buf), (0, 0, 8));
    buf.put_slice(b"ab");
    assert_eq!(counts(&buf), (2, 2, 6));
    buf.initialize_unfilled_to(3).copy_from_slice(b"cde");
    assert_eq!(counts(&buf), (2, 5, 6));
    // What is there already is shown as it is.
    assert_eq!(buf.initialize_unfilled(), b"cde\0\0\0");
    assert_eq!(counts(&buf), (2, 8, 6));
    buf.advance(3);
    assert_eq!(buf.filled(), b"abcde");
    buf.filled_mut()[0] = b'A';
    buf.initialized_mut()[1] = b'B';
    assert_eq!(buf.initialized(), b"ABcde\0\0\0");
}

#[test]
fn an_emptied_buffer_still_knows_what_is_initialised() {
    let mut memory = [MaybeUninit::uninit(); 4];
    let mut buf = ReadBuf::uninit(&mut memory);
    buf.put_slice(b"tea");
    buf.clear();
    assert_eq!(counts(&buf), (0, 3, 4));
    buf.set_filled(3);
    assert_eq!(buf.filled(), b"tea");
    buf.set_filled(1);
    buf.put_slice(b"o");
    assert_eq!((buf.filled(), buf.initialized()), (&b"to"[..], &b"toa"[..]));
}

#[test]
fn a_part_is_what_is_free_and_knows_what_is_initialised_there() {
    let mut memory = [7, 8, 9, 10];
    let mut buf = ReadBuf::new(&mut memory);
    buf.advance(1);
    let part = buf.take(2);
    assert_eq!((part.capacity(), part.filled(), part.initialized()), (2, &[][..], &[8, 9][..]));
    assert_eq!(buf.take(0).capacity(), 0);
    assert_eq!(buf.take(usize::MAX).initialized(), [8, 9, 10]);

    let mut memory = [MaybeUninit::uninit(); 4];
    let mut buf = ReadBuf::uninit(&mut memory);
    buf.initialize_unfilled_to(2);
    buf.advance(1);
    assert_eq!(buf.take(3).initialized().len(), 1);
}

#[test]
fn what_was_written_through_uninitialised_memory_is_told() {
    let mut memory = [MaybeUninit::uninit(); 4];
    let mut buf = ReadBuf::uninit(&mut memory);
    buf.put_slice(b"t");
    // SAFETY: nothing is made uninitialised.
    let room = unsafe { buf.unfilled_mut() };
    assert_eq!(room.len(), 3);
    room[0].write(b'e');
    room[1].write(b'a');
    // SAFETY: two bytes have been written.
    unsafe { buf.assume_init(2) };
    assert_eq!(counts(&buf), (1, 3, 3));
    // SAFETY: no byte less is initialised than was before.
    unsafe { buf.assume_init(0) };
    assert_eq!(counts(&buf), (1, 3, 3));
    buf.advance(2);
    assert_eq!(buf.filled(), b"tea");
    // SAFETY: nothing is made uninitialised.
    assert_eq!(unsafe { buf.inner_mut() }.len(), 4);
}

#[test]
fn what_does_not_fit_panics_and_changes_nothing() {
    let message = |act: fn(&mut ReadBuf<'_>)| {
        let panic = catch_unwind(|| {
            let mut memory = [MaybeUninit::uninit(); 4];
            let mut buf = ReadBuf::uninit(&mut memory);
            buf.put_slice(b"tea");
            let failed = catch_unwind(std::panic::AssertUnwindSafe(|| act(&mut buf))).unwrap_err();
            assert_eq!(counts(&buf), (3, 3, 1));
            std::panic::resume_unwind(failed);
        });
        let panic = panic.unwrap_err();
        match panic.downcast_ref::<String>() {
            Some(message) => message.clone(),
            None => panic.downcast_ref::<&str>().expect("a message").to_string(),
        }
    };
    assert!(message(|buf| buf.put_slice(b"po")).starts_with("2 bytes do not fit"));
    assert!(message(|buf| buf.initialize_unfilled_to(2).fill(1)).contains("only 1 are free"));
    assert!(message(|buf| buf.advance(1)).starts_with("4 bytes of a ReadBuf cannot be filled"));
    assert!(message(|buf| buf.set_filled(4)).contains("only 3 are initialised"));
    assert!(message(|buf| buf.advance(usize::MAX)).contains("exceeds usize::MAX"));
}

#[test]
fn it_is_shown_by_its_counts() {
    let mut memory = [0; 4];
    let mut buf = ReadBuf::new(&mut memory);
    buf.put_slice(b"tea");
    assert_eq!(format!("{buf:?}"), "ReadBuf { filled: 3, initialized: 4, capacity: 4 }");
}

#[cfg(feature = "bytes")]
#[test]
fn it_takes_bytes_as_other_buffers_do() {
    use bytes::BufMut;
    let mut memory = [MaybeUninit::uninit(); 8];
    let mut buf = ReadBuf::uninit(&mut memory);
    buf.put_u16(0x7465);
    BufMut::put_slice(&mut buf, b"a");
    assert_eq!(buf.filled(), b"tea");
    assert_eq!((buf.remaining_mut(), buf.chunk_mut().len()), (5, 5));
    buf.chunk_mut()[..3].copy_from_slice(b"pot");
    // SAFETY: three bytes have been written.
    unsafe { buf.advance_mut(3) };
    assert_eq!((buf.filled(), buf.initialized().len()), (&b"teapot"[..], 6));
}
