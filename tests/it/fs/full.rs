//! Files that take no more, because the disk is full or a limit is reached. The disk has the beginning of what was
//! written, however it is written, and a call reports what is missing.
//!
//! The limit (`RLIMIT_FSIZE`) belongs to the whole process, so each test has a process of its own.

use super::support::{Folder, Random, both, with};
use crate::support::{in_a_child, poll_once, turn};
use ayi::fs::{self, File};
use ayi::io::BufWriter;
use ayi::io::{AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt};
use std::io::{self, ErrorKind, IoSlice, SeekFrom};
use std::pin::pin;
use std::task::Poll;

/// Keeps files of this process from growing beyond so many bytes.
fn limit(bytes: u64) {
    // SAFETY: a signal is ignored, and numbers are set.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        let mut limit: libc::rlimit = std::mem::zeroed();
        assert_eq!(libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit), 0);
        limit.rlim_cur = bytes.min(limit.rlim_max);
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &limit), 0);
    }
}

fn no_limit() {
    limit(libc::RLIM_INFINITY);
}

/// Each place has its byte.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u32).wrapping_mul(0x9e37_79b9).to_be_bytes()[0]).collect()
}

fn is_too_large<T>(result: io::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::FileTooLarge)
}

/// Writes `data` in pieces, and returns the first error.
async fn write_pieces(to: &mut (impl AsyncWrite + Unpin), data: &[u8], piece: usize) -> io::Result<()> {
    for piece in data.chunks(piece) {
        to.write_all(piece).await?;
    }
    Ok(())
}

/// Makes the next call, of each kind that returns an error.
async fn next_call(which: usize, file: &mut File) -> io::Result<()> {
    match which {
        0 => file.flush().await,
        1 => file.sync_all().await,
        2 => file.sync_data().await,
        3 => file.seek(SeekFrom::Current(0)).await.map(drop),
        4 => file.set_len(0).await,
        5 => file.shutdown().await,
        6 => file.try_clone().await.map(drop),
        _ => file.write_all(b"x").await,
    }
}

#[test]
fn a_write_that_was_cut_short_is_told_by_the_next_call_and_the_rest_is_kept() {
    if !in_a_child(module_path!(), "a_write_that_was_cut_short_is_told_by_the_next_call_and_the_rest_is_kept")
    {
        return;
    }
    both(async || {
        let folder = Folder::new();
        let data = pattern(5000);
        for which in 0..8 {
            let path = folder.join(format!("{which}"));
            limit(1000);
            let mut file = File::create(&path).await.unwrap();
            file.write_all(&data).await.unwrap();
            assert!(is_too_large(next_call(which, &mut file).await), "{which}");
            assert_eq!(std::fs::read(&path).unwrap(), data[..1000]);
            // There is no room yet, and each attempt says so.
            assert!(is_too_large(file.flush().await), "{which}");
            no_limit();
            file.flush().await.unwrap();
            file.sync_all().await.unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), data);
            assert_eq!(file.seek(SeekFrom::Current(0)).await.unwrap(), 5000);
        }
    });
}

#[test]
fn an_error_is_told_even_if_there_is_room_again_before_anybody_asks() {
    if !in_a_child(module_path!(), "an_error_is_told_even_if_there_is_room_again_before_anybody_asks") {
        return;
    }
    both(async || {
        let folder = Folder::new();
        let data = pattern(5000);
        for which in 0..8 {
            let path = folder.join(format!("{which}"));
            limit(1000);
            let mut file = File::create(&path).await.unwrap();
            file.write_all(&data).await.unwrap();
            // This waits for the write, and leaves the error to other calls.
            assert_eq!(file.metadata().await.unwrap().len(), 1000);
            no_limit();
            assert!(is_too_large(next_call(which, &mut file).await), "{which}");
            file.flush().await.unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), data);
        }
    });
}

