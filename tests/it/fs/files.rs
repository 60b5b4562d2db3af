//! Open files: how they are opened, reading and writing at an offset, and the other calls.

use super::support::{Folder, both, pipe, same};
use crate::support;
use ayi::fs::{File, IoBuf, IoBufMut, OpenOptions};
use ayi::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::thread;

/// Each option is a bit of `bits`.
fn ours(bits: u32) -> OpenOptions {
    let is = |bit: u32| bits & (1 << bit) != 0;
    let mut options = OpenOptions::new();
    options.read(is(0)).write(is(1)).append(is(2)).truncate(is(3)).create(is(4)).create_new(is(5));
    options
}

fn theirs(bits: u32) -> std::fs::OpenOptions {
    let is = |bit: u32| bits & (1 << bit) != 0;
    let mut options = std::fs::OpenOptions::new();
    options.read(is(0)).write(is(1)).append(is(2)).truncate(is(3)).create(is(4)).create_new(is(5));
    options
}

/// Returns what a descriptor was opened for.
fn flags(file: impl AsFd) -> i32 {
    // SAFETY: asks for a number.
    unsafe { libc::fcntl(file.as_fd().as_raw_fd(), libc::F_GETFL) }
}

#[test]
fn all_combinations_of_options_do_what_those_of_std_do() {
    both(async || {
        for (bits, is_there) in (0..64).flat_map(|bits| [(bits, true), (bits, false)]) {
            let folder = Folder::new();
            let (a, b) = (folder.join("a"), folder.join("b"));
            if is_there {
                folder.file("a", "contents");
                folder.file("b", "contents");
            }
            let what = format!("{:?}, there: {is_there}", ours(bits));
            let (a_file, b_file) = (ours(bits).open(&a).await, theirs(bits).open(&b));
            let close_on_exec = |fd: i32| {
                // SAFETY: asks for a number.
                unsafe { libc::fcntl(fd, libc::F_GETFD) }
            };
            if let (Ok(a), Ok(b)) = (&a_file, &b_file) {
                assert_eq!(flags(a), flags(b), "{what}");
                assert_eq!(close_on_exec(a.as_raw_fd()), libc::FD_CLOEXEC);
            }
            let comparable = |error: io::Error| error.kind();
            assert_eq!(a_file.map(drop).map_err(comparable), b_file.map(drop).map_err(comparable), "{what}");
            same(std::fs::read(&a), std::fs::read(&b), &what);
            if let (Ok(a), Ok(b)) = (std::fs::metadata(a), std::fs::metadata(b)) {
                assert_eq!(a.mode(), b.mode(), "{what}");
            }
        }
    });
}

#[test]
fn the_mode_and_other_flags() {
    both(async || {
        let folder = Folder::new();
        let path = folder.join("a");
        let mut options = OpenOptions::new();
        options.write(true).create(true).mode(0o640).custom_flags(libc::O_NOATIME | libc::O_RDWR);
        let file = options.open(&path).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().mode() & 0o777, 0o640);
        let expected =
            std::fs::OpenOptions::new().write(true).custom_flags(libc::O_NOATIME).open(&path).unwrap();
        assert_eq!(flags(&file), flags(expected));
        // A link is not followed.
        std::os::unix::fs::symlink(&path, folder.join("link")).unwrap();
        let mut options = OpenOptions::new();
        let options = options.read(true).custom_flags(libc::O_NOFOLLOW);
        assert_eq!(options.open(folder.join("link")).await.unwrap_err().raw_os_error(), Some(libc::ELOOP));
        let mut new = OpenOptions::new();
        let new = new.write(true).create_new(true);
        assert_eq!(new.open(folder.join("link")).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    });
}

