//! Reading and writing a file from one end to the other, through the traits.

use super::support::{Folder, Random, both, pipe, runtime, same, with};
use crate::support::{poll_once, watched};
use ayi::fs::{File, OpenOptions};
use ayi::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use ayi::io::{BufReader, BufWriter, copy};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;

/// Compares random operations on a file with the same ones on a file of std's, which has to look the same all the time.
async fn compare(seed: u64, operations: usize, append: bool) {
    let folder = Folder::new();
    let mut random = Random::new(seed);
    let contents = random.bytes(5000);
    let (a, b) = (folder.file("a", &contents), folder.file("b", &contents));
    let mut file = OpenOptions::new().read(true).write(true).append(append).open(&a).await.unwrap();
    let mut std = std::fs::OpenOptions::new().read(true).write(true).append(append).open(&b).unwrap();
    // Buffers of the user are smaller than the file's own, and larger.
    let max_buf_size = [1, 7, 64, 4096, 1 << 20][random.below(5)];
    file.set_max_buf_size(max_buf_size);
    let mut given_up = false;
    for step in 0..operations {
        let what = random.below(12);
        let context = (seed, step, what);
        given_up &= !(5..=9).contains(&what);
        match what {
            0..4 => {
                let len = random.below(300);
                let mut ours = vec![0; len];
                let read = file.read(&mut ours).await;
                // A read that was given up may have left less, or may have found the end where it no longer is.
                let most = if given_up { *read.as_ref().unwrap_or(&len) } else { len.min(max_buf_size) };
                let mut theirs = vec![0; most];
                let expected = std.read(&mut theirs);
                assert!(ours.starts_with(&theirs[..*expected.as_ref().unwrap_or(&0)]), "{context:?}");
                same(read, expected, context);
            }
            4 => {
                let mut buf = vec![0; 1 + random.below(300)];
                let reading = poll_once(pin!(file.read(&mut buf)));
                if let Poll::Ready(read) = reading {
                    let mut theirs = vec![0; *read.as_ref().unwrap()];
                    same(read, std.read(&mut theirs), context);
                    assert!(buf.starts_with(&theirs), "{context:?}");
                } else {
                    given_up = true;
                }
            }
            5..8 => {
                let len = random.below(300);
                let bytes = random.bytes(len);
                let written = file.write(&bytes).await;
                same(written, std.write(&bytes[..len.min(max_buf_size)]), context);
            }
            8 => {
                let len = 1 + random.below(20 * max_buf_size.min(150));
                let bytes = random.bytes(len);
                same(file.write_all(&bytes).await, std.write_all(&bytes), context);
            }
            9 => {
                let len = std.metadata().unwrap().len() as usize;
                let to = match random.below(4) {
                    0 => SeekFrom::Start(random.below(len + 100) as u64),
                    1 => SeekFrom::End(random.below(len + 100) as i64 - len as i64),
                    // At times this is before the beginning.
                    2 => SeekFrom::End(-(random.below(len + len / 4 + 1) as i64)),
                    _ => SeekFrom::Current(random.below(1000) as i64 - 500),
                };
                same(file.seek(to).await, std.seek(to), context);
            }
            10 => same(file.flush().await, std.flush(), context),
            // This is left out while there may be bytes that were read before.
            11 if !given_up && random.below(10) == 0 => {
                let len = random.below(8000) as u64;
                same(file.set_len(len).await, std.set_len(len), context);
            }
            _ => {
                let (clone, expected) = (file.try_clone().await.unwrap(), std.try_clone().unwrap());
                (file, std, given_up) = (clone, expected, false);
                file.set_max_buf_size(max_buf_size);
            }
        }
    }
    let position = std.stream_position();
    same(file.seek(SeekFrom::Current(0)).await, position, seed);
    assert!(std::fs::read(a).unwrap() == std::fs::read(b).unwrap(), "{seed}");
}

#[test]
fn random_operations_do_what_those_of_std_do() {
    both(async || {
        for seed in 0..20 {
            compare(seed, 200, false).await;
        }
    });
}

#[test]
fn random_operations_on_a_file_that_is_appended_to() {
    both(async || {
        for seed in 100..110 {
            compare(seed, 200, true).await;
        }
    });
}

#[test]
fn what_is_written_and_not_flushed_is_written_all_the_same() {
    for io_uring in [true, false] {
        let folder = Folder::new();
        let path = folder.join("a");
        with(io_uring, async || {
            let mut file = File::create(&path).await.unwrap();
            file.write_all(&[7; 100_000]).await.unwrap();
        });
        // The runtime has ended.
        assert!(std::fs::read(&path).unwrap() == [7; 100_000], "io_uring: {io_uring}");
    }
}

