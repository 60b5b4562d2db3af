//! System calls that fail, from a seed. Each operation works or returns an error that was put in, and nothing hangs,
//! panics or is left behind. See `faults/src/lib.rs`, and CONTRIBUTING.md for the commands.
//!
//! The tests are apart from `tests/it` because faults are put into the whole process. There are none without
//! `--cfg faults`.
#![cfg(faults)]

mod support;

#[path = "faults/harness.rs"]
mod harness;

use ayi::fs::{self, File};
use ayi::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use ayi::net::unix::pipe;
use ayi::net::{TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream};
use ayi::process::Command;
use ayi::task::{self, JoinHandle};
use ayi::time::{Duration, Instant, sleep_until};
use harness::{Outcome, repeat, unless_broken};
use std::io::{self, ErrorKind};
use std::net::Ipv4Addr;
use std::process::Stdio;

/// Makes the bytes that are sent: each place has its byte.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u32).wrapping_mul(0x9e37_79b9).to_be_bytes()[0]).collect()
}

/// Sends all of it, in pieces of many sizes.
async fn send(to: &mut (impl ayi::io::AsyncWrite + Unpin), data: &[u8]) -> io::Result<()> {
    let mut at = 0;
    for size in [1, 700, 5_000, 20_000].into_iter().cycle() {
        if at == data.len() {
            break;
        }
        let end = data.len().min(at + size);
        to.write_all(&data[at..end]).await?;
        at = end;
    }
    to.shutdown().await
}

/// Receives until the end, or an error. What comes is the beginning of what was sent.
async fn receive(from: &mut (impl ayi::io::AsyncRead + Unpin), sent: &[u8]) -> io::Result<()> {
    let (mut at, mut buf) = (0, vec![0; 9_000]);
    loop {
        let n = from.read(&mut buf).await?;
        if n == 0 {
            break;
        }
        assert!(sent[at..].starts_with(&buf[..n]), "what was received was not sent, at {at}");
        at += n;
    }
    if at == sent.len() { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

async fn echo(stream: TcpStream) -> io::Result<()> {
    let (mut reader, mut writer) = stream.into_split();
    let mut buf = vec![0; 4_000];
    loop {
        let n = reader.read(&mut buf).await?;
        if n == 0 {
            return writer.shutdown().await;
        }
        writer.write_all(&buf[..n]).await?;
    }
}

async fn join(task: JoinHandle<io::Result<()>>) -> io::Result<()> {
    task.await.expect("no task panics")
}

#[test]
fn echoes_over_tcp() {
    const CLIENTS: usize = 3;
    repeat("echoes_over_tcp", async |outcome: &Outcome| {
        let data: &'static [u8] = pattern(60_000).leak();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let server = ayi::spawn(async move {
            let mut echoes = Vec::new();
            let result = loop {
                if echoes.len() == CLIENTS {
                    break Ok(());
                }
                // A client may not get through.
                match unless_broken(listener.accept()).await {
                    Ok((stream, _)) => echoes.push(ayi::spawn(echo(stream))),
                    Err(error) => break Err(error),
                }
            };
            drop(listener);
            (result, echoes)
        });
        let client = move || async move {
            let (mut reader, mut writer) = TcpStream::connect(addr).await?.into_split();
            let sender = ayi::spawn(async move { send(&mut writer, data).await });
            let received = receive(&mut reader, data).await;
            drop(reader);
            join(sender).await?;
            received
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| ayi::spawn(client())).collect();
        for client in clients {
            outcome.is(join(client).await);
        }
        let (accepted, echoes) = server.await.unwrap();
        outcome.is(accepted);
        for echo in echoes {
            outcome.is(join(echo).await);
        }
        Ok(())
    });
}

#[test]
fn copies_over_unix_sockets() {
    repeat("copies_over_unix_sockets", async |outcome: &Outcome| {
        let data: &'static [u8] = pattern(300_000).leak();
        let path = harness::path("socket");
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        let sender = ayi::spawn({
            let path = path.clone();
            async move { send(&mut UnixStream::connect(path).await?, data).await }
        });
        outcome.is(match unless_broken(listener.accept()).await {
            Ok((mut stream, _)) => receive(&mut stream, data).await,
            Err(error) => Err(error),
        });
        drop(listener);
        outcome.is(join(sender).await);

        let (mut a, mut b) = UnixStream::pair()?;
        let sender = ayi::spawn(async move { send(&mut a, data).await });
        outcome.is(receive(&mut b, data).await);
        drop(b);
        outcome.is(join(sender).await);
        Ok(())
    });
}

