//! How a standard stream is read or written without blocking.
//!
//! ```text
//!   regular file, block device ─────────────────────────▶ the pool
//!   socket ──────────────────────────────▶ epoll, and MSG_DONTWAIT in each call
//!   pipe, terminal ─┬─ can be opened again ─▶ epoll, and a file description of our own
//!                   └─ cannot ─┐
//!   other devices ─────────────┴──────────▶ epoll, and poll(2) before each call
//! ```
//!
//! Opening a descriptor again (`/proc/self/fd/N`, proc_pid_fd(5)) gives a file description of one's own for the same
//! pipe or terminal, which may be non-blocking while the inherited one stays as it is. It takes the whole of a large
//! write at once, and never waits, even if another process reads from the same terminal. It fails if `/proc` is
//! missing, or if the terminal belongs to another user, for example after su(1).
//!
//! Left out: `RWF_NOWAIT` (readv(2)), which says the same for one call. Terminals do not know it, and neither do pipes
//! before Linux 6.4.

use super::polled::How;
use super::sys::status_flags;
use ayi_runtime::runtime::check_open;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};

/// Whether the program reads or writes a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Direction {
    Read,
    Write,
}

/// Returns a stream, and how it is used: `None` means by the pool. Fails if the runtime has ended.
pub(super) fn open(file: File, direction: Direction) -> io::Result<(File, Option<How>)> {
    check_open()?;
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    if kind.is_file() || kind.is_block_device() || kind.is_dir() {
        return Ok((file, None));
    }
    if kind.is_socket() {
        return Ok((file, Some(How::EachCall)));
    }
    if kind.is_fifo() || is_plain_terminal(&file, &metadata) {
        if let Some(own) = open_again(&file, direction) {
            return Ok((own, Some(How::OwnDescription)));
        }
    }
    Ok((file, Some(How::AfterPoll)))
}

/// Returns whether it is a terminal that is the same one when it is opened again. Those with the major number 5 are
/// another one each time: `/dev/ptmx` makes one, and `/dev/tty` and `/dev/console` stand for one.
fn is_plain_terminal(file: &File, metadata: &Metadata) -> bool {
    file.is_terminal() && libc::major(metadata.rdev()) != 5
}

fn open_again(file: &File, direction: Direction) -> Option<File> {
    let flags = status_flags(file.as_fd()).ok()?;
    let is_allowed = match flags & libc::O_ACCMODE {
        libc::O_RDONLY => direction == Direction::Read,
        libc::O_WRONLY => direction == Direction::Write,
        _ => true,
    };
    // A stream for the other direction stays as it is, so that the operation returns the error that it should. A pipe
    // in packet mode (pipe(2), `O_DIRECT`) would become an ordinary one, because open(2) does not take that flag for
    // pipes.
    if !is_allowed || flags & libc::O_DIRECT != 0 {
        return None;
    }
    let mut options = OpenOptions::new();
    match direction {
        Direction::Read => options.read(true),
        Direction::Write => options.write(true),
    };
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    options.open(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()
}
