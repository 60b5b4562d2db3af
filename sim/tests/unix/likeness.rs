//! Calls that chance decides, on the real kernel and on a simulated host: whatever they return, what poll(2) says of all
//! sockets after each of them, and what epoll reports of it must be the same.
//!
//! Left out are circles of sockets that are under way to each other. Linux finds and closes them, and the simulation only
//! with the program.

use crate::raw::{address, checked, mask, unread};
use ayi::sim::Sim;
use ayi::time::{Duration, sleep};
use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::rc::Rc;

/// How many calls a run makes.
const CALLS: usize = 200;

const KINDS: [i32; 3] = [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_SEQPACKET];

const SIZES: [usize; 11] = [0, 1, 5, 100, 1_000, 4_096, 5_000, 20_000, 70_000, 150_000, 213_000];

/// Xorshift, as the same numbers are needed outside of the simulation.
struct Chance(u64);

impl Chance {
    fn below(&mut self, count: usize) -> usize {
        for (left, by) in [(true, 13), (false, 7), (true, 17)] {
            self.0 ^= if left { self.0 << by } else { self.0 >> by };
        }
        (self.0 >> 11) as usize % count
    }

    fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

struct Run {
    chance: Chance,
    kind: i32,
    names: Vec<String>,
    epoll: OwnedFd,
    open: Vec<OwnedFd>,
    opened: usize,
}

impl Run {
    fn new(seed: u64) -> Run {
        let start = std::process::id();
        let name = |n| {
            if n < 2 { format!("\0like-{start}-{seed}-{n}") } else { format!("/tmp/like-{start}-{seed}-{n}") }
        };
        // SAFETY: it takes no pointers.
        let epoll = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }).unwrap();
        Run {
            chance: Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            kind: KINDS[seed as usize % 3],
            names: (0..4).map(name).collect(),
            // SAFETY: it was just made.
            epoll: unsafe { OwnedFd::from_raw_fd(epoll as RawFd) },
            open: Vec::new(),
            opened: 0,
        }
    }

    /// Takes a new descriptor, and watches it.
    fn add(&mut self, fd: RawFd) {
        let events = (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET) as u32;
        let mut event = libc::epoll_event { events, u64: self.opened as u64 };
        self.opened += 1;
        // SAFETY: there is one event.
        checked(unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event) })
            .unwrap();
        // SAFETY: nobody else has it.
        self.open.push(unsafe { OwnedFd::from_raw_fd(fd) });
    }

    fn open(&mut self, what: usize) -> io::Result<usize> {
        let (mut fds, kind) = ([-1; 2], self.kind | libc::SOCK_NONBLOCK);
        let packets = self.chance.one_of(&[0, 0, libc::O_DIRECT]);
        // SAFETY: there is room for two descriptors.
        let result = checked(unsafe {
            match what {
                0 => libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()),
                1 => libc::pipe2(fds.as_mut_ptr(), libc::O_NONBLOCK | packets),
                _ => {
                    fds[0] = libc::socket(libc::AF_UNIX, kind, 0);
                    fds[0].min(0)
                }
            }
        });
        fds.into_iter().filter(|fd| *fd >= 0).for_each(|fd| self.add(fd));
        result
    }

    /// Sends bytes, with the end of a pipe if `other` is one.
    fn send(&mut self, fd: RawFd, len: usize, other: RawFd) -> io::Result<usize> {
        let (mut bytes, mut control) = (vec![7u8; len], [0u64; 4]);
        let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: len };
        // SAFETY: all zeros is a valid message, and what it points to is valid until the call has returned.
        let sent = unsafe {
            let mut message: libc::msghdr = std::mem::zeroed();
            (message.msg_iov, message.msg_iovlen) = (&mut part, 1);
            if libc::fcntl(other, libc::F_GETPIPE_SZ) > 0 {
                message.msg_control = control.as_mut_ptr().cast();
                message.msg_controllen = libc::CMSG_SPACE(4) as _;
                let header = libc::CMSG_FIRSTHDR(&message);
                ((*header).cmsg_level, (*header).cmsg_type) = (libc::SOL_SOCKET, libc::SCM_RIGHTS);
                (*header).cmsg_len = libc::CMSG_LEN(4) as _;
                libc::CMSG_DATA(header).cast::<RawFd>().write_unaligned(other);
            }
            libc::sendmsg(fd, &message, libc::MSG_NOSIGNAL)
        };
        checked(sent as i64)
    }

    /// Makes one call, and returns it with its outcome.
    fn call(&mut self) -> String {
        let count = self.open.len();
        let what = if count < 2 { 0 } else { self.chance.below(19) };
        let at = self.chance.below(count.max(1));
        let fd = self.open.get(at).map_or(-1, AsRawFd::as_raw_fd);
        let name = self.chance.one_of(&[0, 0, 0, 1, 2, 2, 3]);
        let (addr, addr_len) = address(&self.names[name]);
        let addr: *const libc::sockaddr = (&raw const addr).cast();
        let len = self.chance.one_of(&SIZES);
        let flags = self.chance.one_of(&[0, 0, 0, libc::MSG_PEEK, libc::MSG_TRUNC]);
        let number = self.chance.below(4) as i32;
        let mut bytes = vec![7u8; len];
        let to = bytes.as_mut_ptr().cast();
        let (nobody, null) = (libc::AF_UNSPEC as libc::sa_family_t, std::ptr::null_mut());
        let nobody: *const libc::sockaddr = (&raw const nobody).cast();
        // SAFETY: all these are given as many bytes as they are told of.
        let result = unsafe {
            match what {
                0..=2 if count < 9 => self.open(what),
                3 => checked(libc::bind(fd, addr, addr_len)),
                4 => checked(libc::listen(fd, number)),
                5 | 6 => checked(libc::connect(fd, addr, addr_len)),
                7 if count < 10 => {
                    let accepted = libc::accept4(fd, null, null.cast(), libc::SOCK_NONBLOCK);
                    checked(accepted).map(|fd| self.add(fd as RawFd)).map(|()| 0)
                }
                8 | 9 => {
                    let other = self.open[(at + 1) % count].as_raw_fd();
                    self.send(fd, len, other)
                }
                10 => checked(libc::sendto(fd, to, len, libc::MSG_NOSIGNAL, addr, addr_len) as i64),
                11 | 12 => checked(libc::recv(fd, to, len, flags) as i64),
                13 if number == 0 => checked(libc::shutdown(fd, name as i32)),
                14 => {
                    drop(self.open.remove(at));
                    Ok(0)
                }
                15 => crate::raw::option(&fd, libc::SO_ERROR).map(|error| error as usize),
                16 => checked(libc::read(fd, to, len) as i64),
                // Only on pipes: sockets would raise SIGPIPE.
                17 if libc::fcntl(fd, libc::F_GETPIPE_SZ) > 0 && mask(&fd) & libc::POLLERR == 0 => {
                    checked(libc::write(fd, to, len) as i64)
                }
                18 if number == 0 => checked(libc::connect(fd, nobody, 2)),
                _ => Ok(0),
            }
        };
        let outcome = result.map_err(|error| error.raw_os_error().unwrap());
        format!("{what} of {at}, name {name}, {len} bytes, {flags}, {number}: {outcome:?}")
    }

    fn states(&self) -> String {
        let mut text = String::new();
        for fd in &self.open {
            let count =
                if self.kind == libc::SOCK_DGRAM || mask(fd) & libc::POLLIN != 0 { count_of(fd) } else { 0 };
            text += &format!(" {:x}:{count}", mask(fd));
        }
        text
    }

    fn reports(&self) -> Vec<(usize, u32)> {
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; 16];
        // SAFETY: there is room for so many events.
        let count = unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), events.as_mut_ptr(), 16, 0) };
        let mut reports: Vec<_> =
            events[..checked(count).unwrap()].iter().map(|it| (it.u64 as usize, it.events)).collect();
        reports.sort();
        reports
    }
}