#[test]
fn short_cuts_of_opening() {
    both(async || {
        let folder = Folder::new();
        let path = folder.file("a", "contents");
        assert_eq!(flags(File::open(&path).await.unwrap()), flags(std::fs::File::open(&path).unwrap()));
        drop(File::create(&path).await.unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        assert_eq!(File::create_new(&path).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
        let new = File::create_new(folder.join("b")).await.unwrap();
        assert_eq!(flags(&new) & libc::O_ACCMODE, libc::O_RDWR);
        assert!(File::options().append(true).open(&path).await.is_ok());
    });
}

#[test]
fn what_cannot_be_opened() {
    both(async || {
        let folder = Folder::new();
        let file = folder.file("file", "");
        let long = "x".repeat(300);
        for path in
            [&folder.join("none/x"), &file.join("x"), &folder.join(&long), Path::new(""), folder.path()]
        {
            let (ours, theirs) = (File::create(path).await.map(drop), std::fs::File::create(path).map(drop));
            same(ours, theirs, path);
            let (ours, theirs) = (File::open(path).await.map(drop), std::fs::File::open(path).map(drop));
            same(ours, theirs, path);
        }
        assert_eq!(File::open("a\0b").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn reading_at_an_offset() {
    both(async || {
        let folder = Folder::new();
        let contents: Vec<u8> = (0..10_000u32).map(|n| n as u8).collect();
        let path = folder.file("a", &contents);
        let (file, std) = (File::open(&path).await.unwrap(), std::fs::File::open(&path).unwrap());
        let offsets =
            [0, 1, 9_999, 10_000, 10_001, 1 << 40, i64::MAX as u64, 1 << 63, u64::MAX - 1, u64::MAX];
        for (offset, len) in
            offsets.into_iter().flat_map(|offset| [0, 1, 4096, 20_000].map(|len| (offset, len)))
        {
            let mut expected = vec![0; len];
            let theirs = std.read_at(&mut expected, offset);
            let (ours, buf) = file.read_at(Vec::with_capacity(len), offset).await;
            if let Ok(read) = theirs {
                // The vector may have got more room than was asked for.
                assert!(buf[..].starts_with(&expected[..read]), "{len} bytes at {offset}");
            }
            let ours = ours.map(|read| {
                assert_eq!(buf.len(), read);
                read.min(len)
            });
            same(ours, theirs, (offset, len));
            let mut expected = vec![0; len];
            let theirs = std.read_at(&mut expected, offset);
            let (ours, buf) = file.read_at(vec![0; len].into_boxed_slice(), offset).await;
            assert_eq!(buf[..], expected[..], "{len} bytes at {offset}");
            same(ours, theirs, (offset, len));
        }
        // None of this has moved the position.
        let mut file = file;
        assert_eq!(file.seek(SeekFrom::Current(0)).await.unwrap(), 0);
    });
}

#[test]
fn writing_at_an_offset() {
    both(async || {
        let folder = Folder::new();
        let (a, b) = (folder.join("a"), folder.join("b"));
        let (file, std) = (File::create(&a).await.unwrap(), std::fs::File::create(&b).unwrap());
        let writes: [(&'static str, u64); 9] = [
            ("tea", 0),
            ("", 7),
            ("leaves", 10),
            ("X", 1),
            ("far", 5000),
            ("never", 1 << 63),
            ("never", u64::MAX),
            ("", u64::MAX),
            ("never", i64::MAX as u64),
        ];
        for (text, offset) in writes {
            same(file.write_at(text, offset).await.0, std.write_at(text.as_bytes(), offset), (text, offset));
            same(
                file.write_all_at(text, offset).await.0,
                std.write_all_at(text.as_bytes(), offset),
                (text, offset),
            );
            assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
        }
        let mut file = file;
        assert_eq!(file.seek(SeekFrom::Current(0)).await.unwrap(), 0);
    });
}

#[test]
fn writing_at_an_offset_of_a_file_that_is_appended_to() {
    both(async || {
        let folder = Folder::new();
        let path = folder.file("a", "one,");
        let file = File::options().append(true).open(&path).await.unwrap();
        // pwrite(2) on Linux does the same: the offset means nothing.
        file.write_all_at("two,", 0).await.0.unwrap();
        file.write_vectored_at(vec!["thr", "ee"], 1).await.0.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one,two,three");
    });
}

#[test]
fn a_large_buffer_is_written_and_read_whole() {
    both(async || {
        let folder = Folder::new();
        let contents: Arc<[u8]> = (0..5_000_000u32).map(|n| (n >> 3) as u8).collect();
        let file = File::create_new(folder.join("a")).await.unwrap();
        file.write_all_at(contents.clone(), 3).await.0.unwrap();
        let (result, buf) = file.read_at(Vec::with_capacity(contents.len()), 3).await;
        assert_eq!(result.unwrap(), contents.len());
        assert!(buf[..] == contents[..]);
    });
}

#[test]
fn buffers_of_each_type() {
    both(async || {
        let folder = Folder::new();
        let file = File::create_new(folder.join("a")).await.unwrap();
        async fn write<B: IoBuf + Default + Eq + Clone + std::fmt::Debug>(file: &File, buf: B) {
            let (result, back) = file.write_all_at(buf.clone(), 0).await;
            result.unwrap();
            assert_eq!(back, buf);
            assert_eq!(file.read_at(Vec::with_capacity(100), 0).await.1, buf.bytes());
            file.set_len(0).await.unwrap();
        }
        write(&file, b"a vector".to_vec()).await;
        write(&file, b"a boxed slice".to_vec().into_boxed_slice()).await;
        write(&file, "a string".to_owned()).await;
        write(&file, Arc::<[u8]>::from(&b"shared"[..])).await;
        write(&file, &b"static bytes"[..]).await;
        write(&file, "static text").await;
        file.write_all_at("text", 0).await.0.unwrap();
        async fn read<B: IoBufMut + Default>(file: &File, buf: B, expected: &[u8]) {
            let (result, buf) = file.read_at(buf, 0).await;
            assert_eq!((result.unwrap(), buf.bytes()), (4, expected));
        }
        read(&file, b"what was in it before".to_vec(), b"text").await;
        read(&file, b"before, and after".to_vec().into_boxed_slice(), b"textre, and after").await;
    });
}

#[test]
fn the_buffer_comes_back_after_an_error() {
    both(async || {
        let folder = Folder::new();
        let path = folder.file("a", "contents");
        let (reader, writer) =
            (File::open(&path).await.unwrap(), File::options().write(true).open(&path).await.unwrap());
        let directory = File::open(folder.path()).await.unwrap();
        let text = || "text".to_owned();
        let (result, buf) = reader.write_at(text(), 0).await;
        assert_eq!((result.unwrap_err().raw_os_error(), &*buf), (Some(libc::EBADF), "text"));
        let (result, buf) = reader.write_all_at(text(), 0).await;
        assert_eq!((result.unwrap_err().raw_os_error(), &*buf), (Some(libc::EBADF), "text"));
        let (result, bufs) = reader.write_vectored_at(vec![text(), text()], 0).await;
        assert_eq!((result.unwrap_err().raw_os_error(), bufs), (Some(libc::EBADF), vec![text(), text()]));
        for (file, error) in [(&writer, libc::EBADF), (&directory, libc::EISDIR)] {
            let (result, buf) = file.read_at(Vec::with_capacity(77), 0).await;
            assert_eq!(result.unwrap_err().raw_os_error(), Some(error));
            assert!(buf.is_empty() && buf.capacity() >= 77);
            let (result, buf) = file.read_at(vec![7; 9].into_boxed_slice(), 0).await;
            assert_eq!((result.unwrap_err().raw_os_error(), &buf[..]), (Some(error), &[7; 9][..]));
            let (result, bufs) = file.read_vectored_at(vec![vec![1; 8]; 3], 0).await;
            assert_eq!((result.unwrap_err().raw_os_error(), bufs.len()), (Some(error), 3));
        }
    });
}

#[test]
fn several_buffers_at_once() {
    both(async || {
        let folder = Folder::new();
        let file = File::create_new(folder.join("a")).await.unwrap();
        assert_eq!(file.write_vectored_at(Vec::<Vec<u8>>::new(), 0).await.0.unwrap(), 0);
        assert_eq!(file.read_vectored_at(Vec::<Vec<u8>>::new(), 0).await.0.unwrap(), 0);
        // Every third is empty; 1024 are taken.
        let bufs: Vec<Vec<u8>> = (0..1500).map(|n| vec![n as u8; n % 3]).collect();
        let taken: Vec<u8> = bufs[..1024].concat();
        let (result, back) = file.write_vectored_at(bufs.clone(), 2).await;
        assert_eq!(result.unwrap(), taken.len());
        assert_eq!(back, bufs);
        assert_eq!(file.read_at(Vec::with_capacity(9000), 2).await.1, taken);
        let bufs: Vec<Box<[u8]>> = (0..1500).map(|n| vec![0xff; n % 3].into()).collect();
        let (result, back) = file.read_vectored_at(bufs, 2).await;
        assert_eq!(result.unwrap(), taken.len());
        assert_eq!(back[..1024].concat(), taken);
        assert!(back.len() == 1500 && back[1024..].concat().iter().all(|&byte| byte == 0xff));
        // There are fewer bytes than room: the rest of the vectors is empty.
        file.set_len(5).await.unwrap();
        let bufs = vec![b"old".to_vec(), Vec::new(), b"older".to_vec(), b"oldest".to_vec()];
        let room: Vec<_> = bufs.iter().map(Vec::capacity).collect();
        let (result, back) = file.read_vectored_at(bufs, 0).await;
        assert_eq!(result.unwrap(), 5);
        assert_eq!(back.concat(), [0, 0, taken[0], taken[1], taken[2]]);
        assert_eq!(back.iter().map(Vec::capacity).collect::<Vec<_>>(), room);
        assert!(back[3].is_empty());
        for offset in [1 << 63, u64::MAX] {
            let (result, _) = file.read_vectored_at(vec![vec![0; 9]], offset).await;
            assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EINVAL));
            let (result, _) = file.write_vectored_at(vec!["no"], offset).await;
            assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EINVAL));
        }
    });
}

#[test]
fn many_at_once_on_one_file() {
    both(async || {
        let folder = Folder::new();
        let file = Arc::new(File::create_new(folder.join("a")).await.unwrap());
        let tasks = |write: bool| {
            let tasks: Vec<_> = (0..500u64)
                .map(|n| {
                    let file = file.clone();
                    ayi::spawn(async move {
                        let bytes = vec![n as u8; 10];
                        if write {
                            file.write_all_at(bytes, n * 10).await.0.unwrap();
                        } else {
                            assert_eq!(
                                file.read_at(vec![0; 10].into_boxed_slice(), n * 10).await.1[..],
                                bytes
                            );
                        }
                    })
                })
                .collect();
            async {
                for task in tasks {
                    task.await.unwrap();
                }
            }
        };
        tasks(true).await;
        tasks(false).await;
    });
}

#[test]
fn syncing_cutting_and_asking() {
    both(async || {
        let folder = Folder::new();
        let path = folder.join("a");
        let mut file = File::create(&path).await.unwrap();
        file.write_all(b"not flushed by the user").await.unwrap();
        file.sync_all().await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"not flushed by the user");
        file.write_all(b", again").await.unwrap();
        file.sync_data().await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"not flushed by the user, again");
        file.write_all(b"!").await.unwrap();
        file.set_len(12).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"not flushed ");
        file.set_len(14).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"not flushed \0\0");
        let (ours, theirs) = (file.metadata().await.unwrap(), std::fs::metadata(&path).unwrap());
        assert_eq!((ours.ino(), ours.len(), ours.mode()), (theirs.ino(), 14, theirs.mode()));
        file.set_permissions(std::fs::Permissions::from_mode(0o604)).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o604);
        let reader = File::open(&path).await.unwrap();
        assert_eq!(reader.set_len(0).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(file.set_len(1 << 63).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        let (pipe, _writer) = pipe();
        assert_eq!(File::from(pipe).sync_all().await.unwrap_err().raw_os_error(), Some(libc::EINVAL));
    });
}

