//! Accepting connections, including those that fail and those for which there is no room.

use crate::support::{in_a_child, poll_once, run, turn};
use ayi::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use ayi::time::{Duration, sleep, timeout};
use std::cell::RefCell;
use std::fs::File;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::pin::pin;
use std::rc::Rc;

async fn listening() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// Connects, and resets the connection: socket(7), `SO_LINGER`.
fn connect_and_reset(addr: SocketAddr) {
    let client = std::net::TcpStream::connect(addr).unwrap();
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let (fd, len) = (client.as_raw_fd(), size_of::<libc::linger>() as libc::socklen_t);
    // SAFETY: `len` readable bytes.
    let result =
        unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, (&raw const linger).cast(), len) };
    assert_eq!(result, 0);
}

/// Answers every client, and keeps the connections.
async fn serve(listener: Rc<TcpListener>, open: Rc<RefCell<Vec<TcpStream>>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        // This fails for those that were reset.
        let _ = stream.write(b"hello").await;
        open.borrow_mut().push(stream);
    }
}

#[test]
fn connections_that_were_reset_before_they_were_accepted() {
    for while_it_waits in [false, true] {
        run(async || {
            let (listener, addr) = listening().await;
            let task =
                || ayi::spawn(serve(Rc::new(TcpListener::from_std(std(&listener)).unwrap()), Rc::default()));
            let server = while_it_waits.then(task);
            turn().await;
            let mut good = vec![];
            for round in 0..50 {
                connect_and_reset(addr);
                if round % 5 == 0 {
                    good.push(std::net::TcpStream::connect(addr).unwrap());
                }
            }
            let server = server.unwrap_or_else(task);
            for client in good {
                client.set_nonblocking(true).unwrap();
                let client = TcpStream::from_std(client).unwrap();
                assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 5);
            }
            assert!(!server.is_finished());
            server.abort();
        });
    }
}

/// Returns the same socket as a listener of std's.
fn std(listener: &TcpListener) -> std::net::TcpListener {
    std::os::fd::AsFd::as_fd(listener).try_clone_to_owned().unwrap().into()
}

#[test]
fn a_wait_that_is_given_up_takes_no_connection_with_it() {
    run(async || {
        let (listener, addr) = listening().await;
        for _ in 0..20 {
            let mut waiting = Box::pin(listener.accept());
            assert!(poll_once(waiting.as_mut()).is_pending());
            let client = std::net::TcpStream::connect(addr).unwrap();
            turn().await;
            drop(waiting);
            assert_eq!(listener.accept().await.unwrap().1, client.local_addr().unwrap());
        }
    });
}

#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn polled_by_hand() {
    run(async || {
        let (listener, addr) = listening().await;
        for _ in 0..3 {
            let mut accept = pin!(poll_fn(|cx| listener.poll_accept(cx)));
            assert!(poll_once(accept.as_mut()).is_pending());
            let client = std::net::TcpStream::connect(addr).unwrap();
            assert_eq!(accept.await.unwrap().1, client.local_addr().unwrap());
        }
    });
}

/// Lets the process open no descriptor with a number of `limit` or more.
fn limit_descriptors(limit: u64) {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a writable rlimit.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limits) }, 0);
    limits.rlim_cur = limit;
    // SAFETY: a readable rlimit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limits) }, 0);
}

/// Returns the processor time of this thread.
fn processor_time() -> Duration {
    // SAFETY: zeros are a valid rusage, which the call then fills.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &mut usage), 0);
        usage
    };
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

