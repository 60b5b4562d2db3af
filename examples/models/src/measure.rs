//! What a comparison measures.

use crate::busy::Cpus;
use crate::rungs::Rung;
use std::time::Duration;

/// Everything that one run of `compare` has found out.
pub struct Comparison {
    pub machine: Machine,
    /// How busy it was, before and after.
    pub cpus: Cpus,
    /// How many connections there were at a time, in ascending order.
    pub connections: Vec<usize>,
    /// In the order of the ladder.
    pub rows: Vec<Row>,
    /// The same server on libraries in C and C++, if that was asked for.
    pub libraries: Vec<LibraryRow>,
    /// What a pool of connections saves (rung 3b).
    pub reuse: Option<Reuse>,
}

pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub kernel: String,
    /// In UTC, as `2026-11-24 12:00`.
    pub date: String,
}

pub struct Row {
    pub rung: &'static Rung,
    /// One for each of [`Comparison::connections`].
    pub outcomes: Vec<Outcome>,
    /// With the highest number of connections, while only a few of them ask.
    pub mostly_silent: Outcome,
}

pub struct LibraryRow {
    pub name: &'static str,
    /// One for each of [`Comparison::connections`].
    pub outcomes: Vec<Outcome>,
    /// As that of a [`Row`].
    pub mostly_silent: Outcome,
}

pub enum Outcome {
    Measured(Figures),
    /// The rung does not accept so many connections, and this is why.
    Limited(&'static str),
    /// The rung could not be run here, or gave a wrong answer, and this is why.
    Failed(String),
}

#[derive(Clone, Copy, Debug)]
pub struct Figures {
    pub requests_per_second: f64,
    pub p50: Duration,
    pub p99: Duration,
    /// CPU time of the server, user and system.
    pub cpu_per_request: Duration,
    /// Of the server, counted, if that was possible.
    pub syscalls_per_request: Option<f64>,
    pub threads: usize,
    /// Resident memory of the server, in bytes.
    pub memory: u64,
    /// The part of a core that the server uses while all connections are open and nobody asks: 0 to 1, or more.
    pub idle_cpu: f64,
}

/// Requests over a kept connection, compared with requests that each open one.
#[derive(Clone, Copy, Debug)]
pub struct Reuse {
    pub with: Duration,
    pub without: Duration,
}
