//! File operations that are given up: by a drop, an abort, the runtime's end.

use super::support::{Folder, Random, both, descriptors, pipe, runtime, with};
use crate::support::{in_a_child, poll_once, turn, watched};
use ayi::fs::{self, File};
use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::task::yield_now;
use ayi::time::sleep;
use std::future::{Future, pending};
use std::io::Write;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

type Operation = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Makes one of many operations, on files that exist. Each checks its own result.
fn operation(random: &mut Random, folder: &Arc<Folder>, file: &Arc<File>) -> Operation {
    let (folder, file) = (folder.clone(), file.clone());
    let (n, len) = (random.below(1000) as u64, 1 + random.below(5000));
    match random.below(7) {
        0 | 1 => Box::pin(async move {
            let (result, buf) = file.read_at(Vec::with_capacity(len), n).await;
            assert_eq!(result.unwrap(), buf.len());
            assert!(buf.iter().all(|&byte| byte == 7));
        }),
        2 => Box::pin(async move {
            let (result, buf) = file.write_at(vec![7; len], n).await;
            assert!(result.unwrap() == len && buf == vec![7; len]);
        }),
        3 => Box::pin(async move {
            let (result, bufs) = file.read_vectored_at(vec![vec![0; len].into_boxed_slice(); 5], n).await;
            assert!(bufs.concat()[..result.unwrap()].iter().all(|&byte| byte == 7));
        }),
        4 => Box::pin(async move {
            let mut file = File::open(folder.join("file")).await.unwrap();
            let mut buf = vec![0; len];
            file.read_exact(&mut buf).await.unwrap();
            assert!(buf.iter().all(|&byte| byte == 7));
        }),
        5 => Box::pin(async move {
            let mut file = File::create(folder.join(format!("new {n}"))).await.unwrap();
            file.write_all(&vec![7; len]).await.unwrap();
        }),
        _ => Box::pin(async move {
            assert!(fs::metadata(folder.join("file")).await.unwrap().is_file());
        }),
    }
}

async fn scene() -> (Arc<Folder>, Arc<File>) {
    let folder = Arc::new(Folder::new());
    let path = folder.file("file", vec![7; 10_000]);
    (folder, Arc::new(File::options().read(true).write(true).open(path).await.unwrap()))
}

/// Makes a read of a pipe in which there is nothing.
fn vain(pipe: &Arc<File>, len: usize) -> Operation {
    let pipe = pipe.clone();
    Box::pin(async move {
        let (result, _) = pipe.read_at(vec![0; len].into_boxed_slice(), 0).await;
        panic!("there is nothing to read: {result:?}");
    })
}

/// Returns whether the current runtime has io_uring.
async fn has_ring() -> bool {
    File::open("/dev/null").await.unwrap();
    ayi::runtime::Handle::current().metrics().uses_io_uring() == Some(true)
}

#[test]
fn thousands_are_dropped_at_random() {
    both(async || {
        let (folder, file) = scene().await;
        let mut random = Random::new(1);
        let mut under_way: Vec<Operation> = Vec::new();
        for _ in 0..4000 {
            match random.below(4) {
                0 | 1 => {
                    let mut new = operation(&mut random, &folder, &file);
                    if random.below(5) == 0 || poll_once(new.as_mut()).is_pending() {
                        under_way.push(new);
                    }
                }
                2 if !under_way.is_empty() => drop(under_way.swap_remove(random.below(under_way.len()))),
                3 if !under_way.is_empty() && random.below(4) == 0 => {
                    under_way.swap_remove(random.below(under_way.len())).await;
                }
                _ => yield_now().await,
            }
        }
        for operation in under_way {
            operation.await;
        }
    });
}

#[test]
fn tasks_are_aborted_at_random() {
    both(async || {
        let (folder, file) = scene().await;
        let mut random = Random::new(2);
        let mut tasks = Vec::new();
        for _ in 0..3000 {
            tasks.push(ayi::spawn(operation(&mut random, &folder, &file)));
            if random.below(3) == 0 {
                tasks[random.below(tasks.len())].abort();
            }
            if random.below(20) == 0 {
                turn().await;
            }
        }
        for task in tasks {
            assert!(task.await.map_or_else(|error| error.is_cancelled(), |()| true));
        }
        assert!(std::fs::read(folder.join("file")).unwrap().iter().all(|&byte| byte == 7));
    });
}

