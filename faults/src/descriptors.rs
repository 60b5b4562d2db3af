//! Calls that make or connect a descriptor, and the one that makes a thread.

use crate::dice::{Call, Dice, in_session, is_hard, is_own, note, note_hard, throw};
use crate::epoll::report_again;
use crate::kernel::{self, fail, socket_option};
use ayi_runtime::faults::{Operation, operation};
use libc::{c_char, c_int, c_long, c_uint, c_void, mode_t, sockaddr, socklen_t};

/// Returns an error that the program sees, for a call that makes something.
fn hard(name: &'static str, call: Call, errors: &[c_int]) -> Option<c_int> {
    if !in_session() {
        return None;
    }
    let errno = throw(call)?.pick(errors);
    note_hard(name, errno);
    Some(errno)
}

/// # Safety
///
/// Those of the system call.
unsafe fn make(
    name: &'static str,
    call: Call,
    errors: &[c_int],
    number: c_long,
    arguments: [c_long; 6],
) -> c_int {
    match hard(name, call, errors) {
        Some(errno) => fail(errno),
        // SAFETY: the caller's promise.
        None => unsafe { kernel::call(number, arguments) as c_int },
    }
}

const NO_ROOM: &[c_int] = &[libc::EMFILE, libc::ENFILE, libc::ENOMEM];
const NO_ROOM_FOR_SOCKET: &[c_int] = &[libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];

