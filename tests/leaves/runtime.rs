//! Tasks, time, tokens, permits, children and signals.

use crate::{Leaves, support};
use ayi::process::Command;
use ayi::runtime::{Builder, CancellationToken};
use ayi::signal::unix::{SignalKind, signal};
use ayi::task::{AbortOnDropHandle, JoinSet, LocalSet, coop};
use ayi::time::{Duration, Instant, interval, sleep, sleep_until, timeout};
use std::future::{poll_fn, ready};
use std::task::Context;

pub async fn all(leaves: &mut Leaves) {
    tasks(leaves).await;
    macros(leaves).await;
    time(leaves).await;
    tokens(leaves).await;
    children(leaves).await;
    signals(leaves).await;
}

async fn tasks(leaves: &mut Leaves) {
    let names = &["ayi_runtime::task::consume_budget"];
    leaves.gives_way(names, async || ayi::task::consume_budget().await).await;
    leaves
        .gives_way(&["ayi_runtime::task::coop::consume_budget"], async || coop::consume_budget().await)
        .await;
    let names = &["Future for ayi_runtime::task::coop::Coop"];
    leaves.gives_way(names, async || coop::cooperative(ready(())).await).await;
    leaves.gives_way(&["ayi_runtime::task::yield_now"], async || ayi::task::yield_now().await).await;
    let proceed = |cx: &mut Context<'_>| coop::poll_proceed(cx).map(|operation| operation.made_progress());
    leaves.gives_way(&["ayi_runtime::task::coop::poll_proceed"], async move || poll_fn(proceed).await).await;
    let names = &["Future for ayi::task::AbortOnDropHandle"];
    leaves.gives_way(names, async || AbortOnDropHandle::new(ayi::spawn(async {})).await.unwrap()).await;
    let names = &["Future for ayi_runtime::task::JoinHandle"];
    let mut finished: Vec<_> = (0..1000).map(|_| ayi::spawn(async {})).collect();
    ayi::task::yield_now().await;
    leaves.gives_way(names, async move || finished.pop().unwrap().await.unwrap()).await;
    leaves.gives_way(names, async || ayi::spawn(async {}).await.unwrap()).await;
    leaves.gives_way(names, async || ayi::task::spawn_blocking(|| {}).await.unwrap()).await;

    let names = &["ayi::task::JoinSet::join_next", "ayi::task::JoinSet::poll_join_next"];
    let mut set: JoinSet<()> = (0..1000).map(|_| async {}).collect();
    ayi::task::yield_now().await;
    leaves.gives_way(names, async move || _ = set.join_next().await).await;
    leaves.gives_way(names, async || _ = JoinSet::<()>::new().join_next().await).await;
    let names = &["ayi::task::JoinSet::join_next_with_id", "ayi::task::JoinSet::poll_join_next_with_id"];
    leaves.gives_way(names, async || _ = JoinSet::<()>::new().join_next_with_id().await).await;
    let names = &["ayi::task::JoinSet::join_all"];
    leaves.gives_way(names, async || _ = JoinSet::<()>::new().join_all().await).await;
    let names = &["ayi::task::JoinSet::shutdown"];
    leaves.gives_way(names, async || JoinSet::<()>::new().shutdown().await).await;
    let names = &["ayi_runtime::runtime::Handle::dump"];
    match cfg!(feature = "record") {
        #[cfg(feature = "record")]
        true => {
            leaves.gives_way(names, async || _ = ayi::runtime::Handle::current().dump().await).await;
        }
        _ => leaves.are_left_out(names),
    }
    let names = &["Future for ayi::task::LocalSet"];
    leaves.gives_way(names, async || LocalSet::new().await).await;
}

/// They are not in the list of items.
async fn macros(leaves: &mut Leaves) {
    leaves.gives_way(&["select!"], async || ayi::select! { () = ready(()) => {} }).await;
    leaves.gives_way(&["a biased select!"], async || ayi::select! { biased; () = ready(()) => {} }).await;
    leaves.gives_way(&["join!"], async || _ = ayi::join!(ready(()), ready(()))).await;
    leaves.gives_way(&["try_join!"], async || _ = ayi::try_join!(ready(Ok::<(), ()>(()))).unwrap()).await;
}

