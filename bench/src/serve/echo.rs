//! Echo on every runtime: a task for each connection, a buffer for each task.

use std::io;
use std::net::TcpListener;
use std::rc::Rc;

/// What the runtimes that read into a borrowed buffer have in common, but for their names.
macro_rules! borrowed {
    ($listener:ident, $buffer:ident, $spawn:expr) => {
        loop {
            let (mut stream, _) = $listener.accept().await?;
            stream.set_nodelay(true)?;
            let spawn = $spawn;
            spawn(async move {
                let mut buf = vec![0; $buffer];
                loop {
                    match stream.read(&mut buf).await {
                        Ok(read @ 1..) if stream.write_all(&buf[..read]).await.is_ok() => {}
                        _ => break,
                    }
                }
            });
        }
    };
}

pub fn ayi(listener: TcpListener, buffer: usize) -> io::Result<()> {
    use ayi::io::AsyncWriteExt;
    ayi::runtime::Runtime::new()?.block_on(async {
        let listener = ayi::net::TcpListener::from_std(listener)?;
        borrowed!(listener, buffer, ayi::spawn)
    })
}

pub fn tokio(listener: TcpListener, buffer: usize) -> io::Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        borrowed!(listener, buffer, tokio::spawn)
    })
}

pub fn smol(listener: TcpListener, buffer: usize) -> io::Result<()> {
    use smol::io::{AsyncReadExt, AsyncWriteExt};
    let executor = Rc::new(smol::LocalExecutor::new());
    smol::block_on(executor.run(async {
        let listener = smol::net::TcpListener::try_from(listener)?;
        borrowed!(listener, buffer, |future| executor.spawn(future).detach())
    }))
}

pub fn glommio(listener: TcpListener, buffer: usize) -> io::Result<()> {
    use smol::io::{AsyncReadExt, AsyncWriteExt};
    use std::os::fd::{FromRawFd, IntoRawFd};
    let executor = glommio::LocalExecutorBuilder::new(glommio::Placement::Unbound).make()?;
    executor.run(async move {
        // SAFETY: the descriptor is a listener's, and nobody else's.
        let listener = unsafe { glommio::net::TcpListener::from_raw_fd(listener.into_raw_fd()) };
        loop {
            let mut stream = listener.accept().await?;
            stream.set_nodelay(true)?;
            glommio::spawn_local(async move {
                let mut buf = vec![0; buffer];
                loop {
                    match stream.read(&mut buf).await {
                        Ok(read @ 1..) if stream.write_all(&buf[..read]).await.is_ok() => {}
                        _ => break,
                    }
                }
            })
            .detach();
        }
    })
}

async fn monoio(listener: TcpListener, buffer: usize) -> io::Result<()> {
    use monoio::buf::IoBuf;
    use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
    let listener = monoio::net::TcpListener::from_std(listener)?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        monoio::spawn(async move {
            let mut buf = vec![0; buffer];
            loop {
                let (result, read) = stream.read(buf).await;
                let Ok(bytes @ 1..) = result else { break };
                let (result, written) = stream.write_all(read.slice(..bytes)).await;
                if result.is_err() {
                    break;
                }
                buf = written.into_inner();
            }
        });
    }
}

pub fn monoio_epoll(listener: TcpListener, buffer: usize) -> io::Result<()> {
    monoio::RuntimeBuilder::<monoio::LegacyDriver>::new().build()?.block_on(monoio(listener, buffer))
}

pub fn monoio_uring(listener: TcpListener, buffer: usize) -> io::Result<()> {
    monoio::RuntimeBuilder::<monoio::IoUringDriver>::new().build()?.block_on(monoio(listener, buffer))
}

pub fn compio(listener: TcpListener, buffer: usize) -> io::Result<()> {
    use compio::buf::{BufResult, IntoInner, IoBuf};
    use compio::io::{AsyncRead, AsyncWriteExt};
    compio::runtime::Runtime::new()?.block_on(async {
        let listener = compio::net::TcpListener::from_std(listener)?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            compio::runtime::spawn(async move {
                let mut buf = vec![0; buffer];
                loop {
                    let BufResult(result, read) = stream.read(buf).await;
                    let Ok(bytes @ 1..) = result else { break };
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
