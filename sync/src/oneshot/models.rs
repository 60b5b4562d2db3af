//! What the two ends do at the same time, in all interleavings. loom also sees each access to a cell: if nothing orders
//! two of them, the model fails, and so it does if the memory or a value is leaked.

use super::error::{RecvError, TryRecvError};
use super::{Receiver, Sender, channel};
use crate::proof::block_on;
use loom::sync::Arc;
use loom::thread;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A value whose leak loom sees.
type Value = Arc<u32>;

fn model(
    receiver: impl Fn(Receiver<Value>) + Sync + Send + Copy + 'static,
    sender: impl Fn(Sender<Value>) + Sync + Send + 'static,
) {
    loom::model(move || {
        let (tx, rx) = channel();
        let thread = thread::spawn(move || receiver(rx));
        sender(tx);
        thread.join().unwrap();
    });
}

fn poll_once<T>(rx: &mut Receiver<T>) -> Poll<Result<T, RecvError>> {
    Pin::new(rx).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_receiver_that_waits_gets_the_value() {
    model(|rx| assert_eq!(block_on(rx).map(|value| *value), Ok(7)), |tx| tx.send(Arc::new(7)).unwrap());
}

#[test]
fn a_receiver_that_waits_is_told_of_the_end() {
    model(|rx| assert_eq!(block_on(rx).map(|value| *value), Err(RecvError(()))), drop);
}

#[test]
fn the_latest_waker_is_the_one_that_is_woken() {
    model(
        |mut rx| match poll_once(&mut rx) {
            Poll::Ready(value) => assert_eq!(*value.unwrap(), 7),
            Poll::Pending => assert_eq!(*block_on(rx).unwrap(), 7),
        },
        |tx| tx.send(Arc::new(7)).unwrap(),
    );
}

#[test]
fn a_value_is_received_or_comes_back() {
    loom::model(|| {
        let (tx, mut rx) = channel::<Value>();
        let thread = thread::spawn(move || {
            let _ = poll_once(&mut rx).is_ready();
            rx.close();
            rx.try_recv().map(|value| *value)
        });
        let sent = tx.send(Arc::new(7)).map_err(|value| *value);
        let received = thread.join().unwrap();
        match sent {
            // The first poll may have taken it.
            Ok(()) => assert!(matches!(received, Ok(7) | Err(TryRecvError::Closed))),
            Err(value) => assert_eq!((value, received), (7, Err(TryRecvError::Closed))),
        }
    });
}

#[test]
fn what_is_sent_before_close_is_received_after_it() {
    loom::model(|| {
        let (tx, mut rx) = channel::<Value>();
        let thread = thread::spawn(move || tx.send(Arc::new(7)).is_ok());
        rx.close();
        let received = rx.try_recv().is_ok();
        assert_eq!(thread.join().unwrap(), received);
    });
}

#[test]
fn a_receiver_that_waited_and_is_dropped_leaks_nothing() {
    let poll_and_drop = |mut rx: Receiver<Value>| {
        // The second poll looks at the waker of the first one.
        let _ = poll_once(&mut rx).is_ready() || poll_once(&mut rx).is_ready();
    };
    model(poll_and_drop, |tx| drop(tx.send(Arc::new(7))));
    model(poll_and_drop, drop);
}

#[test]
fn a_sender_that_waits_is_told_that_the_receiver_is_gone() {
    model(drop, |mut tx| block_on(tx.closed()));
    model(|mut rx| rx.close(), |mut tx| block_on(tx.closed()));
}

#[test]
fn a_sender_that_waited_may_send_or_go() {
    let cx = || Context::from_waker(Waker::noop());
    let wait = move |tx: &mut Sender<Value>| {
        // The second poll looks at the waker of the first one.
        let _ = tx.poll_closed(&mut cx()).is_ready() || tx.poll_closed(&mut cx()).is_ready();
    };
    model(drop, move |mut tx| {
        wait(&mut tx);
        let _ = tx.send(Arc::new(7));
    });
    model(drop, move |mut tx| wait(&mut tx));
    model(|mut rx| rx.close(), move |mut tx| wait(&mut tx));
    model(|rx| drop(block_on(rx)), move |mut tx| _ = tx.poll_closed(&mut cx()));
}