/// The memory of a buffer is reused only when the kernel no longer writes to it.
#[test]
fn buffers_of_reads_that_were_given_up_are_not_written_to() {
    both(async || {
        let (_folder, file) = scene().await;
        let has_ring = has_ring().await;
        for round in 0..200 {
            let (reader, mut writer) = pipe();
            let pipe = Arc::new(File::from(reader));
            let mut reads: Vec<Operation> = Vec::new();
            for _ in 0..10 {
                let file = file.clone();
                reads.push(Box::pin(
                    async move { drop(file.read_at(vec![0; 4096].into_boxed_slice(), 0).await) },
                ));
                // On the pool each of them would keep a thread for good.
                if has_ring {
                    reads.push(vain(&pipe, 4096));
                }
            }
            for read in &mut reads {
                let _ = poll_once(read.as_mut());
            }
            if round % 2 == 0 {
                turn().await;
            }
            drop(reads);
            // These are of the same size, so they may be in the same place.
            let others = vec![vec![round as u8; 4096]; 40];
            writer.write_all(&[0xee; 64]).unwrap();
            for _ in 0..3 {
                turn().await;
            }
            assert!(others.concat().iter().all(|&byte| byte == round as u8));
        }
    });
}

/// These are more than the kernel is given at a time, and none of them ends by itself. Others make progress
/// nevertheless, once these are given up.
#[test]
fn the_kernel_has_all_that_it_may_have() {
    with(true, async || {
        if !has_ring().await {
            return crate::support::skipped("this machine has no io_uring");
        }
        let (_folder, file) = scene().await;
        let (reader, mut writer) = pipe();
        let pipe = Arc::new(File::from(reader));
        for _ in 0..3 {
            let mut reads: Vec<_> = (0..6000).map(|_| vain(&pipe, 1)).collect();
            for read in &mut reads {
                assert!(poll_once(read.as_mut()).is_pending());
            }
            // All that fit are submitted, 64 a turn.
            for _ in 0..150 {
                turn().await;
            }
            // This one waits for its turn.
            let mut read = std::pin::pin!(file.read_at(vec![0; 10], 0));
            assert!(poll_once(read.as_mut()).is_pending());
            drop(reads);
            assert_eq!(read.await.1, [7; 10]);
            assert_eq!(file.read_at(vec![0; 10], 0).await.1, [7; 10]);
        }
        // None of them has taken anything.
        writer.write_all(b"text").unwrap();
        assert_eq!(pipe.read_at(vec![0; 10], 0).await.1, b"text");
    });
}

#[test]
fn more_at_a_time_than_the_kernel_is_given() {
    both(async || {
        let (_folder, file) = scene().await;
        let mut reads: Vec<_> = (0..10_000).map(|n| Box::pin(file.read_at(vec![0; 8], n))).collect();
        for read in &mut reads {
            assert!(poll_once(read.as_mut()).is_pending());
        }
        for (n, read) in reads.into_iter().enumerate() {
            let (result, buf) = read.await;
            assert_eq!((result.unwrap(), buf), (8.min(10_000 - n), vec![7; 8.min(10_000 - n)]));
        }
    });
}

/// With thousands that do not end, and with some that are not submitted yet.
#[test]
fn the_runtime_ends_in_the_middle() {
    for io_uring in [true, false] {
        watched(|| {
            for round in 0..20 {
                let (reader, writer) = pipe();
                let pipe = Arc::new(File::from(reader));
                let rt = runtime(io_uring);
                let held = rt.block_on(async {
                    let (folder, file) = scene().await;
                    let mut random = Random::new(round);
                    let has_ring = has_ring().await;
                    let mut held = Vec::new();
                    for _ in 0..500 {
                        drop(ayi::spawn(operation(&mut random, &folder, &file)));
                        let mut other = operation(&mut random, &folder, &file);
                        if poll_once(other.as_mut()).is_pending() {
                            held.push(other);
                        }
                        if has_ring {
                            drop(ayi::spawn(vain(&pipe, 100)));
                            held.push(vain(&pipe, 100));
                            assert!(poll_once(held.last_mut().unwrap().as_mut()).is_pending());
                        }
                    }
                    for _ in 0..round {
                        turn().await;
                    }
                    held
                });
                match round % 3 {
                    0 => drop(rt),
                    1 => rt.shutdown_background(),
                    _ => rt.shutdown_timeout(Duration::from_secs(5)),
                }
                // This happens after the end, here and elsewhere.
                let mut held = held;
                let half = held.split_off(held.len() / 2);
                drop(held);
                thread::spawn(move || drop(half)).join().unwrap();
                drop(writer);
            }
        });
    }
}

