//! What is called after a write happens after it: other calls on the same file, its clones, its drop, another runtime.

use super::support::{Folder, Random, both, pipe, runtime, with};
use crate::support::{poll_once, turn, watched};
use ayi::fs::File;
use ayi::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use ayi::task::yield_now;
use futures_lite::future::zip;
use std::fs::Permissions;
use std::io::{Read, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, RawWaker, RawWakerVTable, Waker};
use std::thread;

/// Makes a file that is open for reading and writing.
async fn create(folder: &Folder, name: &str) -> File {
    File::options().read(true).write(true).create(true).truncate(true).open(folder.join(name)).await.unwrap()
}

/// Appends some bytes, and returns the new length. The write is under way when this returns.
async fn grow(file: &mut File, len: &mut u64, random: &mut Random) -> u64 {
    let bytes = vec![b'x'; 5 + random.below(200_000)];
    file.write_all(&bytes).await.unwrap();
    *len += bytes.len() as u64;
    *len
}

#[test]
fn nothing_that_is_asked_of_a_file_overtakes_its_write() {
    both(async || {
        let folder = Folder::new();
        let mut random = Random::new(1);
        for _ in 0..20 {
            let mut file = create(&folder, "a").await;
            let mut len = 0;
            let mut grow = async |file: &mut File| grow(file, &mut len, &mut random).await;

            let len = grow(&mut file).await;
            assert_eq!(file.metadata().await.unwrap().len(), len);

            let len = grow(&mut file).await;
            assert_eq!(file.read_at(Vec::with_capacity(10), len - 1).await.1, b"x");

            let len = grow(&mut file).await;
            let (read, bufs) = file.read_vectored_at(vec![vec![0; 3], vec![0; 3]], len - 2).await;
            assert_eq!((read.unwrap(), &bufs.concat()[..]), (2, &b"xx"[..]));

            let len = grow(&mut file).await;
            file.write_at("y", len - 1).await.0.unwrap();
            let len = grow(&mut file).await;
            file.write_all_at("y", len - 1).await.0.unwrap();
            let len = grow(&mut file).await;
            file.write_vectored_at(vec!["y"], len - 1).await.0.unwrap();
            assert_eq!(file.read_at(Vec::with_capacity(2), len - 2).await.1, b"xy");

            let len = grow(&mut file).await;
            let mut clone = file.try_clone().await.unwrap();
            assert_eq!(clone.seek(SeekFrom::Current(0)).await.unwrap(), len);
            drop(clone);

            grow(&mut file).await;
            file.sync_data().await.unwrap();
            let len = grow(&mut file).await;
            file.sync_all().await.unwrap();
            assert_eq!(std::fs::metadata(folder.join("a")).unwrap().len(), len);

            // A write clears this bit.
            grow(&mut file).await;
            file.set_permissions(Permissions::from_mode(0o4700)).await.unwrap();
            assert_eq!(file.metadata().await.unwrap().mode() & 0o7777, 0o4700);

            let len = grow(&mut file).await;
            file.set_len(len - 1).await.unwrap();
            assert_eq!(file.metadata().await.unwrap().len(), len - 1);
            assert_eq!(file.seek(SeekFrom::Current(0)).await.unwrap(), len);

            let len = grow(&mut file).await;
            assert_eq!(file.into_std().await.metadata().unwrap().len(), len);
        }
    });
}

/// They would all poll with wakers of their own, and an operation wakes one of those.
#[test]
fn all_tasks_that_wait_for_the_write_of_a_file_go_on() {
    both(async || {
        let folder = Folder::new();
        for round in 0..50 {
            let mut file = create(&folder, "a").await;
            file.write_all(&vec![7; 300_000]).await.unwrap();
            let file = Arc::new(file);
            let tasks: Vec<_> = (0..10)
                .map(|n| {
                    let file = file.clone();
                    ayi::spawn(async move {
                        match (n + round) % 4 {
                            0 => file.sync_data().await.unwrap(),
                            1 => assert_eq!(file.metadata().await.unwrap().len(), 300_000),
                            2 => drop(file.try_clone().await.unwrap()),
                            _ => assert_eq!(file.read_at(vec![0; 9], 1).await.1, [7; 9]),
                        }
                    })
                })
                .collect();
            // The last one that has polled gives up.
            let _ = poll_once(pin!(file.sync_all()));
            if round % 2 == 0 {
                yield_now().await;
                let _ = poll_once(pin!(file.sync_all()));
            }
            for task in tasks {
                task.await.unwrap();
            }
        }
    });
}

