//! Rung 10, the common part of its three forms: a server of blocks of a file.
//!
//! ```text
//!   thread    poll··recv▓ submit poll··recv▓ submit poll········· reap send poll···
//!   kernel                  [1: wait for the disk, copy ▓]        ✓
//!   kernel                                  [2: wait, copy ▓ ]
//!   client 1      "17"                                            ✓ the block
//!
//!   phase 1, until there is data    the kernel; the thread serves others
//!   phase 2, the copy               the kernel (▓), into a buffer that belongs to it until it says so
//! ```
//!
//! epoll cannot wait for a disk: a file is always "ready", and a `read` of it waits for the disk if it has to. So a
//! server of files that must not wait lets the kernel do both phases, and report when they are done. This is
//! *asynchronous* I/O. All the rungs before are synchronous, because their thread does the copy.
//!
//! Why only for disks? POSIX AIO and Linux's native AIO know reads and writes of files. On a socket, the first lets a
//! thread of the C library wait for it, and the second waits within `io_submit`. Neither can accept a connection. So
//! the sockets here are served as in rung 6, and the blocks asynchronously. Rung 13 removes that difference.
//!
//! The question begins with the number of a block, in decimal; the answer is the block.
//!
//! In tokio: threads do it for `tokio::fs`.

use super::nonblocking::Step;
use crate::listener::Listener;
use crate::protocol::{MESSAGE, Message};
use crate::stop::Stop;
use crate::sys;
use libc::{POLLIN, POLLOUT, pollfd};
use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::process;

/// The bytes of a block. `O_DIRECT` wants whole ones, at addresses that are multiples of it.
pub const BLOCK: usize = 4096;

/// How many blocks the file has: 4 MiB.
const BLOCKS: u64 = 1024;

/// How many reads may be under way at a time. More wait here.
pub const DEPTH: usize = 128;

#[repr(align(4096))]
pub struct Block(pub [u8; BLOCK]);

/// Returns the contents of a block: its number, in text, over and over.
pub fn block_content(number: u64) -> [u8; BLOCK] {
    text(&format!("block {number}"))
}

fn text(line: &str) -> [u8; BLOCK] {
    let line = format!("{line:<63}\n");
    let mut block = [0; BLOCK];
    block.chunks_exact_mut(line.len()).for_each(|part| part.copy_from_slice(line.as_bytes()));
    block
}

/// Makes the file of blocks and opens it. It no longer has a name, and ends with its descriptor.
pub fn open_blocks(direct: bool) -> io::Result<File> {
    let folder = std::env::temp_dir();
    let path = folder.join(format!("models-blocks-{}", process::id()));
    let explain = |what: &str, error: io::Error| {
        let place = folder.display();
        io::Error::new(error.kind(), format!("{what} in {place}: {error}. Set TMPDIR to a folder on a disk"))
    };
    let mut file = File::create(&path).map_err(|error| explain("cannot make the file of blocks", error))?;
    let written = (0..BLOCKS).try_for_each(|number| file.write_all(&block_content(number)));
    let flags = if direct { libc::O_DIRECT } else { 0 };
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(&path);
    fs::remove_file(&path)?;
    written
        .and_then(|()| file.sync_all())
        .map_err(|error| explain("cannot write the file of blocks", error))?;
    opened.map_err(|error| explain("the file system refuses to read past its cache (O_DIRECT)", error))
}

/// A read of a block that is finished, successfully or not.
pub struct Finished {
    pub token: u64,
    pub block: Box<Block>,
    pub result: io::Result<usize>,
}

/// How the three forms differ.
pub trait Disk {
    /// Lets the kernel read a block from this place of the file. It keeps the buffer until then.
    fn start(&mut self, token: u64, offset: u64, block: Box<Block>) -> io::Result<()>;

    /// Becomes readable when a read is finished.
    fn as_fd(&self) -> BorrowedFd<'_>;

    /// Takes what is finished.
    fn finished(&mut self) -> io::Result<Vec<Finished>>;
}

