//! Files alongside everything else that the loop does.

use super::support::{Folder, both, pipe, runtime, with};
use crate::support::{self, Watchdog, child, in_a_child, is_child, limit_memory, poll_once, turn, watched};
use ayi::fs::{self, File};
use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream};
use ayi::runtime::{Builder, Handle};
use ayi::task::yield_now;
use ayi::time::{Duration, Instant, interval, sleep};
use std::cell::Cell;
use std::io::{ErrorKind, Write};
use std::pin::pin;
use std::process::Command;
use std::rc::Rc;
use std::thread;

const HOUR: Duration = Duration::from_secs(3600);

/// Runs `body` in runtimes whose time stands still.
#[track_caller]
fn paused(body: impl AsyncFn()) {
    for io_uring in [true, false] {
        let _watchdog = Watchdog::new();
        let rt = Builder::new_current_thread().io_uring(io_uring).start_paused(true).build().unwrap();
        rt.block_on(body());
    }
}

#[test]
fn paused_time_waits_for_operations() {
    paused(async || {
        let folder = Folder::new();
        let start = Instant::now();
        let hour = ayi::spawn(sleep(HOUR));
        let path = folder.join("a");
        for n in 0..200u32 {
            let mut file = File::create(&path).await.unwrap();
            file.write_all(&n.to_le_bytes()).await.unwrap();
            file.sync_all().await.unwrap();
            let (result, _) = File::open(&path).await.unwrap().read_at(vec![0; 4], 0).await;
            assert_eq!(result.unwrap(), 4);
            fs::rename(&path, folder.join("b")).await.unwrap();
            assert_eq!(fs::read(folder.join("b")).await.unwrap(), n.to_le_bytes());
            fs::remove_file(folder.join("b")).await.unwrap();
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        hour.await.unwrap();
        assert_eq!(start.elapsed(), HOUR);
    });
}

/// Another thread ends the operation.
#[test]
fn paused_time_waits_for_a_read_that_takes_long() {
    paused(async || {
        let (reader, mut writer) = pipe();
        let mut file = File::from(reader);
        let hour = ayi::spawn(sleep(HOUR));
        turn_of_others().await;
        let start = Instant::now();
        let mut buf = [0; 4];
        let mut reading = pin!(file.read(&mut buf));
        assert!(poll_once(reading.as_mut()).is_pending());
        let thread = std::thread::spawn(move || {
            for _ in 0..1000 {
                std::thread::yield_now();
            }
            writer.write_all(b"text").unwrap();
            writer
        });
        assert_eq!(reading.await.unwrap(), 4);
        assert_eq!(start.elapsed(), Duration::ZERO);
        hour.await.unwrap();
        drop(thread.join().unwrap());
    });
}

async fn turn_of_others() {
    for _ in 0..3 {
        yield_now().await;
    }
}

/// Nothing waits for an operation that was given up, once the kernel knows.
#[test]
fn paused_time_goes_on_after_an_operation_was_given_up() {
    let _watchdog = Watchdog::new();
    let rt = Builder::new_current_thread().start_paused(true).build().unwrap();
    rt.block_on(async {
        File::open("/dev/null").await.unwrap();
        if Handle::current().metrics().uses_io_uring() != Some(true) {
            return crate::support::skipped("this machine has no io_uring");
        }
        let (reader, _writer) = pipe();
        let mut file = File::from(reader);
        let start = Instant::now();
        for turns in 0..4 {
            assert!(poll_once(pin!(file.read_at(vec![0; 4], 0))).is_pending());
            assert!(poll_once(pin!(file.read(&mut [0; 4]))).is_pending());
            for _ in 0..turns {
                yield_now().await;
            }
            let (reader, _) = pipe();
            file = File::from(reader);
        }
        sleep(HOUR).await;
        assert_eq!(start.elapsed(), HOUR);
    });
}

#[test]
fn sockets_and_timers_go_on_beside_files() {
    both(async || {
        let folder = Folder::new();
        let file = Rc::new(File::open(folder.file("a", vec![7; 1 << 20])).await.unwrap());
        let is_over = Rc::new(Cell::new(false));
        let readers: Vec<_> = (0..50)
            .map(|n| {
                let (file, is_over) = (file.clone(), is_over.clone());
                ayi::spawn(async move {
                    let (mut buf, mut reads) = (Vec::with_capacity(4096), 0);
                    while !is_over.get() {
                        let (result, back) = file.read_at(buf, n * 4096).await;
                        assert_eq!(result.unwrap(), 4096);
                        (buf, reads) = (back, reads + 1);
                    }
                    reads
                })
            })
            .collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let echo = ayi::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buf = [0; 4];
            while stream.read_exact(&mut buf).await.is_ok() {
                stream.write_all(&buf).await.unwrap();
            }
        });
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut ticks = interval(Duration::from_micros(100));
        for n in 0..300u32 {
            stream.write_all(&n.to_le_bytes()).await.unwrap();
            let mut buf = [0; 4];
            stream.read_exact(&mut buf).await.unwrap();
            assert_eq!(buf, n.to_le_bytes());
            ticks.tick().await;
        }
        drop(stream);
        echo.await.unwrap();
        is_over.set(true);
        for reader in readers {
            assert!(reader.await.unwrap() > 0);
        }
    });
}