/// A waker whose clones use the file that they wait for.
const MEDDLER: RawWakerVTable = RawWakerVTable::new(
    |file| {
        // SAFETY: it points at the file of the test, which outlives its wakers.
        let _ = poll_once(pin!(unsafe { &*file.cast::<File>() }.sync_all()));
        RawWaker::new(file, &MEDDLER)
    },
    |_| {},
    |_| {},
    |_| {},
);

#[test]
fn a_waker_may_use_the_file_that_it_waits_for() {
    both(async || {
        let folder = Folder::new();
        let mut file = create(&folder, "a").await;
        file.write_all(&vec![7; 300_000]).await.unwrap();
        // SAFETY: the functions behave as the table requires, and may be called from any thread.
        let waker = unsafe { Waker::new((&raw const file).cast(), &MEDDLER) };
        let mut syncing = pin!(file.sync_all());
        while syncing.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            turn().await;
        }
        assert_eq!(file.metadata().await.unwrap().len(), 300_000);
    });
}

#[test]
fn clones_that_write_at_the_same_time_overwrite_nothing() {
    both(async || {
        let folder = Folder::new();
        for (round, size) in [1, 100, 5000, 70_000].into_iter().cycle().take(40).enumerate() {
            let file = create(&folder, "a").await;
            let mut clones = Vec::new();
            for _ in 0..3 {
                clones.push(file.try_clone().await.unwrap());
            }
            clones.push(file);
            let writers: Vec<_> = (b'a'..)
                .zip(clones)
                .map(|(name, mut clone)| {
                    ayi::spawn(async move {
                        for _ in 0..5 {
                            clone.write_all(&vec![name; size]).await.unwrap();
                        }
                        clone.flush().await.unwrap();
                    })
                })
                .collect();
            for writer in writers {
                writer.await.unwrap();
            }
            let contents = std::fs::read(folder.join("a")).unwrap();
            assert_eq!(contents.len(), 20 * size, "round {round}, size {size}");
            for name in b'a'..=b'd' {
                assert_eq!(contents.iter().filter(|&&byte| byte == name).count(), 5 * size, "round {round}");
            }
        }
    });
}

/// Each is in a runtime of its own: two rings know nothing of each other.
#[test]
fn clones_that_write_on_several_threads_overwrite_nothing() {
    const SIZE: usize = 500;
    for io_uring in [true, false] {
        let folder = Folder::new();
        let clones = with(io_uring, async || {
            let file = create(&folder, "a").await;
            [file.try_clone().await.unwrap(), file.try_clone().await.unwrap(), file]
        });
        watched(|| {
            thread::scope(|scope| {
                for (name, mut clone) in (b'a'..).zip(clones) {
                    scope.spawn(move || {
                        runtime(io_uring).block_on(async {
                            for _ in 0..300 {
                                clone.write_all(&[name; SIZE]).await.unwrap();
                                clone.flush().await.unwrap();
                            }
                        });
                    });
                }
            });
        });
        let contents = std::fs::read(folder.join("a")).unwrap();
        for name in b'a'..=b'c' {
            assert_eq!(contents.iter().filter(|&&byte| byte == name).count(), 300 * SIZE);
        }
        assert!(contents.chunks(SIZE).all(|chunk| chunk.iter().all(|byte| *byte == chunk[0])));
    }
}

#[test]
fn clones_that_read_at_the_same_time_share_what_is_there() {
    both(async || {
        let folder = Folder::new();
        let contents = Random::new(2).bytes(400_000);
        let path = folder.file("a", &contents);
        for size in [1000, 9000, 60_000] {
            let file = File::open(&path).await.unwrap();
            let clone = file.try_clone().await.unwrap();
            let read = async |mut file: File| {
                let (mut sum, mut buf) = (0, vec![0; size]);
                loop {
                    let read = file.read(&mut buf).await.unwrap();
                    if read == 0 {
                        return sum;
                    }
                    sum += read;
                }
            };
            let (a, b) = zip(read(file), read(clone)).await;
            assert_eq!(a + b, contents.len());
        }
    });
}

