//! Servers on all cores that the process may use: std counts them by its affinity.

use super::{COMPUTE, HYPER_ON_CORES, echo, http, listen};
use crate::groups::{AYI, TOKIO};
use ayi::runtime::Builder;
use std::future::pending;
use std::hint::black_box;
use std::io;
use std::net::TcpListener;
use std::thread;

/// Serves on each of these listeners, which share an address.
type Serve = fn(Vec<TcpListener>, usize) -> io::Result<()>;

/// Of a message that is computed for.
pub const MESSAGE: usize = 64;

/// The buffer of a connection: more than the longest row of messages, so that a read that is short says that there is
/// no more.
const BUFFER: usize = 128 * MESSAGE;

/// What can be served on what, with a listener for each core: the kernel deals connections out (SO_REUSEPORT, socket(7)).
pub const PER_CORE: [(&str, &str, Serve); 6] = [
    (COMPUTE, AYI, |all, rounds| on_ayi(all, async |one| echo::on_ayi(one, BUFFER, computing(rounds)).await)),
    (COMPUTE, TOKIO, |all, rounds| on_threads(all, |one| echo::tokio(one, BUFFER, computing(rounds)))),
    (COMPUTE, "monoio epoll", |all, rounds| {
        on_threads(all, |one| echo::monoio_epoll(one, BUFFER, computing(rounds)))
    }),
    (COMPUTE, "glommio", |all, rounds| on_threads(all, |one| echo::glommio(one, BUFFER, computing(rounds)))),
    (HYPER_ON_CORES, AYI, |all, _| on_ayi(all, http::on_ayi)),
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

/// So many listeners at one address.
pub fn listeners(first: TcpListener, number: usize) -> io::Result<Vec<TcpListener>> {
    let address = first.local_addr()?;
    let others = (1..number).map(|_| listen(address));
    [Ok(first)].into_iter().chain(others).collect()
}

/// One of ayi's cores for each listener.
fn on_ayi(
    listeners: Vec<TcpListener>,
    serve: impl AsyncFn(TcpListener) -> io::Result<()> + Sync,
) -> io::Result<()> {
    let cores = listeners.len();
    Builder::new_current_thread()
        .cores(cores)
        .try_run(async |core| serve(listeners[core.index()].try_clone()?).await)?;
    Ok(())
}

/// A thread for each listener.
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
    // Bytes of a message whose end has not come yet.
    let mut begun = 0;
    move |bytes| {
        begun += bytes.len();
        while begun >= MESSAGE {
            begun -= MESSAGE;
            compute(rounds);
        }
    }
}

/// Each round waits for the one before, so neither the compiler nor the processor has a way around them, and they need
/// nothing that cores could share. (Not a look at the clock until it is late: whoever is not running would come out well.)
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
