//! A second core: its gain, its cost, and what happens if some connections have more to say than others.
//!
//! There are two cores, and the client needs CPU as well. So the client is counted: on one core, client and server
//! share it; on two, they share both. Then two cores can give at most twice the throughput, however the two divide
//! them. With a client on a core of its own and a server on the other, one core would look like nearly two. More
//! than twice is possible if little is computed: with one core, the kernel switches to the client and back for nearly
//! each answer. Neither is pinned to one of the two cores, as is the default.
//!
//! Loops are closed: a latency is that of a machine that has no time left.

use crate::children::Order;
use crate::clients::{Echo, Http, SETTLING, checked, example_http, in_thread, nanos, sides, with_cpu};
use crate::groups::{
    AYI, AYI_BALANCED, Figure, Rounds, Side, Size, TOKIO, TOKIO_MULTI_THREAD, Unit, Whom, Work,
};
use crate::serve::{self, Child, MESSAGE};
use load::{Clients, Load, Protocol};
use std::io;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

const EVERYBODY: [&str; 6] = [AYI, AYI_BALANCED, TOKIO_MULTI_THREAD, TOKIO, "monoio epoll", "glommio"];
const WITH_HTTP: [&str; 3] = [AYI, TOKIO_MULTI_THREAD, TOKIO];

pub const CONNECTIONS: usize = 64;
pub const WARM_UP: Duration = Duration::from_millis(20);
const TIME: Duration = Duration::from_millis(150);
/// The time of each pair of hot connections.
const TIME_OF_PAIR: Duration = Duration::from_millis(30);

/// What a handler computes for each message.
pub const COMPUTING: Duration = Duration::from_micros(20);

/// Returns the number of rounds that take so long here, when nothing disturbs.
pub fn rounds() -> usize {
    static ROUNDS: OnceLock<usize> = OnceLock::new();
    *ROUNDS.get_or_init(|| {
        let tried = 10_000;
        let least = (0..1_000).map(|_| {
            let start = Instant::now();
            serve::compute(tried);
            start.elapsed()
        });
        let least = least.min().expect("there are some");
        (COMPUTING.as_nanos() * tried as u128 / least.as_nanos()) as usize
    })
}

/// What a server's load gives on so many cores.
pub struct Measured {
    pub per_second: f64,
    pub cpu: f64,
    pub p50: f64,
    pub p99: f64,
}

pub fn measure(child: &Child, protocol: &dyn Protocol, per_question: usize) -> io::Result<Measured> {
    let mut clients = connect(child, protocol)?;
    checked(clients.ask(WARM_UP)?)?;
    let (taken, cpu) = with_cpu(child, || checked(clients.ask(TIME)?))?;
    let requests = (taken.requests as usize * per_question) as f64;
    Ok(Measured {
        per_second: requests / taken.elapsed.as_secs_f64(),
        cpu: nanos(cpu) / requests,
        p50: nanos(taken.quantile(0.5)),
        p99: nanos(taken.quantile(0.99)),
    })
}

pub fn connect<'a>(child: &Child, protocol: &'a dyn Protocol) -> io::Result<Clients<'a>> {
    let clients = Load { address: child.address, connections: CONNECTIONS, beside: 0, protocol }.connect()?;
    clients.errors.check()?;
    Ok(clients)
}

