//! Echo on every runtime: a task for each connection, a buffer for each task.
//!
//! The caller decides what is done with the bytes before they are sent back; each connection does it with a clone.

use ayi::runtime::Core;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;

/// The common part of the runtimes that read into a borrowed buffer, apart from their names.
macro_rules! borrowed {
    ($listener:ident, $buffer:ident, $handle:ident, $spawn:expr) => {
        loop {
            let (mut stream, _) = $listener.accept().await?;
            stream.set_nodelay(true)?;
            let mut handle = $handle.clone();
            $spawn(borrowed!(stream, $buffer, handle));
        }
    };
    // What one connection's task does.
    ($stream:ident, $buffer:ident, $handle:ident) => {
        async move {
            let mut buf = vec![0; $buffer];
            loop {
                let Ok(read @ 1..) = $stream.read(&mut buf).await else { break };
                $handle(&buf[..read]);
                if $stream.write_all(&buf[..read]).await.is_err() {
                    break;
                }
            }
        }
    };
}

/// What is done with the bytes of a connection.
pub trait Handle: FnMut(&[u8]) + Clone + Send + 'static {}

impl<F: FnMut(&[u8]) + Clone + Send + 'static> Handle for F {}

pub fn ayi(listener: TcpListener, buffer: usize, handle: impl Handle) -> io::Result<()> {
    ayi::runtime::Runtime::new()?.block_on(on_ayi(listener, buffer, handle))
}

pub async fn on_ayi(listener: TcpListener, buffer: usize, handle: impl Handle) -> io::Result<()> {
    use ayi::io::AsyncWriteExt;
    let listener = ayi::net::TcpListener::from_std(listener)?;
    borrowed!(listener, buffer, handle, ayi::spawn)
}

/// The same with connections that may go to another core.
pub async fn on_ayi_shared(listener: TcpListener, buffer: usize, handle: impl Handle) -> io::Result<()> {
    use ayi::io::AsyncWriteExt;
    let listener = ayi::net::TcpListener::from_std(listener)?;
    let runtime = ayi::runtime::Handle::current();
    borrowed!(listener, buffer, handle, |future| runtime.spawn(future))
}

/// Distributes connections to the core that has the fewest.
pub async fn on_ayi_balanced(
    core: Core,
    listener: TcpListener,
    buffer: usize,
    handle: impl Handle,
) -> io::Result<()> {
    use ayi::io::AsyncWriteExt;
    let listener = ayi::net::TcpListener::from_std(listener)?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let mut handle = handle.clone();
        core.spawn_balanced(borrowed!(stream, buffer, handle));
    }
}

pub fn tokio(listener: TcpListener, buffer: usize, handle: impl Handle) -> io::Result<()> {
    on_tokio(&mut tokio::runtime::Builder::new_current_thread(), listener, buffer, handle)
}

pub fn tokio_multi_thread(listener: TcpListener, buffer: usize, handle: impl Handle) -> io::Result<()> {
    on_tokio(&mut tokio::runtime::Builder::new_multi_thread(), listener, buffer, handle)
}

fn on_tokio(
    runtime: &mut tokio::runtime::Builder,
    listener: TcpListener,
    buffer: usize,
    handle: impl Handle,
) -> io::Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    runtime.enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        borrowed!(listener, buffer, handle, tokio::spawn)
    })
}

pub fn smol(listener: TcpListener, buffer: usize, handle: impl Handle) -> io::Result<()> {
    use smol::io::{AsyncReadExt, AsyncWriteExt};
    let executor = Rc::new(smol::LocalExecutor::new());
    smol::block_on(executor.run(async {
        let listener = smol::net::TcpListener::try_from(listener)?;
        borrowed!(listener, buffer, handle, |future| executor.spawn(future).detach())
    }))
}

pub fn glommio(listener: TcpListener, buffer: usize, handle: impl Handle) -> io::Result<()> {
    use smol::io::{AsyncReadExt, AsyncWriteExt};
    use std::os::fd::{FromRawFd, IntoRawFd};
    let executor = glommio::LocalExecutorBuilder::new(glommio::Placement::Unbound).make()?;
    executor.run(async move {
        // SAFETY: the descriptor is a listener's, and nothing else owns it.
        let listener = unsafe { glommio::net::TcpListener::from_raw_fd(listener.into_raw_fd()) };
        loop {
            let mut stream = listener.accept().await?;
            stream.set_nodelay(true)?;
            let mut handle = handle.clone();
            glommio::spawn_local(borrowed!(stream, buffer, handle)).detach();
        }
    })
}

async fn monoio(listener: TcpListener, buffer: usize, handle: impl Handle) -> io::Result<()> {
    use monoio::buf::IoBuf;
    use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
    let listener = monoio::net::TcpListener::from_std(listener)?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let mut handle = handle.clone();
        monoio::spawn(async move {
            let mut buf = vec![0; buffer];
            loop {
                let (result, read) = stream.read(buf).await;
                let Ok(bytes @ 1..) = result else { break };
                handle(&read[..bytes]);
                let (result, written) = stream.write_all(read.slice(..bytes)).await;
                if result.is_err() {
                    break;
                }
                buf = written.into_inner();
            }
        });
    }
}

pub fn monoio_epoll(listener: TcpListener, buffer: usize, handle: impl Handle) -> io::Result<()> {
    let mut runtime = monoio::RuntimeBuilder::<monoio::LegacyDriver>::new().build()?;
    runtime.block_on(monoio(listener, buffer, handle))
}

pub fn monoio_uring(listener: TcpListener, buffer: usize, handle: impl Handle) -> io::Result<()> {
    let mut runtime = monoio::RuntimeBuilder::<monoio::IoUringDriver>::new().build()?;
    runtime.block_on(monoio(listener, buffer, handle))
}

pub fn compio(listener: TcpListener, buffer: usize, handle: impl Handle) -> io::Result<()> {
    use compio::buf::{BufResult, IntoInner, IoBuf};
    use compio::io::{AsyncRead, AsyncWriteExt};
    compio::runtime::Runtime::new()?.block_on(async {
        let listener = compio::net::TcpListener::from_std(listener)?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let mut handle = handle.clone();
            compio::runtime::spawn(async move {
                let mut buf = vec![0; buffer];
                loop {
                    let BufResult(result, read) = stream.read(buf).await;
                    let Ok(bytes @ 1..) = result else { break };
                    handle(&read[..bytes]);
                    let BufResult(result, written) = stream.write_all(read.slice(..bytes)).await;
                    if result.is_err() {
                        break;
                    }
                    buf = written.into_inner();
                }
            })
            .detach();
        }
    })
}
