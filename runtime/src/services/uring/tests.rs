//! Operations as file types do not use them.

use super::{Operation, Resources, submit};
use crate::runtime::Runtime;
use io_uring::{opcode, types};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::thread;

/// What a read owns, and who is told what it has come to if nobody waits for it.
struct Buffer {
    bytes: Box<[u8; 8]>,
    _stream: UnixStream,
    told: mpsc::Sender<i32>,
}

impl Resources for Buffer {
    fn abandoned(self: Box<Self>, result: i32) {
        let _ = self.told.send(result);
    }
}

/// Begins to read from a stream, into which nothing has been written. `None`: this machine has no io_uring.
fn read(rt: &Runtime) -> Option<(Operation<Buffer>, UnixStream, mpsc::Receiver<i32>)> {
    let (stream, writer) = UnixStream::pair().unwrap();
    let (told, news) = mpsc::channel();
    let fd = types::Fd(stream.as_raw_fd());
    let mut buffer = Buffer { bytes: Box::new([0; 8]), _stream: stream, told };
    let entry = opcode::Read::new(fd, buffer.bytes.as_mut_ptr(), 8).offset(u64::MAX).build();
    let _inside = rt.enter();
    // SAFETY: the bytes are on the heap, and belong to the buffer.
    let operation = unsafe { submit(entry, 8, buffer) }.ok()?;
    Some((operation, writer, news))
}

fn poll(operation: &mut Operation<Buffer>) -> Poll<(std::io::Result<u32>, Option<Buffer>)> {
    Pin::new(operation).poll(&mut Context::from_waker(Waker::noop()))
}

fn turn(rt: &Runtime) {
    rt.block_on(crate::time::sleep(crate::time::Duration::from_nanos(1)));
}

/// Before the first poll there or after it, and with the message under way when it is dropped.
#[test]
fn what_is_made_lasting_elsewhere_is_not_cancelled_by_a_drop() {
    for (polls_before, is_lasting, is_told) in
        [(0, true, true), (1, true, true), (1, true, false), (0, true, false), (1, false, true)]
    {
        let rt = Runtime::new().unwrap();
        let Some((mut operation, mut writer, news)) = read(&rt) else { return };
        turn(&rt);
        let thread = thread::spawn(move || {
            for _ in 0..polls_before {
                assert!(poll(&mut operation).is_pending());
            }
            if is_lasting {
                operation.make_lasting();
            }
            operation
        });
        let operation = thread.join().unwrap();
        if is_told {
            turn(&rt);
        }
        thread::spawn(move || drop(operation)).join().unwrap();
        turn(&rt);
        turn(&rt);
        // One that is cancelled has been settled by now, and nobody reads.
        let _ = writer.write_all(b"tea");
        let result = loop {
            turn(&rt);
            if let Ok(result) = news.try_recv() {
                break result;
            }
        };
        let case = (polls_before, is_lasting, is_told);
        assert_eq!(result, if is_lasting { 3 } else { -libc::ECANCELED }, "{case:?}");
    }
}

/// The end waits for what is lasting, also if it was made so elsewhere, and it is not too late then.
#[test]
fn what_is_made_lasting_elsewhere_is_not_cancelled_by_the_end() {
    for is_lasting in [true, false] {
        let rt = Runtime::new().unwrap();
        let Some((mut operation, mut writer, _news)) = read(&rt) else { return };
        turn(&rt);
        let thread = thread::spawn(move || {
            assert!(poll(&mut operation).is_pending());
            if is_lasting {
                operation.make_lasting();
            }
            operation
        });
        let mut operation = thread.join().unwrap();
        let writing = thread::spawn(move || {
            thread::sleep(std::time::Duration::from_millis(100));
            writer.write_all(b"tea").unwrap();
            writer
        });
        drop(rt);
        operation.make_lasting();
        let Poll::Ready((result, buffer)) = poll(&mut operation) else { panic!("the runtime has ended") };
        if is_lasting {
            assert_eq!((result.unwrap(), &buffer.unwrap().bytes[..3]), (3, &b"tea"[..]));
        } else {
            assert!(result.unwrap_err().to_string().contains("was shut down before"));
            assert!(buffer.is_some());
        }
        writing.join().unwrap();
    }
}

/// The kernel still has the buffer.
#[test]
fn an_operation_that_outlasts_the_end_has_no_resources() {
    // Each end waits for two seconds.
    let outlast = |is_polled: bool| {
        let rt = Runtime::new().unwrap();
        let Some((mut operation, _writer, _news)) = read(&rt) else { return };
        let inside = rt.enter();
        operation.make_lasting();
        drop(inside);
        turn(&rt);
        let thread = thread::spawn(move || {
            assert!(!is_polled || poll(&mut operation).is_pending());
            operation
        });
        let mut operation = thread.join().unwrap();
        drop(rt);
        let Poll::Ready((result, buffer)) = poll(&mut operation) else { panic!("the runtime has ended") };
        assert!(result.unwrap_err().to_string().contains("in the middle"));
        assert!(buffer.is_none());
    };
    thread::scope(|scope| {
        scope.spawn(|| outlast(true));
        outlast(false);
    });
}