#[test]
fn clones_share_the_position() {
    both(async || {
        let folder = Folder::new();
        let path = folder.file("a", "0123456789");
        let mut file = File::options().read(true).write(true).open(&path).await.unwrap();
        file.read_exact(&mut [0; 2]).await.unwrap();
        let mut clone = file.try_clone().await.unwrap();
        assert_ne!(file.as_raw_fd(), clone.as_raw_fd());
        clone.write_all(b"ab").await.unwrap();
        clone.flush().await.unwrap();
        assert_eq!(file.seek(SeekFrom::Current(0)).await.unwrap(), 4);
        // What is written and not flushed comes before what the clone writes.
        file.write_all(b"c").await.unwrap();
        let mut other = file.try_clone().await.unwrap();
        other.write_all(b"d").await.unwrap();
        other.flush().await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"01abcd6789");
    });
}

/// This holds however much room there is in the file's own buffer.
#[test]
fn no_more_is_read_than_was_asked_for() {
    both(async || {
        let (reader, mut writer) = pipe();
        writer.write_all(&[1; 2000]).unwrap();
        let mut file = File::from(reader);
        file.read_exact(&mut [0; 1000]).await.unwrap();
        file.read_exact(&mut [0; 1]).await.unwrap();
        let (result, rest) = file.read_at(Vec::with_capacity(2000), 0).await;
        assert_eq!((result.unwrap(), rest.len()), (999, 999));
    });
}

