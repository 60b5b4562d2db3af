//! What is done with descriptors of any kind: reading, writing, closing, and waiting for them.

use super::files::{read_parts_at, sync_of, write_parts_at};
use super::locks::{control_lock, is_about_locks};
use super::sockets::{receive, transmit};
use super::{in_program, may_not_wait, nanos_of, simulate, simulate_on};
use crate::Errno;
use crate::kernel::Kernel;
use crate::kernel::descriptors::{BASE, Fd, Kind};
use crate::kernel::epoll::Epoll;
use crate::kernel::files::Sync;
use crate::kernel::slab::Key;
use crate::real;
use libc::{c_long, c_void, iovec};

/// # Safety
///
/// There are `len` bytes at `from`, for as long as the result is used.
pub(super) unsafe fn bytes<'a>(from: *const c_void, len: usize) -> &'a [u8] {
    if len == 0 || from.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(from.cast(), len) }
}

/// # Safety
///
/// There is room for `len` bytes at `to`, which nobody else uses. They need not be initialised: they are only written.
pub(super) unsafe fn bytes_mut<'a>(to: *mut c_void, len: usize) -> &'a mut [u8] {
    if len == 0 || to.is_null() {
        return &mut [];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts_mut(to.cast(), len) }
}

/// # Safety
///
/// Those of readv(2).
pub(super) unsafe fn parts_mut<'a>(parts: *const iovec, count: usize) -> Vec<&'a mut [u8]> {
    // SAFETY: the caller's promise.
    (0..count).map(|at| unsafe { bytes_mut((*parts.add(at)).iov_base, (*parts.add(at)).iov_len) }).collect()
}

/// # Safety
///
/// Those of writev(2).
pub(super) unsafe fn gather(parts: *const iovec, count: usize) -> Vec<u8> {
    // SAFETY: the caller's promise.
    (0..count)
        .flat_map(|at| unsafe { bytes((*parts.add(at)).iov_base, (*parts.add(at)).iov_len) })
        .copied()
        .collect()
}

pub(super) fn scatter(mut bytes: &[u8], parts: &mut [&mut [u8]]) {
    for part in parts {
        let (now, later) = bytes.split_at(part.len().min(bytes.len()));
        part[..now.len()].copy_from_slice(now);
        bytes = later;
    }
}

fn read_any(kernel: &mut Kernel, fd: Fd, to: &mut [u8], flags: i32) -> Result<i64, Errno> {
    match kernel.kind(fd)? {
        // Linux does not even look at the socket.
        Kind::Tcp(_) | Kind::Udp(_) | Kind::Unix(_) if to.is_empty() => Ok(0),
        Kind::Tcp(_) | Kind::Udp(_) | Kind::Unix(_) => {
            receive(kernel, fd, to, flags).map(|(count, ..)| count as i64)
        }
        Kind::Parked(_) | Kind::Bell(_) | Kind::Epoll(_) => Err(libc::EINVAL),
        Kind::Pipe(_) => {
            let description = kernel.description(fd)?;
            let result = kernel.read_pipe(description, to);
            may_not_wait(kernel, fd, flags, result.map(|count| count as i64))
        }
        Kind::File(_) => kernel.read_file(fd, to, None),
    }
}

pub(super) fn write_any(kernel: &mut Kernel, fd: Fd, bytes: &[u8], flags: i32) -> Result<i64, Errno> {
    match kernel.kind(fd)? {
        Kind::Tcp(_) | Kind::Udp(_) | Kind::Unix(_) => transmit(kernel, fd, bytes, flags, None, &[]),
        Kind::Parked(_) | Kind::Bell(_) | Kind::Epoll(_) => Err(libc::EINVAL),
        Kind::Pipe(_) => {
            let description = kernel.description(fd)?;
            let result = kernel.write_pipe(description, bytes);
            may_not_wait(kernel, fd, flags, result.map(|count| count as i64))
        }
        Kind::File(_) => kernel.write_file(fd, bytes, None, Sync::No),
    }
}

