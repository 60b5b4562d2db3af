//! The traits of tokio and hyper, on all streams: one situation a test.

use crate::support::{self, poll_once, run, watched};
use ::hyper::rt::{self, Timer as _};
use ayi::io::{SimplexStream, TimeLimit, TimeoutStream, duplex, simplex};
use ayi::net::unix::pipe;
use ayi::net::{TcpListener, TcpStream, UnixStream};
use ayi::runtime::Builder;
use ayi::time::{Duration, Instant};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::rc::Rc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// More than a socket's buffer has room for, so that both sides have to wait.
const LEN: usize = 4 << 20;

fn bytes() -> Vec<u8> {
    (0..LEN).map(|n| (n / 7) as u8).collect()
}

async fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

/// Sends much through tokio's traits, to the end of the stream.
async fn through_tokio(
    mut writer: impl AsyncWrite + Unpin + 'static,
    mut reader: impl AsyncRead + Unpin + 'static,
) {
    let writing = ayi::spawn(async move {
        writer.write_all(&bytes()).await.unwrap();
        writer.flush().await.unwrap();
        writer.shutdown().await.unwrap();
        // This is what ends a pipe.
        drop(writer);
    });
    let mut read = Vec::new();
    reader.read_to_end(&mut read).await.unwrap();
    assert!(read == bytes());
    writing.await.unwrap();
}

/// The same through hyper's.
async fn through_hyper(
    mut writer: impl rt::Write + Unpin + 'static,
    mut reader: impl rt::Read + Unpin + 'static,
) {
    let writing = ayi::spawn(async move {
        let (all, mut sent) = (bytes(), 0);
        while sent < LEN {
            sent += poll_fn(|cx| Pin::new(&mut writer).poll_write(cx, &all[sent..])).await.unwrap();
        }
        poll_fn(|cx| Pin::new(&mut writer).poll_flush(cx)).await.unwrap();
        poll_fn(|cx| Pin::new(&mut writer).poll_shutdown(cx)).await.unwrap();
        drop(writer);
    });
    let mut read = Vec::new();
    while let piece @ [_, ..] = &hyper_read(&mut reader, 16 << 10).await.unwrap()[..] {
        read.extend_from_slice(piece);
    }
    assert!(read == bytes());
    writing.await.unwrap();
}

/// Reads into memory that is not initialised.
async fn hyper_read(reader: &mut (impl rt::Read + Unpin), room: usize) -> io::Result<Vec<u8>> {
    let mut memory = vec![MaybeUninit::uninit(); room];
    let mut buf = rt::ReadBuf::uninit(&mut memory);
    poll_fn(|cx| Pin::new(&mut *reader).poll_read(cx, buf.unfilled())).await?;
    Ok(buf.filled().to_vec())
}

#[test]
fn tcp_streams_and_their_halves() {
    run(async || {
        let ((a, b), (c, d)) = (tcp().await, tcp().await);
        through_tokio(a, b).await;
        through_hyper(c, d).await;
        let ((a, b), (c, d)) = (tcp().await, tcp().await);
        let ((read_a, write_a), (read_b, write_b)) = (a.into_split(), b.into_split());
        through_tokio(write_a, read_b).await;
        through_tokio(write_b, read_a).await;
        let ((read_c, write_c), (read_d, write_d)) = (c.into_split(), d.into_split());
        through_hyper(write_c, read_d).await;
        through_hyper(write_d, read_c).await;
    });
}

#[test]
fn unix_streams_and_their_halves() {
    run(async || {
        let pair = || UnixStream::pair().unwrap();
        let ((a, b), (c, d)) = (pair(), pair());
        through_tokio(a, b).await;
        through_hyper(c, d).await;
        let ((a, b), (c, d)) = (pair(), pair());
        let ((read_a, write_a), (read_b, write_b)) = (a.into_split(), b.into_split());
        through_tokio(write_a, read_b).await;
        through_tokio(write_b, read_a).await;
        let ((read_c, write_c), (read_d, write_d)) = (c.into_split(), d.into_split());
        through_hyper(write_c, read_d).await;
        through_hyper(write_d, read_c).await;
    });
}