/// Sizes around those of the file's own buffer, and of pages.
#[test]
fn what_is_on_the_disk_is_the_beginning_of_what_was_written() {
    if !in_a_child(module_path!(), "what_is_on_the_disk_is_the_beginning_of_what_was_written") {
        return;
    }
    both(async || {
        let folder = Folder::new();
        let path = folder.join("a");
        let data = pattern(1_000_000);
        const BUFFER: usize = 256 * 1024;
        for cut in [1, 4095, 4096, 4097, 100_000, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER + 1, 946_176] {
            for piece in [5000, BUFFER - 1, BUFFER, BUFFER + 1, data.len()] {
                for append in [false, true] {
                    let what = (cut, piece, append);
                    let _ = std::fs::remove_file(&path);
                    limit(cut as u64);
                    let mut options = File::options();
                    let mut file = options.write(true).append(append).create(true).open(&path).await.unwrap();
                    let written = write_pieces(&mut file, &data, piece).await;
                    let told = if written.is_err() { written } else { file.flush().await };
                    assert!(is_too_large(told), "{what:?}");
                    assert!(std::fs::read(&path).unwrap() == data[..cut], "{what:?}");
                    // Everything that was taken gets there, and what comes then is behind it.
                    no_limit();
                    file.flush().await.unwrap();
                    let taken = std::fs::metadata(&path).unwrap().len() as usize;
                    file.write_all(&data[taken..]).await.unwrap();
                    file.flush().await.unwrap();
                    assert!(std::fs::read(&path).unwrap() == data, "{what:?}");
                    assert_eq!(file.seek(SeekFrom::Current(0)).await.unwrap(), data.len() as u64);
                }
            }
        }
    });
}

/// A file in memory, and its position.
#[derive(Default)]
struct Model {
    bytes: Vec<u8>,
    at: usize,
}

impl Model {
    fn write(&mut self, bytes: &[u8], append: bool) {
        self.at = if append { self.bytes.len() } else { self.at };
        let end = self.at + bytes.len();
        self.bytes.resize(self.bytes.len().max(end), 0);
        self.bytes[self.at..end].copy_from_slice(bytes);
        self.at = end;
    }

    fn read(&mut self, most: usize) -> &[u8] {
        let from = self.at.min(self.bytes.len());
        let to = (from + most).min(self.bytes.len());
        self.at += to - from;
        &self.bytes[from..to]
    }
}

/// Tries again, without a limit, what has failed because of one. What has failed had no effect, except for what was
/// taken before. Some errors are expected: there was a limit.
async fn insisting<T>(mut attempt: impl AsyncFnMut() -> io::Result<T>) -> T {
    match attempt().await {
        Ok(value) => value,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::FileTooLarge, "{error}");
            no_limit();
            attempt().await.expect("it was told, and there is room")
        }
    }
}

async fn compare(seed: u64, append: bool) {
    let folder = Folder::new();
    let path = folder.join("a");
    let mut random = Random::new(seed);
    let mut options = File::options();
    let mut file = options.read(true).write(true).append(append).create(true).open(&path).await.unwrap();
    let mut model = Model::default();
    let max_buf_size = [7, 64, 4096, 1 << 20][random.below(4)];
    file.set_max_buf_size(max_buf_size);
    for step in 0..300 {
        let what = random.below(14);
        let context = (seed, step, what);
        if random.below(4) == 0 {
            limit(random.below(model.bytes.len() + 2000) as u64);
        }
        match what {
            0..4 => {
                let len = random.below(2000);
                let bytes = random.bytes(len);
                let written = insisting(async || file.write(&bytes).await).await;
                assert_eq!(written, len.min(max_buf_size), "{context:?}");
                model.write(&bytes[..written], append && written > 0);
            }
            4 => {
                // A write that is given up has taken all or nothing.
                let bytes = random.bytes(50);
                if let Poll::Ready(Ok(written)) = poll_once(pin!(file.write(&bytes))) {
                    model.write(&bytes[..written], append);
                }
            }
            5 => insisting(async || file.flush().await).await,
            6 => insisting(async || file.sync_all().await).await,
            7 => insisting(async || file.sync_data().await).await,
            8 => {
                let to = random.below(model.bytes.len() + 50);
                let at = insisting(async || file.seek(SeekFrom::Start(to as u64)).await).await;
                assert_eq!(at, to as u64, "{context:?}");
                model.at = to;
            }
            9 => {
                let at = insisting(async || file.seek(SeekFrom::Current(0)).await).await;
                assert_eq!(at, model.at as u64, "{context:?}");
            }
            10 => {
                let len = random.below(model.bytes.len() + 500);
                insisting(async || file.set_len(len as u64).await).await;
                model.bytes.resize(len, 0);
            }
            11 => {
                let clone = insisting(async || file.try_clone().await).await;
                if random.below(2) == 0 {
                    file = clone;
                    file.set_max_buf_size(max_buf_size);
                }
            }
            12 => {
                insisting(async || file.flush().await).await;
                let mut buf = vec![0; random.below(1000)];
                let read = file.read(&mut buf).await.unwrap();
                assert_eq!(model.read(buf.len().min(max_buf_size)), &buf[..read], "{context:?}");
            }
            _ => {
                insisting(async || file.flush().await).await;
                assert!(std::fs::read(&path).unwrap() == model.bytes, "{context:?}");
                assert_eq!(file.metadata().await.unwrap().len(), model.bytes.len() as u64, "{context:?}");
            }
        }
    }
    insisting(async || file.flush().await).await;
    assert!(std::fs::read(&path).unwrap() == model.bytes, "{seed}");
}