/// MSG_DONTWAIT for the calls that say RWF_NOWAIT.
fn without_waiting(flags: i32) -> i32 {
    if flags & libc::RWF_NOWAIT != 0 { libc::MSG_DONTWAIT } else { 0 }
}

/// # Safety
///
/// Those of read(2).
pub unsafe fn read(fd: i32, to: *mut c_void, len: usize) -> isize {
    let answer = simulate_on("read", fd, |kernel| {
        // SAFETY: the caller's promise.
        read_any(kernel, fd, unsafe { bytes_mut(to, len) }, 0)
    });
    answer.unwrap_or_else(|| {
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_read, [fd.into(), to as c_long, len as c_long, 0, 0, 0]) }
    }) as isize
}

/// # Safety
///
/// Those of readv(2).
pub unsafe fn readv(fd: i32, parts: *const c_void, count: i32) -> isize {
    // SAFETY: the caller's promise.
    let answer = unsafe { read_parts("readv", fd, parts, count, 0) };
    answer.unwrap_or_else(|| {
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_readv, [fd.into(), parts as c_long, count.into(), 0, 0, 0]) }
    }) as isize
}

/// # Safety
///
/// Those of preadv2(2).
pub unsafe fn preadv2(fd: i32, parts: *const c_void, count: i32, offset: i64, flags: i32) -> isize {
    // SAFETY: the caller's promise.
    let answer = unsafe {
        match offset {
            -1 => read_parts("preadv2", fd, parts, count, without_waiting(flags)),
            _ => read_parts_at(fd, parts, count, offset),
        }
    };
    answer.unwrap_or_else(|| {
        let arguments = [fd.into(), parts as c_long, count.into(), offset as c_long, 0, flags.into()];
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_preadv2, arguments) }
    }) as isize
}

/// # Safety
///
/// Those of readv(2).
unsafe fn read_parts(call: &str, fd: Fd, parts: *const c_void, count: i32, flags: i32) -> Option<i64> {
    simulate_on(call, fd, |kernel| {
        // SAFETY: the caller's promise.
        let mut parts = unsafe { parts_mut(parts.cast(), count as usize) };
        let mut gathered = vec![0; parts.iter().map(|part| part.len()).sum()];
        let count = read_any(kernel, fd, &mut gathered, flags)?;
        scatter(&gathered[..count as usize], &mut parts);
        Ok(count)
    })
}

/// # Safety
///
/// Those of write(2).
pub unsafe fn write(fd: i32, from: *const c_void, len: usize) -> isize {
    if fd < BASE && len == 8 && in_program(|kernel| kernel.ring(fd)) == Some(true) {
        return 8;
    }
    let answer = simulate_on("write", fd, |kernel| {
        // SAFETY: the caller's promise.
        write_any(kernel, fd, unsafe { bytes(from, len) }, 0)
    });
    answer.unwrap_or_else(|| {
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_write, [fd.into(), from as c_long, len as c_long, 0, 0, 0]) }
    }) as isize
}

/// # Safety
///
/// Those of writev(2).
pub unsafe fn writev(fd: i32, parts: *const c_void, count: i32) -> isize {
    let answer = simulate_on("writev", fd, |kernel| {
        // SAFETY: the caller's promise.
        write_any(kernel, fd, &unsafe { gather(parts.cast(), count as usize) }, 0)
    });
    answer.unwrap_or_else(|| {
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_writev, [fd.into(), parts as c_long, count.into(), 0, 0, 0]) }
    }) as isize
}