#[test]
fn halves_that_borrow() {
    run(async || {
        let (mut a, mut b) = tcp().await;
        let ((mut read, mut write), (mut there_read, mut there_write)) = (a.split(), b.split());
        let mut buf = [0; 4];
        AsyncWriteExt::write_all(&mut write, b"ping").await.unwrap();
        AsyncReadExt::read_exact(&mut there_read, &mut buf).await.unwrap();
        assert_eq!(&buf, b"ping");
        let sent = poll_fn(|cx| rt::Write::poll_write(Pin::new(&mut there_write), cx, b"pong")).await;
        assert_eq!(sent.unwrap(), 4);
        assert_eq!(hyper_read(&mut read, 16).await.unwrap(), b"pong");
    });
}

#[test]
fn pipes() {
    run(async || {
        let ((sender, receiver), (other_sender, other_receiver)) =
            (pipe::pipe().unwrap(), pipe::pipe().unwrap());
        through_tokio(sender, receiver).await;
        through_hyper(other_sender, other_receiver).await;
    });
}

#[cfg(feature = "process")]
#[test]
fn pipes_of_children() {
    use ayi::process::Command;
    use std::process::Stdio;
    run(async || {
        let cat = || Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut a, mut b) = (cat(), cat());
        through_tokio(a.stdin.take().unwrap(), a.stdout.take().unwrap()).await;
        through_hyper(b.stdin.take().unwrap(), b.stdout.take().unwrap()).await;
        assert!(a.wait().await.unwrap().success() && b.wait().await.unwrap().success());
        let complains = || {
            let mut sh = Command::new("sh");
            sh.args(["-c", "echo no tea >&2"]).stderr(Stdio::piped()).spawn().unwrap()
        };
        let (mut a, mut b) = (complains(), complains());
        let mut text = String::new();
        AsyncReadExt::read_to_string(a.stderr.as_mut().unwrap(), &mut text).await.unwrap();
        assert_eq!(text, "no tea\n");
        assert_eq!(hyper_read(b.stderr.as_mut().unwrap(), 64).await.unwrap(), b"no tea\n");
        a.wait().await.unwrap();
        b.wait().await.unwrap();
    });
}

#[cfg(feature = "process")]
#[test]
fn several_buffers_leave_in_one_write_to_a_child() {
    use ayi::process::Command;
    use std::process::Stdio;
    run(async || {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        assert!(AsyncWrite::is_write_vectored(&stdin) && rt::Write::is_write_vectored(&stdin));
        let bufs = [IoSlice::new(b"one "), IoSlice::new(b"two "), IoSlice::new(b"three")];
        let sent = poll_fn(|cx| AsyncWrite::poll_write_vectored(Pin::new(&mut stdin), cx, &bufs)).await;
        assert_eq!(sent.unwrap(), 13);
        let sent = poll_fn(|cx| rt::Write::poll_write_vectored(Pin::new(&mut stdin), cx, &bufs)).await;
        assert_eq!(sent.unwrap(), 13);
        drop(stdin);
        assert_eq!(child.wait_with_output().await.unwrap().stdout, b"one two threeone two three");
    });
}

/// Runs the test `name` of this file in a process of its own, with pipes or files as its standard streams.
#[cfg(feature = "stdio")]
fn with_standard_streams(name: &str, input: impl Into<std::process::Stdio>, output: std::fs::File) -> bool {
    let module = module_path!().split_once("::").map_or(String::new(), |(_, module)| format!("{module}::"));
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", &format!("{module}{name}"), "--nocapture"]).env("AYI_TEST_CHILD", "1");
    child.stdin(input).stdout(output.try_clone().unwrap()).stderr(output);
    child.status().unwrap().success()
}

