//! Named pipes, which no call can open yet: fifo(7).

use super::*;
use crate::kernel::hosts::Host;

const IN: u32 = libc::EPOLLIN as u32;
const OUT: u32 = libc::EPOLLOUT as u32;
const HUP: u32 = libc::EPOLLHUP as u32;
const READ: i32 = libc::O_RDONLY | libc::O_NONBLOCK;
const WRITE: i32 = libc::O_WRONLY | libc::O_NONBLOCK;

/// A kernel in which the program of one host runs.
fn kernel() -> Kernel {
    let mut kernel = Kernel::new(1);
    kernel.hosts.push(Host::new("alone".to_owned(), 0));
    kernel.here = Some(0);
    kernel
}

fn mask(kernel: &mut Kernel, fd: Fd) -> u32 {
    let key = kernel.description(fd).unwrap();
    kernel.mask(key)
}

fn read(kernel: &mut Kernel, fd: Fd) -> Result<usize, Errno> {
    let key = kernel.description(fd).unwrap();
    kernel.read_pipe(key, &mut [0; 8])
}

fn write(kernel: &mut Kernel, fd: Fd, bytes: &[u8]) -> Result<usize, Errno> {
    let key = kernel.description(fd).unwrap();
    kernel.write_pipe(key, bytes)
}

#[test]
fn a_fifo_is_opened_from_both_sides() {
    let mut kernel = kernel();
    assert_eq!(kernel.open_fifo(None, WRITE), Err(libc::ENXIO));
    assert_eq!(kernel.open_fifo(None, libc::O_WRONLY), Err(libc::EAGAIN));
    assert_eq!(kernel.open_fifo(None, libc::O_RDONLY), Err(libc::EAGAIN));
    let (reader, node) = kernel.open_fifo(None, READ).unwrap();
    for _ in 0..2 {
        let (writer, same) = kernel.open_fifo(Some(node), WRITE).unwrap();
        assert_eq!(same, node);
        assert_eq!(read(&mut kernel, reader), Err(libc::EAGAIN));
        assert_eq!(write(&mut kernel, writer, b"tea"), Ok(3));
        assert_eq!(mask(&mut kernel, reader), IN);
        assert_eq!(read(&mut kernel, reader), Ok(3));
        kernel.close(writer).unwrap();
        assert_eq!(mask(&mut kernel, reader), HUP);
        assert_eq!(read(&mut kernel, reader), Ok(0), "the last writer has gone");
    }
    kernel.close(reader).unwrap();
    // The node is still there, and what was in it is gone.
    let (_, other) = kernel.open_fifo(Some(node), READ).unwrap();
    assert_ne!(other, node);
}

#[test]
fn a_fifo_that_nobody_has_opened_for_writing_has_not_ended() {
    let mut kernel = kernel();
    let (reader, node) = kernel.open_fifo(None, READ).unwrap();
    assert_eq!((mask(&mut kernel, reader), read(&mut kernel, reader)), (0, Ok(0)));
    let (writer, _) = kernel.open_fifo(Some(node), WRITE).unwrap();
    kernel.close(writer).unwrap();
    assert_eq!((mask(&mut kernel, reader), read(&mut kernel, reader)), (HUP, Ok(0)));
    // One that comes later knows nothing of that writer.
    let (late, _) = kernel.open_fifo(Some(node), READ).unwrap();
    assert_eq!(mask(&mut kernel, late), 0);
}

#[test]
fn opened_for_both_it_needs_no_other_side() {
    let mut kernel = kernel();
    let (both, node) = kernel.open_fifo(None, libc::O_RDWR).unwrap();
    assert_eq!(mask(&mut kernel, both), OUT);
    assert_eq!(write(&mut kernel, both, b"tea"), Ok(3));
    assert_eq!(mask(&mut kernel, both), IN | OUT);
    let (reader, _) = kernel.open_fifo(Some(node), libc::O_RDONLY).unwrap();
    assert_eq!(read(&mut kernel, reader), Ok(3));
    assert_eq!(read(&mut kernel, reader), Err(libc::EAGAIN), "it is a writer");
}