async fn copy_through_pipes(outcome: &Outcome) -> io::Result<()> {
    let data: &'static [u8] = pattern(300_000).leak();
    let (mut first, mut between_in) = pipe::pipe()?;
    let (mut between_out, mut last) = pipe::pipe()?;
    let sender = ayi::spawn(async move { send(&mut first, data).await });
    let copier = ayi::spawn(async move {
        let copied = ayi::io::copy(&mut between_in, &mut between_out).await.map(drop);
        drop((between_in, between_out));
        copied
    });
    outcome.is(receive(&mut last, data).await);
    drop(last);
    outcome.is(join(copier).await);
    outcome.is(join(sender).await);
    Ok(())
}

#[test]
fn copies_through_pipes() {
    repeat("copies_through_pipes", copy_through_pipes);
}

/// This is how a failure can be repeated.
#[test]
fn the_same_seed_gives_the_same_faults() {
    let mut sum = 0;
    for seed in 0..20 {
        let faults = [(); 2].map(|()| harness::faults_of(seed, copy_through_pipes));
        assert_eq!(faults[0], faults[1], "seed {seed}");
        sum += faults[0].len();
    }
    assert!(sum > 50, "only {sum} faults");
    assert_ne!(harness::faults_of(1, copy_through_pipes), harness::faults_of(2, copy_through_pipes));
}

#[test]
fn datagrams_arrive_whole() {
    repeat("datagrams_arrive_whole", async |outcome: &Outcome| {
        let there = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let here = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        here.connect(there.local_addr()?).await?;
        let answering = ayi::spawn(async move {
            let mut buf = [0; 2_000];
            loop {
                let (n, from) = there.recv_from(&mut buf).await?;
                there.send_to(&buf[..n], from).await?;
                if n == 1 {
                    return Ok(());
                }
            }
        });
        let mut buf = [0; 2_000];
        let asking = async {
            for len in (1..40).rev().map(|n| n * n) {
                let sent = pattern(len);
                assert_eq!(here.send(&sent).await?, len);
                let n = here.recv(&mut buf).await?;
                assert_eq!(buf[..n], sent);
            }
            Ok(())
        };
        // A side that fails stops, and the other waits for it.
        outcome.is(unless_broken(asking).await);
        answering.abort();
        match answering.await {
            Ok(answered) => outcome.is(answered),
            Err(error) => assert!(error.is_cancelled(), "{error}"),
        }
        Ok(())
    });
}

#[test]
fn timers_fire_and_never_early() {
    repeat("timers_fire_and_never_early", async |_: &Outcome| {
        let sleepers: Vec<_> = (0..40)
            .map(|n| {
                ayi::spawn(async move {
                    let deadline = Instant::now() + Duration::from_micros(n * 173);
                    sleep_until(deadline).await;
                    assert!(Instant::now() >= deadline);
                })
            })
            .collect();
        for sleeper in sleepers {
            sleeper.await.unwrap();
        }
        Ok(())
    });
}

#[test]
fn blocking_calls_come_back() {
    repeat("blocking_calls_come_back", async |outcome: &Outcome| {
        let calls: Vec<_> = (0..20).map(|n| task::Builder::new().spawn_blocking(move || n)).collect();
        for (n, call) in calls.into_iter().enumerate() {
            match call {
                Ok(call) => assert_eq!(call.await.unwrap(), n),
                Err(error) => outcome.is(Err(error)),
            }
        }
        Ok(())
    });
}

#[test]
fn files_are_written_and_read() {
    repeat("files_are_written_and_read", async |outcome: &Outcome| {
        let data = pattern(50_000);
        let path = harness::path("file");
        let _ = std::fs::remove_file(&path);
        let written = async {
            let file = File::create(&path).await?;
            let (half, mut at) = (data.len() / 2, 0);
            file.write_all_at(data[half..].to_vec(), half as u64).await.0?;
            while at < half {
                let (n, _) = file.write_at(data[at..half].to_vec(), at as u64).await;
                at += n?;
            }
            file.sync_all().await
        };
        let written: io::Result<()> = written.await;
        let is_written = written.is_ok();
        outcome.is(written);
        let read = fs::read(&path).await;
        match read {
            Ok(read) if is_written => assert_eq!(read, data),
            Ok(read) => assert!(read.iter().zip(&data).all(|(read, data)| read == data || *read == 0)),
            Err(error) if error.kind() == ErrorKind::NotFound && !is_written => {}
            Err(error) => outcome.is(Err(error)),
        }
        let appended = async {
            let mut file = File::options().append(true).read(true).create(true).open(&path).await?;
            file.write_all(&data[..9_000]).await?;
            file.flush().await
        };
        outcome.is(appended.await);
        Ok(())
    });
}