#[test]
fn a_file_is_dropped_after_its_runtime() {
    for io_uring in [true, false] {
        watched(|| {
            let folder = Folder::new();
            let path = folder.join("a");
            let file = runtime(io_uring).block_on(async {
                let mut file = File::create(&path).await.unwrap();
                file.write_all(b"text").await.unwrap();
                file
            });
            drop(file);
            assert_eq!(std::fs::read(&path).unwrap(), b"text");
        });
    }
}

#[test]
fn a_file_goes_on_in_another_runtime() {
    for io_uring in [true, false] {
        let folder = Folder::new();
        let path = folder.join("a");
        let mut file = with(io_uring, async || {
            let mut file = File::create(&path).await.unwrap();
            file.write_all(b"one,").await.unwrap();
            file.flush().await.unwrap();
            file
        });
        with(!io_uring, async || {
            file.write_all(b"two").await.unwrap();
            file.flush().await.unwrap();
        });
        assert_eq!(std::fs::read(&path).unwrap(), b"one,two");
    }
}

/// The next call returns the error, whichever call that is.
#[test]
fn errors_of_writes_are_reported() {
    both(async || {
        let open = async || File::options().read(true).write(true).open("/dev/full").await.unwrap();
        let failing = async || {
            let mut file = open().await;
            file.write_all(b"text").await.unwrap();
            file
        };
        let is_full = |result: io::Result<()>| assert_eq!(result.unwrap_err().kind(), ErrorKind::StorageFull);
        is_full(failing().await.flush().await);
        is_full(failing().await.write_all(b"text").await);
        is_full(failing().await.seek(SeekFrom::Start(0)).await.map(drop));
        is_full(failing().await.shutdown().await);
        is_full(failing().await.sync_all().await);
        is_full(failing().await.sync_data().await);
        is_full(failing().await.set_len(0).await);
        is_full(failing().await.try_clone().await.map(drop));
        // What is not written is kept, and tried again.
        let mut file = failing().await;
        for _ in 0..3 {
            is_full(file.flush().await);
            is_full(file.write_all(b"more").await);
        }
        // A read waits for the write, and leaves the error to the call that asks for it. So does a question about the
        // file.
        let mut file = failing().await;
        file.read_exact(&mut [0; 4]).await.unwrap();
        file.metadata().await.unwrap();
        file.read_at(vec![0; 4], 0).await.0.unwrap();
        let mut file = file.try_into_std().expect_err("there is an error to tell");
        is_full(file.flush().await);
        // The rest is dropped with it.
        drop(failing().await);
        drop(failing().await.into_std().await);
        let mut buffered = BufWriter::new(open().await);
        buffered.write_all(&[0; 100_000]).await.unwrap();
        is_full(buffered.flush().await);
    });
}

/// A write that is in vain is not tried again.
#[test]
fn a_file_that_is_only_read_is_as_before_once_the_error_is_told() {
    both(async || {
        let folder = Folder::new();
        let mut reader = File::open(folder.file("a", "contents")).await.unwrap();
        let _ = reader.write(b"x").await;
        assert_eq!(reader.flush().await.unwrap_err().raw_os_error(), Some(libc::EBADF));
        reader.flush().await.unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "contents");
        assert_eq!(reader.seek(SeekFrom::Start(3)).await.unwrap(), 3);
        assert!(reader.try_into_std().is_ok());
    });
}

