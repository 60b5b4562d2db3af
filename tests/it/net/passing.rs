//! Descriptors that go over Unix sockets: one situation a test.

use crate::support::{in_a_child, poll_once, run, turn};
use ayi::net::{UnixDatagram, UnixStream};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::pin::pin;

fn file(text: &str) -> File {
    let path = std::env::temp_dir().join(format!("ayi-passing-{}-{text}", std::process::id()));
    let mut file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn text(fd: OwnedFd) -> String {
    let (mut file, mut text) = (File::from(fd), String::new());
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

/// How many descriptors this process has open.
fn open() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn is_close_on_exec(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: F_GETFD takes no argument.
    unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFD) & libc::FD_CLOEXEC != 0 }
}

#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once, nor whole")]
fn the_same_open_files_arrive_in_order_and_close_on_exec() {
    run(async || {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (one, two) = (file("one"), file("two"));
        assert_eq!(ours.send_with_fds(b"files", &[one.as_fd(), two.as_fd()]).await.unwrap(), 5);
        drop((one, two));
        // What was there before stays.
        let (mut buf, mut fds) = ([0; 8], vec![OwnedFd::from(file("zero"))]);
        assert_eq!(theirs.recv_with_fds(&mut buf, &mut fds).await.unwrap(), 5);
        assert_eq!(&buf[..5], b"files");
        assert!(fds.iter().all(|fd| is_close_on_exec(fd.as_fd())));
        assert_eq!(fds.into_iter().map(text).collect::<Vec<_>>(), ["zero", "one", "two"]);
    });
}

#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once, nor whole")]
fn a_receiver_waits_and_a_read_without_descriptors_gets_none() {
    run(async || {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut buf, mut fds) = ([0; 8], vec![]);
        let nothing = theirs.try_recv_with_fds(&mut buf, &mut fds).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        {
            let mut receiving = pin!(theirs.recv_with_fds(&mut buf, &mut fds));
            assert!(poll_once(receiving.as_mut()).is_pending());
            ours.write(b"plain").await.unwrap();
            assert_eq!(receiving.await.unwrap(), 5);
        }
        assert!(fds.is_empty());
        // A future that is given up takes nothing.
        drop(Box::pin(theirs.recv_with_fds(&mut buf, &mut fds)));
        ours.try_send_with_fds(b"file", &[file("late").as_fd()]).unwrap();
        drop(Box::pin(theirs.recv_with_fds(&mut buf, &mut fds)));
        turn().await;
        assert_eq!(theirs.recv_with_fds(&mut buf, &mut fds).await.unwrap(), 4);
        assert_eq!(text(fds.remove(0)), "late");
        drop(ours);
        assert_eq!(theirs.recv_with_fds(&mut buf, &mut fds).await.unwrap(), 0);
        assert!(fds.is_empty());
    });
}

#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once, nor whole")]
fn datagrams_carry_descriptors_even_if_they_are_empty() {
    run(async || {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        assert_eq!(ours.send_with_fds(b"", &[file("empty").as_fd()]).await.unwrap(), 0);
        assert_eq!(ours.try_send_with_fds(b"text", &[file("full").as_fd()]).unwrap(), 4);
        ours.send(b"plain").await.unwrap();
        let (mut buf, mut fds) = ([0; 8], vec![]);
        assert_eq!(theirs.recv_with_fds(&mut buf, &mut fds).await.unwrap(), 0);
        assert_eq!(theirs.try_recv_with_fds(&mut buf, &mut fds).unwrap(), 4);
        assert_eq!(theirs.recv_with_fds(&mut buf, &mut fds).await.unwrap(), 5);
        assert_eq!(fds.into_iter().map(text).collect::<Vec<_>>(), ["empty", "full"]);
    });
}

#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once, nor whole")]
fn what_cannot_be_sent() {
    run(async || {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let file = file("none");
        let error = ours.send_with_fds(b"", &[file.as_fd()]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(ours.send_with_fds(b"", &[]).await.unwrap(), 0);
        let error = ours.send_with_fds(b"x", &vec![file.as_fd(); 254]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("254"), "{error}");
        // The most that fit arrive whole.
        ours.send_with_fds(b"x", &vec![file.as_fd(); 253]).await.unwrap();
        let mut fds = vec![];
        assert_eq!(theirs.recv_with_fds(&mut [0; 8], &mut fds).await.unwrap(), 1);
        assert_eq!(fds.len(), 253);
        drop(theirs);
        let error = ours.send_with_fds(b"x", &[file.as_fd()]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

/// In a process of its own: the number of its descriptors is counted, and limited.
#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once, nor whole")]
fn descriptors_are_never_left_behind() {
    if !in_a_child(module_path!(), "descriptors_are_never_left_behind") {
        return;
    }
    run(async || {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let file = file("kept");
        turn().await;
        let before = open();

        // A read that knows nothing of descriptors closes them.
        ours.send_with_fds(b"tea", &[file.as_fd(), file.as_fd()]).await.unwrap();
        assert_eq!(theirs.read(&mut [0; 8]).await.unwrap(), 3);
        assert_eq!(open(), before);

        // More come than there is room for: an error, and all are closed.
        let limit = libc::rlimit { rlim_cur: before as u64 + 10, rlim_max: before as u64 + 10 };
        // SAFETY: it reads one rlimit.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
        ours.send_with_fds(b"many", &vec![file.as_fd(); 100]).await.unwrap();
        let mut fds = vec![];
        let error = theirs.recv_with_fds(&mut [0; 8], &mut fds).await.unwrap_err();
        assert!(error.to_string().contains("RLIMIT_NOFILE"), "{error}");
        assert!(fds.is_empty());
        assert_eq!(open(), before);

        // The stream itself still works, and so does a descriptor for which there is room.
        ours.send_with_fds(b"one", &[file.as_fd()]).await.unwrap();
        assert_eq!(theirs.recv_with_fds(&mut [0; 8], &mut fds).await.unwrap(), 3);
        assert_eq!(text(fds.remove(0)), "kept");

        // What nobody has received goes with the sockets.
        ours.send_with_fds(b"tea", &[file.as_fd()]).await.unwrap();
        drop((ours, theirs));
        assert_eq!(open(), before - 2);
    });
}

/// The kernel adds control messages of its own if the user asks for them. One of them has a descriptor, too.
#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once, nor whole")]
fn credentials_and_a_pidfd_come_along_and_are_no_files() {
    if !in_a_child(module_path!(), "credentials_and_a_pidfd_come_along_and_are_no_files") {
        return;
    }
    const SO_PASSPIDFD: i32 = 76; // <asm-generic/socket.h>, since Linux 6.5
    run(async || {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        for option in [libc::SO_PASSCRED, SO_PASSPIDFD] {
            let (on, len) = (1i32, size_of::<i32>() as libc::socklen_t);
            let on = (&raw const on).cast();
            // SAFETY: it reads an i32. An older kernel does not know the second option, which then tries nothing.
            unsafe { libc::setsockopt(theirs.as_raw_fd(), libc::SOL_SOCKET, option, on, len) };
        }
        let file = file("alone");
        turn().await;
        let before = open();
        ours.send_with_fds(b"tea", &[file.as_fd()]).await.unwrap();
        let mut fds = vec![];
        assert_eq!(theirs.recv_with_fds(&mut [0; 8], &mut fds).await.unwrap(), 3);
        assert_eq!(fds.len(), 1);
        assert_eq!(open(), before + 1);
        assert_eq!(text(fds.remove(0)), "alone");
    });
}
