//! The semaphore, locks, notifications, and what happens once.

use crate::Leaves;
use ayi::sync::{Barrier, Mutex, Notify, OnceCell, RwLock, Semaphore, SetOnce};
use std::future::ready;
use std::sync::Arc;

pub async fn all(leaves: &mut Leaves) {
    permits(leaves).await;
    locks(leaves).await;
    notifications(leaves).await;
    once(leaves).await;
}

async fn permits(leaves: &mut Leaves) {
    let free = || Arc::new(Semaphore::new(2));
    let one = free();
    let names = &["ayi::sync::Semaphore::acquire", "ayi_sync::Semaphore::acquire"];
    leaves.gives_way(names, async move || _ = one.acquire().await.unwrap()).await;
    let closed = free();
    closed.close();
    leaves.gives_way(names, async move || _ = closed.acquire().await.unwrap_err()).await;
    let one = free();
    let names = &["ayi::sync::Semaphore::acquire_owned", "ayi_sync::Semaphore::acquire_owned"];
    leaves.gives_way(names, async move || _ = one.clone().acquire_owned().await.unwrap()).await;
    let one = free();
    let names = &["ayi::sync::Semaphore::acquire_owned_with", "ayi_sync::Semaphore::acquire_owned_with"];
    leaves.gives_way(names, async move || _ = one.clone().acquire_owned_with(ready(())).await.unwrap()).await;
    for n in [0, 2] {
        let two = free();
        let names = &["ayi_sync::Semaphore::acquire_many"];
        leaves.gives_way(names, async move || _ = two.acquire_many(n).await.unwrap()).await;
        let two = free();
        let names = &["ayi_sync::Semaphore::acquire_many_owned"];
        leaves.gives_way(names, async move || _ = two.clone().acquire_many_owned(n).await.unwrap()).await;
    }
}

async fn locks(leaves: &mut Leaves) {
    let lock = Mutex::new(());
    leaves.gives_way(&["ayi_sync::Mutex::lock"], async move || *lock.lock().await).await;
    let lock = Arc::new(Mutex::new(()));
    leaves.gives_way(&["ayi_sync::Mutex::lock_owned"], async move || *lock.clone().lock_owned().await).await;
    let lock = RwLock::new(());
    leaves.gives_way(&["ayi_sync::RwLock::read"], async move || *lock.read().await).await;
    let lock = RwLock::new(());
    leaves.gives_way(&["ayi_sync::RwLock::write"], async move || *lock.write().await).await;
    let lock = Arc::new(RwLock::new(()));
    leaves.gives_way(&["ayi_sync::RwLock::read_owned"], async move || *lock.clone().read_owned().await).await;
    let lock = Arc::new(RwLock::new(()));
    leaves
        .gives_way(&["ayi_sync::RwLock::write_owned"], async move || *lock.clone().write_owned().await)
        .await;
}

async fn notifications(leaves: &mut Leaves) {
    let news = Notify::new();
    let permit = async move || {
        news.notify_one();
        news.notified().await;
    };
    leaves.gives_way(&["Future for ayi_sync::futures::Notified"], permit).await;
    let news = Arc::new(Notify::new());
    let all = async move || {
        let notified = news.clone().notified_owned();
        news.notify_waiters();
        notified.await;
    };
    leaves.gives_way(&["Future for ayi_sync::futures::OwnedNotified"], all).await;
}

async fn once(leaves: &mut Leaves) {
    let cell = OnceCell::from(());
    leaves
        .gives_way(&["ayi_sync::OnceCell::get_or_init"], async move || *cell.get_or_init(async || ()).await)
        .await;
    let cell = OnceCell::new();
    let fails = async move || cell.get_or_try_init(async || Err::<(), ()>(())).await.unwrap_err();
    leaves.gives_way(&["ayi_sync::OnceCell::get_or_try_init"], fails).await;
    let set = SetOnce::from(());
    leaves.gives_way(&["ayi_sync::SetOnce::wait"], async move || *set.wait().await).await;
    let open = Barrier::new(1);
    leaves.gives_way(&["ayi_sync::Barrier::wait"], async move || _ = open.wait().await).await;
}