#[test]
fn random_operations_under_limits_do_what_a_file_in_memory_does() {
    if !in_a_child(module_path!(), "random_operations_under_limits_do_what_a_file_in_memory_does") {
        return;
    }
    both(async || {
        for seed in 0..40 {
            compare(seed, seed % 4 == 3).await;
            no_limit();
        }
    });
}

/// Nobody is told about what is dropped: it is tried once more.
#[test]
fn what_is_unwritten_is_tried_again_when_the_file_is_dropped() {
    if !in_a_child(module_path!(), "what_is_unwritten_is_tried_again_when_the_file_is_dropped") {
        return;
    }
    let folder = Folder::new();
    let (path, data) = (folder.join("a"), pattern(5000));
    for io_uring in [true, false] {
        for is_told in [true, false] {
            let file = with(io_uring, async || {
                limit(1000);
                let mut file = File::create(&path).await.unwrap();
                file.write_all(&data).await.unwrap();
                file.metadata().await.unwrap();
                assert!(!is_told || is_too_large(file.flush().await));
                assert_eq!(std::fs::read(&path).unwrap(), data[..1000]);
                file
            });
            // There is room, and no runtime.
            no_limit();
            drop(file);
            assert_eq!(std::fs::read(&path).unwrap(), data);
        }
        with(io_uring, async || {
            limit(1000);
            let mut file = File::create(&path).await.unwrap();
            file.write_all(&data).await.unwrap();
            drop(file);
        });
        // The write was under way, and the runtime has waited for it.
        no_limit();
        assert_eq!(std::fs::read(&path).unwrap(), data[..1000]);
    }
}

#[test]
fn a_read_between_the_error_and_the_next_attempt_moves_nothing() {
    if !in_a_child(module_path!(), "a_read_between_the_error_and_the_next_attempt_moves_nothing") {
        return;
    }
    both(async || {
        let folder = Folder::new();
        let (path, data) = (folder.file("a", [b'.'; 1500]), pattern(5000));
        limit(1000);
        let mut file = File::options().read(true).write(true).open(&path).await.unwrap();
        file.write_all(&data).await.unwrap();
        let mut buf = [0; 100];
        file.read_exact(&mut buf).await.unwrap();
        assert_eq!(buf, [b'.'; 100]);
        assert!(is_too_large(file.flush().await));
        file.read_exact(&mut buf).await.unwrap();
        no_limit();
        file.flush().await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), data);
        // The position is where the reads have left it.
        file.read_exact(&mut buf).await.unwrap();
        assert_eq!(buf, data[1200..1300]);
    });
}

#[test]
fn clones_of_a_file_that_takes_no_more_overwrite_nothing() {
    if !in_a_child(module_path!(), "clones_of_a_file_that_takes_no_more_overwrite_nothing") {
        return;
    }
    both(async || {
        let folder = Folder::new();
        let path = folder.join("a");
        limit(1000);
        let mut a = File::create(&path).await.unwrap();
        let mut b = a.try_clone().await.unwrap();
        a.write_all(&[b'a'; 3000]).await.unwrap();
        assert!(is_too_large(a.flush().await));
        b.write_all(&[b'b'; 500]).await.unwrap();
        assert!(is_too_large(b.flush().await));
        no_limit();
        b.flush().await.unwrap();
        a.flush().await.unwrap();
        let expected = [&[b'a'; 1000][..], &[b'b'; 500], &[b'a'; 2000]].concat();
        assert!(std::fs::read(&path).unwrap() == expected);
        // This one is left alone.
        drop(b);
        limit(4000);
        a.write_all(&[b'c'; 1000]).await.unwrap();
        assert!(is_too_large(a.sync_all().await));
        no_limit();
        a.write_all(b"d").await.unwrap();
        a.sync_all().await.unwrap();
        assert!(std::fs::read(&path).unwrap() == [&expected[..], &[b'c'; 1000], b"d"].concat());
    });
}

