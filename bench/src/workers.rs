//! Workers that share what there is to do: rows of the group `cores` for runtimes in which a connection's task may go from
//! one core to the other, beside those where it stays where it was dealt to.
//!
//! The machine's first two cores have everything: the server's two threads and the client's one. So what the client needs
//! is missing from the server, for everybody alike, and a thread of the server's waits now and then until the client has
//! had its turn. A row says how much that is where it matters.

use crate::children::Order;
use crate::clients::{Echo, checked, in_thread, nanos, sides, with_cpu};
use crate::cores::{CONNECTIONS, WARM_UP, connect, measure, rounds};
use crate::groups::{AYI, AYI_ON_CORES, Figure, Rounds, Side, Size, TOKIO_MULTI_THREAD, Unit, Whom, Work};
use crate::serve::{self, Child, MESSAGE, compute};
use std::io;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const SERVERS: [&str; 5] = [AYI, AYI_ON_CORES, TOKIO_MULTI_THREAD, "monoio epoll", "glommio"];

fn server(runtime: &'static str, rounds: usize) -> io::Result<Child> {
    Child::run_here(&mut Order(serve::SHARED, runtime, rounds).command()?)
}

/// Makes a work for which client and server have two cores.
fn on_two(
    name: &str,
    rounds: Rounds,
    figures: Vec<Figure>,
    runtimes: impl IntoIterator<Item = &'static str>,
    measure: fn(&'static str) -> io::Result<Vec<f64>>,
) -> Work {
    let turn = move |runtime| in_thread(|| load::stay_on_first_cores(2), move || measure(runtime));
    let sides: Vec<Side> = sides(runtimes, turn);
    Work { name: name.into(), size: Size::Fixed(1), rounds, figures, sides }
}

/// Two connections that are never silent, among others that are.
mod hot {
    use super::*;

    const PAIRS: usize = 6;
    /// From when they begin, until the server must have noticed.
    const NOTICED: Duration = Duration::from_millis(10);
    const TIME: Duration = Duration::from_millis(30);

    /// Returns requests per second for pairs of any two, the mean and the least, and both as parts of what two cores have
    /// to give: twice what one connection gets when it has the machine for itself, in the same turn. `AT_ONCE` are sent
    /// in a row.
    pub fn measure<const AT_ONCE: usize>(runtime: &'static str) -> io::Result<Vec<f64>> {
        let child = server(runtime, rounds())?;
        let protocol = &Echo { bytes: MESSAGE * AT_ONCE };
        let mut clients = connect(&child, protocol)?;
        let mut rate = |hot: &[usize]| {
            checked(clients.ask_these(hot, NOTICED)?)?;
            let taken = checked(clients.ask_these(hot, TIME)?)?;
            io::Result::Ok((taken.requests as usize * AT_ONCE) as f64 / taken.elapsed.as_secs_f64())
        };
        let (mut pairs, mut alone) = (Vec::new(), Vec::new());
        for number in 0..PAIRS {
            // The second is an odd number farther on as often as an even one.
            pairs.push(rate(&[10 * number, 11 * number + 1])?);
            alone.push(rate(&[10 * number + 3])?);
        }
        let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
        let (least, both) = (pairs.iter().copied().fold(f64::INFINITY, f64::min), 2.0 * mean(&alone));
        Ok(vec![mean(&pairs), least, mean(&pairs) / both, least / both])
    }

    pub fn work<const AT_ONCE: usize>() -> Work {
        let name = format!(
            "two workers: two hot connections among 62 silent ones, 20 µs a request, {AT_ONCE} in a row, from 10 ms on"
        );
        let figures = vec![
            Figure::new("requests/s, mean", Unit::PerSecond, &[(Whom::MultiThread, 1.1)]),
            Figure::new("requests/s, worst", Unit::PerSecond, &[(Whom::MultiThread, 1.0)]),
            Figure::new("mean : two cores' worth", Unit::Times, &[(Whom::TwoCores, 0.97)]),
            Figure::new("worst : two cores' worth", Unit::Times, &[]),
        ];
        on_two(&name, Rounds::Some, figures, SERVERS, measure::<AT_ONCE>)
    }
}

/// Connections of which the k-th asks 1/k as often as the first.
mod zipf {
    use super::*;

    /// The messages of a question: 100 µs of computing, so that the client, which shares the cores, needs about a tenth.
    const MESSAGES: usize = 5;
    /// The part of what two cores can do.
    const LOAD: f64 = 0.7;
    const SETTLING: Duration = Duration::from_millis(50);
    const TIME: Duration = Duration::from_millis(250);
    /// How often others become the ones that ask most.
    const TIMES: u64 = 3;

    const PROTOCOL: Echo = Echo { bytes: MESSAGE * MESSAGES };

    /// Numbers from 0 to 1 that are the same in each run.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> f64 {
            // xorshift64*
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    /// Returns when which connection asks: independent of each other, so many a second on average (Poisson).
    fn questions(seed: u64, rate: f64, time: Duration) -> Vec<(Duration, usize)> {
        let mut numbers = Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let sum: f64 = (1..=CONNECTIONS).map(|rank| 1.0 / rank as f64).sum();
        let (mut questions, mut at) = (Vec::new(), 0.0);
        loop {
            at -= (1.0 - numbers.next()).ln() / rate;
            if at >= time.as_secs_f64() {
                return questions;
            }
            let mut left = numbers.next() * sum;
            let rank = (1..CONNECTIONS).find(|rank| {
                left -= 1.0 / *rank as f64;
                left < 0.0
            });
            // Ranks are spread over the connections: 19 and 64 have no divisor in common.
            let number = 19 * rank.unwrap_or(CONNECTIONS) + 7 * seed as usize;
            questions.push((Duration::from_secs_f64(at), number % CONNECTIONS));
        }
    }

    /// Returns the rate at which everybody is asked: a part of what tokio's `multi_thread` answers when all connections
    /// ask equally much and as often as they can.
    fn rate() -> io::Result<f64> {
        static RATE: OnceLock<Result<f64, String>> = OnceLock::new();
        let rate = || {
            let mut rates = Vec::new();
            for _ in 0..3 {
                rates.push(super::measure(&server(TOKIO_MULTI_THREAD, rounds())?, &PROTOCOL, 1)?.per_second);
            }
            rates.sort_by(f64::total_cmp);
            io::Result::Ok(LOAD * rates[1])
        };
        RATE.get_or_init(|| rate().map_err(|error| error.to_string())).clone().map_err(io::Error::other)
    }

    fn measure(runtime: &'static str) -> io::Result<Vec<f64>> {
        let rate = rate()?;
        let child = server(runtime, rounds())?;
        let mut clients = connect(&child, &PROTOCOL)?;
        checked(clients.ask(WARM_UP)?)?;
        let mut all = Vec::new();
        for time in 1..=TIMES {
            checked(clients.ask_when(questions(time, rate, SETTLING))?)?;
            let questions = questions(time, rate, TIME);
            let (taken, cpu) = with_cpu(&child, || checked(clients.ask_when(questions)?))?;
            let p99 = nanos(taken.quantile(0.99));
            all.push([nanos(taken.quantile(0.5)), p99, nanos(cpu) / taken.requests as f64]);
        }
        let mean = |i: usize| all.iter().map(|figures| figures[i]).sum::<f64>() / all.len() as f64;
        Ok((0..3).map(mean).collect())
    }

    pub fn work() -> Work {
        let name =
            "two workers: 64 connections, the k-th asks 1/k as often (Zipf), 100 µs a request, at 70 % load";
        let figures = vec![
            Figure::new("p50", Unit::Nanoseconds, &[]),
            Figure::new("p99", Unit::Nanoseconds, &[(Whom::MultiThread, 1.0)]),
            Figure::new("CPU per request", Unit::Nanoseconds, &[]),
        ];
        on_two(name, Rounds::Some, figures, SERVERS, measure)
    }
}

/// An echo without any computing. Its client is as busy as its server, and so takes the cores from it.
fn echo() -> Work {
    let figures = vec![
        Figure::new("requests/s", Unit::PerSecond, &[(Whom::MultiThread, 1.0)]),
        Figure::new("CPU per request", Unit::Nanoseconds, &[(Whom::MultiThread, 1.0)]),
        Figure::new("p50", Unit::Nanoseconds, &[]),
        Figure::new("p99", Unit::Nanoseconds, &[(Whom::MultiThread, 1.0)]),
    ];
    let name = "two workers: echo of 64 B beside a client that is as busy";
    on_two(name, Rounds::Many, figures, SERVERS, |runtime| {
        let measured = measure(&server(runtime, 0)?, &Echo { bytes: MESSAGE }, 1)?;
        Ok(vec![measured.per_second, measured.cpu, measured.p50, measured.p99])
    })
}

/// Tasks that one task spawns, with two workers to run them.
mod spawn {
    use super::*;
    use std::future::Future;

    const TASKS: usize = 100_000;
    /// What each of them computes, in nanoseconds.
    const COMPUTING: usize = 2_000;

    macro_rules! spawn_all {
        ($runtime:expr, $spawn:path, $rounds:ident) => {{
            let runtime = $runtime?;
            // In a task, because the thread that calls `block_on` is no worker.
            let all = runtime.handle().spawn(async move {
                let start = Instant::now();
                let tasks: Vec<_> = (0..TASKS).map(|_| $spawn(async move { compute($rounds) })).collect();
                for task in tasks {
                    task.await.expect("it does not panic");
                }
                start.elapsed()
            });
            runtime.block_on(all).expect("it does not panic")
        }};
    }

    /// `ayi::spawn` also takes what is not `Send`, so its tasks stay.
    fn on_ayi<F: Future<Output = ()> + Send + 'static>(future: F) -> ayi::task::JoinHandle<()> {
        ayi::runtime::Handle::current().spawn(future)
    }

    /// Returns how long it takes from the first spawn until all tasks have ended, in nanoseconds.
    fn time(runtime: &str, workers: usize, rounds: usize) -> io::Result<f64> {
        let time = match runtime {
            AYI => {
                let mut builder = ayi::runtime::Builder::new_multi_thread();
                spawn_all!(builder.worker_threads(workers).build(), on_ayi, rounds)
            }
            _ => {
                let mut builder = tokio::runtime::Builder::new_multi_thread();
                spawn_all!(builder.worker_threads(workers).enable_all().build(), tokio::spawn, rounds)
            }
        };
        Ok(nanos(time))
    }

    fn measure(runtime: &'static str) -> io::Result<Vec<f64>> {
        let rounds = rounds() * COMPUTING / crate::cores::COMPUTING.as_nanos() as usize;
        let (one, two) = (time(runtime, 1, rounds)?, time(runtime, 2, rounds)?);
        Ok(vec![time(runtime, 2, 0)?, two, one / two])
    }

    pub fn work() -> Work {
        let figures = vec![
            Figure::new("that do nothing, time", Unit::Nanoseconds, &[(Whom::MultiThread, 1.5)]),
            Figure::new("that compute for 2 µs, time", Unit::Nanoseconds, &[(Whom::MultiThread, 1.0)]),
            Figure::new("that compute for 2 µs, one worker : two", Unit::Times, &[(Whom::TwoCores, 1.5)]),
        ];
        let name = "two workers: one task spawns 100,000";
        on_two(name, Rounds::Some, figures, [AYI, TOKIO_MULTI_THREAD], measure)
    }
}

pub fn works() -> Vec<Work> {
    vec![hot::work::<64>(), hot::work::<16>(), zipf::work(), echo(), spawn::work()]
}
