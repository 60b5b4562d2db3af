//! What has waited in a runtime that has ended says so outside of all runtimes, and goes on in another one.

use crate::support::{Wakes, poll_once, poll_with, run, std_pair, turn, watched};
use ayi::io::{Interest, ReadBuf, unix::AsyncFd};
use ayi::net::unix::{UnixDatagram, UnixListener, UnixStream, pipe};
use ayi::net::{TcpListener, TcpStream, UdpSocket};
use ayi::runtime::{Runtime, is_rt_shutdown_err};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::thread;

type Asked<'a> = (&'static str, Pin<Box<dyn Future<Output = io::Result<()>> + 'a>>);

/// One of each type that waits. None of them has anything to do.
struct All {
    tcp: TcpStream,
    unix: UnixStream,
    udp: UdpSocket,
    datagram: UnixDatagram,
    tcp_listener: TcpListener,
    unix_listener: UnixListener,
    receiver: pipe::Receiver,
    sender: pipe::Sender,
    fd: AsyncFd<std::os::unix::net::UnixStream>,
    _peers: (
        std::net::TcpStream,
        UnixStream,
        UnixDatagram,
        pipe::Sender,
        pipe::Receiver,
        std::os::unix::net::UnixStream,
    ),
}

impl All {
    async fn new(name: &str) -> All {
        let (tcp, tcp_peer) = std_pair();
        let tcp = TcpStream::from_std(tcp).unwrap();
        let (unix, unix_peer) = UnixStream::pair().unwrap();
        let (datagram, datagram_peer) = UnixDatagram::pair().unwrap();
        let (receiver_peer, receiver) = pipe::pipe().unwrap();
        let (sender, sender_peer) = pipe::pipe().unwrap();
        let (fd, fd_peer) = std::os::unix::net::UnixStream::pair().unwrap();
        fd.set_nonblocking(true).unwrap();
        while tcp.try_write(&[0; 65536]).is_ok() {}
        while unix.try_write(&[0; 65536]).is_ok() {}
        while datagram.try_send(&[0; 64]).is_ok() {}
        while sender.try_write(&[0; 4096]).is_ok() {}
        All {
            tcp,
            unix,
            udp: UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            datagram,
            tcp_listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            unix_listener: UnixListener::bind(format!("\0ayi-ended-{name}-{}", std::process::id())).unwrap(),
            receiver,
            sender,
            fd: AsyncFd::new(fd).unwrap(),
            _peers: (tcp_peer, unix_peer, datagram_peer, receiver_peer, sender_peer, fd_peer),
        }
    }

    /// Returns a future for everything that would wait.
    fn ask(&self) -> Vec<Asked<'_>> {
        let All { tcp, unix, udp, datagram, tcp_listener, unix_listener, receiver, sender, fd, .. } = self;
        let both = Interest::READABLE | Interest::PRIORITY;
        let mut asked: Vec<Asked<'_>> = vec![
            ("tcp read", Box::pin(async { tcp.read(&mut [0]).await.map(drop) })),
            ("tcp peek", Box::pin(async { tcp.peek(&mut [0]).await.map(drop) })),
            ("tcp write", Box::pin(async { tcp.write(&[0; 65536]).await.map(drop) })),
            ("tcp readable", Box::pin(tcp.readable())),
            ("tcp writable", Box::pin(tcp.writable())),
            ("tcp ready", Box::pin(async move { tcp.ready(both).await.map(drop) })),
            ("tcp poll_read_ready", Box::pin(poll_fn(|cx| tcp.poll_read_ready(cx)))),
            (
                "tcp poll_peek",
                Box::pin(poll_fn(|cx| tcp.poll_peek(cx, &mut ReadBuf::new(&mut [0])).map_ok(drop))),
            ),
            ("unix read", Box::pin(async { unix.read(&mut [0]).await.map(drop) })),
            ("unix write", Box::pin(async { unix.write(&[0; 65536]).await.map(drop) })),
            ("unix writable", Box::pin(unix.writable())),
            ("udp recv", Box::pin(async { udp.recv(&mut [0]).await.map(drop) })),
            ("udp recv_from", Box::pin(async { udp.recv_from(&mut [0]).await.map(drop) })),
            (
                "udp poll_recv",
                Box::pin(poll_fn(|cx| udp.poll_recv(cx, &mut ReadBuf::new(&mut [0])).map_ok(drop))),
            ),
            ("udp readable", Box::pin(udp.readable())),
            ("datagram send", Box::pin(async { datagram.send(&[0; 64]).await.map(drop) })),
            ("datagram recv_from", Box::pin(async { datagram.recv_from(&mut [0]).await.map(drop) })),
            ("tcp accept", Box::pin(async { tcp_listener.accept().await.map(drop) })),
            ("tcp poll_accept", Box::pin(poll_fn(|cx| tcp_listener.poll_accept(cx).map_ok(drop)))),
            ("unix accept", Box::pin(async { unix_listener.accept().await.map(drop) })),
            ("pipe read", Box::pin(async { receiver.read(&mut [0]).await.map(drop) })),
            ("pipe readable", Box::pin(receiver.readable())),
            ("pipe write", Box::pin(async { sender.write(&[0; 4096]).await.map(drop) })),
            ("fd readable", Box::pin(async { fd.readable().await.map(drop) })),
            ("fd poll_read_ready", Box::pin(poll_fn(|cx| fd.poll_read_ready(cx).map_ok(drop)))),
        ];
        asked.push((
            "fd async_io",
            Box::pin(fd.async_io(Interest::READABLE, |_| Err::<(), _>(io::ErrorKind::WouldBlock.into()))),
        ));
        asked
    }

    /// Makes all of them wait, here and now.
    async fn wait(&self) {
        turn().await;
        for (what, mut future) in self.ask() {
            // Some are told first that there is room, although there is none.
            let _ = poll_once(future.as_mut());
            turn().await;
            let polled = poll_once(future.as_mut());
            if !what.ends_with("able") {
                assert!(polled.is_pending(), "{what}: {polled:?}");
            }
        }
    }

    #[track_caller]
    fn assert_say_so(&self, place: &str) {
        for (what, mut future) in self.ask() {
            match poll_once(future.as_mut()) {
                Poll::Ready(Err(error)) => assert!(is_rt_shutdown_err(&error), "{what} {place}: {error}"),
                other => panic!("{what} {place}: {other:?}"),
            }
        }
    }
}