#[test]
fn a_clone_begins_where_the_reader_is() {
    both(async || {
        let folder = Folder::new();
        let path = folder.file("a", "0123456789");
        let read_two = async || {
            let mut file = File::open(&path).await.unwrap();
            // The read is given up. What it has read is for the next one.
            drop(support::poll_once(std::pin::pin!(file.read(&mut [0; 8]))));
            file.read_exact(&mut [0; 2]).await.unwrap();
            file
        };
        let mut file = read_two().await;
        let mut clone = file.try_clone().await.unwrap();
        let mut byte = [0];
        clone.read_exact(&mut byte).await.unwrap();
        assert_eq!(byte, *b"2");
        assert_eq!(read_two().await.into_std().await.stream_position().unwrap(), 2);
        assert_eq!(file.seek(SeekFrom::Current(0)).await.unwrap(), 3);
        // It cannot be put back into a pipe, so it stays here.
        let (reader, mut writer) = pipe();
        let mut reader = File::from(reader);
        writer.write_all(b"0123456789").unwrap();
        drop(support::poll_once(std::pin::pin!(reader.read(&mut [0; 8]))));
        reader.read_exact(&mut [0; 2]).await.unwrap();
        reader.try_clone().await.unwrap();
        let mut rest = [0; 8];
        reader.read_exact(&mut rest).await.unwrap();
        assert_eq!(rest, *b"23456789");
    });
}

