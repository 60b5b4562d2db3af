//! What the tests of this folder share.

// Each test program uses only a part of this.
#![allow(dead_code)]

// Its functions replace the C library's: see CONTRIBUTING.md.
#[cfg(faults)]
use ayi_faults as _;

use ayi::runtime::Runtime;
use ayi::time::{sleep, timeout};
use std::future::Future;
use std::io::{self, Write};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::panic::Location;
use std::pin::Pin;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

mod skipped;
pub use skipped::skipped;

/// In seconds. Miri is slow, and so are sanitizers.
const PATIENCE: u64 = if cfg!(miri) {
    3_600
} else if cfg!(uncached) {
    180
} else {
    60
};

/// Ends the process if it lives for a minute: a test that hangs does so visibly, and says which it is.
pub struct Watchdog {
    _end: mpsc::Sender<()>,
}

impl Watchdog {
    #[track_caller]
    pub fn new() -> Watchdog {
        let place = Location::caller();
        let name = thread::current().name().unwrap_or("a test").to_owned();
        Watchdog::telling(format!("{name} hangs: {place}"))
    }

    /// Makes one with another text than the test's name and place.
    pub fn telling(text: String) -> Watchdog {
        let (end, ended) = mpsc::channel::<()>();
        thread::spawn(move || {
            if ended.recv_timeout(Duration::from_secs(PATIENCE)) == Err(RecvTimeoutError::Timeout) {
                // The test harness would keep the output of `eprintln!`.
                let _ = writeln!(io::stderr(), "{text}");
                std::process::abort();
            }
        });
        Watchdog { _end: end }
    }
}

/// Runs a test. If it hangs, the process ends.
#[track_caller]
pub fn watched<T>(test: impl FnOnce() -> T) -> T {
    let _watchdog = Watchdog::new();
    test()
}

/// Waits for `future` by parking this thread, in no runtime: what another executor does.
pub fn foreign_block_on<F: Future>(future: F) -> F::Output {
    struct Unparks(thread::Thread);
    impl Wake for Unparks {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unparks(thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

/// A future whose type is hidden. The runtime's loop is compiled for each type of future that it runs: once for all
/// tests, if they hide theirs.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Runs `body` in a runtime of its own. If it hangs, the process ends.
#[track_caller]
pub fn block_on<T>(body: impl AsyncFnOnce() -> T) -> T {
    block_on_boxed(Box::pin(body()))
}

#[track_caller]
fn block_on_boxed<T>(body: Boxed<'_, T>) -> T {
    let _watchdog = Watchdog::new();
    Runtime::new().unwrap().block_on(body)
}

/// Runs `body` in a runtime of its own. It fails if it waits in vain, and the process ends if it never returns.
#[track_caller]
pub fn run<T>(body: impl AsyncFnOnce() -> T) -> T {
    run_boxed(Box::pin(body()))
}

#[track_caller]
fn run_boxed<T>(body: Boxed<'_, T>) -> T {
    block_on_boxed(Box::pin(async {
        timeout(Duration::from_secs(PATIENCE / 2), body).await.expect("waits for what never comes")
    }))
}

/// Returns the name by which the test harness knows the test `name` of `module`, a `module_path!()`: it leaves out the
/// crate's.
pub fn path_of_test(module: &str, name: &str) -> String {
    let (_crate, modules) = module.split_once("::").unwrap_or_default();
    if modules.is_empty() { name.to_owned() } else { format!("{modules}::{name}") }
}

/// Runs the test `name` of `module`, a `module_path!()`, in a process of its own that has `AYI_TEST_CHILD` in its
/// environment.
pub fn child(module: &str, name: &str) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", &path_of_test(module, name), "--nocapture"]).env("AYI_TEST_CHILD", "1");
    child
}

/// Returns whether this process is one that `child` has started.
pub fn is_child() -> bool {
    std::env::var_os("AYI_TEST_CHILD").is_some()
}

/// Runs the test `name` of `module`, a `module_path!()`, in a process of its own. Returns true in that process. In this
/// one it returns false, once that process has ended well.
pub fn in_a_child(module: &str, name: &str) -> bool {
    if is_child() {
        return true;
    }
    let output = child(module, name).output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    assert!(text.contains("1 passed"), "there is no test {name}");
    false
}

/// Polls once, with a waker that does nothing.
pub fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls once, with `waker`.
pub fn poll_with<F: Future + ?Sized>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// Counts how often its wakers are woken.
#[derive(Default)]
pub struct Wakes(AtomicUsize);

impl Wakes {
    pub fn new() -> (Arc<Wakes>, Waker) {
        let wakes = Arc::new(Wakes::default());
        (wakes.clone(), Waker::from(wakes))
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Makes a waker that runs `f` each time it is woken.
pub fn waker_fn(f: impl FnMut() + Send + 'static) -> Waker {
    struct Call<F>(Mutex<F>);
    impl<F: FnMut() + Send> Wake for Call<F> {
        fn wake(self: Arc<Self>) {
            (self.0.lock().unwrap())();
        }
    }
    Waker::from(Arc::new(Call(Mutex::new(f))))
}

/// Makes a connection: a non-blocking end, and a blocking one.
pub fn std_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    (stream, peer)
}

/// Makes a connection: one of ours, and a blocking one of std's as its peer.
pub fn connected() -> (ayi::net::TcpStream, TcpStream) {
    let (stream, peer) = std_pair();
    (ayi::net::TcpStream::from_std(stream).unwrap(), peer)
}

/// Returns whether the environment records all runtimes. If so, it reports that a test is skipped which counts what is
/// used, or records by itself: the recorder has memory and a descriptor, and the environment comes first.
pub fn is_recorded() -> bool {
    let is_recorded = std::env::var_os("AYI_RECORD").is_some();
    if is_recorded {
        skipped("AYI_RECORD is set");
    }
    is_recorded
}

/// Returns whether this machine has IPv6 on its loopback. If not, it reports that something is skipped.
pub fn has_ipv6() -> bool {
    match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        Ok(_) => true,
        Err(error) if matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT)) => {
            skipped("this machine has no ::1");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// Blocks the thread until poll(2) reports one of `events`: what a peer sent has arrived then.
pub fn block_until(fd: impl AsFd, events: i16) {
    let mut poll = libc::pollfd { fd: fd.as_fd().as_raw_fd(), events, revents: 0 };
    // SAFETY: one pollfd, which outlives the call.
    assert_eq!(unsafe { libc::poll(&mut poll, 1, 30_000) }, 1);
    assert_ne!(poll.revents & events, 0, "{:#x} instead", poll.revents);
}

/// Waits for the reactor's next turn: what was ready before is recorded by then, and tasks that waited for it are
/// woken.
pub async fn turn() {
    // If reports may be late on purpose, one turn need not bring all of them.
    for _ in 0..if cfg!(faults) { 30 } else { 1 } {
        sleep(Duration::from_nanos(1)).await;
    }
}

/// Runs all tests of `module`, a `module_path!()`, once more, in a process that has this in its environment. There it
/// does nothing.
pub fn run_again_with(module: &str, variable: &str, value: &str) {
    if std::env::var_os(variable).is_some() {
        return;
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    let output = again.arg(path_of_test(module, "")).env(variable, value).output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains(" passed"), "{text}");
}

/// Allows the process `more` bytes of address space: too little for the stack of a thread. `None` removes the limit.
pub fn limit_memory(more: Option<u64>) {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
    let soft = more.map_or(libc::RLIM_INFINITY, |more| pages * 4096 + more);
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the limit outlives the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
}