pub fn serve(listener: &Listener, stop: &Stop, disk: &mut impl Disk) -> io::Result<()> {
    sys::set_nonblocking(listener)?;
    // Indexed by token. A conversation whose block is being read is not polled.
    let mut conversations: BTreeMap<u64, Conversation> = BTreeMap::new();
    let mut next_token = 0;
    let mut wanted: VecDeque<(u64, u64, Box<Block>)> = VecDeque::new();
    let mut reads = 0;
    let (mut entries, mut tokens) = (Vec::new(), Vec::new());
    while !stop.is_requested() {
        entries.clear();
        tokens.clear();
        entries.extend([listener.as_fd(), stop.as_fd(), disk.as_fd()].map(|fd| entry(fd, POLLIN)));
        for (token, conversation) in
            conversations.iter().filter(|(_, conversation)| conversation.block.is_some())
        {
            let events = if conversation.is_answering { POLLOUT } else { POLLIN };
            entries.push(entry(conversation.socket.as_fd(), events));
            tokens.push(*token);
        }
        sys::poll(&mut entries, None)?;
        for (token, _) in tokens.iter().zip(&entries[3..]).filter(|(_, entry)| entry.revents != 0) {
            let conversation = conversations.get_mut(token).expect("it had an entry");
            if conversation.step() == Step::Over {
                conversations.remove(token);
            } else if let Some((number, block)) = conversation.take_request() {
                wanted.push_back((*token, number, block));
            }
        }
        if entries[2].revents != 0 {
            for Finished { token, block, result } in disk.finished()? {
                reads -= 1;
                let conversation = conversations.get_mut(&token).expect("it waits for its block");
                match result {
                    Ok(BLOCK) => conversation.answer(block),
                    _ => drop(conversations.remove(&token)),
                }
            }
        }
        if entries[0].revents != 0 {
            if let Some(socket) = accept(listener)? {
                conversations.insert(next_token, Conversation::new(socket)?);
                next_token += 1;
            }
        }
        while reads < DEPTH {
            let Some((token, number, block)) = wanted.pop_front() else { break };
            disk.start(token, number * BLOCK as u64, block)?;
            reads += 1;
        }
    }
    // The buffers belong to the kernel until it has given them back.
    while reads > 0 {
        sys::poll(&mut [entry(disk.as_fd(), POLLIN)], None)?;
        reads -= disk.finished()?.len();
    }
    Ok(())
}

fn accept(listener: &Listener) -> io::Result<Option<OwnedFd>> {
    match listener.accept() {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        other => other,
    }
}

fn entry(fd: BorrowedFd<'_>, events: i16) -> pollfd {
    pollfd { fd: fd.as_raw_fd(), events, revents: 0 }
}

/// Like that of rung 4, but the answer is a block.
struct Conversation {
    socket: OwnedFd,
    question: Message,
    received: usize,
    /// Where the answer is put. It is away while the kernel writes to it.
    block: Option<Box<Block>>,
    is_answering: bool,
    sent: usize,
}

impl Conversation {
    fn new(socket: OwnedFd) -> io::Result<Conversation> {
        sys::set_nonblocking(&socket)?;
        let block = Some(Box::new(Block([0; BLOCK])));
        Ok(Conversation { socket, question: [0; MESSAGE], received: 0, block, is_answering: false, sent: 0 })
    }

    fn step(&mut self) -> Step {
        let result = match &self.block {
            Some(block) if self.is_answering => sys::send(&self.socket, &block.0[self.sent..]),
            _ => sys::recv(&self.socket, &mut self.question[self.received..]),
        };
        match result {
            Ok(0) => return Step::Over,
            Ok(bytes) if self.is_answering => self.sent += bytes,
            Ok(bytes) => self.received += bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Step::WouldBlock,
            Err(_) => return Step::Over,
        }
        if self.sent == BLOCK {
            (self.received, self.sent, self.is_answering) = (0, 0, false);
        }
        Step::Moved
    }

    /// Returns the number of the block, and the buffer for it, once a question is complete.
    fn take_request(&mut self) -> Option<(u64, Box<Block>)> {
        if self.received < MESSAGE || self.is_answering {
            return None;
        }
        let digits = self.question.iter().take_while(|byte| byte.is_ascii_digit());
        let number = digits
            .fold(0u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
        let mut block = self.block.take()?;
        if number < BLOCKS && self.question[0].is_ascii_digit() {
            return Some((number, block));
        }
        block.0 = text("there is no such block: ask for a number from 0 to 1023");
        self.answer(block);
        None
    }

    fn answer(&mut self, block: Box<Block>) {
        self.block = Some(block);
        self.is_answering = true;
    }
}