/// # Safety
///
/// Those of pwritev2(2).
pub unsafe fn pwritev2(fd: i32, parts: *const c_void, count: i32, offset: i64, flags: i32) -> isize {
    let sync = sync_of(flags);
    let answer = if offset == -1 && sync == Sync::No {
        simulate_on("pwritev2", fd, |kernel| {
            // SAFETY: the caller's promise.
            let bytes = unsafe { gather(parts.cast(), count as usize) };
            write_any(kernel, fd, &bytes, without_waiting(flags))
        })
    } else {
        // SAFETY: the caller's promise.
        unsafe { write_parts_at(fd, parts, count, Some(offset).filter(|offset| *offset != -1), sync) }
    };
    answer.unwrap_or_else(|| {
        let arguments = [fd.into(), parts as c_long, count.into(), offset as c_long, 0, flags.into()];
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_pwritev2, arguments) }
    }) as isize
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn close(fd: i32) -> i32 {
    if fd < BASE {
        super::with_kernel(|kernel| kernel.forget_bell(fd));
        // SAFETY: it takes no pointers.
        return unsafe { real::call(libc::SYS_close, [fd.into(), 0, 0, 0, 0, 0]) as i32 };
    }
    // A machine without power has its descriptors closed all the same.
    let closed = in_program(|kernel| {
        if kernel.check_alive().is_ok() {
            kernel.charge();
        }
        kernel.close(fd)
    });
    match closed {
        Some(Err(errno)) => real::fail(errno),
        // One that outlives its simulation was closed with it.
        Some(Ok(())) | None => 0,
    }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn dup(fd: i32) -> i32 {
    let answer = simulate_on("dup", fd, |kernel| {
        let description = kernel.description(fd)?;
        kernel.add_descriptor(description, false).map(i64::from)
    });
    // SAFETY: it takes no pointers.
    answer.unwrap_or_else(|| unsafe { real::call(libc::SYS_dup, [fd.into(), 0, 0, 0, 0, 0]) }) as i32
}

/// # Safety
///
/// Those of fcntl(2).
pub unsafe fn fcntl(fd: i32, command: i32, argument: usize) -> i32 {
    if fd >= BASE && command == libc::F_GETFD {
        // Compiled with debug assertions, std asks this before it closes one, and aborts if it is not open. So it takes
        // no time and does not count: a seed is the same run however the program is compiled.
        let answer = in_program(|kernel| {
            let is_dying = kernel.check_alive().is_err();
            kernel.entry(fd).map(|it| if it.is_closed_on_exec { libc::FD_CLOEXEC } else { 0 }).or_else(
                |errno| {
                    // A dying program's descriptors are closed before it drops them.
                    if is_dying { Ok(libc::FD_CLOEXEC) } else { Err(errno) }
                },
            )
        });
        // One that has outlived its simulation was closed with it: see `close`.
        return answer.unwrap_or(Ok(libc::FD_CLOEXEC)).unwrap_or_else(real::fail);
    }
    let answer = simulate_on("fcntl", fd, |kernel| {
        if is_about_locks(command) {
            // SAFETY: the caller's promise: these commands take a pointer to a lock.
            return unsafe { control_lock(kernel, fd, command, argument as *mut libc::flock) };
        }
        control(kernel, fd, command, argument)
    });
    answer.unwrap_or_else(|| {
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_fcntl, [fd.into(), command.into(), argument as c_long, 0, 0, 0]) }
    }) as i32
}

/// # Safety
///
/// Those of fcntl(2).
pub unsafe fn fcntl64(fd: i32, command: i32, argument: usize) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { fcntl(fd, command, argument) }
}

fn control(kernel: &mut Kernel, fd: Fd, command: i32, argument: usize) -> Result<i64, Errno> {
    /// What F_SETFL can change: fcntl(2).
    const CHANGEABLE: i32 =
        libc::O_APPEND | libc::O_ASYNC | libc::O_DIRECT | libc::O_NOATIME | libc::O_NONBLOCK;
    let description = kernel.description(fd)?;
    let argument = argument as i32;
    match command {
        libc::F_GETFL => Ok(kernel.descriptions[description].flags.into()),
        libc::F_SETFL => {
            let flags = &mut kernel.descriptions[description].flags;
            *flags = *flags & !CHANGEABLE | argument & CHANGEABLE;
            Ok(0)
        }
        libc::F_SETFD => {
            kernel.entry(fd)?.is_closed_on_exec = argument & libc::FD_CLOEXEC != 0;
            Ok(0)
        }
        libc::F_DUPFD => kernel.add_descriptor(description, false).map(i64::from),
        libc::F_DUPFD_CLOEXEC => kernel.add_descriptor(description, true).map(i64::from),
        libc::F_GETPIPE_SZ | libc::F_SETPIPE_SZ => {
            let Kind::Pipe(end) = kernel.descriptions[description].kind else { return Err(libc::EBADF) };
            let size = match command {
                libc::F_SETPIPE_SZ => kernel.set_pipe_size(end, argument as u32 as usize)?,
                _ => kernel.pipe_size(end),
            };
            Ok(size as i64)
        }
        _ => Err(libc::EINVAL),
    }
}

