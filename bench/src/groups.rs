//! The groups, and ayi's target in each.

use crate::runtimes::on_all;
use crate::{
    builds, clients, cores, counts, dropin, fairness, files, loops, memory, record, sync, web, workers, works,
};
use std::io;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

pub const AYI: &str = "ayi";
pub const TOKIO: &str = "tokio";
pub const RAW: &str = "raw epoll";

/// tokio, with a call of std's on its blocking pool.
pub const POOL: &str = "spawn_blocking";
/// No runtime at all.
pub const STD: &str = "std";
pub const RAW_RING: &str = "raw io_uring";

/// All other runtimes, in the order of the columns. `LOOPS`, `ON_CORES`, `WITHOUT`, `CHANNELS` and `RECORD` come after
/// them.
pub const PEERS: [&str; 7] = [TOKIO, "smol", "monoio epoll", "monoio io_uring", "glommio", "compio", RAW];

/// Event loops of C and C++, of the package `peers`: callbacks instead of tasks.
pub const LOOPS: [&str; 4] = ["libev", "libevent", "libuv", "Boost.Asio"];

/// The other ways to use two of them, which are only counted.
pub const LOOPS_OTHERWISE: [&str; 2] = ["bufferevent", "Asio coroutines"];

/// ayi with one core that accepts for all.
pub const AYI_BALANCED: &str = "ayi, one accepts";
/// ayi with a runtime and a listener for each core, whose tasks may go to another one.
pub const AYI_ON_CORES: &str = "ayi, cores";
pub const TOKIO_MULTI_THREAD: &str = "tokio multi_thread";

/// The other ways to use several cores.
pub const ON_CORES: [&str; 3] = [AYI_BALANCED, AYI_ON_CORES, TOKIO_MULTI_THREAD];

/// The ways to use files without a runtime that supports them.
pub const WITHOUT: [&str; 3] = [POOL, STD, RAW_RING];

/// tokio's channels and locks, on ayi's runtime.
pub const TOKIO_ON_AYI: &str = "tokio::sync on ayi";
pub const ASYNC_CHANNEL: &str = "async-channel";
pub const FLUME: &str = "flume";

/// Channels and locks that are not of the runtime.
pub const CHANNELS: [&str; 3] = [TOKIO_ON_AYI, ASYNC_CHANNEL, FLUME];

/// ayi with the feature `record`, not recorded.
pub const WITH_RECORD: &str = "with the feature";
pub const RECORDED: &str = "recorded";

/// ayi as it is seen.
pub const RECORD: [&str; 2] = [WITH_RECORD, RECORDED];

/// How one runtime does a piece of work, so many operations of it. It returns one number for each of the work's
/// figures.
pub type Turn = Rc<dyn Fn(u32) -> io::Result<Vec<f64>>>;

#[derive(Clone)]
pub struct Side {
    pub runtime: &'static str,
    pub turn: Turn,
}

#[derive(Clone, Copy)]
pub enum Size {
    /// A multiple of this: as many operations as take a few milliseconds.
    Any(u32),
    /// Exactly so many.
    Fixed(u32),
    /// Exactly so many, and fewer in a short pass.
    Scaled { full: u32, quick: u32 },
}

/// The unit of a figure's numbers.
#[derive(Clone, Copy, PartialEq)]
pub enum Unit {
    Nanoseconds,
    Bytes,
    Count,
    /// More is better.
    PerSecond,
    /// How many times better something is than something else of the same side. More is better.
    Times,
}

/// What ayi should beat.
#[derive(Clone, Copy, PartialEq)]
pub enum Whom {
    Tokio,
    /// tokio with the call on its pool.
    Pool,
    /// Code that is written by hand: the loop on epoll, or the ring.
    Raw,
    /// The best runtime that is not tokio.
    Others,
    /// The best of those, and tokio, that are on epoll.
    OnEpoll,
    /// The loops of C and C++ that are used most: libevent, libuv and Boost.Asio.
    Loops,
    /// Itself on one core: the figure says how many times.
    OneCore,
    /// What two cores have to give: the figure says how much of it.
    TwoCores,
    /// tokio with several workers.
    MultiThread,
}

/// One result of a piece of work: a row.
#[derive(Clone)]
pub struct Figure {
    pub name: String,
    pub unit: Unit,
    /// How many times better than these ayi should be.
    pub goals: Vec<(Whom, f64)>,
}

/// How often everything is repeated.
#[derive(Clone, Copy)]
pub enum Rounds {
    Many,
    Some,
    Three,
    Few,
    Once,
}

impl Rounds {
    pub fn number(self, is_quick: bool) -> usize {
        match self {
            Rounds::Many if is_quick => 3,
            Rounds::Many => 11,
            Rounds::Some if is_quick => 1,
            Rounds::Some => 4,
            Rounds::Three if is_quick => 1,
            Rounds::Three => 3,
            Rounds::Few if is_quick => 1,
            Rounds::Few => 2,
            Rounds::Once => 1,
        }
    }
}

