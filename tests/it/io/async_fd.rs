//! Descriptors that are not ayi's sockets, in `AsyncFd`.

use crate::support::{Wakes, poll_once, poll_with, run, turn};
use ayi::io::{Interest, unix::AsyncFd};
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::rc::Rc;

/// Takes the descriptor that a system call has just made.
fn made(fd: libc::c_int) -> File {
    assert!(fd >= 0, "{}", io::Error::last_os_error());
    // SAFETY: the call has just made it, so nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(fd) }.into()
}

/// Makes a pipe with both ends non-blocking.
fn pipe() -> (AsyncFd<File>, AsyncFd<File>) {
    let mut fds = [0; 2];
    // SAFETY: room for two descriptors.
    assert_eq!(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_NONBLOCK | libc::O_CLOEXEC) }, 0);
    let [reader, writer] = fds.map(|fd| AsyncFd::new(made(fd)).unwrap());
    (reader, writer)
}

async fn read(fd: &AsyncFd<File>, buf: &mut [u8]) -> io::Result<usize> {
    fd.async_io(Interest::READABLE, |mut file| file.read(buf)).await
}

async fn write(fd: &AsyncFd<File>, buf: &[u8]) -> io::Result<usize> {
    fd.async_io(Interest::WRITABLE, |mut file| file.write(buf)).await
}

/// Writes until there is no room, and returns how much.
fn fill(fd: &AsyncFd<File>) -> usize {
    std::iter::from_fn(|| fd.get_ref().write(&[7; 4096]).ok()).sum()
}

fn pair() -> (UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (ours, theirs)
}

#[test]
fn a_borrowed_descriptor_can_be_registered_again_after_the_drop() {
    run(async || {
        let (ours, mut theirs) = pair();
        drop(AsyncFd::new(ours.as_fd()).unwrap());
        drop(AsyncFd::new(Box::new(ours.as_fd())).unwrap());
        let ours = Rc::new(ours);
        drop(AsyncFd::new(ours.clone()).unwrap());
        let again = AsyncFd::new(ours).unwrap();
        let mut readable = pin!(again.readable());
        assert!(poll_once(readable.as_mut()).is_pending());
        theirs.write_all(b"x").unwrap();
        assert!(readable.await.unwrap().ready().is_readable());
    });
}

#[test]
fn a_regular_file_is_refused_with_the_reason_and_the_remedy() {
    run(async || {
        let error = AsyncFd::new(File::open("Cargo.toml").unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("spawn_blocking"), "{error}");
    });
}

/// Nobody has a FIFO open for writing: it is hung up. Then it is opened again: it is no longer hung up, and it is
/// empty.
#[test]
fn a_hang_up_that_is_over_does_not_count_as_ready_for_ever() {
    run(async || {
        let path = std::env::temp_dir().join(format!("ayi-test-fifo-{}", std::process::id()));
        let name = CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: a null-terminated path that outlives the call.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        let open_to_write = || OpenOptions::new().write(true).open(&path).unwrap();
        let reader = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        let reader = AsyncFd::new(reader).unwrap();
        let read = |fd: &AsyncFd<File>| fd.get_ref().read(&mut [0; 8]);

        drop(open_to_write());
        assert_eq!(reader.readable().await.unwrap().try_io(read).unwrap().unwrap(), 0);
        let mut writer = open_to_write();
        std::fs::remove_file(&path).unwrap();
        assert!(reader.readable().await.unwrap().try_io(read).is_err(), "open and empty: would block");
        let mut readable = pin!(reader.readable());
        assert!(poll_once(readable.as_mut()).is_pending(), "this is a busy loop");
        writer.write_all(b"water").unwrap();
        assert_eq!(readable.await.unwrap().try_io(read).unwrap().unwrap(), 5);
    });
}

