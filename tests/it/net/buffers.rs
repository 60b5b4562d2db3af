//! Reading and receiving into the buffers of the crate `bytes`.

use crate::support::{connected, run};
use ayi::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use ayi::net::unix::pipe;
use ayi::net::{UdpSocket, UnixDatagram, UnixStream};
use bytes::{BufMut, BytesMut};
use std::future::poll_fn;
use std::io::{ErrorKind, Write};
use std::mem::MaybeUninit;

/// What is read is appended, no more than there is room for, and nothing if nothing has come.
#[test]
fn streams_and_their_halves() {
    run(async || {
        let (stream, mut peer) = connected();
        let mut buf = BytesMut::with_capacity(8);
        buf.put_slice(b"> ");
        assert_eq!(stream.try_read_buf(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        peer.write_all(b"teapot").unwrap();
        stream.readable().await.unwrap();
        assert_eq!(stream.try_read_buf(&mut (&mut buf).limit(3)).unwrap(), 3);
        assert_eq!(&buf[..], b"> tea");
        let (reading, _writing) = stream.into_split();
        assert_eq!(reading.try_read_buf(&mut buf).unwrap(), 3);
        assert_eq!(&buf[..], b"> teapot");
        drop(peer);
        reading.readable().await.unwrap();
        assert_eq!(reading.try_read_buf(&mut Vec::new()).unwrap(), 0);

        let (mut stream, peer) = UnixStream::pair().unwrap();
        assert_eq!(peer.try_write(b"tea").unwrap(), 3);
        let mut buf = Vec::new();
        assert_eq!(stream.split().0.try_read_buf(&mut buf).unwrap(), 3);
        assert_eq!(buf, b"tea");

        let (sender, receiver) = pipe::pipe().unwrap();
        assert_eq!(receiver.try_read_buf(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(sender.try_write(b"pot").unwrap(), 3);
        assert_eq!(receiver.try_read_buf(&mut buf).unwrap(), 3);
        assert_eq!(buf, b"teapot");
    });
}

#[test]
fn datagrams() {
    run(async || {
        let (a, b) =
            (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
        b.connect(a.local_addr().unwrap()).await.unwrap();
        let mut buf = Vec::with_capacity(64);
        assert_eq!(a.try_recv_buf(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        for text in ["a", "tea", "pot", "!"] {
            b.send(text.as_bytes()).await.unwrap();
        }
        let sender = b.local_addr().unwrap();
        assert_eq!(a.recv_buf(&mut buf).await.unwrap(), 1);
        assert_eq!(a.recv_buf_from(&mut buf).await.unwrap(), (3, sender));
        assert_eq!(a.try_recv_buf_from(&mut buf).unwrap(), (3, sender));
        assert_eq!(a.try_recv_buf(&mut buf).unwrap(), 1);
        assert_eq!(buf, b"ateapot!");

        let (a, b) = UnixDatagram::pair().unwrap();
        for text in ["a", "tea", "pot", "!"] {
            b.send(text.as_bytes()).await.unwrap();
        }
        buf.clear();
        // The part of a datagram that does not fit is lost.
        assert_eq!(a.recv_buf(&mut (&mut buf).limit(1)).await.unwrap(), 1);
        assert_eq!(a.recv_buf(&mut (&mut buf).limit(1)).await.unwrap(), 1);
        let (received, sender) = a.recv_buf_from(&mut buf).await.unwrap();
        assert!(received == 3 && sender.is_unnamed());
        assert_eq!(a.try_recv_buf(&mut buf).unwrap(), 1);
        assert_eq!(buf, b"atpot!");
        assert_eq!(a.try_recv_buf_from(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

/// The kernel writes into it as it is.
#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn a_read_buf_may_be_uninitialised() {
    run(async || {
        let (a, b) = UnixDatagram::pair().unwrap();
        a.send(b"tea").await.unwrap();
        a.send(b"pot").await.unwrap();
        let mut memory = [MaybeUninit::uninit(); 5];
        let mut buf = ReadBuf::uninit(&mut memory);
        poll_fn(|cx| b.poll_recv(cx, &mut buf)).await.unwrap();
        assert_eq!((buf.filled(), buf.initialized().len()), (&b"tea"[..], 3));
        let sender = poll_fn(|cx| b.poll_recv_from(cx, &mut buf)).await.unwrap();
        assert!(sender.is_unnamed());
        assert_eq!(buf.filled(), b"teapo"); // as much as there was room for
    });
}

/// Code that was written for tokio, over traits and by the methods of streams.
#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn the_methods_of_the_traits_beside_those_of_the_streams() {
    async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> std::io::Result<u64> {
        let mut buf = Vec::new();
        while stream.read_buf(&mut buf).await? > 0 {}
        stream.write_all(&buf).await?;
        stream.shutdown().await?;
        Ok(buf.len() as u64)
    }
    run(async || {
        let (mut stream, peer) = UnixStream::pair().unwrap();
        let echoing = ayi::spawn(echo(peer));
        stream.write_all(b"tea").await.unwrap();
        stream.write_buf(&mut &b"pot"[..]).await.unwrap();
        stream.flush().await.unwrap();
        stream.shutdown().await.unwrap();
        let mut buf = Vec::with_capacity(8);
        while stream.read_buf(&mut buf).await.unwrap() > 0 {}
        assert_eq!(buf, b"teapot");
        assert_eq!(echoing.await.unwrap().unwrap(), 6);

        let (stream, peer) = connected();
        drop(peer);
        let (mut reading, mut writing) = stream.into_split();
        assert_eq!(reading.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(reading.read_buf(&mut buf).await.unwrap(), 0);
        writing.shutdown().await.unwrap();
    });
}