/// It waits for what does not come: for ever, were it not cancelled.
#[test]
fn the_end_does_not_wait_for_a_fifo() {
    for io_uring in [true, false] {
        watched(|| {
            let folder = Folder::new();
            let path = folder.fifo("fifo");
            let (reader, writer) = pipe();
            let pipe = Arc::new(File::from(reader));
            let rt = runtime(io_uring);
            rt.block_on(async {
                for _ in 0..10 {
                    drop(ayi::spawn(File::create(path.clone())));
                    drop(ayi::spawn(File::open(path.clone())));
                    drop(ayi::spawn(vain(&pipe, 10)));
                }
                turn().await;
                turn().await;
            });
            // The limit for the pool is given here. The ring's limit is its own, and not reached.
            let begin = Instant::now();
            rt.shutdown_timeout(Duration::from_millis(10));
            assert!(begin.elapsed() < Duration::from_secs(10), "io_uring: {io_uring}");
            // Threads of the pool still wait.
            drop(std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap());
            drop(writer);
        });
    }
}

#[test]
fn a_runtime_is_left_and_entered_again_while_operations_run() {
    for io_uring in [true, false] {
        watched(|| {
            let rt = runtime(io_uring);
            let (_folder, file) = rt.block_on(scene());
            let (reader, mut writer) = pipe();
            let mut pipe = File::from(reader);
            let mut buf = [0; 4];
            for round in 0..100u8 {
                let mut reading = Box::pin(file.read_at(vec![0; 10], 0));
                let mut vain = Box::pin(pipe.read(&mut buf));
                let task = rt.spawn({
                    let file = file.clone();
                    async move { file.read_at(vec![0; 20], 0).await.1 }
                });
                rt.block_on(async {
                    assert!(poll_once(reading.as_mut()).is_pending());
                    assert!(poll_once(vain.as_mut()).is_pending());
                    for _ in 0..round % 3 {
                        turn().await;
                    }
                });
                writer.write_all(&[round; 4]).unwrap();
                if round % 4 == 0 {
                    drop((reading, vain));
                    assert_eq!(rt.block_on(pipe.read(&mut buf)).unwrap(), 4);
                } else {
                    assert_eq!(rt.block_on(reading).1, [7; 10]);
                    assert_eq!(rt.block_on(vain).unwrap(), 4);
                }
                assert_eq!(buf, [round; 4]);
                assert_eq!(rt.block_on(task).unwrap(), [7; 20]);
            }
        });
    }
}

#[test]
fn futures_are_dropped_on_another_thread() {
    both(async || {
        let (folder, file) = scene().await;
        let (send, receive) = mpsc::channel::<Operation>();
        let thread = thread::spawn(move || receive.into_iter().for_each(drop));
        let mut random = Random::new(5);
        for n in 0..2000 {
            let mut other = operation(&mut random, &folder, &file);
            if poll_once(other.as_mut()).is_pending() {
                send.send(other).unwrap();
            }
            if n % 16 == 0 {
                turn().await;
            }
        }
        drop(send);
        thread.join().unwrap();
        assert_eq!(file.read_at(vec![0; 10], 0).await.1, [7; 10]);
    });
}

#[test]
fn a_file_goes_to_a_runtime_of_another_thread() {
    both(async || {
        let (_folder, file) = scene().await;
        let there = file.clone();
        let thread = thread::spawn(move || {
            runtime(true).block_on(async {
                for _ in 0..100 {
                    assert_eq!(there.read_at(vec![0; 10], 0).await.1, [7; 10]);
                }
            });
        });
        for _ in 0..100 {
            assert_eq!(file.read_at(vec![0; 10], 0).await.1, [7; 10]);
        }
        thread.join().unwrap();
    });
}

