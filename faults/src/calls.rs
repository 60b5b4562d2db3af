//! Calls that move bytes.

use crate::dice::{Call, Dice, in_session, is_hard, is_whole, note, note_hard, throw};
use crate::epoll::report_again;
use crate::kernel::{self, Kind, fail};
use ayi_runtime::faults::{Operation, operation};
use libc::{c_int, c_long, c_void, iovec, msghdr, off_t, size_t, sockaddr, socklen_t, ssize_t};

/// A write of up to this many bytes to a pipe is done as a whole or not at all: pipe(7).
const PIPE_BUF: usize = libc::PIPE_BUF;

/// What happens to a transfer.
enum Verdict {
    LetThrough,
    Fail(c_int),
    /// It moves no more than so many bytes.
    Part(usize),
}

/// Returns whether the call is made within an operation of ours on this descriptor, and if so, whether the program sees
/// its errors.
fn in_operation(fd: c_int) -> Option<bool> {
    match operation()? {
        Operation::On(own) => (own == fd).then_some(false),
        Operation::OnAny => Some(false),
        Operation::Tried => Some(true),
    }
}

/// `len` is the length of the one buffer, or 0 if the call cannot be given less.
fn transfer(name: &'static str, call: Call, fd: c_int, len: usize, does_not_wait: bool) -> Verdict {
    let Some(is_tried) = in_operation(fd) else { return Verdict::LetThrough };
    let is_write = matches!(call, Call::Write);
    let kind = kernel::kind(fd);
    // This is a signal's handler, so it comes before the dice.
    if is_write && kind == Kind::Other {
        return Verdict::LetThrough;
    }
    let Some(mut dice) = throw(call) else { return Verdict::LetThrough };
    let may_fail = !is_tried || in_session();
    if may_fail && is_hard(&mut dice) {
        if let Some(errno) = hard(kind, is_write, &mut dice) {
            note_hard(name, errno);
            return Verdict::Fail(errno);
        }
    }
    let flags = kernel::status_flags(fd);
    let may_be_short = match kind {
        _ if is_whole() => false,
        Kind::Stream | Kind::File => len > 1,
        // In packet mode the rest of a packet would be lost.
        Kind::Pipe if flags & libc::O_DIRECT != 0 => false,
        Kind::Pipe => len > if is_write { PIPE_BUF } else { 1 },
        Kind::Messages | Kind::Terminal | Kind::Other => false,
    };
    let does_not_wait = does_not_wait || flags & libc::O_NONBLOCK != 0;
    let verdict = match dice.below(3) {
        0 if may_be_short => Verdict::Part(dice.part_of(len)),
        1 if may_fail && does_not_wait && kind != Kind::File => Verdict::Fail(libc::EAGAIN),
        _ if may_fail => Verdict::Fail(libc::EINTR),
        _ => Verdict::LetThrough,
    };
    match verdict {
        Verdict::Fail(errno) => note(name, "fails", errno),
        Verdict::Part(_) => note(name, "moves less", 0),
        Verdict::LetThrough => {}
    }
    if let Verdict::Fail(libc::EAGAIN) = verdict {
        report_again(fd);
    }
    verdict
}

/// Returns an error that the program sees.
fn hard(kind: Kind, is_write: bool, dice: &mut Dice) -> Option<c_int> {
    let errors: &[c_int] = match (kind, is_write) {
        (Kind::Stream, false) => &[libc::ECONNRESET, libc::ETIMEDOUT, libc::ENOMEM],
        (Kind::Stream, true) => &[libc::EPIPE, libc::ECONNRESET, libc::ENOBUFS, libc::ENOMEM],
        (Kind::Messages, false) => &[libc::ENOMEM],
        (Kind::Messages, true) => &[libc::ENOBUFS, libc::ENOMEM],
        (Kind::Pipe, true) => &[libc::EPIPE],
        _ => return None,
    };
    Some(dice.pick(errors))
}