pub struct Work {
    pub name: String,
    pub size: Size,
    pub rounds: Rounds,
    pub figures: Vec<Figure>,
    /// ayi comes first.
    pub sides: Vec<Side>,
}

pub struct Group {
    pub name: &'static str,
    pub about: &'static str,
    pub works: Vec<Work>,
}

impl Figure {
    pub fn new(name: impl Into<String>, unit: Unit, goals: &[(Whom, f64)]) -> Figure {
        Figure { name: name.into(), unit, goals: goals.to_vec() }
    }
}

impl Side {
    pub fn new(runtime: &'static str, turn: impl Fn(u32) -> io::Result<Vec<f64>> + 'static) -> Side {
        Side { runtime, turn: Rc::new(turn) }
    }
}

/// A function that does so many operations, and returns how long they took, or another time.
pub type Timed = fn(u32) -> Duration;

/// The runtimes that are fair. A task wakes itself and others should run all the same; monoio polls the task again at
/// once, and the others starve.
macro_rules! all_that_are_fair {
    ($work:ident) => {
        on_all!(works::$work as Timed).into_iter().filter(|(runtime, _)| !runtime.starts_with("monoio"))
    };
}

/// Returns nanoseconds per operation.
pub fn timed(
    name: &str,
    size: Size,
    goals: &[(Whom, f64)],
    sides: impl IntoIterator<Item = (&'static str, Timed)>,
) -> Work {
    of_nanoseconds(name, size, goals, sides, |time, n| time.as_secs_f64() * 1e9 / f64::from(n))
}

/// Returns nanoseconds, made by `figure` of what a run returns for a time. Each turn has a thread of its own: some
/// runtimes leave something behind in it.
fn of_nanoseconds(
    name: &str,
    size: Size,
    goals: &[(Whom, f64)],
    sides: impl IntoIterator<Item = (&'static str, Timed)>,
    figure: fn(Duration, u32) -> f64,
) -> Work {
    let side = |(runtime, run): (&'static str, Timed)| {
        Side::new(runtime, move |n| {
            let time = thread::spawn(move || run(n)).join().expect("no runtime panics");
            Ok(vec![figure(time, n)])
        })
    };
    Work {
        name: name.into(),
        size,
        rounds: Rounds::Many,
        figures: vec![Figure::new("time", Unit::Nanoseconds, goals)],
        sides: sides.into_iter().map(side).collect(),
    }
}

/// Adds the loops of other languages, which do this with as many timers in a process of their own.
fn and_loops(mut work: Work, sides: impl Iterator<Item = Side>) -> Work {
    work.sides.extend(sides);
    work
}

pub fn all() -> Vec<Group> {
    use Size::{Any, Fixed};
    use Whom::{Others, Tokio};
    vec![
        Group {
            name: "spawn",
            about: "a task is spawned, runs once, and is joined",
            works: vec![
                timed(
                    "one at a time",
                    Any(1),
                    &[(Tokio, 10.0), (Others, 2.5)],
                    on_all!(works::spawn_join as Timed),
                ),
                timed(
                    "1,000 at once",
                    Any(1_000),
                    &[(Tokio, 6.0), (Others, 2.0)],
                    on_all!(works::spawn_1_000 as Timed),
                ),
                timed(
                    "100,000 at once",
                    Fixed(100_000),
                    &[(Tokio, 6.0), (Others, 2.0)],
                    on_all!(works::spawn_100_000 as Timed),
                ),
                timed(
                    "1,000 in a JoinSet",
                    Any(1_000),
                    &[(Tokio, 6.0)],
                    [(AYI, works::join_set_ayi as Timed), (TOKIO, works::join_set_tokio)],
                ),
            ],
        },
        Group {
            name: "wake",
            about: "a task is woken by its own thread, and polled",
            works: vec![
                timed(
                    "itself",
                    Any(1),
                    &[(Tokio, 5.0), (Others, 3.0)],
                    on_all!(works::wake_in_task as Timed),
                ),
                timed(
                    "1,000 tasks taking turns",
                    Any(1_000),
                    &[(Tokio, 5.0), (Others, 4.0)],
                    all_that_are_fair!(take_turns),
                ),
                timed(
                    "two tasks in ping-pong",
                    Any(2),
                    &[(Tokio, 6.0), (Others, 3.0)],
                    on_all!(works::ping_pong as Timed),
                ),
                timed(
                    "the root future itself",
                    Any(1),
                    &[(Tokio, 25.0), (Others, 6.0)],
                    on_all!(works::wake_in_root as Timed),
                ),
            ],
        },
        Group {
            name: "remote",
            about: "another thread wants something; until it has it",
            works: vec![
                timed(
                    "wakes a task, both sleep",
                    Any(1),
                    &[(Tokio, 1.5), (Others, 1.2)],
                    on_all!(works::wake_from_afar_parked as Timed),
                ),
                timed(
                    "wakes a task, both are busy",
                    Any(1),
                    &[(Tokio, 1.5), (Others, 1.2)],
                    // glommio looks every 100 ms.
                    all_that_are_fair!(wake_from_afar_busy).filter(|(runtime, _)| *runtime != "glommio"),
                ),
                timed(
                    "spawns tasks",
                    Any(1_000),
                    &[(Tokio, 1.5)],
                    [(AYI, works::spawn_from_afar_ayi as Timed), (TOKIO, works::spawn_from_afar_tokio)],
                ),
                timed(
                    "spawn_blocking and back",
                    Any(1),
                    &[(Tokio, 1.5), (Others, 1.2)],
                    on_all!(works::spawn_blocking as Timed),
                ),
            ],
        },
        Group {
            name: "timers",
            about: "sleeps; the loops of C and C++ have a callback for each, instead of a task",
            works: vec![
                and_loops(
                    timed(
                        "create, poll, drop",
                        Any(100),
                        &[(Tokio, 8.0), (Others, 2.0)],
                        on_all!(works::sleep as Timed),
                    ),
                    loops::per_timer("create"),
                ),
                and_loops(
                    timed(
                        "1,000,000 pending, each moved",
                        Fixed(1_000_000),
                        &[(Tokio, 3.0), (Others, 2.0)],
                        [
                            (AYI, works::reset_ayi as Timed),
                            (TOKIO, works::reset_tokio),
                            ("smol", works::reset_smol),
                            ("monoio epoll", works::reset_monoio),
                        ],
                    ),
                    loops::per_timer("move"),
                ),
                // Each turn is a second.
                Work {
                    rounds: Rounds::Some,
                    ..and_loops(
                        timed(
                            "100,000 fire in a second, CPU time",
                            Fixed(100_000),
                            &[(Tokio, 3.0), (Others, 2.0)],
                            on_all!(works::fire as Timed),
                        ),
                        loops::per_timer("fire"),
                    )
                },
                and_loops(
                    of_nanoseconds(
                        "how late sleep(200 µs) is, p99 (at most 100 µs is the goal)",
                        Fixed(300),
                        &[],
                        on_all!(works::sleep_error as Timed),
                        |late, _| late.as_secs_f64() * 1e9,
                    ),
                    // libuv counts milliseconds.
                    loops::timers(|peer, n| peers::nanoseconds(&mut peer.timers("late", n)?))
                        .filter(|side| side.runtime != "libuv"),
                ),
            ],
        },
        Group {
            name: "sync",
            about: "channels and locks; tokio's are on its current_thread, if nothing else is said, all others on ayi",
            works: sync::works(),
        },
        Group {
            name: "counts",
            about: "what is counted, and so is the same each time",
            works: counts::works(),
        },
        Group {
            name: "echo",
            about: "a server that gives back what it gets; every answer is checked",
            works: clients::echo(),
        },
        Group {
            name: "connections",
            about: "connect, one question of 64 bytes, close",
            works: clients::connections(),
        },
        Group {
            name: "http",
            about: "GET, over 64 connections that are kept alive, if nothing else is said",
            works: clients::http().into_iter().chain(web::times()).collect(),
        },
        Group { name: "memory", about: "resident bytes of the process", works: memory::works() },
        Group {
            name: "fairness",
            about: "how long a light task waits for its turn, p99.9",
            works: fairness::works(),
        },
        Group {
            name: "cores",
            about: "client and server together on one core, and on two; 64 connections; tokio (here its current_thread), \
                monoio and glommio have, as ayi, a runtime and a listener for each core. In the rows of \"two workers\" \
                ayi is one runtime of two workers, which share their tasks, and \"ayi, cores\" a runtime and a \
                listener for each core, which share them as well",
            works: cores::works().into_iter().chain(workers::works()).collect(),
        },
        Group {
            name: "fs",
            about: "files that are in the page cache; what is read and written is checked",
            works: files::works(),
        },
        Group {
            name: "build",
            about: "a hello world in release mode, from nothing",
            works: vec![builds::work()],
        },
        Group {
            name: "dropin",
            about: "crates that were written for tokio, client and server in one runtime: ayi is the package `tokio` \
                of this project in tokio's place, and tokio is its current_thread",
            works: dropin::works().collect(),
        },
        Group {
            name: "record",
            about: "what it costs to be seen: ayi without the feature `record`, with it, and recorded",
            works: record::works().collect(),
        },
    ]
}