#[test]
fn buffered_vectored_and_copied() {
    if !in_a_child(module_path!(), "buffered_vectored_and_copied") {
        return;
    }
    both(async || {
        let folder = Folder::new();
        let (path, data) = (folder.join("a"), pattern(700_000));
        for cut in [1, 5000, 300_000, 699_999] {
            // A writer that buffers, on top.
            for capacity in [100, 8192, 1_000_000] {
                limit(cut);
                let mut writer = BufWriter::with_capacity(capacity, File::create(&path).await.unwrap());
                let mut rest = &data[..];
                let mut told = 0;
                while !rest.is_empty() {
                    match writer.write(rest).await {
                        Ok(written) => rest = &rest[written..],
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::FileTooLarge);
                            assert!(std::fs::read(&path).unwrap() == data[..cut as usize]);
                            told += 1;
                            no_limit();
                        }
                    }
                }
                if let Err(error) = writer.flush().await {
                    assert_eq!(error.kind(), ErrorKind::FileTooLarge);
                    told += 1;
                    no_limit();
                }
                writer.shutdown().await.unwrap();
                assert_eq!(told, 1, "{cut}, {capacity}");
                assert!(std::fs::read(&path).unwrap() == data, "{cut}, {capacity}");
            }
            // Several buffers at once.
            limit(cut);
            let mut file = File::create(&path).await.unwrap();
            let (mut at, mut told) = (0, 0);
            while at < data.len() {
                let (first, second) = data[at..].split_at(1000.min(data.len() - at));
                match file
                    .write_vectored(&[IoSlice::new(&[]), IoSlice::new(first), IoSlice::new(second)])
                    .await
                {
                    Ok(written) => at += written,
                    Err(_) => (told, ()) = (told + 1, no_limit()),
                }
            }
            told += usize::from(file.flush().await.is_err());
            no_limit();
            file.flush().await.unwrap();
            assert_eq!(told, 1, "{cut}");
            assert!(std::fs::read(&path).unwrap() == data, "{cut}");
            // The bytes are copied, by either loop.
            limit(cut);
            let mut file = File::create(&path).await.unwrap();
            let copied = match ayi::io::copy(&mut &data[..], &mut file).await {
                Ok(_) => file.flush().await,
                Err(error) => Err(error),
            };
            assert!(is_too_large(copied), "{cut}");
            assert!(std::fs::read(&path).unwrap() == data[..cut as usize], "{cut}");
            let mut file = File::create(&path).await.unwrap();
            let copied = match futures_lite::io::copy(&data[..], &mut file).await {
                Ok(_) => file.shutdown().await,
                Err(error) => Err(error),
            };
            assert!(is_too_large(copied), "{cut}");
            drop(file);
            assert!(std::fs::read(&path).unwrap() == data[..cut as usize], "{cut}");
            no_limit();
        }
    });
}

#[test]
fn whole_files_and_writes_at_an_offset_say_what_is_missing() {
    if !in_a_child(module_path!(), "whole_files_and_writes_at_an_offset_say_what_is_missing") {
        return;
    }
    both(async || {
        let folder = Folder::new();
        let (path, data) = (folder.join("a"), pattern(700_000));
        let from = folder.file("from", &data);
        for cut in [1, 5000, 300_000] {
            let is_beginning = || std::fs::read(&path).unwrap() == data[..cut];
            limit(cut as u64);
            assert!(is_too_large(fs::write(&path, &data).await) && is_beginning());
            std::fs::remove_file(&path).unwrap();
            assert!(is_too_large(fs::copy(&from, &path).await));
            assert!(data.starts_with(&std::fs::read(&path).unwrap()));
            let file = File::create(&path).await.unwrap();
            let (result, buf) = file.write_all_at(data.clone(), 0).await;
            assert!(is_too_large(result) && buf == data && is_beginning());
            file.set_len(0).await.unwrap();
            assert_eq!(file.write_at(data.clone(), 0).await.0.unwrap(), cut);
            assert!(is_too_large(file.write_at(data.clone(), cut as u64).await.0) && is_beginning());
            file.set_len(0).await.unwrap();
            let bufs: Vec<_> = data.chunks(1000).map(<[u8]>::to_vec).collect();
            assert_eq!(file.write_vectored_at(bufs.clone(), 0).await.0.unwrap(), cut);
            assert!(is_too_large(file.write_vectored_at(bufs, cut as u64).await.0) && is_beginning());
            no_limit();
        }
    });
}

