//! A second core: what it brings, what it costs, and what happens if not all connections have the same to say.
//!
//! There are two cores, and the client wants CPU as well. So it is counted in: on one core, client and server share that
//! one; on two, both. Then twice the throughput is what two cores can bring at best, whoever needs how much of them. (A
//! client on a core of its own beside a server on the other would make one core look as if it was nearly two.) Nobody
//! is pinned to one of the two, as nobody is by default.
//!
//! Loops are closed: a latency is that of a machine that has no time left.

use crate::children::Order;
use crate::clients::{Echo, Http, checked, in_thread, nanos, sides, with_cpu};
use crate::groups::{
    AYI, AYI_BALANCED, Figure, Rounds, Side, Size, TOKIO, TOKIO_MULTI_THREAD, Unit, Whom, Work,
};
use crate::serve::{self, Child, MESSAGE};
use load::{Clients, Load, Protocol, Taken};
use std::io;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

const EVERYBODY: [&str; 6] = [AYI, AYI_BALANCED, TOKIO_MULTI_THREAD, TOKIO, "monoio epoll", "glommio"];
/// Those with an adapter for hyper.
const WITH_HYPER: [&str; 3] = [AYI, TOKIO_MULTI_THREAD, TOKIO];

const CONNECTIONS: usize = 64;
const WARM_UP: Duration = Duration::from_millis(20);
const TIME: Duration = Duration::from_millis(150);
/// Of each pair of hot connections.
const TIME_OF_PAIR: Duration = Duration::from_millis(40);

/// What a handler computes for each message.
const COMPUTING: Duration = Duration::from_micros(20);

/// The rounds that take so long here, when nobody disturbs.
fn rounds() -> usize {
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

/// What a load of a server's is on so many cores.
struct Measured {
    per_second: f64,
    cpu: f64,
    p50: f64,
    p99: f64,
}

fn measure(child: &Child, protocol: &dyn Protocol, per_question: usize) -> io::Result<Measured> {
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

fn connect<'a>(child: &Child, protocol: &'a dyn Protocol) -> io::Result<Clients<'a>> {
    let clients = Load { address: child.address, connections: CONNECTIONS, beside: 0, protocol }.connect()?;
    clients.errors.check()?;
    Ok(clients)
}

/// One core, then two. `measure` starts the server and asks it.
fn scaling(
    name: &str,
    asked: bool,
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
            one.p99,
            two.p50,
            two.p99,
        ])
    };
    let at_least = |times| if asked { vec![(Whom::OneCore, times)] } else { Vec::new() };
    let figures = vec![
        Figure::new("requests/s, two cores : one", Unit::Times, &at_least(1.9)),
        Figure::new("CPU per request, one core : two", Unit::Times, &at_least(1.0)),
        Figure::new("requests/s on one core", Unit::PerSecond, &[]),
        Figure::new("requests/s on two", Unit::PerSecond, &[]),
        Figure::new("CPU per request on one core", Unit::Nanoseconds, &[]),
        Figure::new("CPU per request on two", Unit::Nanoseconds, &[]),
        Figure::new("p99 on one core", Unit::Nanoseconds, &[]),
        Figure::new("p50 on two", Unit::Nanoseconds, &[]),
        Figure::new("p99 on two", Unit::Nanoseconds, &[]),
    ];
    work(name, figures, sides(runtimes.iter().copied(), turn))
}

fn work(name: &str, figures: Vec<Figure>, sides: Vec<Side>) -> Work {
    Work { name: name.into(), size: Size::Fixed(1), rounds: Rounds::Three, figures, sides }
}

/// An echo of messages, for each of which something is computed, or nothing.
fn echo(runtime: &'static str, rounds: usize, messages: usize) -> io::Result<Measured> {
    let child = Child::run_here(&mut Order(serve::COMPUTE, runtime, rounds).command()?)?;
    measure(&child, &Echo { bytes: MESSAGE * messages }, messages)
}

fn http(runtime: &'static str) -> io::Result<Measured> {
    let child = Child::run_here(&mut Order(serve::HYPER_ON_CORES, runtime, 0).command()?)?;
    measure(&child, &Http::learn(child.address, 1)?, 1)
}

