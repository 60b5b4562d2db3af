//! `hung_up`, and what is known of readiness before the reactor turns: one situation a test.

use crate::support::{connected, poll_once, run, turn};
use ayi::net::UnixStream;
use std::io::Write;
use std::net::Shutdown;
use std::pin::pin;

#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn data_does_not_end_the_wait_and_can_still_be_read() {
    run(async || {
        let (stream, mut peer) = connected();
        let mut gone = pin!(stream.hung_up());
        assert!(poll_once(gone.as_mut()).is_pending());
        peer.write_all(b"tea").unwrap();
        stream.readable().await.unwrap();
        turn().await;
        assert!(poll_once(gone.as_mut()).is_pending());
        drop(peer);
        gone.await.unwrap();
        // It is known from now on, and nothing was taken.
        stream.hung_up().await.unwrap();
        let mut buf = [0; 8];
        assert_eq!(stream.read(&mut buf).await.unwrap(), 3);
        stream.hung_up().await.unwrap();
        assert_eq!(stream.read(&mut buf).await.unwrap(), 0);
        stream.hung_up().await.unwrap();
    });
}

#[test]
fn a_peer_that_reset_the_connection() {
    run(async || {
        let (stream, peer) = connected();
        let waiting = ayi::spawn(async move {
            stream.hung_up().await.unwrap();
            stream
        });
        turn().await;
        socket2::SockRef::from(&peer).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(peer);
        let stream = waiting.await.unwrap();
        // The error is left to those who read.
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    });
}

#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn a_peer_that_only_writes_no_more() {
    run(async || {
        let (stream, peer) = UnixStream::pair().unwrap();
        let mut gone = pin!(stream.hung_up());
        peer.write(b"tea").await.unwrap();
        assert!(poll_once(gone.as_mut()).is_pending());
        peer.shutdown_now(Shutdown::Write).unwrap();
        gone.await.unwrap();
        stream.write(b"cup").await.unwrap();
        let mut buf = [0; 8];
        assert_eq!(peer.read(&mut buf).await.unwrap(), 3);
    });
}

#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn a_peer_that_was_gone_before_anybody_waited() {
    run(async || {
        let (stream, peer) = UnixStream::pair().unwrap();
        peer.write(b"tea").await.unwrap();
        drop(peer);
        stream.hung_up().await.unwrap();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 3);
    });
}

/// Urgent data wakes those who wait for `PRIORITY`, which the end of the stream does as well.
#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn urgent_data_is_not_the_end_and_stays_for_those_who_wait_for_it() {
    use ayi::io::Interest;
    run(async || {
        let (stream, peer) = connected();
        let mut gone = pin!(stream.hung_up());
        assert!(poll_once(gone.as_mut()).is_pending());
        socket2::SockRef::from(&peer).send_out_of_band(b"!").unwrap();
        assert!(stream.ready(Interest::PRIORITY).await.unwrap().is_priority());
        assert!(poll_once(gone.as_mut()).is_pending());
        assert!(stream.ready(Interest::PRIORITY).await.unwrap().is_priority());
        drop(peer);
        gone.await.unwrap();
    });
}

#[test]
fn any_number_of_tasks_may_wait_beside_a_reader() {
    run(async || {
        let (stream, mut peer) = connected();
        let stream = std::rc::Rc::new(stream);
        let wait = |stream: &std::rc::Rc<ayi::net::TcpStream>| {
            let stream = stream.clone();
            ayi::spawn(async move { stream.hung_up().await })
        };
        let waiting: Vec<_> = (0..5).map(|_| wait(&stream)).collect();
        let given_up = wait(&stream);
        let reading = ayi::spawn({
            let stream = stream.clone();
            async move {
                let (mut buf, mut all) = ([0; 8], vec![]);
                loop {
                    match stream.read(&mut buf).await.unwrap() {
                        0 => return all,
                        n => all.extend_from_slice(&buf[..n]),
                    }
                }
            }
        });
        turn().await;
        given_up.abort();
        peer.write_all(b"tea").unwrap();
        turn().await;
        assert!(waiting.iter().all(|task| !task.is_finished()));
        drop(peer);
        for task in waiting {
            task.await.unwrap().unwrap();
        }
        assert_eq!(reading.await.unwrap(), b"tea");
    });
}

/// Nobody waits for a turn to be told what is so already.
#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn what_a_socket_is_ready_for_is_known_at_once() {
    run(async || {
        let (stream, peer) = UnixStream::pair().unwrap();
        assert!(poll_once(pin!(stream.writable())).is_ready());
        assert!(poll_once(pin!(stream.readable())).is_pending());
        peer.write(b"tea").await.unwrap();
        stream.readable().await.unwrap();
        assert_eq!(stream.try_read(&mut [0; 8]).unwrap(), 3);
        // What was known at first can be taken back, and comes again.
        while stream.try_write(&[0; 1 << 16]).is_ok() {}
        let mut writable = pin!(stream.writable());
        assert!(poll_once(writable.as_mut()).is_pending());
        while peer.try_read(&mut [0; 1 << 16]).is_ok() {}
        writable.await.unwrap();
    });
}

/// The user's own call is made only if there is something to be had, as far as that is known.
#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn a_call_of_the_users_is_not_made_while_the_socket_is_not_ready() {
    use ayi::io::Interest;
    use std::io::{Error, ErrorKind};
    run(async || {
        let (stream, peer) = UnixStream::pair().unwrap();
        let nothing = stream.try_io(Interest::READABLE, || -> Result<(), Error> { unreachable!() });
        assert_eq!(nothing.unwrap_err().kind(), ErrorKind::WouldBlock);
        stream.try_io(Interest::WRITABLE, || Ok(())).unwrap();
        peer.write(b"tea").await.unwrap();
        assert_eq!(stream.try_io(Interest::READABLE, || Ok(7)).unwrap(), 7);
        // The call says that nothing is left, so it is not made again before the next report.
        let done =
            stream.try_io(Interest::READABLE, || -> Result<(), _> { Err(ErrorKind::WouldBlock.into()) });
        assert_eq!(done.unwrap_err().kind(), ErrorKind::WouldBlock);
        let nothing = stream.try_io(Interest::READABLE, || -> Result<(), Error> { unreachable!() });
        assert_eq!(nothing.unwrap_err().kind(), ErrorKind::WouldBlock);
        // That was not true, and edge-triggered reports come with what arrives next.
        peer.write(b"pot").await.unwrap();
        stream.readable().await.unwrap();
        assert_eq!(stream.try_io(Interest::READABLE, || Ok(7)).unwrap(), 7);

        let (sender, receiver) = ayi::net::unix::pipe::pipe().unwrap();
        let nothing = receiver.try_io(|| -> Result<(), Error> { unreachable!() });
        assert_eq!(nothing.unwrap_err().kind(), ErrorKind::WouldBlock);
        sender.try_io(|| Ok(())).unwrap();
        drop(sender);
        receiver.try_io(|| Ok(())).unwrap(); // the end can be read
    });
}