/// Tries until it succeeds: an error leaves everything unchanged, so it can be tried again.
async fn insist<T>(outcome: &Outcome, mut attempt: impl AsyncFnMut() -> io::Result<T>) -> T {
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(error) => outcome.is(Err(error)),
        }
    }
}

/// What is taken is written once and in its place, whatever comes between. The disk has the beginning of it.
#[test]
fn files_are_written_one_after_the_other() {
    repeat("files_are_written_one_after_the_other", async |outcome: &Outcome| {
        let data = pattern(60_000);
        let path = harness::path("sequential");
        for append in [false, true] {
            let _ = std::fs::remove_file(&path);
            let mut options = File::options();
            options.read(true).write(true).create(true).append(append);
            let mut file = insist(outcome, async || options.open(&path).await).await;
            let mut at = 0;
            for size in [1, 700, 9_000, 100, 4_096].into_iter().cycle() {
                if at == data.len() {
                    break;
                }
                let end = data.len().min(at + size);
                at += insist(outcome, async || file.write(&data[at..end]).await).await;
                match at % 4 {
                    0 => insist(outcome, async || file.sync_data().await).await,
                    1 => file = insist(outcome, async || file.try_clone().await).await,
                    2 => insist(outcome, async || file.flush().await).await,
                    _ => assert!(data[..at].starts_with(&std::fs::read(&path).unwrap())),
                }
            }
            insist(outcome, async || file.flush().await).await;
            assert!(std::fs::read(&path).unwrap() == data);
            // Reading is the same.
            let from = io::SeekFrom::Start(0);
            assert_eq!(insist(outcome, async || file.seek(from).await).await, 0);
            let (mut at, mut buf) = (0, vec![0; 5_000]);
            loop {
                let n = insist(outcome, async || file.read(&mut buf).await).await;
                if n == 0 {
                    break;
                }
                assert!(data[at..].starts_with(&buf[..n]), "at {at}");
                at += n;
            }
            assert_eq!(at, data.len());
        }
        Ok(())
    });
}

/// The file is dropped while a write is under way, which may be cut short.
#[test]
fn what_is_taken_is_written_although_the_file_is_dropped() {
    repeat("what_is_taken_is_written_although_the_file_is_dropped", async |outcome: &Outcome| {
        let data = pattern(9_000);
        let path = harness::path("dropped");
        let _ = std::fs::remove_file(&path);
        let mut file = insist(outcome, async || File::create(&path).await).await;
        assert_eq!(insist(outcome, async || file.write(&data).await).await, data.len());
        drop(file);
        // A fault that matters is an error, which nobody is told.
        let is_written = async {
            while std::fs::metadata(&path)?.len() < data.len() as u64 {
                task::yield_now().await;
            }
            Ok(())
        };
        outcome.is(unless_broken(is_written).await);
        assert!(data.starts_with(&std::fs::read(&path)?));
        Ok(())
    });
}

#[test]
fn directories_are_read_to_their_end() {
    const FILES: usize = 150;
    repeat("directories_are_read_to_their_end", async |outcome: &Outcome| {
        let folder = harness::path("directory");
        std::fs::create_dir_all(&folder)?;
        (0..FILES).try_for_each(|n| std::fs::write(folder.join(n.to_string()), ""))?;
        let mut entries = insist(outcome, async || fs::read_dir(&folder).await).await;
        let mut count = 0;
        while insist(outcome, async || entries.next_entry().await).await.is_some() {
            count += 1;
        }
        assert_eq!(count, FILES);
        std::fs::remove_dir_all(&folder)
    });
}

#[test]
fn children_are_waited_for() {
    repeat("children_are_waited_for", async |outcome: &Outcome| {
        let mut cat = Command::new("cat");
        let mut child = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let data: &'static [u8] = pattern(100_000).leak();
        let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let sender = ayi::spawn(async move { send(&mut input, data).await });
        outcome.is(receive(&mut output, data).await);
        drop(output);
        outcome.is(join(sender).await);
        outcome.is(child.wait().await.map(drop));
        Ok(())
    });
}
