//! Operations that are polled, or dropped, in another runtime than the one in which they were made, or in none.

use super::support::{Folder, Random, descriptors, pipe, runtime};
use crate::support::{Wakes, foreign_block_on, in_a_child, poll_once, poll_with, turn, watched};
use ayi::fs::File;
use ayi::io::AsyncWriteExt;
use ayi::runtime::Runtime;
use ayi::sync::oneshot;
use std::future::Future;
use std::io::{self, Read, Write};
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

type Reading = Pin<Box<dyn Future<Output = (io::Result<usize>, Vec<u8>)> + Send>>;

/// Runs `body` for runtimes with io_uring, if this machine has it, and for such without.
#[track_caller]
fn both(body: impl Fn(bool)) {
    for io_uring in [has_ring(), false] {
        watched(|| body(io_uring));
    }
}

fn has_ring() -> bool {
    let rt = runtime(true);
    rt.block_on(File::open("/dev/null")).unwrap();
    rt.handle().metrics().uses_io_uring() == Some(true)
}

/// Begins a read in the runtime. It does not end before something is written to the pipe.
fn begin_reading(rt: &Runtime, pipe: std::fs::File) -> Reading {
    let file = File::from(pipe);
    let mut reading: Reading = Box::pin(async move { file.read_at(Vec::with_capacity(100), 0).await });
    rt.block_on(async {
        assert!(poll_once(reading.as_mut()).is_pending());
        // The kernel has it.
        turn().await;
    });
    reading
}

