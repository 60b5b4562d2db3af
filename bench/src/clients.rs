//! What servers are asked, and what they use for it. The server has the first core, the client the last.

use crate::children::Order;
use crate::groups::{AYI, Figure, PEERS, Rounds, Side, Size, TOKIO, Unit, Whom, Work};
use crate::loops;
use crate::serve::{self, Child};
use load::{Load, Protocol, Taken};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

const WARM_UP: Duration = Duration::from_millis(50);
/// The time of a closed loop, and then of an open one.
const TIME: Duration = Duration::from_millis(300);

/// The time until a server that has answered rests again.
pub const SETTLING: Duration = Duration::from_millis(5);

/// Questions that are their own answers.
pub struct Echo {
    /// The bytes of a question.
    pub bytes: usize,
}

impl Protocol for Echo {
    fn ask(&self, connection: usize, sequence: u64, question: &mut Vec<u8>, answer: &mut Vec<u8>) {
        question.resize(self.bytes, b'.');
        // Both ends differ from those of all other questions.
        let number = ((connection as u64) << 40 | sequence).to_le_bytes();
        question[..8].copy_from_slice(&number);
        question[self.bytes - 8..].copy_from_slice(&number);
        answer.clear();
        answer.extend_from_slice(question);
    }
}

/// Runs a client on its core.
pub fn on_last_core<T: Send>(client: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    in_thread(load::stay_on_last_core, client)
}

/// Runs `action` in a thread of its own, so that only that thread, and what it starts, stays where `stay` says.
pub fn in_thread<T: Send>(
    stay: impl FnOnce() -> io::Result<()> + Send,
    action: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| stay().and_then(|()| action()));
        thread.join().expect("neither panics")
    })
}

/// Returns the result of `action`, and the server's CPU time for it.
pub fn with_cpu<T>(child: &Child, action: impl FnOnce() -> io::Result<T>) -> io::Result<(T, Duration)> {
    thread::sleep(SETTLING);
    let before = child.cpu()?;
    let result = action()?;
    thread::sleep(SETTLING);
    Ok((result, child.cpu()? - before))
}

pub fn checked(taken: Taken) -> io::Result<Taken> {
    taken.errors.check()?;
    Ok(taken)
}

pub fn nanos(time: Duration) -> f64 {
    time.as_nanos() as f64
}

pub fn sides(
    runtimes: impl IntoIterator<Item = &'static str>,
    turn: impl Fn(&'static str) -> io::Result<Vec<f64>> + Clone + 'static,
) -> Vec<Side> {
    let side = |runtime| {
        let turn = turn.clone();
        Side::new(runtime, move |_| turn(runtime))
    };
    runtimes.into_iter().map(side).collect()
}

fn work(name: String, figures: Vec<Figure>, sides: Vec<Side>) -> Work {
    Work { name, size: Size::Fixed(1), rounds: Rounds::Some, figures, sides }
}

fn everybody() -> impl Iterator<Item = &'static str> {
    [AYI].into_iter().chain(PEERS).chain(loops::installed())
}

pub fn echo() -> Vec<Work> {
    let mut works = Vec::new();
    for (bytes, name) in [(64, "64 B"), (16 << 10, "16 KiB")] {
        for connections in [1, 64, 1_000, 8_000] {
            // This is well below what one connection, or one core, can do.
            let rate = if connections == 1 || bytes > 64 { 4_000 } else { 20_000 };
            let at_rate = |part: &str| Figure::new(format!("{part} at {rate}/s"), Unit::Nanoseconds, &[]);
            let figures = vec![
                Figure::new("CPU per request", Unit::Nanoseconds, &[(Whom::Tokio, 1.0)]),
                Figure::new("requests/s", Unit::PerSecond, &[(Whom::Raw, 0.98), (Whom::OnEpoll, 1.0)]),
                at_rate("p50"),
                at_rate("p99"),
                at_rate("p99.9"),
            ];
            let turn = move |runtime| {
                // It is larger than a question, so that a short read says that there is no more.
                let child = Child::run(&mut serve::echo_on(runtime, 2 * bytes)?)?;
                ask(&child, &Echo { bytes }, connections, f64::from(rate))
            };
            works.push(work(format!("{name}, {connections} connections"), figures, sides(everybody(), turn)));
        }
    }
    works
}

fn ask(child: &Child, protocol: &Echo, connections: usize, rate: f64) -> io::Result<Vec<f64>> {
    on_last_core(|| {
        let mut clients = Load { address: child.address, connections, beside: 0, protocol }.connect()?;
        clients.errors.check()?;
        checked(clients.ask(WARM_UP)?)?;
        let (taken, cpu) = with_cpu(child, || checked(clients.ask(TIME)?))?;
        let requests = taken.requests as f64;
        let at_rate = checked(clients.ask_at(rate, TIME)?)?;
        let mut figures = vec![nanos(cpu) / requests, requests / taken.elapsed.as_secs_f64()];
        figures.extend([0.5, 0.99, 0.999].map(|part| nanos(at_rate.quantile(part))));
        Ok(figures)
    })
}

