//! Pipes.

use crate::raw::{checked, control, errno, mask, pair, raw_pipe, send, unread};
use crate::{everywhere, is_pending, turn};
use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::unix::pipe::{Receiver, Sender, pipe};
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd};
use std::pin::pin;

#[test]
fn what_is_sent_into_a_pipe_is_received() {
    everywhere(|| async {
        let (sender, receiver) = pipe().unwrap();
        let mut buf = [0; 8];
        assert!(is_pending(pin!(receiver.read(&mut buf))).await);
        assert_eq!((mask_of(&sender), mask_of(&receiver)), (libc::POLLOUT, 0));
        assert_eq!(sender.write(b"tea").await.unwrap(), 3);
        assert_eq!(mask_of(&receiver), libc::POLLIN);
        assert_eq!(receiver.read(&mut buf).await.unwrap(), 3);
        assert_eq!(receiver.read(&mut []).await.unwrap(), 0);
        assert_eq!(sender.write(&[]).await.unwrap(), 0);
        drop(sender);
        assert_eq!(mask_of(&receiver), libc::POLLHUP);
        assert_eq!(receiver.read(&mut buf).await.unwrap(), 0);
    });
}

#[test]
fn a_full_pipe_makes_the_sender_wait() {
    everywhere(|| async {
        let (mut sender, mut receiver) = pipe().unwrap();
        let data: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
        let expected = data.clone();
        let writer = ayi::spawn(async move {
            sender.write_all(&data).await?;
            sender.shutdown().await
        });
        turn().await;
        assert!(!writer.is_finished());
        assert_eq!(unread(&receiver.as_fd()), 65_536);
        let mut got = Vec::new();
        receiver.read_to_end(&mut got).await.unwrap();
        assert!(got == expected);
        writer.await.unwrap().unwrap();
    });
}

#[test]
fn a_sender_without_receivers_hears_of_it() {
    everywhere(|| async {
        let (sender, receiver) = pipe().unwrap();
        drop(receiver);
        assert_eq!(mask_of(&sender), libc::POLLOUT | libc::POLLERR);
        assert_eq!(sender.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        // The same while it waits.
        let (sender, receiver) = pipe().unwrap();
        while sender.try_write(&[0; 4_096]).is_ok() {}
        let waiting = ayi::spawn(async move { sender.write(&[0; 4_096]).await });
        turn().await;
        drop(receiver);
        assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn short_writes_are_atomic_and_share_pages() {
    everywhere(|| async {
        let (sender, receiver) = pipe().unwrap();
        // Two such writes do not fit into one page.
        let mut sent = 0;
        while let Ok(count) = sender.try_write(&[0; 3_000]) {
            assert_eq!(count, 3_000);
            sent += count;
        }
        assert_eq!(sent, 16 * 3_000);
        assert_eq!(sender.try_write(&[0; 1_000]).unwrap(), 1_000, "it fits into the last page");
        assert_eq!(sender.try_write(&[0; 5_000]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(sender.try_write(&[0; 4_096 + 90]).unwrap(), 90);
        let mut got = 0;
        while let Ok(count) = receiver.try_read(&mut [0; 5_000]) {
            got += count;
        }
        assert_eq!(got, sent + 1_090);
        // A long one goes as far as there is room.
        assert_eq!(sender.try_write(&[0; 100_000]).unwrap(), 65_536);
        // A page that is partly read is no room.
        assert_eq!(receiver.try_read(&mut [0; 4_095]).unwrap(), 4_095);
        assert_eq!(sender.try_write(b"x").unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(receiver.try_read(&mut [0; 1]).unwrap(), 1);
        sender.writable().await.unwrap();
        assert_eq!(sender.try_write(&[0; 8_192]).unwrap(), 4_096);
    });
}

#[test]
fn the_size_of_a_pipe_can_be_set() {
    everywhere(|| async {
        let (sender, _receiver) = pipe().unwrap();
        let fd = sender.as_fd();
        assert_eq!(control(&fd, libc::F_GETPIPE_SZ, 0).unwrap(), 65_536);
        assert_eq!(control(&fd, libc::F_SETPIPE_SZ, 100_000).unwrap(), 131_072);
        assert_eq!(sender.try_write(&[0; 100_000]).unwrap(), 100_000);
        assert_eq!(errno(control(&fd, libc::F_SETPIPE_SZ, 65_536)), libc::EBUSY);
        let (stream, _peer) = pair(libc::SOCK_STREAM);
        assert_eq!(errno(control(&stream, libc::F_GETPIPE_SZ, 0)), libc::EBADF);
    });
}

#[test]
fn packets_of_a_pipe_are_received_one_by_one() {
    everywhere(|| async {
        let (read, write) = raw_pipe(libc::O_DIRECT | libc::O_CLOEXEC | libc::O_NONBLOCK);
        let receiver = Receiver::from_owned_fd_unchecked(read).unwrap();
        let sender = Sender::from_owned_fd_unchecked(write).unwrap();
        let mut buf = [0; 100];
        assert!(is_pending(pin!(receiver.read(&mut buf))).await);
        for packet in ["one", "three", "seven"] {
            sender.write(packet.as_bytes()).await.unwrap();
        }
        assert_eq!(receiver.read(&mut buf).await.unwrap(), 3);
        assert_eq!(receiver.read(&mut buf[..2]).await.unwrap(), 2, "the rest is gone");
        assert_eq!(receiver.read(&mut buf).await.unwrap(), 5);
    });
}

#[test]
fn an_end_does_only_what_it_was_opened_for() {
    everywhere(|| async {
        let (read, write) = raw_pipe(libc::O_NONBLOCK);
        let mut byte = 0u8;
        // SAFETY: there is one byte.
        let wrong = checked(unsafe { libc::write(read.as_raw_fd(), (&raw const byte).cast(), 1) } as i64);
        assert_eq!(errno(wrong), libc::EBADF);
        // SAFETY: as above.
        let wrong = checked(unsafe { libc::read(write.as_raw_fd(), (&raw mut byte).cast(), 1) } as i64);
        assert_eq!(errno(wrong), libc::EBADF);
        assert_eq!(errno(send(&write, b"x")), libc::ENOTSOCK);
        assert_eq!(control(&read, libc::F_GETFL, 0).unwrap() as i32 & libc::O_ACCMODE, libc::O_RDONLY);
        assert_eq!(control(&write, libc::F_GETFL, 0).unwrap() as i32 & libc::O_ACCMODE, libc::O_WRONLY);
        // A duplicate keeps an end open.
        let other = write.try_clone().unwrap();
        drop(write);
        assert_eq!(mask(&read), 0);
        drop(other);
        assert_eq!(mask(&read), libc::POLLHUP);
    });
}

fn mask_of(end: &impl AsFd) -> i16 {
    mask(&end.as_fd())
}