/// Measures one core, then two. `measure` starts the server and asks it. `goals` are how many times better the first
/// figures should be on two.
fn scaling(
    name: &str,
    goals: &[f64],
    runtimes: &[&'static str],
    measure: impl Fn(&'static str) -> io::Result<Measured> + Copy + Send + 'static,
) -> Work {
    let turn = move |runtime| {
        let on = |cores| in_thread(move || load::stay_on_first_cores(cores), move || measure(runtime));
        let (one, two) = (on(1)?, on(2)?);
        Ok(vec![
            two.per_second / one.per_second,
            one.cpu / two.cpu,
            one.per_second,
            two.per_second,
            one.cpu,
            two.cpu,
            two.p50,
            two.p99,
        ])
    };
    let at_least = |i: usize| goals.get(i).map(|&times| (Whom::OneCore, times));
    let times = |name, i| Figure::new(name, Unit::Times, at_least(i).as_slice());
    let figures = vec![
        times("requests/s, two cores : one", 0),
        times("CPU per request, one core : two", 1),
        Figure::new("requests/s on one core", Unit::PerSecond, &[]),
        Figure::new("requests/s on two", Unit::PerSecond, &[]),
        Figure::new("CPU per request on one core", Unit::Nanoseconds, &[]),
        Figure::new("CPU per request on two", Unit::Nanoseconds, &[]),
        Figure::new("p50 on two", Unit::Nanoseconds, &[]),
        Figure::new("p99 on two", Unit::Nanoseconds, &[]),
    ];
    work(name, figures, sides(runtimes.iter().copied(), turn))
}

pub fn work(name: &str, figures: Vec<Figure>, sides: Vec<Side>) -> Work {
    Work { name: name.into(), size: Size::Fixed(1), rounds: Rounds::Three, figures, sides }
}

/// An echo of messages, for each of which something is computed, or nothing.
fn echo(runtime: &'static str, rounds: usize, messages: usize) -> io::Result<Measured> {
    let child = Child::run_here(&mut Order(serve::COMPUTE, runtime, rounds).command()?)?;
    measure(&child, &Echo { bytes: MESSAGE * messages }, messages)
}

fn http(runtime: &'static str) -> io::Result<Measured> {
    let child = match runtime {
        AYI => Child::run_here(example_http()?.args(["--cores", "all"]))?,
        _ => Child::run_here(&mut Order(serve::HYPER_ON_CORES, runtime, 0).command()?)?,
    };
    measure(&child, &Http::learn(child.address, 1)?, 1)
}

/// Two connections that are never silent, among others that are: messages per second, for several pairs that were
/// opened one after the other, and for several pairs of any two. Each kind has the mean and the least.
fn hot_pairs(runtime: &'static str) -> io::Result<Vec<f64>> {
    const PAIRS: usize = 6;
    /// How many are sent at once: enough that a server is hardly ever without work for either.
    const MESSAGES: usize = 64;

    let child = Child::run_here(&mut Order(serve::COMPUTE, runtime, rounds()).command()?)?;
    let protocol = &Echo { bytes: MESSAGE * MESSAGES };
    let mut clients = connect(&child, protocol)?;
    let mut kinds = [Vec::new(), Vec::new()];
    for number in 0..PAIRS {
        // The kinds alternate, because what a server got used to with one pair may last for the next. Among any two,
        // the second is an odd number farther on as often as an even one.
        for (kind, apart) in kinds.iter_mut().zip([1, number + 1]) {
            let pair = [10 * number, 10 * number + apart];
            let taken = checked(clients.ask_these(&pair, TIME_OF_PAIR)?)?;
            kind.push((taken.requests as usize * MESSAGES) as f64 / taken.elapsed.as_secs_f64());
        }
    }
    let figures = |all: Vec<f64>| {
        [all.iter().sum::<f64>() / PAIRS as f64, all.into_iter().fold(f64::INFINITY, f64::min)]
    };
    Ok(kinds.into_iter().flat_map(figures).collect())
}

/// Measures how many of so many connections the fuller core gets, relative to half of them: on average, and at worst.
fn shares(runtime: &'static str) -> io::Result<Vec<f64>> {
    const TIMES: usize = 10;

    let child = Child::run_here(&mut Order(serve::COMPUTE, runtime, 0).command()?)?;
    // They stay open, so that a server that counts them continues to count.
    let mut all = Vec::new();
    let mut more = || {
        all.push(connect(&child, &Echo { bytes: MESSAGE })?);
        // This lasts until the last of them waits for its next question.
        thread::sleep(SETTLING);
        child.watched()
    };
    // Now all cores have what they watch besides.
    let mut before = more()?;
    let mut shares = Vec::new();
    for _ in 0..TIMES {
        let now = more()?;
        let new = now.iter().map(|(epoll, now)| now - before.get(epoll).unwrap_or(&0));
        shares.push(new.max().unwrap_or(0) as f64 / (CONNECTIONS as f64 / 2.0));
        before = now;
    }
    Ok(vec![shares.iter().sum::<f64>() / TIMES as f64, shares.into_iter().fold(0.0, f64::max)])
}

/// Makes a work for which client and server have two cores.
pub fn on_two(
    name: &str,
    figures: &[&str],
    unit: Unit,
    runtimes: impl IntoIterator<Item = &'static str>,
    measure: fn(&'static str) -> io::Result<Vec<f64>>,
) -> Work {
    let turn = move |runtime| in_thread(|| load::stay_on_first_cores(2), move || measure(runtime));
    let figures = figures.iter().map(|name| Figure::new(*name, unit, &[])).collect();
    work(name, figures, sides(runtimes, turn))
}

pub fn works() -> Vec<Work> {
    vec![
        scaling("echo of 64 B", &[], &EVERYBODY, |runtime| echo(runtime, 0, 1)),
        scaling("examples/http on ayi, hyper on the others", &[], &WITH_HTTP, http),
        scaling("20 µs of computing", &[], &EVERYBODY, |runtime| echo(runtime, rounds(), 1)),
        scaling("20 µs of computing, 16 in a row", &[1.9, 1.0], &EVERYBODY, |runtime| {
            echo(runtime, rounds(), 16)
        }),
        on_two(
            "20 µs of computing, two hot connections among 62 silent ones",
            &[
                "opened one after the other, messages/s, mean",
                "opened one after the other, messages/s, worst",
                "any two, messages/s, mean",
                "any two, messages/s, worst",
            ],
            Unit::PerSecond,
            // tokio's `current_thread` would have the same listeners as ayi.
            EVERYBODY.into_iter().filter(|runtime| *runtime != TOKIO),
            hot_pairs,
        ),
        on_two(
            "64 connections, what the fuller core has of them : half",
            &["mean", "worst"],
            Unit::Count,
            // Only runtimes with an epoll for each core, in which it can be seen.
            [AYI, AYI_BALANCED, TOKIO, "monoio epoll"],
            shares,
        ),
    ]
}