/// The part of a transfer that was asked for has been moved, and there may be more. For a socket a short transfer says
/// "nothing is left" (epoll(7)), so the kernel has to report again. For a pipe it does not, nor if a read of a Unix
/// socket ends at a message with descriptors (unix(7)): there the kernel reports nothing, and ayi continues.
fn moved(call: Call, fd: c_int, asked: usize, moved: c_long) -> ssize_t {
    let says_it_all = || {
        let is_write = matches!(call, Call::Write);
        kernel::kind(fd) == Kind::Stream && (is_write || !kernel::is_unix(fd))
    };
    if moved == asked as c_long && says_it_all() {
        report_again(fd);
    }
    moved as ssize_t
}

/// Makes the system call, or fails instead. `$len` is the length that a fault reduces.
macro_rules! transfer {
    ($name:literal, $call:expr, $fd:ident, $len:ident, $does_not_wait:expr, $number:expr, [$($argument:expr),*]) => {{
        let arguments = |$len: size_t| [$($argument as c_long),*];
        match transfer($name, $call, $fd, $len, $does_not_wait) {
            Verdict::Fail(errno) => fail(errno),
            // SAFETY: the caller's promise, which is what the C function asks for.
            Verdict::LetThrough => unsafe { kernel::call($number, arguments($len)) as ssize_t },
            // SAFETY: likewise, and less memory is touched.
            Verdict::Part(part) => moved($call, $fd, part, unsafe { kernel::call($number, arguments(part)) }),
        }
    }};
}

#[unsafe(no_mangle)]
unsafe extern "C" fn read(fd: c_int, buf: *mut c_void, len: size_t) -> ssize_t {
    transfer!("read", Call::Read, fd, len, false, libc::SYS_read, [fd, buf, len, 0, 0, 0])
}

#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, buf: *const c_void, len: size_t) -> ssize_t {
    transfer!("write", Call::Write, fd, len, false, libc::SYS_write, [fd, buf, len, 0, 0, 0])
}

