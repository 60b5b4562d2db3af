//! The two directions of a TCP stream, its halves, and the traits of the futures ecosystem.

use crate::support::{block_until, connected, poll_once, run, turn};
use ayi::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, Interest};
use ayi::net::TcpStream;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::pin::pin;
use std::rc::Rc;
use std::thread;

#[test]
fn much_in_both_directions_at_once() {
    const BLOCK: usize = 256 << 10;
    const BLOCKS: usize = 256;
    /// Long enough for two blocks. Each block is taken from another place, so that none can be lost, doubled or
    /// exchanged unnoticed.
    fn pattern() -> Rc<[u8]> {
        let mut state = 1u64;
        let mut word = |_| {
            state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
            state.to_ne_bytes()
        };
        (0..BLOCK / 4).flat_map(&mut word).collect()
    }
    fn block(pattern: &[u8], at: usize) -> &[u8] {
        &pattern[at * 7919 % BLOCK..][..BLOCK]
    }
    async fn send(stream: &TcpStream, pattern: &[u8], from: usize) {
        for at in from..from + BLOCKS {
            (&mut &*stream).write_all(block(pattern, at)).await.unwrap();
        }
        stream.shutdown_now(Shutdown::Write).unwrap();
    }
    async fn receive(stream: &TcpStream, pattern: &[u8], from: usize) {
        let mut buf = vec![0; BLOCK];
        for at in from..from + BLOCKS {
            (&mut &*stream).read_exact(&mut buf).await.unwrap();
            assert!(buf == block(pattern, at), "block {at}");
        }
        assert_eq!(stream.read(&mut buf).await.unwrap(), 0);
    }
    run(async || {
        let (one, other) = connected();
        other.set_nonblocking(true).unwrap();
        let (one, other) = (Rc::new(one), Rc::new(TcpStream::from_std(other).unwrap()));
        let (mut tasks, pattern) = (vec![], pattern());
        for (stream, (out, back)) in [(one, (0, 1000)), (other, (1000, 0))] {
            let (writer, pattern, same) = (stream.clone(), pattern.clone(), pattern.clone());
            tasks.push(ayi::spawn(async move { send(&writer, &same, out).await }));
            tasks.push(ayi::spawn(async move { receive(&stream, &pattern, back).await }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn either_direction_ends_without_the_other() {
    run(async || {
        let (stream, mut peer) = connected();
        assert!(poll_once(pin!(stream.readable())).is_pending());
        stream.shutdown_now(Shutdown::Write).unwrap();
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
        assert_eq!(stream.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        peer.write_all(b"water").unwrap();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 5);
        drop(peer);
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);

        let (stream, mut peer) = connected();
        assert!(poll_once(pin!(stream.readable())).is_pending());
        peer.shutdown(Shutdown::Write).unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
        let ready = stream.ready(Interest::READABLE).await.unwrap();
        assert!(ready.is_read_closed() && !ready.is_write_closed(), "{ready:?}");
        assert_eq!(stream.write(b"water").await.unwrap(), 5);
        peer.read_exact(&mut [0; 5]).unwrap();
        // A shutdown from this side ends a wait on this side.
        let (stream, _peer) = connected();
        let mut read = [0];
        let mut read = pin!(stream.read(&mut read));
        assert!(poll_once(read.as_mut()).is_pending());
        stream.shutdown_now(Shutdown::Read).unwrap();
        assert_eq!(read.await.unwrap(), 0);
    });
}

/// A stream, and a thread that sends back what it receives.
fn echo() -> (TcpStream, thread::JoinHandle<u64>) {
    let (stream, peer) = connected();
    (stream, thread::spawn(move || std::io::copy(&mut &peer, &mut &peer).unwrap()))
}

/// Uses what the traits offer, for anything that implements them.
async fn use_the_traits(reader: impl AsyncRead + Unpin, mut writer: impl AsyncWrite + Unpin) {
    let mut reader = BufReader::new(reader);
    writer.write_all(b"water\na line\nanother\r\n\n").await.unwrap();
    writer.flush().await.unwrap();
    let mut buf = [0; 5];
    reader.read_exact(&mut buf).await.unwrap();
    assert_eq!(&buf, b"water");
    let mut lines = (&mut reader).lines();
    for expected in ["", "a line", "another", ""] {
        assert_eq!(lines.next_line().await.transpose().unwrap().unwrap(), expected);
    }
    // This is less than the systems' buffers hold, so that it need not be read meanwhile.
    writer.write_all(&[b'x'; 50_000]).await.unwrap();
    // Closing is Shutdown::Write: the other direction lives on. Closing again does no harm.
    writer.shutdown().await.unwrap();
    writer.shutdown().await.unwrap();
    assert_eq!(writer.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    let mut all = vec![];
    reader.read_to_end(&mut all).await.unwrap();
    assert!(all == [b'x'; 50_000]);
    let error = reader.read_exact(&mut buf).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn the_traits_of_streams_references_and_halves() {
    run(async || {
        const SENT: u64 = 50_023;
        let (stream, peer) = echo();
        use_the_traits(&stream, &stream).await;
        assert_eq!(peer.join().unwrap(), SENT);

        let (mut stream, peer) = echo();
        let (reader, writer) = stream.split();
        use_the_traits(reader, writer).await;
        assert_eq!(peer.join().unwrap(), SENT);

        let (stream, peer) = echo();
        let (reader, writer) = stream.into_split();
        use_the_traits(reader, writer).await;
        assert_eq!(peer.join().unwrap(), SENT);

        // Like tokio's `io::split`: the stream itself.
        let (stream, peer) = echo();
        let (reader, writer) = ayi::io::split(stream);
        use_the_traits(reader, writer).await;
        assert_eq!(peer.join().unwrap(), SENT);
    });
}

#[test]
fn copying_from_a_stream_to_another() {
    run(async || {
        let ((from, mut source), (to, mut sink)) = (connected(), connected());
        let copy = ayi::spawn(async move { ayi::io::copy(&mut { from }, &mut { to }).await.unwrap() });
        let reader = thread::spawn(move || {
            let mut all = vec![];
            sink.read_to_end(&mut all).map(|_| all).unwrap()
        });
        let sent: Vec<u8> = (0..3_000_000u32).map(|at| (at / 7) as u8).collect();
        let received = thread::spawn(move || {
            source.write_all(&sent).unwrap();
            drop(source);
            reader.join().unwrap() == sent
        });
        assert_eq!(copy.await.unwrap(), 3_000_000);
        assert!(ayi::task::spawn_blocking(move || received.join().unwrap()).await.unwrap());
    });
}

#[test]
fn borrowed_halves_leave_the_stream_as_it_is() {
    run(async || {
        let (mut stream, mut peer) = connected();
        let (reader, writer) = stream.split();
        assert_eq!(reader.peer_addr().unwrap(), peer.local_addr().unwrap());
        assert_eq!(writer.try_write(b"abc").unwrap(), 3);
        stream.write_all(b"def").await.unwrap();
        let mut buf = [0; 6];
        peer.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"abcdef");
        drop(stream);
        assert_eq!(peer.read(&mut buf).unwrap(), 0);
    });
}

#[test]
fn owned_halves_in_two_tasks() {
    run(async || {
        let (stream, peer) = echo();
        let (mut reader, mut writer) = stream.into_split();
        let sent: Vec<u8> = (0..1_000_000u32).map(|at| (at / 3) as u8).collect();
        let expected = sent.clone();
        // The drop of its half ends the reader.
        let writer = ayi::spawn(async move { writer.write_all(&sent).await.unwrap() });
        let reader = ayi::spawn(async move {
            let mut all = vec![];
            reader.read_to_end(&mut all).await.unwrap();
            assert!(all == expected);
        });
        writer.await.unwrap();
        reader.await.unwrap();
        peer.join().unwrap();
    });
}

#[test]
fn what_the_drop_of_an_owned_half_does() {
    run(async || {
        let mut buf = [0; 8];
        // The half that writes: the peer reads the end, and can still send.
        let (stream, mut peer) = connected();
        let (mut reader, writer) = stream.into_split();
        drop(writer);
        assert_eq!(peer.read(&mut buf).unwrap(), 0);
        peer.write_all(b"water").unwrap();
        assert_eq!(reader.read(&mut buf).await.unwrap(), 5);

        // The half that reads: nothing happens.
        let (stream, mut peer) = connected();
        let (reader, mut writer) = stream.into_split();
        drop(reader);
        peer.write_all(b"x").unwrap();
        writer.write_all(b"water").await.unwrap();
        peer.read_exact(&mut buf[..5]).unwrap();

        // A half that was told to forget it: nothing happens, until the last one is gone.
        let (stream, mut peer) = connected();
        peer.set_nonblocking(true).unwrap();
        let (reader, writer) = stream.into_split();
        writer.forget();
        assert_eq!(peer.read(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        drop(reader);
        block_until(&peer, libc::POLLIN);
        assert_eq!(peer.read(&mut buf).unwrap(), 0);
    });
}

#[test]
fn halves_come_together_again_if_they_belong_together() {
    run(async || {
        let ((stream, mut peer), (other, _other_peer)) = (connected(), connected());
        let (reader, writer) = stream.into_split();
        let (other_reader, other_writer) = other.into_split();
        let error = reader.reunite(other_writer).unwrap_err();
        assert!(error.to_string().contains("different streams"), "{error}");
        let error = writer.reunite(other_reader).map_err(|other| (error, other)).unwrap_err();
        let (reader, writer) = (error.0.0, error.1.1);
        assert!(poll_once(pin!(reader.readable())).is_pending());
        let stream = reader.reunite(writer).unwrap();
        // Nothing was shut down by it.
        assert_eq!(stream.write(b"water").await.unwrap(), 5);
        peer.read_exact(&mut [0; 5]).unwrap();
        let task = ayi::spawn(async move { stream.read(&mut [0; 8]).await.unwrap() });
        turn().await;
        peer.write_all(b"abc").unwrap();
        assert_eq!(task.await.unwrap(), 3);
    });
}