pub fn connections() -> Vec<Work> {
    /// How many connections are opened at a time.
    const BATCH: usize = 64;
    const BATCHES: usize = 40;

    let turn = |runtime| {
        let child = Child::run(&mut serve::echo_on(runtime, 128)?)?;
        on_last_core(|| {
            let batch = || {
                let protocol = &Echo { bytes: 64 };
                let load = Load { address: child.address, connections: BATCH, beside: 0, protocol };
                // Connecting means being answered once, and dropping means closing.
                load.connect()?.errors.check()
            };
            batch()?;
            let start = Instant::now();
            let (end, cpu) =
                with_cpu(&child, || (0..BATCHES).try_for_each(|_| batch()).map(|()| start.elapsed()))?;
            let connections = (BATCH * BATCHES) as f64;
            Ok(vec![nanos(cpu) / connections, connections / (end - SETTLING).as_secs_f64()])
        })
    };
    let figures = vec![
        Figure::new("CPU per connection", Unit::Nanoseconds, &[(Whom::Tokio, 1.03), (Whom::Raw, 0.95)]),
        Figure::new("connections/s", Unit::PerSecond, &[]),
    ];
    vec![work("64 at a time".into(), figures, sides(everybody(), turn))]
}

/// Sends `GET /`, several times in a row.
pub struct Http {
    pipelined: usize,
    /// The answer to one request, with zeros in the place of the date.
    answer: Vec<u8>,
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

impl Protocol for Http {
    fn ask(&self, _: usize, _: u64, question: &mut Vec<u8>, answer: &mut Vec<u8>) {
        if question.is_empty() {
            question.extend(GET.repeat(self.pipelined));
            answer.extend(self.answer.repeat(self.pipelined));
        }
    }

    fn is_right(&self, expected: u8, byte: u8) -> bool {
        expected == 0 || expected == byte
    }
}

impl Http {
    /// Servers differ in their headers. So this reads one answer, and expects all others to be the same.
    pub fn learn(address: SocketAddr, pipelined: usize) -> io::Result<Http> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(GET)?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nhello\n") {
            let mut buf = [0; 1024];
            match stream.read(&mut buf)? {
                0 => return Err(io::Error::other("a response without `hello`")),
                bytes => answer.extend_from_slice(&buf[..bytes]),
            }
        }
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        if !text.starts_with("http/1.1 200 ok\r\n") {
            return Err(io::Error::other(format!("not what was asked for: {text}")));
        }
        let date = text.find("\r\ndate: ").ok_or_else(|| io::Error::other("a response without a date"))? + 8;
        let end = date + text[date..].find('\r').expect("it has an end");
        answer[date..end].fill(0);
        Ok(Http { pipelined, answer })
    }
}

/// Returns examples/http as a program, with the profile of this one, on any port.
pub fn example_http() -> io::Result<Command> {
    static BUILT: OnceLock<bool> = OnceLock::new();
    let is_built = *BUILT.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--release", "--quiet", "--bin", "http", "--manifest-path"]);
        cargo
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .status()
            .is_ok_and(|status| status.success())
    });
    if !is_built {
        return Err(io::Error::other("examples/http cannot be built"));
    }
    let program = std::env::current_exe()?.with_file_name("http");
    let mut command = Command::new(program);
    command.arg("127.0.0.1:0");
    Ok(command)
}

pub fn http() -> Vec<Work> {
    const CONNECTIONS: usize = 64;

    let mut works = Vec::new();
    for is_example in [true, false] {
        for (pipelined, how) in [(1, "one request at a time"), (16, "16 in a row")] {
            let turn = move |runtime| {
                let child = match runtime {
                    AYI if is_example => Child::run(&mut example_http()?)?,
                    _ => Child::run(&mut Order(serve::HYPER, runtime, 0).command()?)?,
                };
                let protocol = &Http::learn(child.address, pipelined)?;
                on_last_core(|| {
                    let load = Load { address: child.address, connections: CONNECTIONS, beside: 0, protocol };
                    let mut clients = load.connect()?;
                    clients.errors.check()?;
                    checked(clients.ask(WARM_UP)?)?;
                    let (taken, cpu) = with_cpu(&child, || checked(clients.ask(TIME)?))?;
                    let requests = taken.requests as f64 * pipelined as f64;
                    Ok(vec![nanos(cpu) / requests, requests / taken.elapsed.as_secs_f64()])
                })
            };
            let goals = [(Whom::Tokio, 1.05), (Whom::Others, 1.0)];
            let goals = if is_example { &goals[..] } else { &goals[1..] };
            let figures = vec![
                Figure::new("CPU per request", Unit::Nanoseconds, goals),
                Figure::new("requests/s", Unit::PerSecond, goals),
            ];
            let what = if is_example { "examples/http on ayi, hyper on the others" } else { "hyper on all" };
            works.push(work(format!("{what}, {how}"), figures, sides([AYI, TOKIO, "smol"], turn)));
        }
    }
    works
}