#[test]
fn from_std_and_back() {
    both(async || {
        let folder = Folder::new();
        let path = folder.file("a", "contents");
        let mut std = std::fs::File::open(&path).unwrap();
        std.read_exact(&mut [0; 3]).unwrap();
        let fd = std.as_raw_fd();
        let mut file = File::from(std);
        assert_eq!((file.as_raw_fd(), file.as_fd().as_raw_fd()), (fd, fd));
        assert!(format!("{file:?}").contains("File"));
        let mut text = String::new();
        file.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "tents");
        let std = file.try_into_std().unwrap();
        let mut file = File::from(OwnedFd::from(std));
        assert_eq!(file.seek(SeekFrom::Start(7)).await.unwrap(), 7);
        let mut std = File::from_std(file.into_std().await).into_std().await;
        assert_eq!((std.as_raw_fd(), std.stream_position().unwrap()), (fd, 7));
        // A file that has an operation under way stays what it is.
        let (reader, mut writer) = pipe();
        let mut file = File::from(reader);
        assert!(support::poll_once(std::pin::pin!(file.read(&mut [0; 8]))).is_pending());
        let mut file = file.try_into_std().unwrap_err();
        writer.write_all(b"x").unwrap();
        assert_eq!(file.read(&mut [0; 8]).await.unwrap(), 1);
        file.try_into_std().unwrap();
    });
}

/// What was written is in the file when std has it.
#[test]
fn into_std_waits_for_what_is_written() {
    both(async || {
        let folder = Folder::new();
        let mut file = File::create(folder.join("a")).await.unwrap();
        file.write_all(&[7; 100_000]).await.unwrap();
        let mut std = file.into_std().await;
        assert_eq!(std.stream_position().unwrap(), 100_000);
        assert_eq!(std.metadata().unwrap().len(), 100_000);
    });
}

#[test]
fn what_has_no_positions_takes_any_offset() {
    both(async || {
        let null = File::options().read(true).write(true).open("/dev/null").await.unwrap();
        assert_eq!(null.read_at(vec![0; 10], 5).await.0.unwrap(), 0);
        null.write_all_at("text", 5).await.0.unwrap();
        let zero = File::open("/dev/zero").await.unwrap();
        let (result, buf) = zero.read_at(vec![7; 10].into_boxed_slice(), 1 << 50).await;
        assert_eq!((result.unwrap(), &buf[..]), (10, &[0; 10][..]));
        let (reader, writer) = pipe();
        let (reader, writer) = (File::from(reader), File::from(writer));
        assert_eq!(writer.write_at("tea", 9).await.0.unwrap(), 3);
        assert_eq!(writer.write_vectored_at(vec!["le", "aves"], 9).await.0.unwrap(), 6);
        let (result, bufs) = reader.read_vectored_at(vec![vec![0; 2].into_boxed_slice(); 2], 7).await;
        assert_eq!((result.unwrap(), bufs.concat()), (4, b"teal".to_vec()));
        let (result, buf) = reader.read_at(Vec::with_capacity(10), 1000).await;
        assert_eq!((result.unwrap(), &buf[..]), (5, &b"eaves"[..]));
        drop(writer);
        assert_eq!(reader.read_at(Vec::with_capacity(10), 0).await.0.unwrap(), 0);
    });
}