#[unsafe(no_mangle)]
unsafe extern "C" fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    let arguments = [domain.into(), kind.into(), protocol.into(), 0, 0, 0];
    // SAFETY: it takes no pointers.
    unsafe { make("socket", Call::Make, NO_ROOM_FOR_SOCKET, libc::SYS_socket, arguments) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn socketpair(domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int) -> c_int {
    let arguments = [domain.into(), kind.into(), protocol.into(), pair as c_long, 0, 0];
    // SAFETY: the caller's promise.
    unsafe { make("socketpair", Call::Make, NO_ROOM_FOR_SOCKET, libc::SYS_socketpair, arguments) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pipe2(pair: *mut c_int, flags: c_int) -> c_int {
    let errors = &[libc::EMFILE, libc::ENFILE];
    // SAFETY: the caller's promise.
    unsafe { make("pipe2", Call::Make, errors, libc::SYS_pipe2, [pair as c_long, flags.into(), 0, 0, 0, 0]) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn eventfd(value: c_uint, flags: c_int) -> c_int {
    let arguments = [value.into(), flags.into(), 0, 0, 0, 0];
    // SAFETY: it takes no pointers.
    unsafe { make("eventfd", Call::Make, NO_ROOM, libc::SYS_eventfd2, arguments) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn bind(fd: c_int, addr: *const sockaddr, len: socklen_t) -> c_int {
    let arguments = [fd.into(), addr as c_long, len.into(), 0, 0, 0];
    // SAFETY: the caller's promise.
    unsafe { make("bind", Call::Bind, &[libc::EADDRINUSE], libc::SYS_bind, arguments) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn listen(fd: c_int, backlog: c_int) -> c_int {
    let arguments = [fd.into(), backlog.into(), 0, 0, 0, 0];
    // SAFETY: it takes no pointers.
    unsafe { make("listen", Call::Bind, &[libc::EADDRINUSE], libc::SYS_listen, arguments) }
}

/// std's is `open64`. In C the mode may be left out, and then it is not looked at.
#[unsafe(no_mangle)]
unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    if let Some(mut dice) = throw(Call::Open) {
        if is_hard(&mut dice) {
            let errno = dice.pick(NO_ROOM);
            note_hard("open", errno);
            return fail(errno);
        }
        note("open", "fails", libc::EINTR);
        return fail(libc::EINTR);
    }
    let arguments = [libc::AT_FDCWD.into(), path as c_long, flags.into(), mode.into(), 0, 0];
    // SAFETY: the caller's promise.
    unsafe { kernel::call(libc::SYS_openat, arguments) as c_int }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn accept4(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t, flags: c_int) -> c_int {
    let own = matches!(operation(), Some(Operation::On(own)) if own == fd);
    if let Some(mut dice) = own.then(|| throw(Call::Accept)).flatten() {
        let errno = accept_fails(&mut dice);
        note("accept4", "fails", errno);
        if errno == libc::EAGAIN {
            report_again(fd);
        }
        return fail(errno);
    }
    let arguments = [fd.into(), addr as c_long, len as c_long, flags.into(), 0, 0];
    // SAFETY: the caller's promise.
    unsafe { kernel::call(libc::SYS_accept4, arguments) as c_int }
}

fn accept_fails(dice: &mut Dice) -> c_int {
    // This is rare, because ayi pauses for 50 ms after such an error.
    if dice.one_in(16) {
        return dice.pick(NO_ROOM_FOR_SOCKET);
    }
    let one_connection = [libc::ECONNABORTED, libc::EPROTO, libc::ENETDOWN, libc::EHOSTUNREACH];
    match dice.below(3) {
        0 => libc::EINTR,
        1 => libc::EAGAIN,
        _ => dice.pick(&one_connection),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn connect(fd: c_int, addr: *const sockaddr, len: socklen_t) -> c_int {
    let arguments = [fd.into(), addr as c_long, len.into(), 0, 0, 0];
    // SAFETY: the caller's promise.
    let make = || unsafe { kernel::call(libc::SYS_connect, arguments) as c_int };
    if kernel::status_flags(fd) & libc::O_NONBLOCK == 0 {
        return make();
    }
    let Some(mut dice) = throw(Call::Connect) else { return make() };
    let is_unix = kernel::is_unix(fd);
    if is_hard(&mut dice) {
        let errors: &[c_int] = if is_unix {
            &[libc::ECONNREFUSED, libc::EAGAIN]
        } else {
            &[libc::ETIMEDOUT, libc::ECONNREFUSED, libc::ENETUNREACH, libc::EADDRNOTAVAIL]
        };
        let errno = dice.pick(errors);
        note_hard("connect", errno);
        return fail(errno);
    }
    let result = make();
    let is_stream = socket_option(fd, libc::SO_TYPE) == libc::SOCK_STREAM;
    let is_under_way =
        result == 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::EINPROGRESS);
    if is_unix || !is_stream || !is_under_way {
        return result;
    }
    // The connection continues, as connect(2) says about this error.
    note("connect", "fails", libc::EINTR);
    fail(libc::EINTR)
}

type Start = extern "C" fn(*mut c_void) -> *mut c_void;
type PthreadCreate =
    unsafe extern "C" fn(*mut libc::pthread_t, *const libc::pthread_attr_t, Start, *mut c_void) -> c_int;

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    // The test harness starts threads as well.
    if is_own() {
        if let Some(errno) = hard("pthread_create", Call::Thread, &[libc::EAGAIN]) {
            return errno;
        }
    }
    // SAFETY: it is the address of that function.
    let next =
        unsafe { std::mem::transmute::<*mut c_void, PthreadCreate>(kernel::the_next(c"pthread_create")) };
    // SAFETY: the caller's promise.
    unsafe { next(thread, attributes, start, argument) }
}

/// The calls that have no function of their own.
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    let failed = match number {
        libc::SYS_pidfd_open => hard("pidfd_open", Call::Make, NO_ROOM),
        libc::SYS_io_uring_setup => hard("io_uring_setup", Call::Make, &[libc::ENOMEM, libc::EPERM]),
        libc::SYS_io_uring_enter => throw(Call::Enter).map(|mut dice| {
            let errno = dice.pick(&[libc::EINTR, libc::EAGAIN, libc::EBUSY]);
            note("io_uring_enter", "fails", errno);
            errno
        }),
        libc::SYS_epoll_pwait2 => {
            let wait = |room: c_int, at_once: bool| {
                let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
                let limit = if at_once { &raw const zero as c_long } else { d };
                // SAFETY: the caller's promise; `zero` outlives the call.
                unsafe { kernel::call(number, [a, b, room.into(), limit, e, f]) as c_int }
            };
            // SAFETY: the caller's promise.
            return unsafe { crate::epoll::wait(a as c_int, b as *mut _, c as c_int, true, wait) }.into();
        }
        _ => None,
    };
    match failed {
        Some(errno) => fail(errno),
        // SAFETY: the caller's promise.
        None => unsafe { kernel::call(number, [a, b, c, d, e, f]) },
    }
}
