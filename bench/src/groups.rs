//! The groups, and what is asked of ayi in each.

use crate::runtimes::{Ayi, Compio, Glommio, MonoioEpoll, MonoioUring, Smol, Tokio};
use crate::works;
use std::time::Duration;

pub const AYI: &str = "ayi";
pub const TOKIO: &str = "tokio";

/// How one runtime does a piece of work.
#[derive(Clone, Copy)]
pub struct Side {
    pub runtime: &'static str,
    pub run: fn(u32) -> Duration,
}

pub enum Size {
    /// So many operations as take a few milliseconds, a multiple of this.
    Any(u32),
    /// Just so many.
    Fixed(u32),
}

pub struct Work {
    pub name: &'static str,
    pub size: Size,
    /// What is measured is one figure, not a sum over operations.
    pub is_whole: bool,
    /// How many times less than tokio ayi is to need, and than the best of the others.
    pub asked: (Option<f64>, Option<f64>),
    pub sides: Vec<Side>,
}

pub struct Group {
    pub name: &'static str,
    pub about: &'static str,
    pub works: Vec<Work>,
}

fn side(runtime: &'static str, run: fn(u32) -> Duration) -> Side {
    Side { runtime, run }
}

/// A piece of work that every runtime can do.
macro_rules! all {
    ($work:ident) => {
        vec![
            side(AYI, works::$work::<Ayi>),
            side(TOKIO, works::$work::<Tokio>),
            side("smol", works::$work::<Smol>),
            side("monoio epoll", works::$work::<MonoioEpoll>),
            side("monoio io_uring", works::$work::<MonoioUring>),
            side("glommio", works::$work::<Glommio>),
            side("compio", works::$work::<Compio>),
        ]
    };
}

/// One where a task wakes itself and others are to run all the same: monoio polls it again at once, and they starve.
macro_rules! all_that_are_fair {
    ($work:ident) => {
        all!($work).into_iter().filter(|side| !side.runtime.starts_with("monoio")).collect()
    };
}

fn work(
    name: &'static str,
    size: Size,
    asked: (impl Into<Option<f64>>, impl Into<Option<f64>>),
    sides: Vec<Side>,
) -> Work {
    Work { name, size, is_whole: false, asked: (asked.0.into(), asked.1.into()), sides }
}

pub fn all() -> Vec<Group> {
    vec![
        Group {
            name: "spawn",
            about: "a task is spawned, runs once, and is joined",
            works: vec![
                work("one at a time", Size::Any(1), (10.0, 2.5), all!(spawn_join)),
                work("1,000 at once", Size::Any(1_000), (6.0, 2.0), all!(spawn_1_000)),
                work("100,000 at once", Size::Fixed(100_000), (6.0, 2.0), all!(spawn_100_000)),
                work(
                    "1,000 in a JoinSet",
                    Size::Any(1_000),
                    (6.0, None),
                    vec![side(AYI, works::join_set_ayi), side(TOKIO, works::join_set_tokio)],
                ),
            ],
        },
        Group {
            name: "wake",
            about: "a task is woken by its own thread, and polled",
            works: vec![
                work("itself", Size::Any(1), (5.0, 3.0), all!(wake_in_task)),
                work(
                    "1,000 tasks taking turns",
                    Size::Any(1_000),
                    (5.0, 4.0),
                    all_that_are_fair!(take_turns),
                ),
                work("two tasks in ping-pong", Size::Any(2), (6.0, 3.0), all!(ping_pong)),
                work("the root future itself", Size::Any(1), (25.0, 6.0), all!(wake_in_root)),
            ],
        },
        Group {
            name: "remote",
            about: "another thread wants something; until it has it",
            works: vec![
                work("wakes a task, both sleep", Size::Any(1), (1.5, 1.2), all!(wake_from_afar_parked)),
                work(
                    "wakes a task, both are busy",
                    Size::Any(1),
                    (1.5, 1.2),
                    all_that_are_fair!(wake_from_afar_busy),
                ),
                work(
                    "spawns tasks",
                    Size::Any(1_000),
                    (1.5, None),
                    vec![side(AYI, works::spawn_from_afar_ayi), side(TOKIO, works::spawn_from_afar_tokio)],
                ),
                work("spawn_blocking and back", Size::Any(1), (1.5, 1.2), all!(spawn_blocking)),
            ],
        },
        Group {
            name: "timers",
            about: "sleeps",
            works: vec![
                work("create, poll, drop", Size::Any(100), (8.0, 2.0), all!(sleep)),
                work(
                    "1,000,000 pending, each moved",
                    Size::Fixed(1_000_000),
                    (3.0, 2.0),
                    vec![
                        side(AYI, works::reset_ayi),
                        side(TOKIO, works::reset_tokio),
                        side("smol", works::reset_smol),
                        side("monoio epoll", works::reset_monoio),
                    ],
                ),
                work("100,000 fire in a second, CPU time", Size::Fixed(100_000), (3.0, 2.0), all!(fire)),
                Work {
                    is_whole: true,
                    ..work(
                        "how late sleep(200 µs) is, p99",
                        Size::Fixed(300),
                        (None, None),
                        all!(sleep_error),
                    )
                },
            ],
        },
    ]
}
