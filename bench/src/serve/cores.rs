//! Servers on all cores that the process may use: std counts them by its affinity.

use super::{COMPUTE, HYPER_ON_CORES, SHARED, echo, http, listen};
use crate::groups::{AYI, AYI_ON_CORES, TOKIO};
use ayi::runtime::Builder;
use std::future::pending;
use std::hint::black_box;
use std::io;
use std::net::TcpListener;
use std::thread;

/// Serves on each of these listeners, which share an address.
type Serve = fn(Vec<TcpListener>, usize) -> io::Result<()>;

/// The bytes of a message for which something is computed.
pub const MESSAGE: usize = 64;

/// The buffer of a connection. It is larger than the longest row of messages, so that a short read says that there is
/// no more.
const BUFFER: usize = 128 * MESSAGE;

/// The servers with a listener for each core: the kernel distributes connections (SO_REUSEPORT, socket(7)).
pub const PER_CORE: [(&str, &str, Serve); 8] = [
    (COMPUTE, AYI, compute_on_ayi),
    (COMPUTE, TOKIO, |all, rounds| on_threads(all, |one| echo::tokio(one, BUFFER, computing(rounds)))),
    (COMPUTE, "monoio epoll", compute_on_monoio),
    (COMPUTE, "glommio", compute_on_glommio),
    (SHARED, AYI_ON_CORES, compute_on_ayi_shared),
    (SHARED, "monoio epoll", compute_on_monoio),
    (SHARED, "glommio", compute_on_glommio),
    (HYPER_ON_CORES, TOKIO, |all, _| on_threads(all, |one| http::tokio(one, 0))),
];

pub fn compute_on_tokio_multi_thread(listener: TcpListener, rounds: usize) -> io::Result<()> {
    echo::tokio_multi_thread(listener, BUFFER, computing(rounds))
}

pub fn compute_on_ayi_balanced(listener: TcpListener, rounds: usize) -> io::Result<()> {
    Builder::new_current_thread().all_cores().try_run(async |core| match core.index() {
        0 => echo::on_ayi_balanced(core, listener.try_clone()?, BUFFER, computing(rounds)).await,
        // Its tasks run meanwhile.
        _ => pending().await,
    })?;
    Ok(())
}

/// One runtime, with a worker for each core.
pub fn compute_on_ayi_workers(listener: TcpListener, rounds: usize) -> io::Result<()> {
    let workers = thread::available_parallelism()?.get();
    let runtime = Builder::new_multi_thread().worker_threads(workers).build()?;
    runtime.block_on(echo::on_ayi_shared(listener, BUFFER, computing(rounds)))
}

/// Makes so many listeners at one address.
pub fn listeners(first: TcpListener, number: usize) -> io::Result<Vec<TcpListener>> {
    let address = first.local_addr()?;
    let others = (1..number).map(|_| listen(address));
    [Ok(first)].into_iter().chain(others).collect()
}

/// Runs one of ayi's cores for each listener.
fn compute_on_ayi(listeners: Vec<TcpListener>, rounds: usize) -> io::Result<()> {
    let cores = listeners.len();
    Builder::new_current_thread().cores(cores).try_run(async |core| {
        echo::on_ayi(listeners[core.index()].try_clone()?, BUFFER, computing(rounds)).await
    })?;
    Ok(())
}

/// The same with connections that may go to the other cores.
fn compute_on_ayi_shared(listeners: Vec<TcpListener>, rounds: usize) -> io::Result<()> {
    let cores = listeners.len();
    Builder::new_current_thread().cores(cores).try_run(async |core| {
        echo::on_ayi_shared(listeners[core.index()].try_clone()?, BUFFER, computing(rounds)).await
    })?;
    Ok(())
}

fn compute_on_monoio(listeners: Vec<TcpListener>, rounds: usize) -> io::Result<()> {
    on_threads(listeners, |one| echo::monoio_epoll(one, BUFFER, computing(rounds)))
}

fn compute_on_glommio(listeners: Vec<TcpListener>, rounds: usize) -> io::Result<()> {
    on_threads(listeners, |one| echo::glommio(one, BUFFER, computing(rounds)))
}

/// Runs a thread for each listener.
fn on_threads(
    listeners: Vec<TcpListener>,
    serve: impl Fn(TcpListener) -> io::Result<()> + Copy + Send,
) -> io::Result<()> {
    thread::scope(|scope| {
        let threads: Vec<_> =
            listeners.into_iter().map(|listener| scope.spawn(move || serve(listener))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no server panics"))
    })
}

/// Computes so many rounds for each message.
fn computing(rounds: usize) -> impl echo::Handle {
    // The bytes of a message whose end has not come yet.
    let mut begun = 0;
    move |bytes| {
        begun += bytes.len();
        while begun >= MESSAGE {
            begun -= MESSAGE;
            compute(rounds);
        }
    }
}

/// Each round waits for the previous one, so neither the compiler nor the processor can avoid them, and they need
/// nothing that cores could share. It does not loop until a certain time, because a thread that is not running would
/// come out well.
pub fn compute(rounds: usize) {
    let mut state = black_box(1_u64);
    for _ in 0..rounds {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    black_box(state);
}