#[test]
fn a_task_that_always_yields_keeps_nothing_from_being_completed() {
    both(async || {
        let folder = Folder::new();
        let path = folder.file("a", "contents");
        let yields = ayi::spawn(async {
            loop {
                yield_now().await;
            }
        });
        for _ in 0..100 {
            let mut file = File::options().read(true).write(true).open(&path).await.unwrap();
            file.write_all(b"c").await.unwrap();
            file.sync_data().await.unwrap();
            assert_eq!(fs::read(&path).await.unwrap(), b"contents");
        }
        // An operation that the kernel completes later.
        let (reader, mut writer) = pipe();
        let mut file = File::from(reader);
        let mut buf = [0; 4];
        let mut reading = pin!(file.read(&mut buf));
        assert!(poll_once(reading.as_mut()).is_pending());
        for _ in 0..1000 {
            yield_now().await;
        }
        writer.write_all(b"text").unwrap();
        assert_eq!(reading.await.unwrap(), 4);
        yields.abort();
    });
}

/// A task whose operations all complete at once is no reason to neglect the others.
#[test]
fn a_task_that_only_reads_lets_others_run() {
    both(async || {
        let folder = Folder::new();
        let file = File::open(folder.file("a", vec![7; 100])).await.unwrap();
        let reads = ayi::spawn(async move {
            let mut buf = vec![0; 10];
            loop {
                let (result, back) = file.read_at(buf, 0).await;
                assert_eq!(result.unwrap(), 8.max(back.len()));
                buf = back;
            }
        });
        sleep(Duration::from_millis(1)).await;
        turn().await;
        reads.abort();
    });
}

/// An operation that another thread's event ends wakes the loop from its sleep.
#[test]
fn the_loop_is_woken_by_a_completion() {
    both(async || {
        let (reader, mut writer) = pipe();
        let mut file = File::from(reader);
        let (go, gone) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            while let Ok(byte) = gone.recv() {
                writer.write_all(&[byte]).unwrap();
            }
        });
        for n in 0..500u32 {
            let mut buf = [0];
            let mut reading = pin!(file.read(&mut buf));
            assert!(poll_once(reading.as_mut()).is_pending());
            go.send(n as u8).unwrap();
            assert_eq!(reading.await.unwrap(), 1);
            assert_eq!(buf, [n as u8]);
        }
        drop(go);
        thread.join().unwrap();
    });
}

/// The result is there before anybody asks for it, and the first waker to ask need not be the last.
#[test]
fn the_waker_is_that_of_the_latest_poll() {
    both(async || {
        let (reader, mut writer) = pipe();
        let file = File::from(reader);
        let mut reading = Box::pin(file.read_at(vec![0; 4], 0));
        let (first, first_waker) = support::Wakes::new();
        let (second, second_waker) = support::Wakes::new();
        assert!(support::poll_with(reading.as_mut(), &first_waker).is_pending());
        turn().await;
        assert!(support::poll_with(reading.as_mut(), &second_waker).is_pending());
        writer.write_all(b"text").unwrap();
        while second.count() == 0 {
            turn().await;
        }
        assert_eq!((first.count(), second.count()), (0, 1));
        assert_eq!(reading.await.1, b"text");
    });
}

#[test]
fn metrics_tell_which_way_operations_go() {
    watched(|| {
        for wanted in [true, false] {
            let rt = runtime(wanted);
            let metrics = rt.metrics();
            assert_eq!(metrics.uses_io_uring(), None);
            rt.block_on(async {
                ayi::spawn(yield_now()).await.unwrap();
                assert_eq!(Handle::current().metrics().uses_io_uring(), None);
                File::open("/dev/null").await.unwrap();
            });
            let uses = metrics.uses_io_uring();
            // It is no longer `None`. Whether this machine has io_uring is another question.
            assert!(uses == Some(wanted) || wanted && uses == Some(false), "{uses:?}");
        }
    });
}

