//! Channels, of all kinds. Each is tried while it is open, and at its end.

use crate::Leaves;
use ayi::sync::{broadcast, mpsc, oneshot, watch};
use std::future::poll_fn;
use std::time::Duration;

pub async fn all(leaves: &mut Leaves) {
    one_value(leaves).await;
    receivers(leaves).await;
    senders(leaves).await;
    watched(leaves).await;
    broadcasts(leaves).await;
}

async fn one_value(leaves: &mut Leaves) {
    let sent = async || {
        let (tx, rx) = oneshot::channel();
        tx.send(()).unwrap();
        rx.await.unwrap();
    };
    leaves.gives_way(&["Future for ayi_sync::oneshot::Receiver"], sent).await;
    let names = &["ayi_sync::oneshot::Sender::closed", "ayi_sync::oneshot::Sender::poll_closed"];
    let (mut tx, _) = oneshot::channel::<()>();
    leaves.gives_way(names, async move || tx.closed().await).await;
    let (mut tx, _) = oneshot::channel::<()>();
    leaves.gives_way(names, async move || poll_fn(|cx| tx.poll_closed(cx)).await).await;
}

async fn receivers(leaves: &mut Leaves) {
    let names = &["ayi_sync::mpsc::Receiver::recv", "ayi_sync::mpsc::Receiver::poll_recv"];
    let (tx, mut rx) = mpsc::channel(1);
    let full = async move || {
        tx.try_send(()).unwrap();
        rx.recv().await.unwrap();
    };
    leaves.gives_way(names, full).await;
    let (_, mut rx) = mpsc::channel::<()>(1);
    leaves.gives_way(names, async move || assert!(rx.recv().await.is_none())).await;
    let names = &["ayi_sync::mpsc::UnboundedReceiver::recv", "ayi_sync::mpsc::UnboundedReceiver::poll_recv"];
    let (tx, mut rx) = mpsc::unbounded_channel();
    let full = async move || {
        tx.send(()).unwrap();
        poll_fn(|cx| rx.poll_recv(cx)).await.unwrap();
    };
    leaves.gives_way(names, full).await;
    let names = &["ayi_sync::mpsc::Receiver::recv_many", "ayi_sync::mpsc::Receiver::poll_recv_many"];
    let (tx, mut rx) = mpsc::channel(1);
    let full = async move || {
        tx.try_send(()).unwrap();
        assert_eq!(rx.recv_many(&mut Vec::new(), 9).await, 1);
    };
    leaves.gives_way(names, full).await;
    let (_tx, mut rx) = mpsc::channel::<()>(1);
    leaves.gives_way(names, async move || _ = rx.recv_many(&mut Vec::new(), 0).await).await;
    let names = &[
        "ayi_sync::mpsc::UnboundedReceiver::recv_many",
        "ayi_sync::mpsc::UnboundedReceiver::poll_recv_many",
    ];
    let (tx, mut rx) = mpsc::unbounded_channel();
    let full = async move || {
        tx.send(()).unwrap();
        assert_eq!(poll_fn(|cx| rx.poll_recv_many(cx, &mut Vec::new(), 9)).await, 1);
    };
    leaves.gives_way(names, full).await;
}

async fn senders(leaves: &mut Leaves) {
    // The receivers are kept, and receive nothing.
    let (tx, rx) = mpsc::channel(100_000);
    let send = async move || {
        let _receiver = &rx;
        tx.send(()).await.unwrap();
    };
    leaves.gives_way(&["ayi_sync::mpsc::Sender::send"], send).await;
    let (tx, _) = mpsc::channel(1);
    leaves.gives_way(&["ayi_sync::mpsc::Sender::send"], async move || tx.send(()).await.unwrap_err().0).await;
    let (tx, rx) = mpsc::channel(100_000);
    let send = async move || {
        let _receiver = &rx;
        tx.send_timeout((), Duration::MAX).await.unwrap();
    };
    leaves.gives_way(&["ayi_sync::mpsc::Sender::send_timeout"], send).await;
    let (tx, _rx) = mpsc::channel::<()>(3);
    let other = tx.clone();
    leaves
        .gives_way(&["ayi_sync::mpsc::Sender::reserve"], async move || drop(other.reserve().await.unwrap()))
        .await;
    for n in [0, 2, 4] {
        let tx = tx.clone();
        let names = &["ayi_sync::mpsc::Sender::reserve_many"];
        leaves.gives_way(names, async move || assert_eq!(tx.reserve_many(n).await.is_ok(), n < 4)).await;
    }
    let names = &["ayi_sync::mpsc::Sender::reserve_owned"];
    leaves.gives_way(names, async move || drop(tx.clone().reserve_owned().await.unwrap())).await;
    let (tx, _) = mpsc::channel::<()>(1);
    leaves.gives_way(&["ayi_sync::mpsc::Sender::closed"], async move || tx.closed().await).await;
    let (tx, _) = mpsc::unbounded_channel::<()>();
    leaves.gives_way(&["ayi_sync::mpsc::UnboundedSender::closed"], async move || tx.closed().await).await;
}

async fn watched(leaves: &mut Leaves) {
    let (tx, mut rx) = watch::channel(());
    let changed = async move || {
        tx.send(()).unwrap();
        rx.changed().await.unwrap();
    };
    leaves.gives_way(&["ayi_sync::watch::Receiver::changed"], changed).await;
    let (_, mut rx) = watch::channel(());
    leaves.gives_way(&["ayi_sync::watch::Receiver::changed"], async move || _ = rx.changed().await).await;
    for is_met in [true, false] {
        let (_, mut rx) = watch::channel(());
        let names = &["ayi_sync::watch::Receiver::wait_for"];
        leaves.gives_way(names, async move || _ = rx.wait_for(|()| is_met).await.is_ok()).await;
    }
    let (tx, _) = watch::channel(());
    leaves.gives_way(&["ayi_sync::watch::Sender::closed"], async move || tx.closed().await).await;
}

async fn broadcasts(leaves: &mut Leaves) {
    let (tx, mut rx) = broadcast::channel(1);
    let full = async move || {
        tx.send(()).unwrap();
        rx.recv().await.unwrap();
    };
    leaves.gives_way(&["ayi_sync::broadcast::Receiver::recv"], full).await;
    let (_, mut rx) = broadcast::channel::<()>(1);
    leaves
        .gives_way(&["ayi_sync::broadcast::Receiver::recv"], async move || rx.recv().await.unwrap_or(()))
        .await;
    let (tx, _) = broadcast::channel::<()>(1);
    leaves.gives_way(&["ayi_sync::broadcast::Sender::closed"], async move || tx.closed().await).await;
}