#[cfg(feature = "stdio")]
#[test]
fn standard_streams() {
    use ayi::io::{stderr, stdin, stdout};
    use std::io::{Read, Seek, Write};
    const NAME: &str = "standard_streams";
    if std::env::var_os("AYI_TEST_CHILD").is_some() {
        return run(async || {
            let (mut stdin, mut stdout, mut stderr) = (stdin(), stdout(), stderr());
            let mut tea = [0; 3];
            AsyncReadExt::read_exact(&mut stdin, &mut tea).await.unwrap();
            assert_eq!(hyper_read(&mut stdin, 3).await.unwrap(), b"pot");
            assert!(!AsyncWrite::is_write_vectored(&stdout) && !rt::Write::is_write_vectored(&stderr));
            AsyncWriteExt::write_all(&mut stdout, b"<out>").await.unwrap();
            AsyncWriteExt::flush(&mut stdout).await.unwrap();
            poll_fn(|cx| rt::Write::poll_write(Pin::new(&mut stderr), cx, b"<err>")).await.unwrap();
            poll_fn(|cx| rt::Write::poll_shutdown(Pin::new(&mut stderr), cx)).await.unwrap();
            assert_eq!(hyper_read(&mut stdin, 8).await.unwrap(), b"");
            assert_eq!(AsyncReadExt::read(&mut stdin, &mut tea).await.unwrap(), 0);
        });
    }
    let path = std::env::temp_dir().join(format!("ayi-io-traits-{}", std::process::id()));
    let file = || std::fs::File::options().read(true).append(true).create(true).open(&path).unwrap();
    let output = || {
        let mut text = String::new();
        file().read_to_string(&mut text).unwrap();
        std::fs::remove_file(&path).unwrap();
        text
    };
    watched(|| {
        // Files go to the pool.
        let mut input = file();
        input.write_all(b"teapot").unwrap();
        input.rewind().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(with_standard_streams(NAME, input, file()), "{}", output());
        let text = output();
        assert!(text.contains("<out>") && text.contains("<err>"), "{text}");
        // Pipes wait in epoll.
        let (sender, receiver) = pipe::pipe().unwrap();
        assert_eq!(sender.try_write(b"teapot").unwrap(), 6);
        drop(sender);
        let input = receiver.into_blocking_fd().unwrap();
        assert!(with_standard_streams(NAME, input, file()), "{}", output());
        let text = output();
        assert!(text.contains("<out>") && text.contains("<err>"), "{text}");
    });
}

#[cfg(feature = "fs")]
fn scratch(test: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("ayi-io-traits-{test}-{}", std::process::id()))
}

#[cfg(feature = "fs")]
#[test]
fn files() {
    use ayi::fs::OpenOptions;
    use std::io::SeekFrom;
    use tokio::io::{AsyncBufReadExt, AsyncSeekExt, BufReader};
    run(async || {
        let path = scratch("files");
        let mut file = OpenOptions::new().read(true).write(true).create(true).open(&path).await.unwrap();
        AsyncWriteExt::write_all(&mut file, &bytes()).await.unwrap();
        assert_eq!(AsyncSeekExt::stream_position(&mut file).await.unwrap(), LEN as u64);
        let mut piece = [0; 7];
        assert_eq!(AsyncSeekExt::seek(&mut file, SeekFrom::Start(70)).await.unwrap(), 70);
        AsyncReadExt::read_exact(&mut file, &mut piece).await.unwrap();
        assert_eq!(piece, [10; 7]);
        assert_eq!(AsyncSeekExt::seek(&mut file, SeekFrom::Current(-14)).await.unwrap(), 63);
        assert_eq!(hyper_read(&mut file, 7).await.unwrap(), [9; 7]);
        AsyncSeekExt::rewind(&mut file).await.unwrap();
        let mut all = Vec::new();
        AsyncReadExt::read_to_end(&mut file, &mut all).await.unwrap();
        assert!(all == bytes());
        let mut sent = 0;
        while sent < 6 {
            let rest = &b"one\ntw"[sent..];
            sent += poll_fn(|cx| rt::Write::poll_write(Pin::new(&mut file), cx, rest)).await.unwrap();
        }
        AsyncWriteExt::write_all(&mut file, b"o\n").await.unwrap();
        poll_fn(|cx| rt::Write::poll_shutdown(Pin::new(&mut file), cx)).await.unwrap();
        AsyncWriteExt::shutdown(&mut file).await.unwrap();
        AsyncSeekExt::seek(&mut file, SeekFrom::End(-8)).await.unwrap();
        let mut lines = BufReader::new(file).lines();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("one"));
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("two"));
        assert_eq!(lines.next_line().await.unwrap(), None);
        std::fs::remove_file(path).unwrap();
    });
}