#[test]
fn errors_of_reads_are_reported() {
    both(async || {
        let folder = Folder::new();
        let mut directory = File::open(folder.path()).await.unwrap();
        for _ in 0..2 {
            assert_eq!(directory.read(&mut [0; 9]).await.unwrap_err().kind(), ErrorKind::IsADirectory);
        }
        assert_eq!(directory.read(&mut []).await.unwrap(), 0);
        let mut file = File::create(folder.join("a")).await.unwrap();
        file.write_all(b"text").await.unwrap();
        assert_eq!(file.read(&mut [0; 9]).await.unwrap_err().raw_os_error(), Some(libc::EBADF));
        file.write_all(b", more").await.unwrap();
        file.flush().await.unwrap();
        assert_eq!(std::fs::read(folder.join("a")).unwrap(), b"text, more");
        assert_eq!(file.seek(SeekFrom::Current(-100)).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(file.seek(SeekFrom::Current(0)).await.unwrap(), 10);
    });
}

#[test]
fn copying_and_lines() {
    both(async || {
        let folder = Folder::new();
        let text: String = (0..50_000).map(|n| format!("line {n}\n")).collect();
        let mut from = File::open(folder.file("a", &text)).await.unwrap();
        let mut to = File::create(folder.join("b")).await.unwrap();
        assert_eq!(copy(&mut from, &mut to).await.unwrap(), text.len() as u64);
        to.flush().await.unwrap();
        let mut lines = BufReader::new(File::open(folder.join("b")).await.unwrap()).lines();
        let mut count = 0;
        while let Some(line) = lines.next_line().await.unwrap() {
            assert_eq!(line, format!("line {count}"));
            count += 1;
        }
        assert_eq!(count, 50_000);
        let mut all = Vec::new();
        from.seek(SeekFrom::Start(0)).await.unwrap();
        assert_eq!(from.read_to_end(&mut all).await.unwrap(), text.len());
        assert!(all == text.as_bytes());
        assert_eq!(from.read(&mut [0; 9]).await.unwrap(), 0);
        // More bytes come later.
        std::fs::OpenOptions::new().append(true).open(folder.join("a")).unwrap().write_all(b"more").unwrap();
        assert_eq!(from.read(&mut [0; 9]).await.unwrap(), 4);
    });
}

#[test]
fn a_read_that_is_given_up_loses_nothing() {
    both(async || {
        let (reader, mut writer) = pipe();
        let mut reader = File::from(reader);
        let mut random = Random::new(1);
        let (mut sent, mut received) = (0u32, 0u32);
        for _ in 0..1000 {
            // Some come before, some after the read has begun.
            for _ in 0..random.below(3) {
                writer.write_all(&[sent as u8]).unwrap();
                sent += 1;
            }
            let mut buf = vec![0; 1 + random.below(20)];
            let _ = poll_once(pin!(reader.read(&mut buf))).map(|read| {
                for &byte in &buf[..read.unwrap()] {
                    assert_eq!(byte, received as u8);
                    received += 1;
                }
            });
            if random.below(3) == 0 {
                ayi::task::yield_now().await;
            }
            while received < sent && random.below(2) == 0 {
                let mut buf = vec![0; 1 + random.below(3)];
                let read = reader.read(&mut buf).await.unwrap();
                for &byte in &buf[..read] {
                    assert_eq!(byte, received as u8);
                    received += 1;
                }
            }
        }
        drop(writer);
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest.len() as u32, sent - received);
        assert!(rest.iter().zip(received..).all(|(&byte, expected)| byte == expected as u8));
    });
}

/// The reader is slower than the writer, and one write has several parts.
#[test]
fn through_a_pipe() {
    both(async || {
        let (reader, writer) = pipe();
        let (mut reader, mut writer) = (File::from(reader), File::from(writer));
        let bytes = Random::new(3).bytes(1_000_000);
        let expected = bytes.clone();
        let writing = ayi::spawn(async move {
            writer.write_all(&bytes).await.unwrap();
            writer.flush().await.unwrap();
        });
        let mut all = Vec::new();
        reader.set_max_buf_size(10_000);
        reader.read_to_end(&mut all).await.unwrap();
        writing.await.unwrap();
        assert!(all == expected);
    });
}

/// Nobody reads any longer.
#[test]
fn a_broken_pipe() {
    both(async || {
        let (reader, writer) = pipe();
        drop(reader);
        let mut writer = File::from(writer);
        writer.write_all(b"x").await.unwrap();
        assert_eq!(writer.flush().await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn the_size_of_its_buffer() {
    both(async || {
        let folder = Folder::new();
        let path = folder.file("a", [7; 1000]);
        let mut file = File::options().read(true).write(true).open(path).await.unwrap();
        assert_eq!(file.max_buf_size(), 256 << 10);
        for (max, moved) in [(100, 100), (1, 1), (10_000, 300)] {
            file.set_max_buf_size(max);
            assert_eq!(file.max_buf_size(), max);
            file.seek(SeekFrom::Start(0)).await.unwrap();
            assert_eq!(file.read(&mut [0; 300]).await.unwrap(), moved);
            assert_eq!(file.write(&[0; 300]).await.unwrap(), moved);
        }
        assert_eq!(file.write(&[]).await.unwrap(), 0);
        // Nothing would ever be moved.
        let set = AssertUnwindSafe(|| file.set_max_buf_size(0));
        assert!(std::panic::catch_unwind(set).is_err());
    });
}

/// One operation for all of them, up to the size of the buffer.
#[test]
fn vectored_writes() {
    use ayi::io::AsyncWrite;
    use std::io::IoSlice;
    both(async || {
        let folder = Folder::new();
        let path = folder.file("a", "");
        let mut file = File::options().write(true).open(&path).await.unwrap();
        assert!(file.is_write_vectored());
        let parts = [IoSlice::new(b"a cup "), IoSlice::new(b""), IoSlice::new(b"of tea")];
        assert_eq!(file.write_vectored(&parts).await.unwrap(), 12);
        file.set_max_buf_size(8);
        assert_eq!(file.write_vectored(&parts).await.unwrap(), 8);
        assert_eq!(file.write_vectored(&[IoSlice::new(b"")]).await.unwrap(), 0);
        assert_eq!(file.write_vectored(&[]).await.unwrap(), 0);
        file.flush().await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a cup of teaa cup of");
        // A clone has the size of its buffer from the original.
        assert_eq!(file.try_clone().await.unwrap().max_buf_size(), 8);
    });
}