/// FIONREAD. A listener has none.
fn count_of(fd: &OwnedFd) -> i32 {
    match crate::raw::option(fd, libc::SO_ACCEPTCONN) {
        Ok(1) => 0,
        _ => unread(fd),
    }
}

type Log = Rc<RefCell<Vec<String>>>;

async fn log_of(seed: u64, is_simulated: bool, log: Log) {
    let mut run = Run::new(seed);
    for _ in 0..CALLS {
        let call = run.call();
        if is_simulated {
            // A program that has used up its time is not asked for reports.
            sleep(Duration::from_millis(1)).await;
        }
        let reports = run.reports();
        log.borrow_mut().push(format!("{call} |{} | {reports:?}", run.states()));
    }
    run.names.iter().skip(2).for_each(|path| drop(std::fs::remove_file(path)));
}

#[test]
#[ignore = "Linux 6.18 is what the simulation is like: others count and wake in other ways"]
fn random_calls_have_the_outcome_that_they_have_on_the_real_kernel() {
    for seed in 1..500 {
        let (real, simulated) = (Log::default(), Log::default());
        ayi::runtime::Runtime::new().unwrap().block_on(log_of(seed, false, Rc::clone(&real)));
        let sim = Sim::new(seed);
        let log = simulated.clone();
        sim.client("alone", move || log_of(seed, true, Rc::clone(&log)));
        sim.run().unwrap();
        let (real, simulated) = (real.borrow(), simulated.borrow());
        if let Some(at) = (0..CALLS).find(|at| real[*at] != simulated[*at]) {
            let before = real[at.saturating_sub(20)..at].join("\n");
            panic!("seed {seed}\n{before}\nreal:      {}\nsimulated: {}", real[at], simulated[at]);
        }
    }
}