#[test]
#[cfg_attr(faults, ignore = "what waits there is told by chance")]
fn what_has_waited_in_a_runtime_that_has_ended_goes_on_in_the_next() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let all = rt.block_on(async {
            let all = All::new("everywhere").await;
            all.wait().await;
            all
        });
        drop(rt);
        all.assert_say_so("outside");
        run(async || all.wait().await);
        all.assert_say_so("outside, once more");
        // The next one may get the place of the first in memory.
        let rts: Vec<_> = (0..3).map(|_| Runtime::new().unwrap()).collect();
        rts.iter().for_each(|rt| rt.block_on(all.wait()));
        drop(rts);
        let all = thread::spawn(move || {
            all.assert_say_so("on another thread");
            run(async || all.wait().await);
            all
        });
        drop(all.join().unwrap());
    });
}

/// Another executor polls: the end wakes what it waits for, and the next poll returns an error.
#[test]
#[cfg_attr(faults, ignore = "what waits there is told by chance")]
fn what_waits_when_its_runtime_ends_is_woken_and_told() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let all = rt.block_on(async {
            let all = All::new("woken").await;
            all.wait().await;
            all
        });
        let mut waiting: Vec<_> =
            all.ask().into_iter().map(|(what, future)| (what, future, Wakes::new())).collect();
        rt.block_on(async {
            for (what, future, (_, waker)) in &mut waiting {
                if poll_with(future.as_mut(), waker).is_ready() {
                    assert!(what.ends_with("able"), "{what}");
                }
            }
        });
        let left = waiting.into_iter().filter(|(what, ..)| !what.ends_with("able"));
        let left: Vec<_> =
            left.map(|(what, future, (wakes, _))| (what, future, wakes.count(), wakes)).collect();
        drop(rt);
        for (what, mut future, before, wakes) in left {
            assert!(wakes.count() > before, "{what} is not woken");
            match poll_once(future.as_mut()) {
                Poll::Ready(Err(error)) => assert!(is_rt_shutdown_err(&error), "{what}: {error}"),
                other => panic!("{what}: {other:?}"),
            }
        }
    });
}

/// A task that outlives its own runtime waits. It is dropped with the runtime it waits in, and what it has can be used
/// by the next.
#[test]
fn what_a_task_of_an_ended_runtime_had_can_be_taken_out() {
    watched(|| {
        let (stream, peer) = std_pair();
        let rt = Runtime::new().unwrap();
        let stream = rt.block_on(async {
            let stream = Rc::new(TcpStream::from_std(stream).unwrap());
            let reader = stream.clone();
            drop(ayi::spawn(async move { reader.read(&mut [0]).await }));
            turn().await;
            stream
        });
        drop(rt);
        let stream = Rc::into_inner(stream).expect("the task is gone").into_std().unwrap();
        run(async || {
            let stream = TcpStream::from_std(stream).unwrap();
            let mut buf = [0; 3];
            let mut read = pin!(stream.read(&mut buf));
            assert!(poll_once(read.as_mut()).is_pending());
            io::Write::write_all(&mut &peer, b"tea").unwrap();
            assert_eq!(read.await.unwrap(), 3);
        });
    });
}
