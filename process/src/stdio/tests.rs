//! Each way of using a stream by itself. `tests/examples/stdio.rs` of the façade has whole programs.

use super::open::{Direction, open};
use super::polled::{How, Polled};
use super::pooled::{Reader, Writer};
use super::sys::status_flags;
use ayi_runtime::runtime::Runtime;
use ayi_runtime::time::sleep;
use std::fs::{self, File, OpenOptions};
use std::future::poll_fn;
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

fn run<T>(body: impl AsyncFnOnce() -> T) -> T {
    Runtime::new().unwrap().block_on(body())
}

/// Makes a pipe in blocking mode, like one from a shell: its ends for reading and for writing.
fn pipe(flags: libc::c_int) -> (File, File) {
    let mut fds = [0; 2];
    // SAFETY: pipe2(2) writes two descriptors, for which there is room.
    assert_eq!(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC | flags) }, 0);
    // SAFETY: pipe2(2) has just made these descriptors, nobody else owns them.
    let [read, write] = fds.map(|fd| File::from(unsafe { OwnedFd::from_raw_fd(fd) }));
    (read, write)
}

fn socket_pair() -> (File, File) {
    let (a, b) = UnixStream::pair().unwrap();
    (OwnedFd::from(a).into(), OwnedFd::from(b).into())
}

fn is_blocking(file: &File) -> bool {
    status_flags(file.as_fd()).unwrap() & libc::O_NONBLOCK == 0
}

/// Opens it like a standard stream, and returns how it is used.
fn opened(file: &File, direction: Direction) -> (File, Option<How>) {
    open(file.try_clone().unwrap(), direction).unwrap()
}

/// Runs `test` with each kind of pipe or socket end, and the other end.
fn each_way(direction: Direction, mut test: impl FnMut(Polled, File)) {
    for how in [How::OwnDescription, How::EachCall, How::AfterPoll] {
        let (read, write) = if how == How::EachCall { socket_pair() } else { pipe(0) };
        let (ours, theirs) = if direction == Direction::Read { (read, write) } else { (write, read) };
        let (file, found) = opened(&ours, direction);
        let file = match how {
            How::AfterPoll => ours.try_clone().unwrap(),
            _ => {
                assert_eq!(found, Some(how));
                file
            }
        };
        assert!(how != How::OwnDescription || !is_blocking(&file));
        test(Polled::new(file, how), theirs);
        assert!(is_blocking(&ours), "{how:?}");
    }
}

fn poll_read(polled: &Polled, buf: &mut [u8]) -> Poll<std::io::Result<usize>> {
    polled.poll_read(&mut Context::from_waker(Waker::noop()), buf)
}

#[test]
fn a_read_waits_takes_what_there_is_and_sees_the_end() {
    each_way(Direction::Read, |polled, mut peer| {
        run(async || {
            let mut buf = [0; 8];
            for _ in 0..3 {
                assert!(poll_read(&polled, &mut buf).is_pending());
                peer.write_all(b"tea").unwrap();
                assert_eq!(poll_fn(|cx| polled.poll_read(cx, &mut buf)).await.unwrap(), 3);
                assert_eq!(&buf[..3], b"tea");
            }
            assert_eq!(poll_fn(|cx| polled.poll_read(cx, &mut [])).await.unwrap(), 0);
            // It is written from another thread, while this one sleeps.
            let writing = thread::spawn(move || peer.write_all(b"more"));
            assert_eq!(poll_fn(|cx| polled.poll_read(cx, &mut buf)).await.unwrap(), 4);
            writing.join().unwrap().unwrap();
            assert_eq!(poll_fn(|cx| polled.poll_read(cx, &mut buf)).await.unwrap(), 0);
        });
    });
}

#[test]
fn what_another_process_takes_first_is_waited_for_again() {
    each_way(Direction::Read, |polled, mut peer| {
        let mut rival = polled.file.try_clone().unwrap();
        run(async || {
            let mut buf = [0; 8];
            assert!(poll_read(&polled, &mut buf).is_pending());
            peer.write_all(b"one").unwrap();
            // The report comes, and then there is nothing to read.
            sleep(Duration::from_nanos(1)).await;
            assert_eq!(rival.read(&mut buf).unwrap(), 3);
            assert!(poll_read(&polled, &mut buf).is_pending());
            peer.write_all(b"two!").unwrap();
            assert_eq!(poll_fn(|cx| polled.poll_read(cx, &mut buf)).await.unwrap(), 4);
        });
    });
}