/// # Safety
///
/// Those of ioctl(2).
pub unsafe fn ioctl(fd: i32, request: usize, argument: usize) -> i32 {
    let answer = simulate_on("ioctl", fd, |kernel| {
        let description = kernel.description(fd)?;
        match request as libc::Ioctl {
            libc::FIONBIO => {
                // SAFETY: the caller's promise: it points to an integer.
                let on = unsafe { *(argument as *const i32) } != 0;
                let flags = &mut kernel.descriptions[description].flags;
                *flags = if on { *flags | libc::O_NONBLOCK } else { *flags & !libc::O_NONBLOCK };
                Ok(0)
            }
            libc::FIOCLEX => {
                kernel.entry(fd)?.is_closed_on_exec = true;
                Ok(0)
            }
            libc::FIONREAD => {
                let count = match &kernel.descriptions[description].kind {
                    Kind::Tcp(tcp) => kernel.tcp[*tcp].connection.received.len(),
                    Kind::Unix(_) => kernel.unread_of_unix(description)?,
                    Kind::Pipe(end) => kernel.unread_of_pipe(*end),
                    _ => return Err(libc::EINVAL),
                };
                // SAFETY: the caller's promise: it points to an integer.
                unsafe { *(argument as *mut i32) = count as i32 };
                Ok(0)
            }
            _ => Err(libc::ENOTTY),
        }
    });
    answer.unwrap_or_else(|| {
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_ioctl, [fd.into(), request as c_long, argument as c_long, 0, 0, 0]) }
    }) as i32
}

/// # Safety
///
/// Those of poll(2).
pub unsafe fn poll(list: *mut c_void, count: usize, milliseconds: i32) -> i32 {
    let simulated = || {
        // SAFETY: the caller's promise.
        let list = unsafe { std::slice::from_raw_parts_mut(list.cast::<libc::pollfd>(), count) };
        list.iter().any(|it| it.fd >= BASE).then_some(list)
    };
    let answer = if count == 0 { None } else { simulated() }.and_then(|list| {
        simulate("poll", |kernel| {
            for it in list.iter_mut() {
                it.revents = match kernel.description(it.fd) {
                    Ok(key) => {
                        let asked = it.events as u32 | (libc::POLLERR | libc::POLLHUP) as u32;
                        (kernel.mask(key) & asked) as i16
                    }
                    Err(_) if it.fd < 0 => 0,
                    Err(_) => libc::POLLNVAL,
                };
            }
            let ready = list.iter().filter(|it| it.revents != 0).count();
            if ready == 0 && milliseconds != 0 && kernel.is_alone {
                let limit = u64::try_from(milliseconds).ok();
                kernel.waits = Some(limit.map(|limit| kernel.now + limit * 1_000_000));
                return Ok(0);
            }
            if ready == 0 && milliseconds != 0 {
                kernel.escape("waits in poll(2), which would stop all hosts");
                return Err(libc::EDEADLK);
            }
            Ok(ready as i64)
        })
    });
    answer.unwrap_or_else(|| {
        // SAFETY: the caller's promise.
        i64::from(unsafe { real::poll(list.cast(), count as libc::nfds_t, milliseconds) })
    }) as i32
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn epoll_create1(flags: i32) -> i32 {
    let answer = simulate("epoll_create1", |kernel| {
        kernel.open(Kind::Epoll(Epoll::default()), flags & libc::O_CLOEXEC).map(i64::from)
    });
    // SAFETY: it takes no pointers.
    answer.unwrap_or_else(|| unsafe { real::call(libc::SYS_epoll_create1, [flags.into(), 0, 0, 0, 0, 0]) })
        as i32
}

/// # Safety
///
/// Those of epoll_ctl(2).
pub unsafe fn epoll_ctl(epoll: i32, operation: i32, fd: i32, event: *mut c_void) -> i32 {
    let answer = simulate_on("epoll_ctl", epoll, |kernel| {
        let target = target_of(kernel, fd)?;
        // SAFETY: the caller's promise.
        let event = unsafe { event.cast::<libc::epoll_event>().as_ref() };
        let event = event.map(|event| (event.events, event.u64));
        kernel.epoll_control(epoll, operation, fd, target, event).map(|()| 0)
    });
    answer.unwrap_or_else(|| {
        let arguments = [epoll.into(), operation.into(), fd.into(), event as c_long, 0, 0];
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_epoll_ctl, arguments) }
    }) as i32
}