#[test]
fn two_runtimes_on_two_threads() {
    watched(|| {
        let threads = [(1, true), (2, true), (3, false)].map(|(seed, io_uring)| {
            thread::spawn(move || {
                runtime(io_uring).block_on(async {
                    let (folder, file) = scene().await;
                    let mut random = Random::new(seed);
                    for _ in 0..500 {
                        operation(&mut random, &folder, &file).await;
                    }
                });
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// Runs `f` when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn operations_are_begun_while_the_runtime_ends() {
    for io_uring in [true, false] {
        let folder = Arc::new(Folder::new());
        with(io_uring, async || {
            let path = folder.file("file", "contents");
            let file = Arc::new(File::options().read(true).write(true).open(&path).await.unwrap());
            let mut log = File::create(folder.join("log")).await.unwrap();
            let on_drop = OnDrop(move || {
                let mut reading = std::pin::pin!(file.read_at(vec![0; 10], 0));
                let mut opening = std::pin::pin!(File::create(&path));
                // It is refused, at once or soon.
                for _ in 0..2 {
                    if let Poll::Ready((result, _)) = poll_once(reading.as_mut()) {
                        assert!(result.unwrap_err().to_string().contains("shut down"));
                        break;
                    }
                }
                let _ = poll_once(opening.as_mut());
                // What is taken is written.
                assert!(matches!(poll_once(std::pin::pin!(log.write(b"the end"))), Poll::Ready(Ok(7))));
            });
            drop(ayi::spawn(async move {
                let _on_drop = on_drop;
                pending::<()>().await;
            }));
            turn().await;
        });
        assert_eq!(std::fs::read_to_string(folder.join("log")).unwrap(), "the end", "io_uring: {io_uring}");
    }
}

#[test]
fn opens_that_are_given_up_leave_nothing_open() {
    // Other tests open files, too.
    if !in_a_child(module_path!(), "opens_that_are_given_up_leave_nothing_open") {
        return;
    }
    for io_uring in [true, false] {
        let folder = Folder::new();
        let path = folder.file("file", "contents");
        let rt = runtime(io_uring);
        let before = rt.block_on(async {
            File::open(&path).await.unwrap();
            let before = descriptors();
            let mut random = Random::new(9);
            for _ in 0..700 {
                let mut opening = Box::pin(File::open(&path));
                let mut making = Box::pin(File::create(folder.join("new")));
                let _ = (poll_once(opening.as_mut()), poll_once(making.as_mut()));
                for _ in 0..random.below(3) {
                    turn().await;
                }
            }
            // This holds as soon as the last ones have been settled.
            while descriptors() > before {
                sleep(Duration::from_millis(1)).await;
            }
            // Some are left for the end.
            for _ in 0..300 {
                assert!(poll_once(std::pin::pin!(File::open(&path))).is_pending());
                drop(ayi::spawn(File::open(path.clone())));
            }
            before
        });
        drop(rt);
        assert!(descriptors() <= before, "io_uring: {io_uring}");
    }
}

/// Regression: their buffers and descriptors were leaked, because the runtime took the kernel's answers with it.
/// LeakSanitizer found it, in the test above of a runtime that ends.
#[test]
fn what_is_held_until_the_runtime_is_gone_leaves_nothing_open() {
    // Other tests open files, too.
    if !in_a_child(module_path!(), "what_is_held_until_the_runtime_is_gone_leaves_nothing_open") {
        return;
    }
    for io_uring in [true, false] {
        let folder = Folder::new();
        let path = folder.file("file", "contents");
        let rt = runtime(io_uring);
        let (held, before) = rt.block_on(async {
            File::open(&path).await.unwrap();
            let before = descriptors();
            let open = |_| {
                let mut opening = Box::pin(File::open(path.clone()));
                assert!(poll_once(opening.as_mut()).is_pending());
                opening
            };
            let mut held: Vec<_> = (0..200).map(open).collect();
            // Some are completed when the runtime ends, some have not begun.
            turn().await;
            held.extend((0..200).map(open));
            (held, before)
        });
        drop(rt);
        let mut here = held;
        let elsewhere = here.split_off(100);
        drop(here);
        thread::spawn(move || drop(elsewhere)).join().unwrap();
        assert!(descriptors() <= before, "io_uring: {io_uring}");
    }
}