#[test]
fn a_write_waits_for_room_and_all_arrives_in_order() {
    let data: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    each_way(Direction::Write, |polled, mut peer| {
        run(async || {
            let mut written = 0;
            while let Poll::Ready(n) =
                polled.poll_write(&mut Context::from_waker(Waker::noop()), &data[written..])
            {
                written += n.unwrap();
            }
            assert!(0 < written && written < data.len());
            let mut got = vec![0; data.len()];
            let reading = thread::spawn(move || peer.read_exact(&mut got).map(|()| got));
            while written < data.len() {
                written += poll_fn(|cx| polled.poll_write(cx, &data[written..])).await.unwrap();
            }
            assert!(reading.join().unwrap().unwrap() == data);
        });
    });
}

#[test]
fn a_write_that_nobody_will_read_is_an_error() {
    each_way(Direction::Write, |polled, peer| {
        drop(peer);
        run(async || {
            let error = poll_fn(|cx| polled.poll_write(cx, b"tea")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        });
    });
}

#[test]
fn a_stream_that_goes_leaves_nothing_in_epoll() {
    // The same number, and the same file description, are registered again.
    let (read, mut write) = pipe(0);
    run(async || {
        for _ in 0..3 {
            let polled = Polled::new(read.try_clone().unwrap(), How::AfterPoll);
            let mut buf = [0; 8];
            assert!(poll_read(&polled, &mut buf).is_pending());
            write.write_all(b"tea").unwrap();
            assert_eq!(poll_fn(|cx| polled.poll_read(cx, &mut buf)).await.unwrap(), 3);
        }
    });
}

#[test]
fn packets_stay_packets() {
    let (mut read, write) = pipe(libc::O_DIRECT);
    let (file, how) = opened(&write, Direction::Write);
    run(async || {
        let polled = Polled::new(file, how.unwrap());
        for packet in ["one", "two"] {
            poll_fn(|cx| polled.poll_write(cx, packet.as_bytes())).await.unwrap();
        }
        assert_eq!(read.read(&mut [0; 8]).unwrap(), 3);
    });
}

#[test]
fn a_descriptor_for_the_other_direction_does_not_get_more_rights() {
    let (read, write) = pipe(0);
    run(async || {
        let (file, how) = opened(&write, Direction::Read);
        let polled = Polled::new(file, how.unwrap());
        // To poll(2), the writing end of a pipe has nothing to read before the other end is gone.
        assert!(poll_read(&polled, &mut [0; 8]).is_pending());
        drop(read);
        let error = poll_fn(|cx| polled.poll_read(cx, &mut [0; 8])).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
    });
}

#[test]
fn which_way_the_others_take() {
    let file = File::open("Cargo.toml").unwrap();
    assert_eq!(opened(&file, Direction::Read).1, None);
    let null = OpenOptions::new().read(true).write(true).open("/dev/null").unwrap();
    assert_eq!(opened(&null, Direction::Write).1, Some(How::AfterPoll));
    // Opening this one again would make another terminal.
    if let Ok(terminal) = OpenOptions::new().read(true).write(true).open("/dev/ptmx") {
        assert_eq!(opened(&terminal, Direction::Read).1, Some(How::AfterPoll));
    }
    run(async || {
        let (file, how) = opened(&null, Direction::Write);
        let polled = Polled::new(file, how.unwrap());
        assert_eq!(poll_fn(|cx| polled.poll_write(cx, b"tea")).await.unwrap(), 3);
        assert_eq!(poll_fn(|cx| polled.poll_read(cx, &mut [0; 8])).await.unwrap(), 0);
    });
}

/// A file that is removed at the end.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, content: &[u8]) -> (Temporary, File) {
        let path = std::env::temp_dir().join(format!("ayi-process-{}-{name}", std::process::id()));
        fs::write(&path, content).unwrap();
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        (Temporary(path), file)
    }

    fn content(&self) -> Vec<u8> {
        fs::read(&self.0).unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_file_is_read_as_far_as_it_was_asked_for() {
    let (_temporary, mut file) = Temporary::new("read", b"hello, world");
    let mut reader = Reader::new(file.try_clone().unwrap());
    run(async || {
        let mut buf = [0; 5];
        // A read that is given up loses nothing, whichever reader is next.
        assert!(reader.poll_read(&mut Context::from_waker(Waker::noop()), &mut buf).is_pending());
        let mut small = [0; 2];
        assert_eq!(poll_fn(|cx| reader.poll_read(cx, &mut small)).await.unwrap(), 2);
        assert_eq!(&small, b"he");
        assert_eq!(poll_fn(|cx| reader.poll_read(cx, &mut buf)).await.unwrap(), 3);
        assert_eq!(&buf[..3], b"llo");
        assert_eq!(file.stream_position().unwrap(), 5);
        assert_eq!(poll_fn(|cx| reader.poll_read(cx, &mut [])).await.unwrap(), 0);
        let mut rest = [0; 100];
        assert_eq!(poll_fn(|cx| reader.poll_read(cx, &mut rest)).await.unwrap(), 7);
        assert_eq!(poll_fn(|cx| reader.poll_read(cx, &mut rest)).await.unwrap(), 0);
        // The file has grown.
        file.write_all(b"!").unwrap();
        file.seek_relative(-1).unwrap();
        assert_eq!(poll_fn(|cx| reader.poll_read(cx, &mut rest)).await.unwrap(), 1);
    });
    // Outside a runtime it returns an error, and continues later.
    let outside = reader.poll_read(&mut Context::from_waker(Waker::noop()), &mut [0; 5]);
    let Poll::Ready(Err(error)) = outside else { panic!("{outside:?}") };
    assert!(error.to_string().contains("there is no ayi runtime on this thread"), "{error}");
    file.rewind().unwrap();
    run(async || {
        assert_eq!(poll_fn(|cx| reader.poll_read(cx, &mut [0; 5])).await.unwrap(), 5);
    });
}

#[test]
fn a_file_that_is_written_to_has_all_after_a_flush() {
    let (temporary, file) = Temporary::new("flush", b"");
    let mut writer = Writer::new(file);
    let data: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    run(async || {
        let mut written = 0;
        while written < data.len() {
            written += poll_fn(|cx| writer.poll_write(cx, &data[written..])).await.unwrap();
        }
        poll_fn(|cx| writer.poll_flush(cx)).await.unwrap();
        assert!(temporary.content() == data);
    });
    // Outside a runtime it returns an error, and has accepted nothing.
    let outside = writer.poll_write(&mut Context::from_waker(Waker::noop()), b"x");
    let Poll::Ready(Err(error)) = outside else { panic!("{outside:?}") };
    assert!(error.to_string().contains("there is no ayi runtime on this thread"), "{error}");
    drop(writer);
    assert_eq!(temporary.content().len(), data.len());
}

#[test]
fn what_a_writer_has_accepted_is_written_whoever_goes_first() {
    // The stream is dropped, with the pool busy or idle;
    let (temporary, file) = Temporary::new("drop", b"");
    for round in 1..=100 {
        run(async || {
            let mut writer = Writer::new(file.try_clone().unwrap());
            assert_eq!(poll_fn(|cx| writer.poll_write(cx, b"tea\n")).await.unwrap(), 4);
            drop(writer);
            assert_eq!(temporary.content().len(), 4 * round);
        });
    }
    // or the runtime, before the pool's only thread has got to it.
    let (temporary, file) = Temporary::new("runtime", b"");
    let mut writer = Writer::new(file);
    let runtime =
        ayi_runtime::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    runtime.spawn_blocking(move || wait.recv());
    runtime.block_on(poll_fn(|cx| writer.poll_write(cx, b"tea"))).unwrap();
    runtime.shutdown_background();
    assert_eq!(temporary.content(), b"");
    run(async || poll_fn(|cx| writer.poll_flush(cx)).await).unwrap();
    assert_eq!(temporary.content(), b"tea");
    drop(go);
}

#[test]
fn an_error_of_the_pool_comes_with_the_next_operation_once() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut writer = Writer::new(full);
    run(async || {
        for _ in 0..2 {
            assert_eq!(poll_fn(|cx| writer.poll_write(cx, b"tea")).await.unwrap(), 3);
            let error = poll_fn(|cx| writer.poll_flush(cx)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StorageFull);
            poll_fn(|cx| writer.poll_flush(cx)).await.unwrap();
        }
    });
}