/// There are more bytes than the pipe has room for: a part is written at once, the rest when it is read.
#[test]
fn what_a_pipe_has_no_room_for_is_written_although_the_file_is_dropped() {
    both(async || {
        let (mut reader, writer) = pipe();
        let mut writer = File::from(writer);
        let bytes = Random::new(3).bytes(250_000);
        assert_eq!(writer.write(&bytes).await.unwrap(), bytes.len());
        drop(writer);
        let reading = ayi::task::spawn_blocking(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all
        });
        assert!(reading.await.unwrap() == bytes);
    });
}

/// In both directions at once, as a socket or a terminal is used.
#[test]
fn a_read_that_waits_keeps_no_write_of_a_socket_waiting() {
    both(async || {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut file = File::from(OwnedFd::from(ours));
        let mut buf = [0; 10];
        assert!(poll_once(pin!(file.read(&mut buf))).is_pending());
        turn().await;
        file.write_all(b"question").await.unwrap();
        file.flush().await.unwrap();
        assert_eq!(theirs.read(&mut buf).unwrap(), 8);
        theirs.write_all(b"an answer").unwrap();
        // As many bytes as the first read has asked for.
        assert_eq!(file.read(&mut buf[..2]).await.unwrap(), 2);
        file.write_all(b"more").await.unwrap();
        file.flush().await.unwrap();
        assert_eq!(theirs.read(&mut buf).unwrap(), 4);
        // What has been read and not asked for is still there.
        assert_eq!(file.read(&mut buf).await.unwrap(), 7);
        assert_eq!(&buf[..7], b" answer");
        // Neither does a write that waits keep a read waiting.
        let sent = file.write(&vec![b'x'; 250_000]).await.unwrap();
        theirs.write_all(b"news").unwrap();
        assert_eq!(file.read(&mut buf).await.unwrap(), 4);
        assert_eq!(file.read_at(Vec::new(), 0).await.0.unwrap(), 0);
        file.metadata().await.unwrap();
        let reading = ayi::task::spawn_blocking(move || theirs.read_exact(&mut vec![0; sent]));
        file.flush().await.unwrap();
        reading.await.unwrap().unwrap();
    });
}

#[test]
fn a_file_takes_its_write_to_another_runtime() {
    for io_uring in [true, false] {
        watched(|| {
            let folder = Folder::new();
            let mut file = runtime(io_uring).block_on(async {
                let mut file = create(&folder, "a").await;
                file.write_all(&vec![b'a'; 100_000]).await.unwrap();
                file
            });
            with(io_uring, async || {
                file.write_all(b"b").await.unwrap();
                assert_eq!(file.metadata().await.unwrap().len(), 100_001);
                file.flush().await.unwrap();
            });
            assert_eq!(std::fs::read(folder.join("a")).unwrap().len(), 100_001);
        });
    }
}

/// A read that was given up has left bytes that nobody has seen, and then they change.
#[test]
fn what_was_read_ahead_is_not_given_out_after_it_has_changed() {
    both(async || {
        let folder = Folder::new();
        for what in 0..4 {
            let mut file = create(&folder, "a").await;
            file.write_all(b"old contents").await.unwrap();
            file.seek(SeekFrom::Start(0)).await.unwrap();
            let mut buf = [0; 12];
            let _ = poll_once(pin!(file.read(&mut buf)));
            match what {
                0 => drop(file.write_at("new", 0).await.0.unwrap()),
                1 => file.write_all_at("new", 0).await.0.unwrap(),
                2 => drop(file.write_vectored_at(vec!["new"], 0).await.0.unwrap()),
                _ => file.set_len(3).await.unwrap(),
            }
            let expected: &[u8] = if what == 3 { b"old" } else { b"new contents" };
            let mut read = Vec::new();
            file.read_to_end(&mut read).await.unwrap();
            assert_eq!(read, expected, "{what}");
        }
    });
}
