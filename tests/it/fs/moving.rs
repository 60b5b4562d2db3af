//! Files of tasks that go from core to core, in the middle of their operations too.

use super::support::{Folder, Random, descriptors, pipe};
use crate::support::{in_a_child, poll_once, watched};
use ayi::fs::{self, File};
use ayi::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use ayi::runtime::{Builder, Core, Handle};
use ayi::task::{JoinHandle, yield_now};
use ayi::time::sleep;
use std::collections::HashSet;
use std::future::poll_fn;
use std::io::{SeekFrom, Write};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

/// Runs `main` on the first of three cores, with io_uring and then without. Each task that may move goes to the next core
/// after each of its polls.
#[track_caller]
fn on_restless_cores(main: impl AsyncFn() + Sync) {
    for io_uring in [true, false] {
        let begun = AtomicUsize::new(0);
        watched(|| {
            let mut cores = Builder::new_current_thread().io_uring(io_uring).event_interval(1).cores(3);
            let run = cores.restless(true).run(async |core| {
                // Each core has its ring when main begins.
                File::open("/dev/null").await.unwrap();
                begun.fetch_add(1, Relaxed);
                if core.index() > 0 {
                    return core.shutdown_token().cancelled().await;
                }
                while begun.load(Relaxed) < 3 {
                    yield_now().await;
                }
                main().await;
                core.shutdown_token().cancel();
            });
            run.unwrap();
        });
    }
}

fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    Handle::current().spawn(future)
}

/// Polls `future` all the time, so that the task goes on to the next core while it waits.
async fn wandering<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        if polled.is_pending() {
            cx.waker().wake_by_ref();
        }
        polled
    })
    .await
}

/// Where a task has been while its operations ran.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<HashSet<usize>>>);

impl Seen {
    fn here(&self) {
        self.0.lock().unwrap().insert(Core::current().index());
    }