/// A runtime that another thread runs, until it is told to end.
struct Running {
    end: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Begins `count` reads of pipes in a runtime that goes on running on a thread of its own.
fn reading_there(io_uring: bool, pipes: Vec<std::fs::File>) -> (Vec<Reading>, Running) {
    let (end, ended) = oneshot::channel();
    let (send, receive) = mpsc::channel();
    let thread = thread::spawn(move || {
        let rt = runtime(io_uring);
        pipes.into_iter().for_each(|pipe| send.send(begin_reading(&rt, pipe)).unwrap());
        drop(send);
        let _ = rt.block_on(ended);
    });
    (receive.into_iter().collect(), Running { end, thread })
}

fn one_there(io_uring: bool, pipe: std::fs::File) -> (Reading, Running) {
    let (mut all, running) = reading_there(io_uring, vec![pipe]);
    (all.pop().unwrap(), running)
}

impl Running {
    fn end(self) {
        self.end.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

#[track_caller]
fn assert_read((result, buf): (io::Result<usize>, Vec<u8>), expected: &[u8]) {
    assert_eq!((result.unwrap(), &*buf), (expected.len(), expected));
}

#[test]
fn a_runtime_that_runs_gives_the_result_to_another_one() {
    both(|io_uring| {
        let (reader, mut writer) = pipe();
        let (mut reading, there) = one_there(io_uring, reader);
        runtime(io_uring).block_on(async {
            assert!(poll_once(reading.as_mut()).is_pending());
            writer.write_all(b"there").unwrap();
            assert_read(reading.await, b"there");
        });
        there.end();
    });
}

/// It sleeps without a time limit when the result comes.
#[test]
fn a_runtime_that_runs_gives_the_result_to_a_foreign_executor() {
    both(|io_uring| {
        for round in 0..50u8 {
            let (reader, mut writer) = pipe();
            let (reading, there) = one_there(io_uring, reader);
            let writing = thread::spawn(move || {
                if round % 2 == 0 {
                    thread::sleep(Duration::from_millis(1));
                }
                writer.write_all(&[round; 7]).unwrap();
            });
            assert_read(foreign_block_on(reading), &[round; 7]);
            writing.join().unwrap();
            there.end();
        }
    });
}

#[test]
fn what_is_done_already_is_given_at_the_first_question() {
    both(|io_uring| {
        let (reader, mut writer) = pipe();
        writer.write_all(b"early").unwrap();
        let (reading, there) = one_there(io_uring, reader);
        assert_read(foreign_block_on(reading), b"early");
        there.end();
    });
}

/// Nobody is in `block_on` of the runtime that has it. It is done in the next one.
#[test]
fn a_runtime_that_is_idle_gives_the_result_when_it_runs_again() {
    both(|io_uring| {
        let (reader, mut writer) = pipe();
        let (rt, other) = (runtime(io_uring), runtime(io_uring));
        let mut reading = begin_reading(&rt, reader);
        let (wakes, waker) = Wakes::new();
        other.block_on(async { assert!(poll_with(reading.as_mut(), &waker).is_pending()) });
        writer.write_all(b"idle").unwrap();
        if io_uring {
            other.block_on(async {
                turn().await;
                assert!(poll_with(reading.as_mut(), &waker).is_pending());
            });
            assert_eq!(wakes.count(), 0);
        }
        rt.block_on(async {
            while wakes.count() == 0 {
                turn().await;
            }
        });
        assert_read(other.block_on(reading), b"idle");
    });
}

/// Likewise, and the other one waits on a thread of its own.
#[test]
fn a_foreign_executor_waits_for_a_runtime_that_is_idle() {
    both(|io_uring| {
        let (reader, mut writer) = pipe();
        let rt = runtime(io_uring);
        let mut reading = begin_reading(&rt, reader);
        let (asked, has_asked) = mpsc::channel();
        let thread = thread::spawn(move || {
            assert!(poll_once(reading.as_mut()).is_pending());
            asked.send(()).unwrap();
            foreign_block_on(reading)
        });
        has_asked.recv().unwrap();
        writer.write_all(b"idle").unwrap();
        rt.block_on(async {
            while !thread.is_finished() {
                turn().await;
            }
        });
        assert_read(thread.join().unwrap(), b"idle");
    });
}

/// As it is for futures that stay: one that the end has cancelled says so, with its buffer, and one that was done before
/// has its result.
#[test]
fn after_the_end_the_result_is_what_it_was_then() {
    both(|io_uring| {
        for is_done in [true, false] {
            let (reader, mut writer) = pipe();
            let rt = runtime(io_uring);
            let mut reading = begin_reading(&rt, reader);
            if is_done {
                writer.write_all(b"done").unwrap();
                let begin = Instant::now();
                // The pool needs some time.
                while begin.elapsed() < Duration::from_millis(20) {
                    rt.block_on(turn());
                }
            }
            rt.shutdown_timeout(Duration::from_millis(10));
            let read = thread::spawn(move || poll_once(reading.as_mut())).join().unwrap();
            let Poll::Ready(read) = read else { panic!("it has ended") };
            if is_done {
                assert_read(read, b"done");
            } else {
                assert!(read.0.unwrap_err().to_string().contains("was shut down"));
                assert!(!io_uring || read.1.capacity() >= 100);
            }
        }
    });
}

#[test]
fn who_waits_is_told_of_the_end() {
    both(|io_uring| {
        for is_known in [true, false] {
            let (reader, _writer) = pipe();
            let rt = runtime(io_uring);
            let mut reading = begin_reading(&rt, reader);
            let (asked, has_asked) = mpsc::channel();
            let thread = thread::spawn(move || {
                assert!(poll_once(reading.as_mut()).is_pending());
                asked.send(()).unwrap();
                foreign_block_on(reading)
            });
            has_asked.recv().unwrap();
            if is_known {
                rt.block_on(turn());
            }
            rt.shutdown_timeout(Duration::from_millis(10));
            let (result, buf) = thread.join().unwrap();
            assert!(result.unwrap_err().to_string().contains("was shut down"));
            assert!(!io_uring || buf.capacity() >= 100);
        }
    });
}

/// The waker that was given last, wherever that was.
#[test]
fn the_last_waker_is_woken() {
    both(|io_uring| {
        for places in [[true, false], [false, true], [false, false], [true, true]] {
            let (reader, mut writer) = pipe();
            let rt = runtime(io_uring);
            let mut reading = begin_reading(&rt, reader);
            let mut wakes = Vec::new();
            for is_home in places.into_iter().chain(places) {
                let (count, waker) = Wakes::new();
                wakes.push(count);
                let mut poll = || assert!(poll_with(reading.as_mut(), &waker).is_pending());
                if is_home {
                    rt.block_on(async { poll() });
                } else {
                    thread::scope(|scope| scope.spawn(poll).join().unwrap());
                }
            }
            writer.write_all(b"woken").unwrap();
            rt.block_on(async {
                while wakes[3].count() == 0 {
                    turn().await;
                }
            });
            let counts: Vec<_> = wakes.iter().map(|wakes| wakes.count()).collect();
            // Those of a call on the pool may be under way when it ends, and are woken then.
            assert!(counts == [0, 0, 0, 1] || !io_uring, "{places:?}: {counts:?}");
            assert_read(rt.block_on(reading), b"woken");
        }
    });
}

/// Another runtime of the same thread is the current one.
#[test]
fn two_runtimes_of_one_thread() {
    both(|io_uring| {
        let (reader, mut writer) = pipe();
        let (outer, inner) = (runtime(io_uring), runtime(io_uring));
        let mut readings =
            [begin_reading(&outer, reader.try_clone().unwrap()), begin_reading(&outer, reader)];
        inner.block_on(async { assert!(poll_once(readings[0].as_mut()).is_pending()) });
        writer.write_all(b"both").unwrap();
        drop(writer);
        let mut sum = 0;
        for reading in readings {
            let mut reading = reading;
            loop {
                outer.block_on(turn());
                // Within the guard of the one that has it, and of the other one.
                let _outer = outer.enter();
                let _inner = inner.enter();
                if let Poll::Ready((result, _)) = poll_once(reading.as_mut()) {
                    sum += result.unwrap();
                    break;
                }
            }
        }
        assert_eq!(sum, 4);
    });
}

/// Where it is waited for by `Handle::block_on`, on a thread of its own.
#[test]
fn a_handle_blocks_on_an_operation_of_another_runtime() {
    both(|io_uring| {
        let (reader, mut writer) = pipe();
        let (reading, there) = one_there(io_uring, reader);
        let rt = runtime(io_uring);
        let handle = rt.handle().clone();
        let thread = thread::spawn(move || handle.block_on(reading));
        writer.write_all(b"handle").unwrap();
        assert_read(thread.join().unwrap(), b"handle");
        there.end();
    });
}

/// Writes to a pipe in a runtime that goes on running on a thread of its own, and returns the file before the write is done.
fn writing_there(io_uring: bool, pipe: std::fs::File, bytes: &'static [u8]) -> (File, Running) {
    let (end, ended) = oneshot::channel();
    let (send, receive) = mpsc::channel();
    let thread = thread::spawn(move || {
        runtime(io_uring).block_on(async {
            let mut file = File::from(pipe);
            file.set_max_buf_size(bytes.len());
            assert_eq!(file.write(bytes).await.unwrap(), bytes.len());
            turn().await;
            send.send(file).unwrap();
            ended.await.unwrap();
        });
    });
    (receive.recv().unwrap(), Running { end, thread })
}

fn read_all(mut pipe: std::fs::File) -> Vec<u8> {
    let mut all = Vec::new();
    pipe.read_to_end(&mut all).unwrap();
    all
}

/// A pipe has room for a part. The rest is written although nobody waits for it.
#[test]
fn a_write_that_is_polled_and_dropped_in_another_runtime_goes_on() {
    both(|io_uring| {
        for polls in 0..4 {
            let (reader, writer) = pipe();
            let (mut file, there) = writing_there(io_uring, writer, &[7; 250_000]);
            runtime(io_uring).block_on(async {
                for _ in 0..polls {
                    assert!(poll_once(pin!(file.flush())).is_pending());
                    turn().await;
                }
                drop(file);
                let reading = ayi::task::spawn_blocking(|| read_all(reader));
                assert!(reading.await.unwrap() == [7; 250_000]);
            });
            there.end();
        }
    });
}

/// Likewise where there is no runtime. What has the result already is gone on with by the runtime that has made it.
#[test]
fn a_write_that_is_dropped_in_no_runtime_goes_on() {
    both(|io_uring| {
        for is_polled in [true, false] {
            let (mut reader, mut writer) = pipe();
            writer.write_all(&[6; 65536]).unwrap();
            let (mut file, there) = writing_there(io_uring, writer, &[7; 250_000]);
            let (wakes, waker) = Wakes::new();
            if is_polled {
                assert!(poll_with(pin!(file.flush()), &waker).is_pending());
            }
            reader.read_exact(&mut [0; 65536]).unwrap();
            // Only a ring tells of a part.
            let begin = Instant::now();
            while is_polled && io_uring && wakes.count() == 0 && begin.elapsed() < Duration::from_secs(10) {
                thread::sleep(Duration::from_millis(1));
            }
            drop(file);
            assert!(read_all(reader) == [7; 250_000]);
            there.end();
        }
    });
}

/// A file that is left is written even if the runtime ends at once.
#[test]
fn a_write_that_is_polled_elsewhere_outlives_the_runtime() {
    both(|io_uring| {
        let folder = Folder::new();
        let bytes = Random::new(4).bytes(300_000);
        for is_polled in [true, false] {
            let rt = runtime(io_uring);
            let path = folder.join(format!("{is_polled}"));
            let mut file = rt.block_on(async {
                let mut file = File::create(&path).await.unwrap();
                file.set_max_buf_size(1 << 20);
                assert_eq!(file.write(&bytes).await.unwrap(), bytes.len());
                file
            });
            let thread = thread::spawn(move || {
                if is_polled {
                    let _ = poll_once(pin!(file.flush()));
                }
                drop(file);
            });
            thread.join().unwrap();
            drop(rt);
            assert!(std::fs::read(&path).unwrap() == bytes);
        }
    });
}

/// A buffer that is given up elsewhere is the kernel's until the read is cancelled.
#[test]
fn reads_that_are_dropped_elsewhere_take_nothing() {
    // A thread of the pool is not cancelled.
    if !has_ring() {
        return crate::support::skipped("this machine has no io_uring");
    }
    for round in 0..20usize {
        watched(|| {
            let (reader, mut writer) = pipe();
            let pipes = (0..10).map(|_| reader.try_clone().unwrap()).collect();
            let (readings, there) = reading_there(true, pipes);
            for mut reading in readings {
                for _ in 0..round % 3 {
                    assert!(poll_once(reading.as_mut()).is_pending());
                }
                drop(reading);
            }
            // The requests to cancel have been made when the runtime has ended.
            there.end();
            let others = vec![vec![round as u8; 100]; 40];
            writer.write_all(&[0xee; 64]).unwrap();
            let mut buf = [0; 100];
            assert_eq!((&reader).read(&mut buf).unwrap(), 64);
            assert!(others.concat().iter().all(|&byte| byte == round as u8));
        });
    }
}

/// Files that are opened for nobody are closed.
#[test]
fn opens_that_are_polled_and_dropped_elsewhere_leave_nothing_open() {
    // Other tests open files, too.
    if !in_a_child(module_path!(), "opens_that_are_polled_and_dropped_elsewhere_leave_nothing_open") {
        return;
    }
    both(|io_uring| {
        let folder = Folder::new();
        let path = folder.file("file", "contents");
        let rt = runtime(io_uring);
        rt.block_on(File::open(&path)).unwrap();
        let before = descriptors();
        for round in 0..60 {
            let mut opening = Vec::new();
            rt.block_on(async {
                for _ in 0..10 {
                    let mut open = Box::pin(File::open(path.clone()));
                    assert!(poll_once(open.as_mut()).is_pending());
                    opening.push(open);
                }
                if round % 2 == 0 {
                    turn().await;
                }
            });
            let thread = thread::spawn(move || {
                for (n, mut open) in opening.into_iter().enumerate() {
                    if n % 3 > 0 && poll_once(open.as_mut()).is_pending() && n % 3 == 2 {
                        let _ = poll_once(open.as_mut());
                    }
                }
            });
            if round % 3 > 0 {
                // While they are dropped, and not only after.
                rt.block_on(turn());
            }
            thread.join().unwrap();
        }
        rt.block_on(async {
            while descriptors() > before {
                turn().await;
            }
        });
        drop(rt);
        let before = descriptors();
        // Some are left for the end, which comes at the same time.
        for round in 0..40 {
            let rt = runtime(io_uring);
            let mut opening = Vec::new();
            rt.block_on(async {
                for _ in 0..10 {
                    let mut open = Box::pin(File::open(path.clone()));
                    assert!(poll_once(open.as_mut()).is_pending());
                    opening.push(open);
                }
            });
            let thread = thread::spawn(move || {
                for (n, mut open) in opening.into_iter().enumerate() {
                    if (n + round) % 2 == 0 {
                        let _ = poll_once(open.as_mut());
                    }
                }
            });
            drop(rt);
            thread.join().unwrap();
        }
        assert!(descriptors() <= before, "io_uring: {io_uring}");
    });
}

/// Reads seven's from a file, in one operation.
fn part_of(path: &Path, offset: usize) -> Reading {
    let file = File::from_std(std::fs::File::open(path).unwrap());
    Box::pin(async move { file.read_at(Vec::with_capacity(1000), offset as u64).await })
}

/// Three threads have operations of each other's runtimes, poll them, drop them and pass them on, while those runtimes run,
/// pause and end.
#[test]
fn threads_pass_operations_on_while_their_runtimes_come_and_go() {
    both(|io_uring| {
        let folder = Folder::new();
        let path = &folder.file("file", vec![7; 50_000]);
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| mpsc::channel::<Reading>()).unzip();
        let done = &AtomicUsize::new(0);
        thread::scope(|scope| {
            for (n, receiver) in receivers.into_iter().enumerate() {
                let senders = senders.clone();
                scope.spawn(move || {
                    let mut random = Random::new(n as u64);
                    for _ in 0..30 {
                        let rt = runtime(io_uring);
                        for _ in 0..10 {
                            rt.block_on(async {
                                for _ in 0..5 {
                                    let mut new = part_of(path, random.below(49_000));
                                    assert!(poll_once(new.as_mut()).is_pending());
                                    // A thread that is through takes none.
                                    let _ = senders[random.below(3)].send(new);
                                    if random.below(3) == 0 {
                                        turn().await;
                                    }
                                }
                            });
                            for mut reading in receiver.try_iter().take(8) {
                                let polled = match random.below(3) {
                                    0 => rt.block_on(async { poll_once(reading.as_mut()) }),
                                    1 => poll_once(reading.as_mut()),
                                    _ => continue,
                                };
                                match polled {
                                    Poll::Ready((Ok(read), buf)) => {
                                        assert_eq!((read, buf), (1000, vec![7; 1000]));
                                        done.fetch_add(1, Relaxed);
                                    }
                                    Poll::Ready((Err(error), _)) => {
                                        assert!(error.to_string().contains("was shut down"), "{error}");
                                    }
                                    Poll::Pending => drop(senders[random.below(3)].send(reading)),
                                }
                            }
                        }
                    }
                });
            }
            drop(senders);
        });
        assert!(done.load(Relaxed) > 100, "{done:?}");
    });
}

/// A runtime whose ring has an operation stays on its thread. One that has given its result away does not, also if nobody
/// has taken that.
#[test]
fn a_runtime_may_go_to_another_thread_once_its_operations_are_done() {
    both(|io_uring| {
        let folder = Folder::new();
        let path = folder.file("file", "tea");
        let (reader, mut writer) = pipe();
        let rt = runtime(io_uring);
        let mut reading = begin_reading(&rt, reader);
        let (wakes, waker) = Wakes::new();
        reading = thread::spawn(move || {
            assert!(poll_with(reading.as_mut(), &waker).is_pending());
            reading
        })
        .join()
        .unwrap();
        writer.write_all(b"done").unwrap();
        rt.block_on(async {
            while wakes.count() == 0 {
                turn().await;
            }
        });
        let thread = thread::spawn(move || {
            rt.block_on(async {
                // By a ring of this thread.
                assert_eq!(ayi::fs::read(&path).await.unwrap(), b"tea");
                assert_read(reading.await, b"done");
            });
        });
        thread.join().unwrap();
    });
}