/// A future that is dropped has taken everything that it says, or nothing.
#[test]
fn writes_and_flushes_that_are_given_up_lose_nothing() {
    if !in_a_child(module_path!(), "writes_and_flushes_that_are_given_up_lose_nothing") {
        return;
    }
    both(async || {
        let folder = Folder::new();
        let path = folder.join("a");
        let mut random = Random::new(7);
        let mut file = File::create(&path).await.unwrap();
        let mut taken = Vec::new();
        for _ in 0..300 {
            limit(taken.len() as u64 + random.below(3000) as u64);
            let len = 1 + random.below(1000);
            let bytes = random.bytes(len);
            match random.below(3) {
                0 => drop(poll_once(pin!(file.flush()))),
                1 => drop(poll_once(pin!(file.sync_all()))),
                _ => {
                    if let Poll::Ready(Ok(written)) = poll_once(pin!(file.write(&bytes))) {
                        taken.extend_from_slice(&bytes[..written]);
                    }
                }
            }
            for _ in 0..random.below(3) {
                turn().await;
            }
            assert!(taken.starts_with(&std::fs::read(&path).unwrap()));
        }
        no_limit();
        while file.flush().await.is_err() {}
        assert!(std::fs::read(&path).unwrap() == taken);
    });
}

/// `ENOSPC`, from a file system that is small.
#[test]
fn a_disk_that_is_full() {
    let folder = Folder::new();
    let disk = folder.join("disk");
    std::fs::create_dir(&disk).unwrap();
    let path_of = |path: &std::path::Path| std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    let (target, tmpfs) = (path_of(&disk), c"tmpfs".as_ptr());
    // SAFETY: all of them end with a zero.
    let mounted = unsafe { libc::mount(tmpfs, target.as_ptr(), tmpfs, 0, c"size=1m".as_ptr().cast()) };
    if mounted != 0 {
        let error = io::Error::last_os_error();
        return crate::support::skipped(format_args!("only root may mount a small file system ({error})"));
    }
    let tested = std::panic::catch_unwind(|| {
        both(async || {
            let (ballast, path) = (disk.join("ballast"), disk.join("a"));
            let data = pattern(700_000);
            for piece in [3000, 100_000, data.len()] {
                // A child that another test starts keeps deleted files open between its fork and its exec.
                while let Err(error) = std::fs::write(&ballast, vec![1; 500_001]) {
                    assert_eq!(error.kind(), ErrorKind::StorageFull);
                    std::thread::yield_now();
                }
                let mut file = File::create(&path).await.unwrap();
                let written = write_pieces(&mut file, &data, piece).await;
                let told = if written.is_err() { written } else { file.flush().await };
                assert_eq!(told.unwrap_err().kind(), ErrorKind::StorageFull);
                let on_disk = std::fs::read(&path).unwrap();
                assert!(on_disk.len() > 400_000 && data.starts_with(&on_disk));
                assert_eq!(file.sync_all().await.unwrap_err().kind(), ErrorKind::StorageFull);
                std::fs::remove_file(&ballast).unwrap();
                file.flush().await.unwrap();
                let taken = std::fs::metadata(&path).unwrap().len() as usize;
                file.write_all(&data[taken..]).await.unwrap();
                file.shutdown().await.unwrap();
                assert!(std::fs::read(&path).unwrap() == data);
                std::fs::remove_file(&path).unwrap();
            }
        });
    });
    // SAFETY: it ends with a zero.
    assert_eq!(unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) }, 0);
    tested.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}