    fn all(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[test]
fn a_file_is_written_and_read_again_by_a_task_that_moves() {
    on_restless_cores(async || {
        let folder = Arc::new(Folder::new());
        let seen = Seen::default();
        let tasks: Vec<_> = (0..12)
            .map(|n| {
                let (path, copy) = (folder.join(format!("{n}")), folder.join(format!("{n} copy")));
                let seen = seen.clone();
                spawn(async move { write_and_read(n, path, copy, &seen).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(seen.all(), 3);
    });
}

/// Every kind of operation on one file, beside a model of what has to be in it.
async fn write_and_read(seed: u64, path: PathBuf, copy: PathBuf, seen: &Seen) {
    let mut random = Random::new(seed);
    let mut model = Vec::new();
    let mut file =
        wandering(File::options().read(true).write(true).create_new(true).open(&path)).await.unwrap();
    file.set_max_buf_size(1 + random.below(5000));
    let mut at = 0;
    for _ in 0..60 {
        seen.here();
        match random.below(8) {
            0 | 1 => {
                let len = 1 + random.below(20_000);
                let bytes = random.bytes(len);
                wandering(file.write_all(&bytes)).await.unwrap();
                put(&mut model, at, &bytes);
                at += bytes.len();
            }
            2 | 3 => {
                let mut buf = vec![0; 1 + random.below(20_000)];
                let left = model.len().saturating_sub(at);
                buf.truncate(left.max(1));
                if left == 0 {
                    assert_eq!(wandering(file.read(&mut buf)).await.unwrap(), 0);
                } else {
                    wandering(file.read_exact(&mut buf)).await.unwrap();
                    assert_eq!(buf, model[at..at + buf.len()]);
                    at += buf.len();
                }
            }
            4 => {
                at = random.below(model.len() + 1);
                assert_eq!(wandering(file.seek(SeekFrom::Start(at as u64))).await.unwrap(), at as u64);
            }
            5 => {
                let (offset, len) = (random.below(model.len() + 1), 1 + random.below(9000));
                let bytes = random.bytes(len);
                let (result, bytes) = wandering(file.write_all_at(bytes, offset as u64)).await;
                result.unwrap();
                put(&mut model, offset, &bytes);
            }
            6 => {
                let (offset, len) = (random.below(model.len() + 1), 1 + random.below(9000));
                let (result, bytes) = wandering(file.read_at(Vec::with_capacity(len), offset as u64)).await;
                let expected = &model[offset..model.len().min(offset + len)];
                // Capacity may be more than what was asked for.
                assert_eq!(result.unwrap(), bytes.len());
                assert_eq!(bytes[..expected.len().min(bytes.len())], *expected);
            }
            _ => match random.below(3) {
                0 => wandering(file.flush()).await.unwrap(),
                1 => wandering(file.sync_data()).await.unwrap(),
                _ => assert_eq!(wandering(file.metadata()).await.unwrap().len(), model.len() as u64),
            },
        }
    }
    wandering(file.flush()).await.unwrap();
    drop(file);
    let mut file = wandering(File::options().append(true).open(&path)).await.unwrap();
    let bytes = random.bytes(30_000);
    wandering(file.write_all(&bytes)).await.unwrap();
    wandering(file.sync_all()).await.unwrap();
    model.extend(bytes);
    assert_eq!(wandering(fs::copy(&path, &copy)).await.unwrap(), model.len() as u64);
    let renamed = copy.with_extension("renamed");
    wandering(fs::rename(&copy, &renamed)).await.unwrap();
    assert!(wandering(fs::read(&path)).await.unwrap() == model);
    assert!(wandering(fs::read(&renamed)).await.unwrap() == model);
    wandering(fs::write(&path, &model[..1000])).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), model[..1000]);
}

fn put(model: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    model.resize(model.len().max(at + bytes.len()), 0);
    model[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Its read is under way when it moves, and ends on the core that it has left.
#[test]
fn a_task_waits_for_a_pipe_while_it_moves() {
    on_restless_cores(async || {
        let tasks: Vec<_> = (0..8u64)
            .map(|n| {
                let (reader, mut writer) = pipe();
                let bytes = Random::new(n).bytes(3000);
                let expected = bytes.clone();
                let thread = thread::spawn(move || {
                    for part in bytes.chunks(700) {
                        thread::sleep(Duration::from_millis(2));
                        writer.write_all(part).unwrap();
                    }
                });
                let reading = spawn(async move {
                    let (mut file, mut all) = (File::from(reader), Vec::new());
                    wandering(file.read_to_end(&mut all)).await.unwrap();
                    assert!(all == expected);
                });
                (thread, reading)
            })
            .collect();
        for (thread, reading) in tasks {
            reading.await.unwrap();
            thread.join().unwrap();
        }
    });
}

/// A task that has moved sleeps, and is woken when the core that it has left has its result.
#[test]
fn a_task_that_has_moved_is_woken_by_its_operation() {
    on_restless_cores(async || {
        for _ in 0..100 {
            let (reader, mut writer) = pipe();
            let (moved, has_moved) = ayi::sync::oneshot::channel();
            let reading = spawn(async move {
                let (mut file, mut buf) = (File::from(reader), [0; 4]);
                {
                    let mut reading = pin!(file.read_exact(&mut buf));
                    assert!(poll_once(reading.as_mut()).is_pending());
                    let here = Core::current().index();
                    while Core::current().index() == here {
                        yield_now().await;
                    }
                    let mut moved = Some(moved);
                    poll_fn(|cx| {
                        let polled = reading.as_mut().poll(cx);
                        moved.take().into_iter().for_each(|moved| moved.send(()).unwrap());
                        polled
                    })
                    .await
                    .unwrap();
                }
                buf
            });
            has_moved.await.unwrap();
            writer.write_all(b"here").unwrap();
            assert_eq!(reading.await.unwrap(), *b"here");
        }
    });
}

/// What a file has taken is written, wherever it is dropped.
#[test]
fn files_that_are_dropped_after_a_move_are_written() {
    on_restless_cores(async || {
        let folder = Arc::new(Folder::new());
        for n in 0..50 {
            let path = folder.join(format!("{n}"));
            let bytes = Random::new(n).bytes(200_000);
            let (theirs, at) = (bytes.clone(), path.clone());
            let writing = spawn(async move {
                let mut file = File::create(at).await.unwrap();
                file.write_all(&theirs).await.unwrap();
                yield_now().await;
                if n % 2 == 0 {
                    // The write has been polled elsewhere.
                    let _ = poll_once(pin!(file.flush()));
                    yield_now().await;
                }
            });
            writing.await.unwrap();
            // Nobody tells when.
            while std::fs::metadata(&path).unwrap().len() < bytes.len() as u64 {
                sleep(Duration::from_millis(1)).await;
            }
            assert!(std::fs::read(&path).unwrap() == bytes);
        }
    });
}

/// A pipe takes a part of it, and the rest when somebody reads.
#[test]
fn a_pipe_that_is_dropped_after_a_move_gets_everything() {
    on_restless_cores(async || {
        for n in 0..10 {
            let (mut reader, writer) = pipe();
            let bytes = Random::new(n).bytes(250_000);
            let theirs = bytes.clone();
            let writing = spawn(async move {
                let mut file = File::from(writer);
                // One operation, of which the pipe has room for a part.
                assert_eq!(file.write(&theirs).await.unwrap(), theirs.len());
                for _ in 0..n {
                    let _ = poll_once(pin!(file.flush()));
                    yield_now().await;
                }
            });
            writing.await.unwrap();
            let reading = ayi::task::spawn_blocking(move || {
                let mut all = Vec::new();
                std::io::Read::read_to_end(&mut reader, &mut all).unwrap();
                all
            });
            assert!(reading.await.unwrap() == bytes);
        }
    });
}

/// They are polled and aborted on cores other than those of their operations.
#[test]
fn tasks_that_move_are_aborted_and_leave_nothing_open() {
    // Other tests open files, too.
    if !in_a_child(module_path!(), "tasks_that_move_are_aborted_and_leave_nothing_open") {
        return;
    }
    on_restless_cores(async || {
        let folder = Arc::new(Folder::new());
        let path = folder.file("file", vec![7; 10_000]);
        let before = descriptors();
        let mut random = Random::new(3);
        let mut tasks = Vec::new();
        for _ in 0..1000 {
            let path = path.clone();
            tasks.push(spawn(wandering(async move {
                let mut file = File::open(&path).await.unwrap();
                let mut all = Vec::new();
                file.read_to_end(&mut all).await.unwrap();
                assert!(all == [7; 10_000]);
            })));
            if random.below(2) == 0 {
                tasks[random.below(tasks.len())].abort();
            }
            if random.below(8) == 0 {
                yield_now().await;
            }
        }
        for task in tasks {
            assert!(task.await.map_or_else(|error| error.is_cancelled(), |()| true));
        }
        // This holds as soon as the last ones have been settled.
        while descriptors() > before {
            sleep(Duration::from_millis(1)).await;
        }
    });
}

/// Reads that are given up leave what they have read to the next one, on whatever core.
#[test]
fn reads_that_are_given_up_after_a_move_lose_nothing() {
    on_restless_cores(async || {
        let (reader, mut writer) = pipe();
        let reading = spawn(async move {
            let (mut file, mut all) = (File::from(reader), Vec::new());
            loop {
                let mut buf = [0; 100];
                let mut polls = 0;
                let read = {
                    let mut reading = pin!(file.read(&mut buf));
                    poll_fn(|cx| {
                        polls += 1;
                        match reading.as_mut().poll(cx) {
                            Poll::Ready(read) => Poll::Ready(Some(read)),
                            Poll::Pending if polls > 3 => Poll::Ready(None),
                            Poll::Pending => {
                                cx.waker().wake_by_ref();
                                Poll::Pending
                            }
                        }
                    })
                    .await
                };
                match read {
                    Some(Ok(0)) => return all,
                    Some(read) => all.extend_from_slice(&buf[..read.unwrap()]),
                    None => yield_now().await,
                }
            }
        });
        let bytes = Random::new(8).bytes(10_000);
        for part in bytes.chunks(300) {
            writer.write_all(part).unwrap();
            sleep(Duration::from_micros(300)).await;
        }
        drop(writer);
        assert!(reading.await.unwrap() == bytes);
    });
}

/// Several tasks on several cores have one file, and each part of it is one task's.
#[test]
fn tasks_that_move_share_a_file() {
    on_restless_cores(async || {
        let folder = Folder::new();
        let path = folder.join("file");
        let file =
            Arc::new(File::options().read(true).write(true).create_new(true).open(&path).await.unwrap());
        let tasks: Vec<_> = (0..10u64)
            .map(|n| {
                let file = file.clone();
                spawn(async move {
                    let bytes = Random::new(n).bytes(50_000);
                    for (part, offset) in bytes.chunks(2500).zip((n * 50_000..).step_by(2500)) {
                        wandering(file.write_all_at(part.to_vec(), offset)).await.0.unwrap();
                        if offset % 4 == 0 {
                            wandering(file.sync_data()).await.unwrap();
                        }
                        let (result, there) =
                            wandering(file.read_at(vec![0; 2500].into_boxed_slice(), offset)).await;
                        assert_eq!((result.unwrap(), &*there), (2500, part));
                    }
                    bytes
                })
            })
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.unwrap());
        }
        assert!(std::fs::read(&path).unwrap() == all);
    });
}

#[test]
fn a_folder_is_read_by_a_task_that_moves() {
    on_restless_cores(async || {
        let folder = Arc::new(Folder::new());
        let names: HashSet<String> = (0..300).map(|n| format!("{n}")).collect();
        for name in &names {
            folder.file(name, name);
        }
        let theirs = folder.clone();
        let reading = spawn(async move {
            let mut entries = wandering(fs::read_dir(theirs.path())).await.unwrap();
            let mut all = HashSet::new();
            while let Some(entry) = wandering(entries.next_entry()).await.unwrap() {
                let name = entry.file_name().into_string().unwrap();
                assert_eq!(wandering(fs::read_to_string(entry.path())).await.unwrap(), name);
                assert!(all.insert(name));
            }
            wandering(fs::remove_dir_all(theirs.path())).await.unwrap();
            all
        });
        assert_eq!(reading.await.unwrap(), names);
    });
}