#[test]
fn a_pipe_whose_reader_is_slow() {
    run(async || {
        let (reader, writer) = pipe();
        for _ in 0..3 {
            let filled = fill(&writer);
            let mut last = pin!(write(&writer, b"water"));
            assert!(poll_once(last.as_mut()).is_pending());
            let mut buf = vec![0; filled];
            assert_eq!(read(&reader, &mut buf).await.unwrap(), filled);
            assert_eq!(last.await.unwrap(), 5);
            assert_eq!(read(&reader, &mut buf).await.unwrap(), 5);
            assert!(poll_once(pin!(read(&reader, &mut buf))).is_pending());
        }
    });
}

#[test]
fn the_other_end_of_a_pipe_is_closed() {
    run(async || {
        // A task that waits to read finds the end, after what is left.
        for left in [&b""[..], b"water"] {
            let (reader, writer) = pipe();
            let (wakes, waker) = Wakes::new();
            let mut buf = [0; 8];
            let mut end = Box::pin(read(&reader, &mut buf));
            assert!(poll_with(end.as_mut(), &waker).is_pending());
            assert_eq!(writer.get_ref().write(left).unwrap(), left.len());
            drop(writer);
            turn().await;
            assert!(wakes.count() > 0);
            assert_eq!(end.await.unwrap(), left.len());
            assert!(reader.readable().await.unwrap().ready().is_read_closed());
            assert_eq!(read(&reader, &mut buf).await.unwrap(), 0);
        }
        // A task that waits to write learns that nobody reads.
        let (reader, writer) = pipe();
        fill(&writer);
        let mut last = pin!(write(&writer, b"water"));
        assert!(poll_once(last.as_mut()).is_pending());
        drop(reader);
        assert_eq!(last.await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(write(&writer, b"water").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

/// An eventfd is a counter. It is readable while it is not zero, and reading sets it to zero. A write before the read
/// is one event or two.
#[test]
fn an_eventfd() {
    run(async || {
        // SAFETY: takes no pointers.
        let fd = made(unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) });
        let fd = AsyncFd::new(fd).unwrap();
        for (adds, sum) in [(&[1u64][..], 1), (&[2, 3], 5), (&[4], 4)] {
            let mut value = [0; 8];
            let mut reading = Box::pin(read(&fd, &mut value));
            assert!(poll_once(reading.as_mut()).is_pending());
            for add in adds {
                assert_eq!(write(&fd, &add.to_ne_bytes()).await.unwrap(), 8);
            }
            assert_eq!(reading.await.unwrap(), 8);
            assert_eq!(u64::from_ne_bytes(value), sum);
        }
    });
}

#[test]
fn a_timerfd() {
    run(async || {
        let flags = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
        // SAFETY: takes no pointers.
        let fd = AsyncFd::new(made(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })).unwrap();
        let ms = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
        let every = libc::itimerspec { it_interval: ms, it_value: ms };
        // SAFETY: a readable itimerspec; the old one is not asked for.
        let result =
            unsafe { libc::timerfd_settime(fd.as_fd().as_raw_fd(), 0, &every, std::ptr::null_mut()) };
        assert_eq!(result, 0);
        let mut ticks = 0;
        while ticks < 5 {
            let mut count = [0; 8];
            assert_eq!(read(&fd, &mut count).await.unwrap(), 8);
            ticks += u64::from_ne_bytes(count);
        }
    });
}

#[test]
fn inotify() {
    run(async || {
        let path = std::env::temp_dir().join(format!("ayi-test-inotify-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        let name = CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: takes no pointers.
        let fd = made(unsafe { libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC) });
        // SAFETY: a null-terminated path that outlives the call.
        assert!(unsafe { libc::inotify_add_watch(fd.as_raw_fd(), name.as_ptr(), libc::IN_CREATE) } >= 0);
        let fd = AsyncFd::new(fd).unwrap();
        for file in ["first", "second"] {
            let mut events = [0; 512];
            let mut reading = Box::pin(read(&fd, &mut events));
            assert!(poll_once(reading.as_mut()).is_pending());
            File::create(path.join(file)).unwrap();
            let n = reading.await.unwrap();
            let text = String::from_utf8_lossy(&events[..n]);
            assert!(text.contains(file), "{text:?}");
        }
        std::fs::remove_dir_all(&path).unwrap();
    });
}

#[test]
fn registered_twice() {
    run(async || {
        let (ours, mut theirs) = pair();
        let first = AsyncFd::new(ours.as_fd()).unwrap();
        let error = AsyncFd::new(ours.as_raw_fd()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        // The first is unchanged. A duplicate is another descriptor, and gets its own reports.
        let other = AsyncFd::new(ours.try_clone().unwrap()).unwrap();
        let (mut one, mut two) = (pin!(first.readable()), pin!(other.readable()));
        assert!(poll_once(one.as_mut()).is_pending() && poll_once(two.as_mut()).is_pending());
        theirs.write_all(b"x").unwrap();
        assert!(one.await.unwrap().ready().is_readable());
        assert!(two.await.unwrap().ready().is_readable());
    });
}

#[test]
fn guards_say_when_it_is_ready_no_more() {
    run(async || {
        let (reader, writer) = pipe();
        writer.get_ref().write_all(b"water").unwrap();
        let read_two = |fd: &AsyncFd<File>| fd.get_ref().read(&mut [0; 2]);
        // A guard that is only dropped changes nothing.
        for _ in 0..3 {
            assert!(reader.readable().await.unwrap().ready().is_readable());
        }
        for expected in [Some(2), Some(2), Some(1), None] {
            let mut guard = reader.readable().await.unwrap();
            assert!(std::ptr::eq(guard.get_ref(), &reader));
            let found = guard.try_io(read_two).map(|result| result.unwrap());
            assert_eq!(found.as_ref().ok(), expected.as_ref());
            if let Err(error) = found {
                assert!(error.to_string().contains("wait for readiness again"), "{error}");
            }
        }
        let (wakes, waker) = Wakes::new();
        let mut readable = pin!(reader.readable());
        assert!(poll_with(readable.as_mut(), &waker).is_pending());
        // Errors other than WouldBlock are passed on, and leave it ready. The same holds for the other direction.
        let error = io::Error::from(ErrorKind::Other);
        let mut writable = writer.writable().await.unwrap();
        assert_eq!(writable.try_io(|_| Err::<(), _>(error)).unwrap().unwrap_err().kind(), ErrorKind::Other);
        assert!(poll_once(pin!(writer.writable())).is_ready());
        writer.get_ref().write_all(b"x").unwrap();
        turn().await;
        assert_eq!(wakes.count(), 1);
        let mut guard = readable.await.unwrap();
        // It is cleared by hand: the next report is for the next byte.
        assert_eq!(reader.get_ref().read(&mut [0; 8]).unwrap(), 1);
        guard.clear_ready();
        let mut readable = pin!(reader.readable());
        assert!(poll_once(readable.as_mut()).is_pending());
        writer.get_ref().write_all(b"x").unwrap();
        assert!(readable.await.unwrap().ready().is_readable());
    });
}

#[test]
fn taken_apart_and_put_together_and_dropped() {
    run(async || {
        let (ours, mut theirs) = pair();
        let mut fd = AsyncFd::new(ours).unwrap();
        for _ in 0..3 {
            // What the previous one had been told is forgotten.
            fd = AsyncFd::new(fd.into_inner()).unwrap();
            let mut readable = Box::pin(fd.readable());
            assert!(poll_once(readable.as_mut()).is_pending());
            theirs.write_all(b"x").unwrap();
            drop(readable.await.unwrap());
            assert_eq!(fd.get_mut().read(&mut [0; 8]).unwrap(), 1);
        }
        drop(fd);
        assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn outside_of_a_runtime() {
    let (ours, _theirs) = pair();
    let error = AsyncFd::new(ours).unwrap_err();
    assert!(error.to_string().contains("no ayi runtime on this thread"), "{error}");
}
