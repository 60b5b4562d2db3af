//! Pipes and FIFOs: one situation a test.

use crate::support::{Wakes, poll_once, run, turn};
use ayi::io::{AsyncReadExt, AsyncWriteExt, Interest};
use ayi::net::unix::pipe::{self, OpenOptions, Receiver, Sender, pipe};
use std::ffi::CString;
use std::fs::File;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::pin::pin;
use std::task::Context;

/// A FIFO that is removed at the end.
struct Fifo(PathBuf);

impl Fifo {
    fn new(name: &str) -> Fifo {
        let path = std::env::temp_dir().join(format!("ayi-{}-{name}", std::process::id()));
        let raw = CString::new(path.as_os_str().as_bytes()).unwrap();
        // SAFETY: a string that ends with a null byte.
        assert_eq!(unsafe { libc::mkfifo(raw.as_ptr(), 0o600) }, 0);
        Fifo(path)
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn what_is_sent_is_received() {
    run(async || {
        let (sender, receiver) = pipe().unwrap();
        let mut buf = [0; 8];
        assert!(poll_once(pin!(receiver.read(&mut buf))).is_pending());
        assert_eq!(sender.write(b"tea").await.unwrap(), 3);
        assert_eq!(receiver.read(&mut buf).await.unwrap(), 3);
        assert_eq!(receiver.read(&mut []).await.unwrap(), 0);
        assert_eq!(sender.write(&[]).await.unwrap(), 0);
        drop(sender);
        assert_eq!(receiver.read(&mut buf).await.unwrap(), 0);
    });
}

#[test]
fn a_full_pipe_makes_the_sender_wait() {
    run(async || {
        let (mut sender, mut receiver) = pipe().unwrap();
        let data: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
        let expected = data.clone();
        let writer = ayi::spawn(async move {
            sender.write_all(&data).await?;
            sender.shutdown().await
        });
        turn().await;
        assert!(!writer.is_finished());
        let mut got = Vec::new();
        receiver.read_to_end(&mut got).await.unwrap();
        assert!(got == expected);
        writer.await.unwrap().unwrap();
    });
}

#[test]
fn a_sender_without_receivers_hears_of_it() {
    run(async || {
        let (sender, receiver) = pipe().unwrap();
        drop(receiver);
        assert_eq!(sender.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        // The same while it waits.
        let (sender, receiver) = pipe().unwrap();
        while sender.try_write(&[0; 4096]).is_ok() {}
        let waiting = ayi::spawn(async move { sender.write(&[0; 4096]).await });
        turn().await;
        drop(receiver);
        assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn readiness_then_trying() {
    run(async || {
        let (sender, receiver) = pipe().unwrap();
        let mut buf = [0; 8];
        assert_eq!(receiver.try_read(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        let (wakes, waker) = Wakes::new();
        let mut cx = Context::from_waker(&waker);
        assert!(receiver.poll_read_ready(&mut cx).is_pending());
        sender.writable().await.unwrap();
        assert!(sender.poll_write_ready(&mut cx).is_ready());
        assert_eq!(sender.try_write(b"te").unwrap(), 2);
        assert_eq!(sender.try_write_vectored(&[IoSlice::new(b"a")]).unwrap(), 1);
        receiver.readable().await.unwrap();
        assert_eq!(wakes.count(), 1);
        assert_eq!(receiver.try_read_vectored(&mut [IoSliceMut::new(&mut buf)]).unwrap(), 3);
        assert!(sender.ready(Interest::WRITABLE).await.unwrap().is_writable());
        drop(sender);
        turn().await;
        assert!(receiver.ready(Interest::READABLE).await.unwrap().is_read_closed());
    });
}

#[test]
fn packets_are_received_one_by_one_though_they_are_short() {
    run(async || {
        let mut fds = [0; 2];
        // SAFETY: pipe2(2) writes two descriptors, which nobody else owns.
        let (read, write) = unsafe {
            use std::os::fd::{FromRawFd, OwnedFd};
            assert_eq!(libc::pipe2(fds.as_mut_ptr(), libc::O_DIRECT | libc::O_CLOEXEC), 0);
            (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1]))
        };
        let (receiver, sender) =
            (Receiver::from_owned_fd(read).unwrap(), Sender::from_owned_fd(write).unwrap());
        let mut buf = [0; 100];
        assert!(poll_once(pin!(receiver.read(&mut buf))).is_pending());
        for packet in ["one", "three", "seven"] {
            sender.write(packet.as_bytes()).await.unwrap();
        }
        for len in [3, 5, 5] {
            assert_eq!(receiver.read(&mut buf).await.unwrap(), len);
        }
    });
}

#[test]
fn a_fifo_is_opened_from_both_sides() {
    let fifo = Fifo::new("both");
    run(async || {
        let nobody = OpenOptions::new().open_sender(&fifo.0).unwrap_err();
        assert_eq!(nobody.raw_os_error(), Some(libc::ENXIO));
        let receiver = OpenOptions::new().open_receiver(&fifo.0).unwrap();
        let sender = OpenOptions::new().open_sender(&fifo.0).unwrap();
        sender.write(b"tea").await.unwrap();
        assert_eq!(receiver.read(&mut [0; 8]).await.unwrap(), 3);
        drop(sender);
        assert_eq!(receiver.read(&mut [0; 8]).await.unwrap(), 0, "the last writer has gone");
    });
}

#[test]
fn opened_for_both_it_needs_no_other_side() {
    let fifo = Fifo::new("read-write");
    run(async || {
        let mut options = pipe::OpenOptions::new();
        options.read_write(true);
        let sender = options.open_sender(&fifo.0).unwrap();
        let receiver = options.open_receiver(&fifo.0).unwrap();
        sender.write(b"tea").await.unwrap();
        assert_eq!(receiver.read(&mut [0; 8]).await.unwrap(), 3);
        drop(sender);
        assert!(poll_once(pin!(receiver.read(&mut [0; 8]))).is_pending(), "it is its own writer");
    });
}

#[test]
fn what_is_no_pipe_is_refused() {
    run(async || {
        let path = std::env::temp_dir().join(format!("ayi-{}-file", std::process::id()));
        std::fs::write(&path, "text").unwrap();
        for error in [
            OpenOptions::new().open_receiver(&path).unwrap_err(),
            OpenOptions::new().open_sender(&path).unwrap_err(),
            Receiver::from_file(File::open(&path).unwrap()).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains("neither a pipe nor a FIFO"), "{error}");
        }
        // If its type is not checked, a file can be read, until it has to wait.
        let receiver = OpenOptions::new().unchecked(true).open_receiver(&path).unwrap();
        assert_eq!(receiver.read(&mut [0; 8]).await.unwrap(), 4);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(OpenOptions::new().open_receiver(&path).unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn a_side_cannot_be_taken_for_the_other() {
    run(async || {
        let (sender, receiver) = pipe().unwrap();
        let (sender, receiver) =
            (sender.into_nonblocking_fd().unwrap(), receiver.into_nonblocking_fd().unwrap());
        let error = Receiver::from_owned_fd(sender.try_clone().unwrap()).unwrap_err();
        assert!(error.to_string().contains("not opened for reading"), "{error}");
        let error = Sender::from_owned_fd(receiver.try_clone().unwrap()).unwrap_err();
        assert!(error.to_string().contains("not opened for writing"), "{error}");
        let sender = Sender::from_owned_fd_unchecked(sender).unwrap();
        let receiver = Receiver::from_owned_fd_unchecked(receiver).unwrap();
        sender.write(b"x").await.unwrap();
        assert_eq!(receiver.read(&mut [0; 2]).await.unwrap(), 1);
    });
}

#[test]
fn descriptors_go_out_and_come_back() {
    run(async || {
        let (sender, receiver) = pipe().unwrap();
        assert!(poll_once(pin!(receiver.read(&mut [0]))).is_pending());
        let (mut write, mut read) = (
            File::from(sender.into_blocking_fd().unwrap()),
            File::from(receiver.into_blocking_fd().unwrap()),
        );
        write.write_all(b"tea").unwrap();
        let mut buf = [0; 3];
        read.read_exact(&mut buf).unwrap();
        assert!(Receiver::from_file_unchecked(read.try_clone().unwrap()).is_err(), "it is in blocking mode");
        // Both become non-blocking again.
        let (sender, receiver) = (Sender::from_file(write).unwrap(), Receiver::from_file(read).unwrap());
        assert!(poll_once(pin!(receiver.read(&mut [0]))).is_pending());
        sender.write(b"x").await.unwrap();
        assert_eq!(receiver.read(&mut [0]).await.unwrap(), 1);
        assert!(format!("{sender:?} {receiver:?}").contains("Sender"));
    });
}

/// Before the first writer there is no end of file, however it is read.
#[test]
fn a_fifo_that_nobody_has_opened_for_writing_has_not_ended() {
    let fifo = Fifo::new("early");
    run(async || {
        for round in 0..2 {
            let mut receiver = OpenOptions::new().open_receiver(&fifo.0).unwrap();
            let mut buf = [0; 8];
            assert_eq!(receiver.try_read(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
            let error = receiver.try_read_vectored(&mut [IoSliceMut::new(&mut buf)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            assert_eq!(receiver.try_read(&mut []).unwrap(), 0);
            assert!(poll_once(pin!(receiver.read(&mut buf))).is_pending());
            assert!(poll_once(pin!(receiver.readable())).is_pending());
            turn().await;
            let mut all = vec![];
            let mut reading = Box::pin(receiver.read_to_end(&mut all));
            assert!(poll_once(reading.as_mut()).is_pending());
            let mut sender = OpenOptions::new().open_sender(&fifo.0).unwrap();
            turn().await;
            assert!(poll_once(reading.as_mut()).is_pending());
            if round == 0 {
                sender.write_all(b"tea").await.unwrap();
            }
            // This is the end, even if nothing was written.
            drop(sender);
            reading.await.unwrap();
            assert_eq!(all, if round == 0 { &b"tea"[..] } else { b"" });
            assert_eq!(receiver.read(&mut buf).await.unwrap(), 0);
            assert_eq!(receiver.try_read(&mut buf).unwrap(), 0);
            // The next writer is a new beginning.
            let sender = OpenOptions::new().open_sender(&fifo.0).unwrap();
            let mut reading = Box::pin(receiver.read(&mut buf));
            assert!(poll_once(reading.as_mut()).is_pending());
            turn().await;
            assert!(poll_once(reading.as_mut()).is_pending());
            sender.write(b"!").await.unwrap();
            assert_eq!(reading.await.unwrap(), 1);
        }
        // A FIFO that std has opened, without waiting.
        let mut options = File::options();
        let file = options.read(true).custom_flags(libc::O_NONBLOCK).open(&fifo.0).unwrap();
        let receiver = Receiver::from_file(file).unwrap();
        assert!(poll_once(pin!(receiver.read(&mut [0; 8]))).is_pending());
    });
}

/// `readable` with `try_read`, over writers that come and go: it waits, and does not spin.
#[test]
#[cfg_attr(faults, ignore = "there are false reports")]
fn a_fifo_that_is_opened_again_is_waited_for() {
    let fifo = Fifo::new("again");
    run(async || {
        let receiver = OpenOptions::new().open_receiver(&fifo.0).unwrap();
        drop(OpenOptions::new().open_sender(&fifo.0).unwrap());
        receiver.readable().await.unwrap();
        assert_eq!(receiver.try_read(&mut [0; 8]).unwrap(), 0);
        let sender = OpenOptions::new().open_sender(&fifo.0).unwrap();
        receiver.readable().await.unwrap();
        assert_eq!(receiver.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(poll_once(pin!(receiver.readable())).is_pending());
        drop(sender);
        receiver.readable().await.unwrap();
        assert_eq!(receiver.try_read(&mut [0; 8]).unwrap(), 0);
    });
}
