//! Figures, in the text form of Prometheus.
//!
//! Each core has its own and writes only those, so nobody waits for a lock, but for the moment in which they are read.

use crate::pool::Counts;
use axum::http::{Method, StatusCode};
use ayi::runtime::RuntimeMetrics;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The upper bounds of the classes of times, in seconds.
const BOUNDS: [f64; 8] = [0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 5.0, f64::INFINITY];

#[derive(Default)]
pub struct Figures {
    /// By route, method and status.
    requests: Mutex<BTreeMap<(String, Method, StatusCode), u64>>,
    times: [AtomicU64; BOUNDS.len()],
    microseconds: AtomicU64,
    in_flight: AtomicUsize,
    failed_connections: AtomicU64,
    given_up: AtomicU64,
    pub pool: Counts,
}

/// A request that is under way. Dropping it says that it is not, also if its client has gone.
pub struct InFlight<'a>(&'a Figures);

impl Figures {
    pub fn begin(&self) -> InFlight<'_> {
        // Relaxed, here and below: figures order nothing.
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(self)
    }

    pub fn answered(&self, route: &str, method: &Method, status: StatusCode, time: Duration) {
        let class =
            BOUNDS.iter().position(|bound| time.as_secs_f64() <= *bound).expect("the last has no bound");
        self.times[class].fetch_add(1, Relaxed);
        self.microseconds.fetch_add(time.as_micros() as u64, Relaxed);
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((route.to_owned(), method.clone(), status)).or_default() += 1;
    }

    pub fn connection_failed(&self) {
        self.failed_connections.fetch_add(1, Relaxed);
    }

    pub fn given_up(&self) {
        self.given_up.fetch_add(1, Relaxed);
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Relaxed)
    }

    pub fn requests(&self) -> u64 {
        self.times.iter().map(|times| times.load(Relaxed)).sum()
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

/// Returns the figures of all cores, and of their runtimes.
pub fn text(all: &[impl AsRef<Figures>], runtimes: &[RuntimeMetrics]) -> String {
    let mut requests = BTreeMap::new();
    for figures in all {
        let of_core = figures.as_ref().requests.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, count) in of_core.iter() {
            *requests.entry(key.clone()).or_insert(0) += count;
        }
    }
    let sum = |figure: fn(&Figures) -> u64| all.iter().map(|figures| figure(figures.as_ref())).sum::<u64>();
    let mut text = String::new();
    let head = |name: &str, kind: &str, help: &str| format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
    text += &head("service_requests_total", "counter", "Requests that were answered.");
    for ((route, method, status), count) in &requests {
        let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{}\"", status.as_u16());
        let _ = writeln!(text, "service_requests_total{{{labels}}} {count}");
    }
    text +=
        &head("service_request_seconds", "histogram", "From the head of a request to that of its answer.");
    let mut below = 0;
    for (class, bound) in BOUNDS.iter().enumerate() {
        below += all.iter().map(|figures| figures.as_ref().times[class].load(Relaxed)).sum::<u64>();
        let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".into() };
        let _ = writeln!(text, "service_request_seconds_bucket{{le=\"{bound}\"}} {below}");
    }
    let seconds = sum(|figures| figures.microseconds.load(Relaxed)) as f64 / 1e6;
    let _ = writeln!(text, "service_request_seconds_sum {seconds}\nservice_request_seconds_count {below}");
    let mut one = |name: &str, kind: &str, help: &str, value: u64| {
        let _ = writeln!(text, "{}{name} {value}", head(name, kind, help));
    };
    one(
        "service_requests_in_flight",
        "gauge",
        "Requests that are not answered yet.",
        sum(|it| it.in_flight() as u64),
    );
    one(
        "service_failed_connections_total",
        "counter",
        "Connections of clients that have ended with an error.",
        sum(|it| it.failed_connections.load(Relaxed)),
    );
    one(
        "service_requests_given_up_total",
        "counter",
        "Requests whose client has gone, or for which the end did not wait.",
        sum(|it| it.given_up.load(Relaxed)),
    );
    one(
        "service_pool_used",
        "gauge",
        "Connections to the database in use.",
        sum(|it| it.pool.used.load(Relaxed)),
    );
    one("service_pool_idle", "gauge", "Those that are not.", sum(|it| it.pool.idle.load(Relaxed)));
    one(
        "service_pool_failures_total",
        "counter",
        "Attempts to connect to the database that have failed.",
        sum(|it| it.pool.failures.load(Relaxed)),
    );
    let mut each = |name: &str, kind: &str, help: &str, value: fn(&RuntimeMetrics) -> f64| {
        text += &head(name, kind, help);
        for (core, runtime) in runtimes.iter().enumerate() {
            let _ = writeln!(text, "{name}{{core=\"{core}\"}} {}", value(runtime));
        }
    };
    each("service_tasks", "gauge", "Tasks of the runtime of each core.", |it| it.num_alive_tasks() as f64);
    each("service_polls_total", "counter", "Polls of tasks.", |it| it.worker_poll_count(0) as f64);
    each("service_busy_seconds_total", "counter", "The time in which a core did not sleep.", |it| {
        it.worker_total_busy_duration(0).as_secs_f64()
    });
    text
}