#[test]
fn a_full_disk() {
    both(async || {
        let full = File::options().write(true).open("/dev/full").await.unwrap();
        assert_eq!(full.write_at("text", 0).await.0.unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(full.write_all_at("text", 0).await.0.unwrap_err().kind(), ErrorKind::StorageFull);
    });
}

#[test]
fn a_fifo_is_not_open_for_reading_before_it_has_a_writer() {
    both(async || {
        let folder = Folder::new();
        let path = folder.fifo("fifo");
        let opening = ayi::spawn(File::open(path.clone()));
        for _ in 0..100 {
            support::turn().await;
        }
        assert!(!opening.is_finished());
        let writer = thread::spawn(move || std::fs::write(path, "text"));
        // A file of std's would read the end of the file now, if it were open too early.
        let mut file = opening.await.unwrap().unwrap().into_std().await;
        let read = ayi::task::spawn_blocking(move || {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut file, &mut text).map(|_| text)
        });
        assert_eq!(read.await.unwrap().unwrap(), "text");
        writer.join().unwrap().unwrap();
    });
}

/// It does not matter which end comes first.
#[test]
fn both_ends_of_a_fifo_wait_for_each_other() {
    both(async || {
        for reader_first in [true, false] {
            let folder = Folder::new();
            let path = folder.fifo("fifo");
            let read = {
                let path = path.clone();
                async move {
                    let mut text = String::new();
                    File::open(path).await?.read_to_string(&mut text).await.map(|_| text)
                }
            };
            let write = {
                let path = path.clone();
                async move {
                    let mut file = File::options().write(true).open(path).await?;
                    file.write_all(b"text").await?;
                    file.flush().await
                }
            };
            let (reading, writing);
            if reader_first {
                reading = ayi::spawn(read);
                for _ in 0..10 {
                    support::turn().await;
                }
                writing = ayi::spawn(write);
            } else {
                writing = ayi::spawn(write);
                for _ in 0..10 {
                    support::turn().await;
                }
                reading = ayi::spawn(read);
            }
            let what = format!("reader first: {reader_first}");
            writing.await.unwrap().expect(&what);
            assert_eq!(reading.await.unwrap().unwrap(), "text", "{what}");
        }
    });
}

/// Options that std knows, and that are changed afterwards.
#[test]
fn options_from_std() {
    both(async || {
        let folder = Folder::new();
        let path = folder.file("file", "text");
        let mut of_std = std::fs::OpenOptions::new();
        of_std.append(true);
        let mut options = OpenOptions::from(of_std);
        options.open(&path).await.unwrap().into_std().await.write_all(b" and more").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"text and more");
        let mut file = options.append(false).read(true).write(true).truncate(true).open(&path).await.unwrap();
        assert_eq!(file.read_to_string(&mut String::new()).await.unwrap(), 0);
        let fresh = path.with_extension("new");
        options.create_new(true).mode(0o600).open(&fresh).await.unwrap();
        assert_eq!(std::fs::metadata(&fresh).unwrap().mode() & 0o777, 0o600);
        assert_eq!(options.open(&fresh).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    });
}

#[test]
fn times_of_a_file() {
    use ayi::fs::FileTimes;
    use std::time::{Duration, SystemTime};
    both(async || {
        let folder = Folder::new();
        let path = folder.file("file", "text");
        let mut file = File::options().write(true).open(&path).await.unwrap();
        let (one, two) = (Duration::from_secs(1_000_000), Duration::from_nanos(2_000_000_000_000_001));
        let (one, two) = (SystemTime::UNIX_EPOCH + one, SystemTime::UNIX_EPOCH + two);
        // After what has been written so far, so that this does not change them again.
        file.write_all(b"more").await.unwrap();
        file.set_times(FileTimes::new().set_accessed(one).set_modified(two)).await.unwrap();
        file.flush().await.unwrap();
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!((metadata.accessed().unwrap(), metadata.modified().unwrap()), (one, two));
        file.set_modified(one).await.unwrap();
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!((metadata.accessed().unwrap(), metadata.modified().unwrap()), (one, one));
        file.set_times(FileTimes::new()).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), one);
    });
}