#[test]
fn the_environment_says_no() {
    if !is_child() {
        let mut child = child(module_path!(), "the_environment_says_no");
        let output = child.env("AYI_IO_URING", "0").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
        return;
    }
    with(true, async || {
        assert_eq!(fs::read("/dev/null").await.unwrap(), b"");
        assert_eq!(Handle::current().metrics().uses_io_uring(), Some(false));
    });
}

/// A child of fork(2), with exec or without, does not disturb the operations of its parent.
#[test]
fn children_are_started_meanwhile() {
    if !in_a_child(module_path!(), "children_are_started_meanwhile") {
        return;
    }
    both(async || {
        let (reader, mut writer) = pipe();
        let file = File::from(reader);
        let mut reading = Box::pin(file.read_at(vec![0; 4], 0));
        assert!(poll_once(reading.as_mut()).is_pending());
        turn().await;
        assert!(Command::new("true").status().unwrap().success());
        writer.write_all(b"text").unwrap();
        assert_eq!(reading.await.1, b"text");
    });
}

/// No runtime exists at all.
#[test]
fn outside_a_runtime_it_panics() {
    let folder = Folder::new();
    let path = folder.file("a", "contents");
    let panics =
        |future: &mut dyn FnMut()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(future)).is_err();
    assert!(panics(&mut || drop(poll_once(pin!(File::open(&path))))));
    assert!(panics(&mut || drop(poll_once(pin!(fs::metadata(&path))))));
    let file = File::from(std::fs::File::open(&path).unwrap());
    assert!(panics(&mut || drop(poll_once(pin!(file.read_at(vec![0; 4], 0))))));
}

/// Ctrl-Z, and then `fg`, while an open waits: the kernel ended the open, with an error that no program should see.
#[test]
fn a_process_that_is_stopped_and_goes_on_still_waits_for_its_fifo() {
    if !in_a_child(module_path!(), "a_process_that_is_stopped_and_goes_on_still_waits_for_its_fifo") {
        return;
    }
    both(async || {
        let folder = Folder::new();
        let path = folder.fifo("fifo");
        let other_end = thread::spawn({
            let path = path.clone();
            move || {
                stop_and_go_on_when_an_open_waits();
                std::fs::read(path).unwrap()
            }
        });
        let mut file = File::options().write(true).open(&path).await.unwrap();
        file.write_all(b"text").await.unwrap();
        file.flush().await.unwrap();
        drop(file);
        assert_eq!(other_end.join().unwrap(), b"text");
    });
}

fn stop_and_go_on_when_an_open_waits() {
    let sleeps_in_open = |stat: &String| {
        let is_the_one = stat.contains("(iou-wrk-") || stat.contains("(ayi-blocking-");
        is_the_one && stat.contains(") S ")
    };
    let stats = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).ok())
    };
    while !stats().any(|stat| sleeps_in_open(&stat)) {
        thread::yield_now();
    }
    let script = "kill -STOP $0; until grep -q ') T ' /proc/$0/stat; do :; done; kill -CONT $0";
    let pid = std::process::id().to_string();
    assert!(Command::new("sh").args(["-c", script, &pid]).status().unwrap().success());
}

/// Regression: this was a panic.
#[test]
fn without_a_thread_for_it_an_operation_is_an_error() {
    if !in_a_child(module_path!(), "without_a_thread_for_it_an_operation_is_an_error") {
        return;
    }
    watched(|| {
        let folder = Folder::new();
        let (path, left) = (folder.file("file", "contents"), folder.file("left", "contents"));
        let append = |path| File::from_std(std::fs::File::options().append(true).open(path).unwrap());
        let rt = runtime(false);
        rt.block_on(async {
            let (mut file, mut dropped) = (append(&path), append(&left));
            limit_memory(Some(1 << 20));
            let opened = File::open(&path).await.map(drop);
            let listed = fs::read_dir(&path).await.map(drop);
            let (written, buf) = file.write_at("again", 0).await;
            let appended = async { (file.write_all(b"more").await, file.flush().await) }.await;
            dropped.write_all(b" and more").await.unwrap();
            drop(dropped);
            limit_memory(None);
            assert_eq!(buf, "again");
            for error in [opened.unwrap_err(), listed.unwrap_err(), written.map(drop).unwrap_err()] {
                assert!(error.to_string().contains("raise the limit on threads"), "{error}");
                assert_ne!(error.kind(), ErrorKind::WouldBlock);
            }
            assert!(appended.0.is_err() || appended.1.is_err());
            // Nothing was done, and nothing is broken.
            assert_eq!(fs::read(&path).await.unwrap(), b"contents");
            // It is tried again: by the next call, or when the file is dropped.
            file.flush().await.unwrap();
            assert_eq!(fs::read(&path).await.unwrap(), b"contentsmore");
            assert_eq!(fs::read(&left).await.unwrap(), b"contents and more");
        });
    });
}