#[test]
fn without_descriptors_it_pauses_and_then_serves_who_has_waited() {
    if !in_a_child(module_path!(), "without_descriptors_it_pauses_and_then_serves_who_has_waited") {
        return;
    }
    const CLIENTS: usize = 30;
    const ROOM: usize = 5;
    run(async || {
        let (listener, addr) = listening().await;
        let listener = Rc::new(listener);
        // All wait in the queue before there is a limit.
        let clients: Vec<_> = (0..CLIENTS).map(|_| std::net::TcpStream::connect(addr).unwrap()).collect();
        let next = File::open("/proc/self/stat").unwrap().as_raw_fd() as u64;
        limit_descriptors(next + ROOM as u64);

        let open = Rc::new(RefCell::new(vec![]));
        let servers: Vec<_> = (0..3).map(|_| ayi::spawn(serve(listener.clone(), open.clone()))).collect();
        while open.borrow().len() < ROOM {
            turn().await;
        }
        let error = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));

        // Others continue as before, and the wait costs next to nothing. This is an upper bound for the processor's
        // time: a loop would use all of it, and a busy machine adds none.
        let before = processor_time();
        let wait = Duration::from_millis(400);
        let others = async {
            loop {
                sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(timeout(wait, others).await.is_err());
        let used = processor_time() - before;
        assert!(used < wait / 4, "{used:?} of {wait:?}");
        assert_eq!(open.borrow().len(), ROOM);
        assert!(servers.iter().all(|server| !server.is_finished()));

        // There is room again, for a few at a time: all are served, and none connects again.
        let mut served = 0;
        while served < CLIENTS {
            served += open.take().len();
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(served, CLIENTS);
        for mut client in clients {
            assert_eq!(client.read(&mut [0; 8]).unwrap(), 5);
        }
    });
}

/// A program that is started meanwhile inherits none of the descriptors that are made here, however they are made.
#[test]
fn no_descriptor_is_inherited_by_children() {
    #[track_caller]
    fn assert_not_inherited(fd: impl AsFd) {
        // SAFETY: takes no pointers.
        let flags = unsafe { libc::fcntl(fd.as_fd().as_raw_fd(), libc::F_GETFD) };
        assert_eq!(flags, libc::FD_CLOEXEC);
    }
    run(async || {
        let (listener, addr) = listening().await;
        let client = TcpStream::connect(addr).await.unwrap();
        assert_not_inherited(&listener.accept().await.unwrap().0);
        assert_not_inherited(&client);
        assert_not_inherited(&listener);
        assert_not_inherited(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let path = std::env::temp_dir().join(format!("ayi-inherited-{}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        let client = UnixStream::connect(&path).await.unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_not_inherited(&listener.accept().await.unwrap().0);
        assert_not_inherited(&client);
        assert_not_inherited(&listener);
        assert_not_inherited(&UnixStream::pair().unwrap().0);
        assert_not_inherited(&UnixDatagram::pair().unwrap().1);
        assert_not_inherited(UnixDatagram::unbound().unwrap());
        let (sender, receiver) = ayi::net::unix::pipe::pipe().unwrap();
        assert_not_inherited(&sender);
        assert_not_inherited(&receiver);
    });
}

/// The kernel keeps the connections that a server has ended for a minute: tcp(7), `SO_REUSEADDR`.
#[test]
fn a_server_that_has_ended_its_connections_can_be_started_again_at_once() {
    run(async || {
        let (listener, addr) = listening().await;
        let mut client = std::net::TcpStream::connect(addr).unwrap();
        drop(listener.accept().await.unwrap());
        drop(listener);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        drop(client);
        TcpListener::bind(addr).await.unwrap();
    });
}

/// Makes accept4(2) fail with `EPERM` on this thread from now on: seccomp(2), as the filter of a container may do.
fn forbid_accept() {
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let (jump, ret) = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::BPF_RET | libc::BPF_K);
    let op = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = [
        op(load, 0, 0, 0), // the number of the call
        op(jump, 0, 1, libc::SYS_accept4 as u32),
        op(ret, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        op(ret, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program outlives the calls.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
    }
}

/// An error that every connection has is the listener's: it reaches the caller, and the thread does not spin meanwhile.
#[test]
#[cfg_attr(faults, ignore = "there are other errors")]
fn an_error_that_lasts_reaches_the_caller() {
    if !in_a_child(module_path!(), "an_error_that_lasts_reaches_the_caller") {
        return;
    }
    run(async || {
        let (listener, addr) = listening().await;
        let name = format!("\0ayi-forbidden-{}", std::process::id());
        let unix = ayi::net::unix::UnixListener::bind(&name).unwrap();
        let _clients = (
            std::net::TcpStream::connect(addr).unwrap(),
            ayi::net::unix::UnixStream::connect(&name).await.unwrap(),
        );
        forbid_accept();
        let before = processor_time();
        let begin = std::time::Instant::now();
        let mut errors = 0;
        while begin.elapsed() < Duration::from_millis(300) {
            assert_eq!(listener.accept().await.unwrap_err().raw_os_error(), Some(libc::EPERM));
            assert_eq!(unix.accept().await.unwrap_err().raw_os_error(), Some(libc::EPERM));
            errors += 2;
        }
        assert!(errors <= 8, "{errors} errors in 300 ms");
        assert!(processor_time() - before < Duration::from_millis(150), "it spins");
        let polled = poll_fn(|cx| listener.poll_accept(cx)).await;
        assert_eq!(polled.unwrap_err().raw_os_error(), Some(libc::EPERM));
        let polled = poll_fn(|cx| unix.poll_accept(cx)).await;
        assert_eq!(polled.unwrap_err().raw_os_error(), Some(libc::EPERM));
    });
}

#[test]
fn an_accepted_stream_is_taken_for_ready_until_an_attempt_fails() {
    run(async || {
        let (listener, addr) = listening().await;
        for looks_first in [true, false] {
            let mut client = std::net::TcpStream::connect(addr).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            if looks_first {
                assert!(poll_once(pin!(stream.readable())).is_ready());
                poll_fn(|cx| stream.poll_write_ready(cx)).await.unwrap();
            }
            let error = stream.try_read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
            let mut readable = pin!(stream.readable());
            assert!(poll_once(readable.as_mut()).is_pending());
            assert_eq!(stream.try_write(b"early").unwrap(), 5);
            client.write_all(b"later").unwrap();
            readable.await.unwrap();
            assert_eq!(stream.try_read(&mut [0; 8]).unwrap(), 5);
        }
    });
}
