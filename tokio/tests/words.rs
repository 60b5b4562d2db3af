//! What programs look for in panics is said in tokio's words, and where the user's code is.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{SignalKind, signal};

const NO_RUNTIME: &str =
    "there is no reactor running, must be called from the context of a Tokio 1.x runtime";
const NO_IO: &str = "A Tokio 1.x context was found, but IO is disabled.";
const SHUT_DOWN: &str = "A Tokio 1.x context was found, but it is being shutdown.";
const NESTED: &str = "Cannot start a runtime from within a runtime.";

/// What `f` panics with, and in which file. Threads of other tests have panics of their own meanwhile.
fn panic_of<T>(f: impl FnOnce() -> T) -> (String, String) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock();
    let file = Arc::new(Mutex::new(String::new()));
    let (seen, this) = (file.clone(), std::thread::current().id());
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == this {
            info.location().unwrap().file().clone_into(&mut seen.lock().unwrap());
        }
    }));
    let result = catch_unwind(AssertUnwindSafe(f));
    std::panic::set_hook(before);
    let text = |payload: Box<dyn Any + Send>| match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => String::from(*payload.downcast::<&str>().unwrap()),
    };
    let text = text(result.err().expect("it panics"));
    (text, file.lock().unwrap().clone())
}

fn without_io<T>(f: impl FnOnce() -> T) -> T {
    Builder::new_current_thread().build().unwrap().block_on(async { f() })
}

/// Calls `f` where a runtime is entered that has ended, of each kind.
fn after_the_end(f: impl Fn(Handle)) {
    for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let rt = builder.enable_all().build().unwrap();
        let _entered = rt.enter();
        rt.shutdown_timeout(Duration::from_secs(1_000));
        f(Handle::current());
    }
}

#[track_caller]
fn says<T>(words: &str, f: impl FnOnce() -> T) {
    let (text, file) = panic_of(f);
    assert!(text.contains(words), "{text}");
    assert_eq!(file, file!());
}

#[test]
fn sockets_in_a_runtime_that_was_built_without_io() {
    fn made<T>(made: std::io::Result<T>) -> T {
        made.unwrap()
    }
    let listener = made(std::net::TcpListener::bind("127.0.0.1:0"));
    let stream = made(std::net::TcpStream::connect(made(listener.local_addr())));
    listener.set_nonblocking(true).unwrap();
    stream.set_nonblocking(true).unwrap();
    says(NO_IO, || without_io(|| TcpListener::from_std(listener)));
    says(NO_IO, || without_io(|| TcpStream::from_std(stream)));
    let udp = made(std::net::UdpSocket::bind("127.0.0.1:0"));
    udp.set_nonblocking(true).unwrap();
    says(NO_IO, || without_io(|| UdpSocket::from_std(udp)));
    let (stream, _peer) = made(std::os::unix::net::UnixStream::pair());
    stream.set_nonblocking(true).unwrap();
    says(NO_IO, || without_io(|| UnixStream::from_std(stream)));
    let datagram = made(std::os::unix::net::UnixDatagram::unbound());
    datagram.set_nonblocking(true).unwrap();
    says(NO_IO, || without_io(|| UnixDatagram::from_std(datagram)));
    says(NO_IO, || without_io(|| UnixListener::bind("/it does not get there")));
    says(NO_IO, || without_io(|| signal(SignalKind::hangup())));
}

#[test]
fn signals_outside_a_runtime() {
    says(NO_RUNTIME, || signal(SignalKind::hangup()));
}

#[test]
fn a_limited_send_outside_a_runtime() {
    let (tx, _rx) = tokio::sync::mpsc::channel(1);
    let mut sending = pin!(tx.send_timeout(1, Duration::from_secs(1)));
    let (text, _) = panic_of(|| sending.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    assert!(text.contains(NO_RUNTIME), "{text}");
}

#[test]
fn a_timer_of_a_runtime_that_has_ended() {
    after_the_end(|ended| {
        let (text, _) = panic_of(|| ended.block_on(tokio::time::sleep(Duration::from_millis(1))));
        assert!(text.contains(SHUT_DOWN), "{text}");
    });
}

#[test]
fn block_on_inside_block_on() {
    let rt = Builder::new_current_thread().build().unwrap();
    says(NESTED, || rt.block_on(async { Handle::current().block_on(async {}) }));
}

#[test]
fn standard_streams_after_the_end_of_the_runtime() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    after_the_end(|ended| {
        ended.block_on(async {
            let to_stdout = tokio::io::stdout().write_all(b"not written").await;
            let to_stderr = tokio::io::stderr().write_all(b"not written").await;
            let read = tokio::io::stdin().read(&mut [0]).await;
            for error in [to_stdout.unwrap_err(), to_stderr.unwrap_err(), read.unwrap_err()] {
                assert!(tokio::runtime::is_rt_shutdown_err(&error), "{error}");
            }
        });
    });
}