#[cfg(feature = "fs")]
#[test]
fn a_seek_that_has_begun_comes_before_what_is_read_or_written() {
    use ayi::fs::OpenOptions;
    use std::io::SeekFrom;
    use tokio::io::AsyncSeek;
    run(async || {
        let path = scratch("seek");
        std::fs::write(&path, "Longjing").unwrap();
        let mut file = OpenOptions::new().read(true).write(true).open(&path).await.unwrap();
        AsyncSeek::start_seek(Pin::new(&mut file), SeekFrom::Start(4)).unwrap();
        let error = AsyncSeek::start_seek(Pin::new(&mut file), SeekFrom::Start(0)).unwrap_err();
        assert!(error.to_string().contains("has not ended"), "{error}");
        let mut jing = [0; 4];
        AsyncReadExt::read_exact(&mut file, &mut jing).await.unwrap();
        assert_eq!(&jing, b"jing");
        AsyncSeek::start_seek(Pin::new(&mut file), SeekFrom::Current(-4)).unwrap();
        AsyncWriteExt::write_all(&mut file, b"YING").await.unwrap();
        AsyncWriteExt::flush(&mut file).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"LongYING");
        // A seek that fails returns its error once, and has ended.
        AsyncSeek::start_seek(Pin::new(&mut file), SeekFrom::Current(-100)).unwrap();
        let seek = poll_fn(|cx| AsyncSeek::poll_complete(Pin::new(&mut file), cx)).await;
        assert_eq!(seek.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        poll_fn(|cx| AsyncSeek::poll_complete(Pin::new(&mut file), cx)).await.unwrap();
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn streams_in_memory() {
    run(async || {
        let ((a, b), (c, d)) = (duplex(1000), duplex(1000));
        through_tokio(a, b).await;
        through_hyper(c, d).await;
        let (reader, writer) = simplex(1000);
        through_tokio(writer, reader).await;
        let (reader, writer) = tokio::io::split(SimplexStream::new_unsplit(1000));
        through_tokio(writer, reader).await;
        let (reader, writer) = simplex(1000);
        through_hyper(writer, reader).await;
    });
}

#[test]
fn tokios_adapters_work() {
    run(async || {
        let ((mut client, mut near), (mut far, mut server)) = (tcp().await, tcp().await);
        let proxy = ayi::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        AsyncWriteExt::write_all(&mut client, b"question\n").await.unwrap();
        AsyncWriteExt::shutdown(&mut client).await.unwrap();
        let mut line = String::new();
        AsyncReadExt::read_to_string(&mut server, &mut line).await.unwrap();
        assert_eq!(line, "question\n");
        AsyncWriteExt::write_all(&mut server, b"answer").await.unwrap();
        drop(server);
        let mut answer = Vec::new();
        AsyncReadExt::read_to_end(&mut client, &mut answer).await.unwrap();
        assert_eq!(answer, b"answer");
        assert_eq!(proxy.await.unwrap().unwrap(), (9, 6));
    });
}

#[test]
fn a_read_leaves_what_was_in_the_buffer() {
    run(async || {
        let (client, mut server) = UnixStream::pair().unwrap();
        client.write(b"defg").await.unwrap();
        let mut memory = *b"abc.....";
        let mut buf = tokio::io::ReadBuf::new(&mut memory);
        buf.set_filled(3);
        poll_fn(|cx| AsyncRead::poll_read(Pin::new(&mut server), cx, &mut buf)).await.unwrap();
        assert_eq!(buf.filled(), b"abcdefg");
        assert_eq!(&memory, b"abcdefg.");
    });
}

#[test]
fn a_buffer_without_room_is_read_at_once_and_is_not_the_end() {
    run(async || {
        let (mut client, _server) = UnixStream::pair().unwrap();
        let mut buf = tokio::io::ReadBuf::new(&mut []);
        let read = |client: &mut UnixStream, buf: &mut tokio::io::ReadBuf<'_>| {
            poll_once(pin!(poll_fn(|cx| AsyncRead::poll_read(Pin::new(&mut *client), cx, buf))))
        };
        assert!(read(&mut client, &mut buf).is_ready());
        // There is nothing to be read either.
        let mut memory = [0; 8];
        assert!(read(&mut client, &mut tokio::io::ReadBuf::new(&mut memory)).is_pending());
    });
}

#[test]
fn several_buffers_leave_in_one_write() {
    run(async || {
        let (mut client, server) = UnixStream::pair().unwrap();
        let bufs = [IoSlice::new(b"one "), IoSlice::new(b"two "), IoSlice::new(b"three")];
        assert!(AsyncWrite::is_write_vectored(&client) && rt::Write::is_write_vectored(&client));
        let sent = poll_fn(|cx| AsyncWrite::poll_write_vectored(Pin::new(&mut client), cx, &bufs)).await;
        assert_eq!(sent.unwrap(), 13);
        let sent = poll_fn(|cx| rt::Write::poll_write_vectored(Pin::new(&mut client), cx, &bufs)).await;
        assert_eq!(sent.unwrap(), 13);
        let mut read = [0; 64];
        assert_eq!(server.read(&mut read).await.unwrap(), 26);
        assert_eq!(&read[..26], b"one two threeone two three");
    });
}

// The executor and the timer of hyper.

#[test]
fn hypers_executor_takes_what_is_not_send() {
    run(async || {
        let not_send = Rc::new(std::cell::Cell::new(0));
        let its = not_send.clone();
        rt::Executor::execute(&ayi::hyper::Executor, async move { its.set(7) });
        ayi::task::yield_now().await;
        assert_eq!(not_send.get(), 7);
    });
}

#[test]
fn hypers_timer_follows_the_runtimes_time() {
    watched(|| {
        let rt = Builder::new_current_thread().start_paused(true).build().unwrap();
        rt.block_on(async {
            let (timer, start) = (ayi::hyper::Timer, Instant::now());
            timer.sleep(Duration::from_secs(60)).await;
            assert_eq!(start.elapsed(), Duration::from_secs(60));
            let deadline = timer.now() + Duration::from_secs(5);
            timer.sleep_until(deadline).await;
            assert_eq!(start.elapsed(), Duration::from_secs(65));
            // It is moved in place.
            let mut sleep = timer.sleep(Duration::from_secs(3600));
            assert!(poll_once(sleep.as_mut()).is_pending());
            let place: *const dyn rt::Sleep = &*sleep;
            timer.reset(&mut sleep, timer.now() + Duration::from_secs(1));
            assert!(std::ptr::addr_eq(place, &*sleep));
            sleep.await;
            assert_eq!(start.elapsed(), Duration::from_secs(66));
        });
    });
}

#[test]
fn hypers_sleep_may_be_sent_and_shared() {
    fn is_send_and_sync<T: Send + Sync + ?Sized>(_: &T) {}
    is_send_and_sync(&*ayi::hyper::Timer.sleep(Duration::ZERO));
    is_send_and_sync(&ayi::hyper::Timer);
    is_send_and_sync(&ayi::hyper::Executor);
}

/// With limits that are never reached, and with one that is.
#[test]
fn streams_with_limits_of_time() {
    fn limited<S>(stream: S, seconds: u64) -> TimeoutStream<S> {
        let mut stream = TimeoutStream::new(stream);
        stream.set_idle_timeout(Duration::from_secs(seconds));
        stream.set_write_timeout(Duration::from_secs(seconds));
        stream
    }
    run(async || {
        let (client, server) = tcp().await;
        through_tokio(limited(client, 60), limited(server, 60)).await;
        let (client, server) = tcp().await;
        through_hyper(limited(client, 60), limited(server, 60)).await;
    });
    let _watchdog = support::Watchdog::new();
    Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
        let (ours, _theirs) = duplex(64);
        let mut ours = limited(ours, 1);
        let error = ours.read(&mut [0]).await.unwrap_err();
        assert_eq!(TimeLimit::of(&error), Some(TimeLimit::Idle));
        // With each family of traits the next operation has its time again.
        let start = Instant::now();
        for seconds in 1..=3 {
            let error = hyper_read(&mut ours, 1).await.unwrap_err();
            assert_eq!(TimeLimit::of(&error), Some(TimeLimit::Idle));
            assert_eq!(start.elapsed(), Duration::from_secs(seconds));
        }
        for seconds in 4..=6 {
            let mut memory = [0; 8];
            let mut buf = tokio::io::ReadBuf::new(&mut memory);
            let read = poll_fn(|cx| AsyncRead::poll_read(Pin::new(&mut ours), cx, &mut buf));
            assert_eq!(TimeLimit::of(&read.await.unwrap_err()), Some(TimeLimit::Idle));
            assert_eq!(start.elapsed(), Duration::from_secs(seconds));
        }
        ours.set_idle_timeout(None);
        let error = ours.write_all(&[0; 65]).await.unwrap_err();
        assert_eq!(TimeLimit::of(&error), Some(TimeLimit::Write));
        let start = Instant::now();
        for seconds in 1..=3 {
            let written = poll_fn(|cx| rt::Write::poll_write(Pin::new(&mut ours), cx, b"x"));
            assert_eq!(TimeLimit::of(&written.await.unwrap_err()), Some(TimeLimit::Write));
            assert_eq!(start.elapsed(), Duration::from_secs(seconds));
        }
        for seconds in 4..=6 {
            let written = poll_fn(|cx| AsyncWrite::poll_write(Pin::new(&mut ours), cx, b"x"));
            assert_eq!(TimeLimit::of(&written.await.unwrap_err()), Some(TimeLimit::Write));
            assert_eq!(start.elapsed(), Duration::from_secs(seconds));
        }
    });
}