#[unsafe(no_mangle)]
unsafe extern "C" fn recv(fd: c_int, buf: *mut c_void, len: size_t, flags: c_int) -> ssize_t {
    let none = std::ptr::null_mut();
    // SAFETY: it is the same call without an address.
    unsafe { recvfrom(fd, buf, len, flags, none, none.cast()) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn send(fd: c_int, buf: *const c_void, len: size_t, flags: c_int) -> ssize_t {
    // SAFETY: it is the same call without an address.
    unsafe { sendto(fd, buf, len, flags, std::ptr::null(), 0) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn recvfrom(
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    flags: c_int,
    from: *mut sockaddr,
    size: *mut socklen_t,
) -> ssize_t {
    let does_not_wait = flags & libc::MSG_DONTWAIT != 0;
    let number = libc::SYS_recvfrom;
    transfer!("recv", Call::Read, fd, len, does_not_wait, number, [fd, buf, len, flags, from, size])
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sendto(
    fd: c_int,
    buf: *const c_void,
    len: size_t,
    flags: c_int,
    to: *const sockaddr,
    size: socklen_t,
) -> ssize_t {
    let does_not_wait = flags & libc::MSG_DONTWAIT != 0;
    let number = libc::SYS_sendto;
    transfer!("send", Call::Write, fd, len, does_not_wait, number, [fd, buf, len, flags, to, size])
}

// Calls with several buffers are given fewer of them, at least one.

#[unsafe(no_mangle)]
unsafe extern "C" fn readv(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: the caller's promise.
    unsafe { vectored("readv", Call::Read, fd, parts, count, libc::SYS_readv, [0; 3]) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: the caller's promise.
    unsafe { vectored("writev", Call::Write, fd, parts, count, libc::SYS_writev, [0; 3]) }
}

/// For a stream, the offset is -1. With `RWF_NOWAIT` the call does not wait.
#[unsafe(no_mangle)]
unsafe extern "C" fn preadv2(
    fd: c_int,
    parts: *const iovec,
    count: c_int,
    offset: off_t,
    flags: c_int,
) -> ssize_t {
    let rest = [offset as c_long, 0, flags as c_long];
    // SAFETY: the caller's promise.
    unsafe { vectored("preadv2", Call::Read, fd, parts, count, libc::SYS_preadv2, rest) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwritev2(
    fd: c_int,
    parts: *const iovec,
    count: c_int,
    offset: off_t,
    flags: c_int,
) -> ssize_t {
    let rest = [offset as c_long, 0, flags as c_long];
    // SAFETY: the caller's promise.
    unsafe { vectored("pwritev2", Call::Write, fd, parts, count, libc::SYS_pwritev2, rest) }
}

/// # Safety
///
/// Those of readv(2) and writev(2), for the arguments up to theirs and the ones that follow.
unsafe fn vectored(
    name: &'static str,
    call: Call,
    fd: c_int,
    parts: *const iovec,
    count: c_int,
    number: c_long,
    [offset, high, flags]: [c_long; 3],
) -> ssize_t {
    // SAFETY: the caller's promise.
    let parts = unsafe { std::slice::from_raw_parts(parts, count.max(0) as usize) };
    let whole: usize = parts.iter().map(|part| part.iov_len).sum();
    let first = parts.iter().find(|part| part.iov_len > 0);
    match transfer(name, call, fd, whole, flags & c_long::from(libc::RWF_NOWAIT) != 0) {
        Verdict::Fail(errno) => fail(errno),
        Verdict::Part(part) if first.is_some() => {
            let first = first.expect("it was looked at");
            let one = iovec { iov_base: first.iov_base, iov_len: part.min(first.iov_len) };
            let arguments = [fd as c_long, &raw const one as c_long, 1, offset, high, flags];
            // SAFETY: the caller's promise, for less memory.
            moved(call, fd, one.iov_len, unsafe { kernel::call(number, arguments) })
        }
        _ => {
            let arguments = [fd as c_long, parts.as_ptr() as c_long, count as c_long, offset, high, flags];
            // SAFETY: the caller's promise.
            unsafe { kernel::call(number, arguments) as ssize_t }
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    let (does_not_wait, len) = (flags & libc::MSG_DONTWAIT != 0, 0);
    let number = libc::SYS_recvmsg;
    transfer!("recvmsg", Call::Read, fd, len, does_not_wait, number, [fd, message, flags, 0, 0, len])
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    let does_not_wait = flags & libc::MSG_DONTWAIT != 0;
    // SAFETY: the caller's promise.
    let mut copy = unsafe { *message };
    // SAFETY: likewise.
    let parts = unsafe { std::slice::from_raw_parts(copy.msg_iov, copy.msg_iovlen as _) };
    let len = parts.iter().map(|part| part.iov_len).sum();
    let mut one = iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
    let verdict = transfer("sendmsg", Call::Write, fd, len, does_not_wait);
    if let (Verdict::Part(part), Some(first)) = (&verdict, parts.iter().find(|part| part.iov_len > 0)) {
        one = iovec { iov_base: first.iov_base, iov_len: first.iov_len.min(*part) };
        (copy.msg_iov, copy.msg_iovlen) = (&mut one, 1);
    }
    if let Verdict::Fail(errno) = verdict {
        return fail(errno);
    }
    let arguments = [fd as c_long, &raw const copy as c_long, flags as c_long, 0, 0, 0];
    // SAFETY: the caller's promise, possibly for less memory.
    let sent = unsafe { kernel::call(libc::SYS_sendmsg, arguments) };
    if one.iov_len > 0 { moved(Call::Write, fd, one.iov_len, sent) } else { sent as ssize_t }
}

/// Throws the dice for a call on a file at an offset, on a thread of the blocking pool. std calls `pread64` and so on.
fn at(name: &'static str, call: Call, len: usize) -> Verdict {
    let Some(mut dice) = throw(call) else { return Verdict::LetThrough };
    let errors: &[c_int] =
        if matches!(call, Call::ReadAt) { &[libc::EIO] } else { &[libc::EIO, libc::ENOSPC] };
    if is_hard(&mut dice) {
        let errno = dice.pick(errors);
        note_hard(name, errno);
        return Verdict::Fail(errno);
    }
    let verdict = match dice.below(2) {
        0 if len > 1 && !is_whole() => Verdict::Part(dice.part_of(len)),
        _ => Verdict::Fail(libc::EINTR),
    };
    match verdict {
        Verdict::Fail(errno) => note(name, "fails", errno),
        _ => note(name, "moves less", 0),
    }
    verdict
}

/// Like `transfer!`, for those calls.
macro_rules! at {
    ($name:literal, $call:expr, $len:ident, $number:expr, [$($argument:expr),*]) => {{
        let arguments = |$len: usize| [$($argument as c_long),*, 0];
        match at($name, $call, $len as usize) {
            Verdict::Fail(errno) => fail(errno),
            // SAFETY: the caller's promise, which is what the C function asks for.
            Verdict::LetThrough => unsafe { kernel::call($number, arguments($len as usize)) as ssize_t },
            // SAFETY: likewise, and less memory is touched.
            Verdict::Part(part) => unsafe { kernel::call($number, arguments(part)) as ssize_t },
        }
    }};
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pread(fd: c_int, buf: *mut c_void, len: size_t, offset: off_t) -> ssize_t {
    at!("pread", Call::ReadAt, len, libc::SYS_pread64, [fd, buf, len, offset, 0])
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite(fd: c_int, buf: *const c_void, len: size_t, offset: off_t) -> ssize_t {
    at!("pwrite", Call::WriteAt, len, libc::SYS_pwrite64, [fd, buf, len, offset, 0])
}

// If a word has no room for an offset, the kernel wants its upper half as well. Here a word has room.

#[unsafe(no_mangle)]
unsafe extern "C" fn preadv(fd: c_int, parts: *const iovec, count: c_int, offset: off_t) -> ssize_t {
    at!("preadv", Call::ReadAt, count, libc::SYS_preadv, [fd, parts, count, offset, 0])
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwritev(fd: c_int, parts: *const iovec, count: c_int, offset: off_t) -> ssize_t {
    at!("pwritev", Call::WriteAt, count, libc::SYS_pwritev, [fd, parts, count, offset, 0])
}

/// Reports that nothing is ready, although it is, like `EAGAIN`.
#[unsafe(no_mangle)]
unsafe extern "C" fn poll(polls: *mut libc::pollfd, count: libc::nfds_t, milliseconds: c_int) -> c_int {
    if operation().is_some() && count == 1 && milliseconds == 0 {
        // SAFETY: the caller's promise: there is one pollfd.
        let poll = unsafe { &mut *polls };
        if let Some(mut dice) = throw(Call::Poll) {
            if dice.one_in(2) {
                note("poll", "fails", libc::EINTR);
                return fail(libc::EINTR);
            }
            note("poll", "finds nothing", 0);
            poll.revents = 0;
            report_again(poll.fd);
            return 0;
        }
    }
    let limit = libc::timespec {
        tv_sec: (milliseconds / 1000).into(),
        tv_nsec: (milliseconds % 1000 * 1_000_000).into(),
    };
    let limit = if milliseconds < 0 { std::ptr::null() } else { &raw const limit };
    let arguments = [polls as c_long, count as c_long, limit as c_long, 0, 0, 0];
    // SAFETY: the caller's promise; `limit` outlives the call.
    unsafe { kernel::call(libc::SYS_ppoll, arguments) as c_int }
}