/// Two connections that are never silent, among others that are.
fn unbalanced() -> Work {
    /// Of pairs of each kind.
    const PAIRS: usize = 6;
    /// What a hot connection sends in one go.
    const MESSAGES: usize = 64;

    let turn = |runtime| {
        let child = Child::run_here(&mut Order(serve::COMPUTE, runtime, rounds()).command()?)?;
        let protocol = &Echo { bytes: MESSAGE * MESSAGES };
        let mut clients = connect(&child, protocol)?;
        let mut per_second = |pair: [usize; 2]| {
            let Taken { requests, elapsed, .. } = checked(clients.ask_these(&pair, TIME_OF_PAIR)?)?;
            io::Result::Ok((requests as usize * MESSAGES) as f64 / elapsed.as_secs_f64())
        };
        let mut figures = Vec::new();
        for is_any in [false, true] {
            // One after the other, or, as often an odd as an even number farther on, any two.
            let pair = |first, number| [first, first + if is_any { number + 1 } else { 1 }];
            let pairs = (0..PAIRS).map(|number| per_second(pair(10 * number, number)));
            let pairs = pairs.collect::<io::Result<Vec<f64>>>()?;
            figures.push(pairs.iter().sum::<f64>() / PAIRS as f64);
            figures.push(pairs.into_iter().fold(f64::INFINITY, f64::min));
        }
        Ok(figures)
    };
    let turn = move |runtime| in_thread(|| load::stay_on_first_cores(2), move || turn(runtime));
    let figure = |name: &str| Figure::new(name, Unit::PerSecond, &[]);
    let figures = vec![
        figure("opened one after the other: messages/s, mean"),
        figure("opened one after the other: messages/s, worst"),
        figure("any two: messages/s, mean"),
        figure("any two: messages/s, worst"),
    ];
    let runtimes = EVERYBODY.into_iter().filter(|runtime| *runtime != TOKIO);
    work("20 µs, two hot connections among 62 silent ones", figures, sides(runtimes, turn))
}

/// How evenly connections lie on the cores.
fn balance() -> Work {
    const TIMES: usize = 10;

    let turn = |runtime| {
        let child = Child::run_here(&mut Order(serve::COMPUTE, runtime, 0).command()?)?;
        let mut all = Vec::new();
        let mut shares = Vec::new();
        let mut before = child.watched()?;
        for _ in 0..TIMES {
            all.push(connect(&child, &Echo { bytes: MESSAGE })?);
            // Until all of them wait.
            thread::sleep(TIME_OF_PAIR / 10);
            let now = child.watched()?;
            let new = now.iter().map(|(epoll, now)| now - before.get(epoll).unwrap_or(&0));
            shares.push(new.max().unwrap_or(0) as f64 / (CONNECTIONS as f64 / 2.0));
            before = now;
        }
        Ok(vec![shares.iter().sum::<f64>() / TIMES as f64, shares.into_iter().fold(0.0, f64::max)])
    };
    let turn = move |runtime| in_thread(|| load::stay_on_first_cores(2), move || turn(runtime));
    let figures = vec![
        Figure::new("on the fuller core : half of all, mean", Unit::Count, &[]),
        Figure::new("on the fuller core : half of all, worst", Unit::Count, &[]),
    ];
    let runtimes = [AYI, AYI_BALANCED, TOKIO, "monoio epoll"];
    work("64 connections on two cores", figures, sides(runtimes, turn))
}

pub fn works() -> Vec<Work> {
    vec![
        scaling("echo of 64 B", false, &EVERYBODY, |runtime| echo(runtime, 0, 1)),
        scaling("hyper", false, &WITH_HYPER, http),
        scaling("20 µs of computing", true, &EVERYBODY, |runtime| echo(runtime, rounds(), 1)),
        scaling("20 µs of computing, 16 in a row", true, &EVERYBODY, |runtime| echo(runtime, rounds(), 16)),
        unbalanced(),
        balance(),
    ]
}