async fn time(leaves: &mut Leaves) {
    let names = &["Future for ayi_runtime::time::Sleep"];
    leaves.gives_way(names, async || sleep(Duration::ZERO).await).await;
    let past = Instant::now();
    leaves.gives_way(names, async move || sleep_until(past).await).await;
    let mut ticks = interval(Duration::from_nanos(1));
    let names = &["ayi::time::Interval::tick"];
    leaves.gives_way(names, async move || _ = ticks.tick().await).await;
    let mut ticks = interval(Duration::from_nanos(1));
    let names = &["ayi::time::Interval::poll_tick"];
    leaves.gives_way(names, async move || _ = poll_fn(|cx| ticks.poll_tick(cx)).await).await;
    let names = &["Future for ayi::time::Timeout"];
    leaves.gives_way(names, async || timeout(Duration::MAX, ready(())).await.unwrap()).await;
    leaves.gives_way(names, async || _ = timeout(Duration::ZERO, std::future::pending::<()>()).await).await;

    // These work only while time stands still.
    let mut of_paused = Leaves::default();
    std::thread::scope(|scope| {
        let paused = scope.spawn(|| {
            let mut leaves = Leaves::default();
            let rt = Builder::new_current_thread().start_paused(true).build().unwrap();
            rt.block_on(async {
                let names = &["ayi_runtime::time::advance"];
                leaves.gives_way(names, async || ayi::time::advance(Duration::ZERO).await).await;
            });
            leaves
        });
        of_paused = paused.join().unwrap();
    });
    leaves.tried.extend(of_paused.tried);
}

async fn tokens(leaves: &mut Leaves) {
    let cancelled = || {
        let token = CancellationToken::new();
        token.cancel();
        token
    };
    let token = cancelled();
    let names = &["Future for ayi_runtime::runtime::WaitForCancellationFuture"];
    leaves.gives_way(names, async move || token.cancelled().await).await;
    let token = cancelled();
    let names = &["Future for ayi_runtime::runtime::WaitForCancellationFutureOwned"];
    leaves.gives_way(names, async move || token.clone().cancelled_owned().await).await;
    let names = &["ayi_runtime::runtime::CancellationToken::run_until_cancelled"];
    let token = cancelled();
    leaves.gives_way(names, async move || _ = token.run_until_cancelled(ready(())).await).await;
    let token = CancellationToken::new();
    leaves.gives_way(names, async move || _ = token.run_until_cancelled(ready(())).await).await;
}

async fn children(leaves: &mut Leaves) {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().await.unwrap();
    let names = &["ayi_process::process::Child::wait"];
    leaves.gives_way(names, async move || _ = child.wait().await.unwrap()).await;
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().await.unwrap();
    let names = &["ayi_process::process::Child::kill"];
    leaves.gives_way(names, async move || child.kill().await.unwrap()).await;
    let names = &["ayi_process::process::Child::wait_with_output"];
    leaves
        .gives_way(names, async || {
            _ = Command::new("true").spawn().unwrap().wait_with_output().await.unwrap();
        })
        .await;
    for program in ["true", "/no/such/program"] {
        let names = &["ayi_process::process::Command::output"];
        leaves.gives_way(names, async move || _ = Command::new(program).output().await).await;
        let names = &["ayi_process::process::Command::status"];
        leaves.gives_way(names, async move || _ = Command::new(program).status().await).await;
    }
    // Its streams are pipes, which are tried as such.
    leaves.tried.extend(
        [
            "ChildStdin::poll_write",
            "ChildStdin::poll_write_vectored",
            "ChildStdout::poll_read",
            "ChildStderr::poll_read",
        ]
        .map(|name| format!("ayi_process::process::{name}")),
    );
}

async fn signals(leaves: &mut Leaves) {
    // SAFETY: a listener has installed a handler for it.
    let raise = |signal| assert_eq!(unsafe { libc::raise(signal) }, 0);
    let mut one = signal(SignalKind::user_defined1()).unwrap();
    let names = &["ayi_process::signal::unix::Signal::recv", "ayi_process::signal::unix::Signal::poll_recv"];
    leaves
        .gives_way(names, async move || {
            raise(libc::SIGUSR1);
            one.recv().await.unwrap();
        })
        .await;
    let mut end = ayi::signal::termination().unwrap();
    leaves
        .gives_way(&["ayi_process::signal::Termination::recv"], async move || {
            raise(libc::SIGTERM);
            end.recv().await;
        })
        .await;
    support::turn().await;
}
