//! Makes system calls fail, for ayi's own tests. The faults come from a seed, so that a failure can be repeated.
//!
//! ```text
//!   ayi, std, socket2 ──▶ recv ──▶ this crate's `recv` ──▶ dice: no ──▶ the kernel
//!                                    (C's name)        └─▶ yes ──▶ EINTR, EAGAIN, fewer bytes, ECONNRESET, …
//! ```
//!
//! The functions in `calls`, `descriptors` and `epoll` have the names of the C library's and replace them in every
//! program that this crate is linked into. Without `--cfg faults` the crate is empty.
//!
//! | calls | whose | faults that a program does not see | faults that it sees | source |
//! |---|---|---|---|---|
//! | `epoll_wait`, `epoll_pwait2` | all | `EINTR`, an early end, fewer events, a report twice, a false report, one of a source that is gone | | epoll_wait(2), select(2) "BUGS", epoll(7) |
//! | `epoll_ctl` (`ADD`) | all | | `ENOMEM`, `ENOSPC` | epoll_ctl(2) |
//! | `epoll_create1`, `eventfd`, `pidfd_open` | all | | `EMFILE`, `ENFILE`, `ENOMEM` | their pages |
//! | `read`, `readv`, `preadv2`, `recv`, `recvfrom`, `recvmsg` | operations | `EINTR`, `EAGAIN`, fewer bytes | `ECONNRESET`, `ETIMEDOUT`, `ENOMEM` (sockets) | recv(2), read(2), tcp(7) |
//! | `write`, `writev`, `pwritev2`, `send`, `sendto`, `sendmsg` | operations | `EINTR`, `EAGAIN`, fewer bytes | `EPIPE`, `ECONNRESET`, `ENOBUFS`, `ENOMEM` (sockets), `EPIPE` (pipes) | send(2), write(2), pipe(7) |
//! | `poll` | operations | `EINTR`, nothing is ready | | poll(2) |
//! | `accept4` | operations | `EINTR`, `EAGAIN`, `ECONNABORTED`, `EPROTO`, `ENETDOWN`, `EHOSTUNREACH`; `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM` | | accept(2) |
//! | `connect` (TCP) | non-blocking | `EINTR`, and it goes on | `ETIMEDOUT`, `ECONNREFUSED`, `ENETUNREACH`, `EADDRNOTAVAIL` | connect(2), tcp(7) |
//! | `connect` (Unix) | non-blocking | | `ECONNREFUSED`, `EAGAIN` | connect(2), unix(7) |
//! | `socket`, `socketpair`, `pipe2` | all | | `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM` (`pipe2`: the first two) | their pages |
//! | `bind`, `listen` | all | | `EADDRINUSE` | their pages |
//! | `open` | all (std's is `open64`) | `EINTR` | `EMFILE`, `ENFILE`, `ENOMEM` | open(2) |
//! | `pread`, `preadv`, `pwrite`, `pwritev` | all (std's end in `64`) | `EINTR`, fewer bytes | `EIO`, `ENOSPC` | read(2), write(2) |
//! | `io_uring_enter` | all | `EINTR`, `EAGAIN`, `EBUSY` | | io_uring_enter(2) |
//! | `io_uring_setup` | all | | `ENOMEM`, `EPERM` | io_uring_setup(2) |
//! | entries of the ring | all | `EINTR` (reads, writes, opens, fsync), fewer bytes | `EIO`, `ENOSPC`, `EMFILE`, `ENFILE`, `ENOMEM` | as for the calls |
//! | `pthread_create` | the session's thread | | `EAGAIN` | pthread_create(3) |
//!
//! *Operations* are the calls that this thread makes while a `Registration`, or a file call of the blocking pool, is
//! running on it. So faults leave alone what a test does with sockets of its own. Within `try_io`, whose errors the
//! program sees, there are faults only in a `Session`, except for fewer bytes.
//!
//! Invariants:
//! 1. The kernel's contract holds: edge-triggered reports may be relied on. A caller that gets `EAGAIN`, or moves fewer
//!    bytes than there are if that says so (see `moved`), gets a report if the descriptor is ready: `EPOLL_CTL_MOD`
//!    with what it was registered with makes the kernel report the present state (epoll_ctl(2)). A descriptor that is
//!    not registered yet gets its report by `EPOLL_CTL_ADD`.
//! 2. `EAGAIN` comes only from descriptors, or calls, that do not wait. `EINTR` comes only if the page has it.
//! 3. A call that fails has moved nothing, made nothing, and changed nothing: it is not made. `connect` is the
//!    exception.
//! 4. Dice depend on the seed, the thread's name, the call, and how many such calls this thread has made. So a program
//!    of one thread that does the same gets the same faults. Threads without a name are numbered in the order of their
//!    first dice: with several of those, as on the blocking pool, a seed repeats its run only nearly. The same holds if
//!    the number of calls depends on time.
//! 5. A signal's handler, which writes to an eventfd, may come at any point: writes to eventfds throw no dice.
//!
//! Left out: what std does with `fork`, `execve`, `open64` and other calls of its own; `close`, `fcntl`, socket
//! options, futexes and memory.

#![cfg(all(faults, target_os = "linux"))]

mod calls;
mod descriptors;
mod dice;
mod entry;
mod epoll;
mod kernel;

pub use dice::{Fault, Session};