/// What a simulated epoll instance is to watch. Of real descriptors only eventfds can be: bells.
fn target_of(kernel: &mut Kernel, fd: Fd) -> Result<Key, Errno> {
    if fd >= BASE {
        // A file is always ready, so it cannot be waited for.
        let is_file = matches!(kernel.kind(fd)?, Kind::File(_));
        return if is_file { Err(libc::EPERM) } else { kernel.description(fd) };
    }
    // SAFETY: all zeros is a valid stat.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: `stat` is writable.
    if unsafe { libc::fstat(fd, &mut stat) } != 0 {
        return Err(libc::EBADF);
    }
    if stat.st_mode & libc::S_IFMT != 0 {
        kernel.escape("waits for a descriptor of the real kernel, which is no part of the simulation");
        return Err(libc::EPERM);
    }
    kernel.bell(fd)
}

/// # Safety
///
/// Those of epoll_wait(2).
pub unsafe fn epoll_wait(epoll: i32, events: *mut c_void, room: i32, milliseconds: i32) -> i32 {
    let limit = u64::try_from(milliseconds).ok().map(|limit| limit * 1_000_000);
    // SAFETY: the caller's promise.
    let answer = unsafe { wait(epoll, events, room, limit) };
    answer.unwrap_or_else(|| {
        let arguments = [epoll.into(), events as c_long, room.into(), milliseconds.into(), 0, 8];
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_epoll_pwait, arguments) }
    }) as i32
}

/// # Safety
///
/// Those of epoll_pwait(2).
pub unsafe fn epoll_pwait(
    epoll: i32,
    events: *mut c_void,
    room: i32,
    milliseconds: i32,
    mask: *const c_void,
) -> i32 {
    let limit = u64::try_from(milliseconds).ok().map(|limit| limit * 1_000_000);
    // SAFETY: the caller's promise.
    let answer = unsafe { wait(epoll, events, room, limit) };
    answer.unwrap_or_else(|| {
        let arguments = [epoll.into(), events as c_long, room.into(), milliseconds.into(), mask as c_long, 8];
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_epoll_pwait, arguments) }
    }) as i32
}

/// epoll_pwait2(2), which comes by its number.
///
/// # Safety
///
/// Those of epoll_pwait2(2).
pub(super) unsafe fn wait_finely(
    epoll: Fd,
    events: *mut c_void,
    room: i32,
    time: *const libc::timespec,
) -> Option<i64> {
    // SAFETY: the caller's promise.
    unsafe { wait(epoll, events, room, nanos_of(time)) }
}

/// # Safety
///
/// There is room for so many events.
unsafe fn wait(epoll: Fd, events: *mut c_void, room: i32, limit: Option<u64>) -> Option<i64> {
    simulate_on("epoll_wait", epoll, |kernel| {
        let most = usize::try_from(room).ok().filter(|room| *room > 0).ok_or(libc::EINVAL)?;
        let reports = kernel.wait(epoll, most, limit)?;
        for (at, (bits, data)) in reports.iter().enumerate() {
            let event = libc::epoll_event { events: *bits, u64: *data };
            // SAFETY: the caller's promise: there is room for `most`, and no more are reported.
            unsafe { events.cast::<libc::epoll_event>().add(at).write(event) };
        }
        Ok(reports.len() as i64)
    })
}
