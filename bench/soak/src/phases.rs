//! What is done to the server. Each phase leaves it as it was, or fails with the reason.

use crate::clients::{Client, Target, in_parallel, soon};
use crate::subject::Subject;
use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::time::{Duration, sleep, timeout};
use std::io;
use std::net::Shutdown;
use std::rc::Rc;

pub struct Scene {
    pub subject: Subject,
    pub target: Rc<Target>,
    /// The divisor of everything, for a short pass.
    pub part: usize,
}

impl Scene {
    fn number(&self, number: usize) -> usize {
        number / self.part
    }

    async fn connect(&self, number: usize) -> io::Result<Vec<Client>> {
        let target = self.target.clone();
        in_parallel(number, 128, async move || {
            let mut client = target.connect().await?;
            client.ask().await?;
            Ok(client)
        })
        .await
    }
}

/// Connections exist and do nothing. At the end, each is checked for whether it still works.
pub async fn hold(scene: &Scene) -> io::Result<String> {
    let mut held = scene.connect(scene.number(18_000)).await?;
    sleep(Duration::from_secs(5)).await;
    for client in &mut held {
        client.ask().await?;
    }
    let memory = scene.subject.health().await?.memory;
    Ok(format!("{} held, all answer; {:.1} MB", held.len(), memory as f64 / 1e6))
}

/// Connections come, ask and go.
pub async fn churn(scene: &Scene) -> io::Result<String> {
    let (target, number) = (scene.target.clone(), scene.number(100_000));
    in_parallel(number, 128, async move || target.connect().await?.ask().await).await?;
    Ok(format!("{number} came, were answered, and went"))
}

/// Clients ask and do not read: the answers fill all buffers, and the server waits for them.
pub async fn slow_readers(scene: &Scene) -> io::Result<String> {
    let (target, number) = (scene.target.clone(), scene.number(200).max(20));
    let cut = scene.subject.health().await?.state.cut;
    in_parallel(number, number, async move || {
        let mut client = target.connect().await?;
        let question = [7; 64 * 1024];
        // It lasts until the server no longer reads either, and ends it.
        soon("the server to cut a client who does not read", async {
            while client.stream.write_all(&question).await.is_ok() {}
            Ok(())
        })
        .await
    })
    .await?;
    let cut = scene.subject.health().await?.state.cut - cut;
    check(cut == number as u64, || format!("{cut} of {number} clients who do not read were cut"))?;
    Ok(format!("{number} were cut after {:?}", crate::server::WRITE))
}

/// Clients send a byte now and then.
pub async fn slow_writers(scene: &Scene) -> io::Result<String> {
    let (target, number) = (scene.target.clone(), scene.number(1_000).max(20));
    in_parallel(number, number, async move || {
        let mut client = target.connect().await?;
        for byte in 0..30 {
            client.stream.write_all(&[byte]).await?;
            sleep(Duration::from_millis(100)).await;
        }
        let mut answer = [0; 30];
        soon("the answers to single bytes", client.stream.read_exact(&mut answer)).await?;
        check(answer.iter().copied().eq(0..30), || format!("single bytes came back as {answer:?}"))
    })
    .await?;
    Ok(format!("{number} had every byte answered"))
}

/// Clients connect and are silent.
pub async fn silent(scene: &Scene) -> io::Result<String> {
    let (target, number) = (scene.target.clone(), scene.number(10_000));
    in_parallel(number, number, async move || target.connect().await?.await_end().await).await?;
    Ok(format!("{number} were cut after {:?}", crate::server::FIRST_WORD))
}

/// Clients have closed one direction before anything is said, or go with a reset in the middle of a question.
pub async fn resets(scene: &Scene) -> io::Result<String> {
    let (target, number) = (scene.target.clone(), scene.number(50_000));
    in_parallel(number, 128, async move || {
        let mut client = target.connect().await?;
        if target.count() % 2 == 0 {
            client.stream.set_zero_linger()?;
            client.stream.write_all(b"half a quest").await?;
            return Ok(());
        }
        client.stream.shutdown_now(Shutdown::Write)?;
        client.await_end().await
    })
    .await?;
    Ok(format!("{number} were gone before they had said anything"))
}

/// The server has no descriptors left. Its connections continue, and the others wait until there are descriptors again.
pub async fn exhaustion(scene: &Scene) -> io::Result<String> {
    let number = scene.number(1_000).max(100);
    let room = number / 10;
    let (before, limit) = {
        let before = scene.subject.health().await?;
        (before, before.descriptors + room as u64)
    };
    scene.subject.allow_descriptors(limit)?;
    let target = scene.target.clone();
    let waiting = ayi::spawn(in_parallel(number, number, async move || {
        let mut client = target.connect().await?;
        client.ask().await?;
        Ok(client)
    }));
    sleep(Duration::from_secs(2)).await;
    let during = scene.subject.health().await?;
    let accepted = during.state.accepted - before.state.accepted;
    // The limit concerns numbers, and numbers above it may be in use.
    let is_full = during.descriptors >= limit && accepted < 2 * room as u64 && !waiting.is_finished();
    check(is_full, || {
        format!(
            "with room for {room} of {number}, the server has accepted {accepted}: {during:?}, before {before:?}"
        )
    })?;
    scene.subject.allow_descriptors(crate::descriptors(scene.part))?;
    let served = timeout(Duration::from_secs(20), waiting).await.map_err(io::Error::other)?;
    let served = served.map_err(io::Error::other)??;
    Ok(format!(
        "{accepted} had room, {} waited for it, and then were answered",
        served.len() - accepted as usize
    ))
}

pub fn check(holds: bool, why: impl FnOnce() -> String) -> io::Result<()> {
    if holds { Ok(()) } else { Err(io::Error::other(why())) }
}
