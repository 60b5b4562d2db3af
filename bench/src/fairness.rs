//! A light task alongside a heavy one: how long it waits for its turn.
//!
//! The light task sends back each byte that comes on a socket; another thread sends them, and measures. That thread
//! also supplies what the heavy task needs to be heavy, so that two cores are enough.

use crate::groups::{AYI, Figure, Rounds, Side, Size, TOKIO, Unit, Whom, Work};
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, PartialEq)]
enum Hog {
    /// It always wakes itself.
    Itself,
    /// It reads a socket that never runs dry.
    Socket,
    /// The other thread wakes it without end.
    Remote,
}

/// Returns the latencies, in order.
type Measure = fn(Hog) -> io::Result<Vec<Duration>>;

const QUESTIONS: usize = 3_000;

/// The socket of questions, that of the hog, and the source of its waker.
struct Other {
    questions: UnixStream,
    flood: UnixStream,
    waker: Receiver<Waker>,
}

impl Other {
    /// Returns the latencies, in order.
    fn ask(mut self, hog: Hog) -> io::Result<Vec<Duration>> {
        self.questions.set_nonblocking(true)?;
        self.flood.set_nonblocking(true)?;
        let waker = self.waker.recv().map_err(io::Error::other)?;
        let mut latencies = Vec::with_capacity(QUESTIONS);
        for _ in 0..QUESTIONS {
            if hog == Hog::Socket {
                // The socket is full: it has more than is read until the answer.
                while self.flood.write(&[0; 4096]).is_ok() {}
            }
            let start = Instant::now();
            self.questions.write_all(&[1])?;
            while let Err(error) = self.questions.read_exact(&mut [0]) {
                if error.kind() != ErrorKind::WouldBlock {
                    return Err(error);
                }
                match hog {
                    Hog::Remote => waker.wake_by_ref(),
                    Hog::Socket => drop(self.flood.write(&[0; 512])),
                    Hog::Itself => {}
                }
            }
            latencies.push(start.elapsed());
        }
        latencies.sort();
        Ok(latencies)
    }
}

/// The common part of the runtimes, apart from their names.
macro_rules! light_beside {
    ($hog:ident, $runtime:expr, $stream:ty, $spawn:path) => {{
        let (questions, light) = UnixStream::pair()?;
        let (flood, heavy) = UnixStream::pair()?;
        light.set_nonblocking(true)?;
        heavy.set_nonblocking(true)?;
        let (send, waker): (Sender<Waker>, _) = mpsc::channel();
        let other = thread::spawn(move || {
            load::stay_on_last_core()?;
            Other { questions, flood, waker }.ask($hog)
        });
        // This comes only now: a thread begins on the cores of the one that starts it.
        load::stay_on_first_core()?;
        $runtime.block_on(async {
            let mut light = <$stream>::from_std(light)?;
            let heavy = <$stream>::from_std(heavy)?;
            drop($spawn(async move {
                let mut send = Some(send);
                match $hog {
                    Hog::Socket => {
                        poll_fn(|cx| Poll::Ready(send.take().map(|send| send.send(cx.waker().clone()))))
                            .await;
                        #[allow(unused_mut, reason = "ayi's read takes `&self`")]
                        let (mut heavy, mut buf) = (heavy, [0; 64]);
                        while heavy.read(&mut buf).await.is_ok_and(|read| read > 0) {}
                    }
                    _ => {
                        poll_fn(|cx| {
                            if let Some(send) = send.take() {
                                let _ = send.send(cx.waker().clone());
                            }
                            if $hog == Hog::Itself {
                                cx.waker().wake_by_ref();
                            }
                            Poll::<()>::Pending
                        })
                        .await
                    }
                }
            }));
            let mut byte = [0];
            // This lasts until the other thread has got all its answers.
            while light.read_exact(&mut byte).await.is_ok() && light.write_all(&byte).await.is_ok() {}
            io::Result::Ok(())
        })?;
        other.join().expect("the other thread does not panic")
    }};
}

fn on_ayi(hog: Hog) -> io::Result<Vec<Duration>> {
    use ayi::io::{AsyncReadExt, AsyncWriteExt};
    light_beside!(hog, ayi::runtime::Runtime::new()?, ayi::net::UnixStream, ayi::spawn)
}

fn on_tokio(hog: Hog) -> io::Result<Vec<Duration>> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    light_beside!(hog, runtime, tokio::net::UnixStream, tokio::spawn)
}

pub fn works() -> Vec<Work> {
    let work = |(name, hog): (&str, Hog)| {
        let side = |(runtime, run): (&'static str, Measure)| {
            Side::new(runtime, move |_| {
                let latencies = thread::spawn(move || run(hog)).join().expect("no runtime panics")?;
                let at = |part: usize| latencies[QUESTIONS * part / 1000].as_nanos() as f64;
                Ok(vec![at(500), at(999)])
            })
        };
        Work {
            name: name.into(),
            size: Size::Fixed(1),
            rounds: Rounds::Some,
            figures: vec![
                Figure::new("p50", Unit::Nanoseconds, &[]),
                Figure::new("p99.9", Unit::Nanoseconds, &[(Whom::Tokio, 1.0)]),
            ],
            sides: [(AYI, on_ayi as Measure), (TOKIO, on_tokio)].map(side).into(),
        }
    };
    [
        ("beside a task that always wakes itself", Hog::Itself),
        ("beside a socket that never runs dry", Hog::Socket),
        ("beside a task that another thread wakes without end", Hog::Remote),
    ]
    .map(work)
    .into()
}
