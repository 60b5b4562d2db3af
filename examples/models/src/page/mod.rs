//! The page with charts: one file, which needs no network and no script.

mod chart;
#[cfg(test)]
mod tests;

use crate::compare::{self, HEADINGS, cells, mostly_silent};
use crate::measure::{Comparison, Figures, LibraryRow, Machine, Outcome, Reuse, Row};
use crate::rungs::{Family, Rung};
use crate::show;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// What is drawn against the number of connections.
struct Metric {
    id: &'static str,
    title: &'static str,
    reading: &'static str,
    value: fn(&Figures) -> f64,
    /// The scale is logarithmic, except for parts of a whole.
    is_part: bool,
    label: fn(f64) -> String,
}

const METRICS: [Metric; 8] = [
    Metric {
        id: "throughput",
        title: "Requests per second",
        reading: "Higher is better. One generator on one core asks; when it is the limit, all curves meet.",
        value: |figures| figures.requests_per_second,
        is_part: false,
        label: |value| if value < 1000.0 { format!("{value}") } else { format!("{} k", value / 1000.0) },
    },
    Metric {
        id: "p50",
        title: "Latency: half of the answers",
        reading: "Lower is better. Every client asks again at once, so with more clients each of them waits longer.",
        value: |figures| figures.p50.as_secs_f64(),
        is_part: false,
        label: seconds,
    },
    Metric {
        id: "p99",
        title: "Latency: 99 of 100 answers",
        reading: "Lower is better. What those see who are out of luck.",
        value: |figures| figures.p99.as_secs_f64(),
        is_part: false,
        label: seconds,
    },
    Metric {
        id: "cpu",
        title: "CPU time per request",
        reading: "Lower is better. Of the server, in user space and in the kernel, on all cores.",
        value: |figures| figures.cpu_per_request.as_secs_f64(),
        is_part: false,
        label: seconds,
    },
    Metric {
        id: "system-calls",
        title: "System calls per request",
        reading: "Lower is better. Counted, not estimated. With more clients, one call brings news of many.",
        value: |figures| figures.syscalls_per_request.unwrap_or_default(),
        is_part: false,
        label: |value| format!("{value}"),
    },
    Metric {
        id: "threads",
        title: "Threads",
        reading: "Of the server, at the end of the run.",
        value: |figures| figures.threads as f64,
        is_part: false,
        label: |value| format!("{value}"),
    },
    Metric {
        id: "memory",
        title: "Resident memory",
        reading: "Of the server, at the end of the run. The kernel's share for each socket is not in it.",
        value: |figures| figures.memory as f64,
        is_part: false,
        label: |value| format!("{} MB", value / 1e6),
    },
    Metric {
        id: "idle",
        title: "CPU while nobody asks",
        reading: "Lower is better: all connections are open, and silent. 100 % is a core that never rests.",
        value: |figures| figures.idle_cpu,
        is_part: true,
        label: |value| format!("{:.0} %", value * 100.0),
    },
];

fn seconds(value: f64) -> String {
    match value {
        ..1e-3 => format!("{} µs", rounded(value * 1e6)),
        ..1.0 => format!("{} ms", rounded(value * 1e3)),
        _ => format!("{} s", rounded(value)),
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// # Errors
///
/// Fails if the file cannot be written.
pub fn write(comparison: &Comparison, path: &Path) -> io::Result<()> {
    fs::write(path, page(comparison).into_string())
}

fn page(comparison: &Comparison) -> Markup {
    let Machine { processor, cores, kernel, date } = &comparison.machine;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "The ladder of I/O models" }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                h1 { "The ladder of I/O models" }
                p {
                    "One protocol, one load generator, and a server for each way to wait for a socket: from a "
                    code { "read" } " that blocks to " code { ".await" } ". A client asks with 64 bytes and gets them "
                    "back; every answer is checked."
                }
                p.machine { (processor) ", cores: " (cores) ", " (kernel) ", " (date) " UTC" }
                p.machine { (comparison.cpus.describe()) }
                (climb(comparison))
                nav {
                    @for metric in &METRICS { a href={ "#" (metric.id) } { (metric.title) } " " }
                    a href="#silent" { "Mostly silent" }
                    @if !comparison.libraries.is_empty() { a href="#libraries" { "Libraries" } }
                    a href="#rungs" { "The rungs" }
                }
                @for metric in &METRICS { (section(comparison, metric)) }
                section #silent {
                    h2 { (mostly_silent(comparison)) }
                    p {
                        "What a server costs that has many clients, most of whom are silent, as most are. "
                        "Here it shows who searches all of them on each call."
                    }
                    (table("rung", comparison.rows.iter().map(|row| (row.rung.name.into(), &row.mostly_silent))))
                }
                @if !comparison.libraries.is_empty() { (libraries(comparison)) }
                section #rungs {
                    h2 { "The rungs" }
                    @for row in &comparison.rows { (rung(comparison, row)) }
                }
            }
        }
    }
}

/// The whole climb in one picture, if the machine was quiet enough for one.
fn climb(comparison: &Comparison) -> Markup {
    let [throughput, memory] = ["throughput", "memory"]
        .map(|id| METRICS.iter().find(|metric| metric.id == id).expect("there is one of that name"));
    html! {
        section #climb {
            h2 { "The climb" }
            @if comparison.cpus.is_busy() {
                p {
                    "There is no picture of the whole climb: other programs have had the CPUs, so it would show them. The "
                    "figures below are what was measured meanwhile; compare them with care, or measure again."
                }
            } @else {
                p {
                    "A line is the median of a family's rungs, and its band reaches from the worst to the best of them. "
                    "Those that answer with a block of a file do other work, and are left out."
                }
                div.panels {
                    @for metric in [throughput, memory] {
                        figure {
                            figcaption { (metric.title) }
                            (PreEscaped(chart::draw_climb(comparison, metric)))
                        }
                    }
                }
                ul.legend {
                    @for (family, color) in chart::families(comparison) {
                        li { span.swatch style={ "background:" (color) } {} (family.title()) }
                    }
                }
                p { (restless(comparison)) }
            }
        }
    }
}

/// Says which rungs use CPU while nobody asks.
fn restless(comparison: &Comparison) -> String {
    let most = |row: &Row| {
        let idle = row.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Measured(figures) => Some(figures.idle_cpu),
            _ => None,
        });
        idle.fold(0.0, f64::max)
    };
    let (busy, quiet): (Vec<&Row>, Vec<&Row>) = comparison.rows.iter().partition(|row| most(row) > 0.5);
    let names: Vec<&str> = busy.iter().map(|row| row.rung.name).collect();
    let others = quiet.into_iter().map(most).fold(0.0, f64::max);
    let others = format!("use {:.1} % of one at most", 100.0 * others);
    match names.as_slice() {
        [] => format!("While all connections are open and nobody asks, the servers {others}."),
        _ => format!(
            "While all connections are open and nobody asks, {} keeps a core busy; the others {others}.",
            names.join(", ")
        ),
    }
}

fn section(comparison: &Comparison, metric: &Metric) -> Markup {
    html! {
        section id=(metric.id) {
            h2 { (metric.title) }
            p { (metric.reading) }
            div.panels {
                @for family in Family::ALL {
                    @if comparison.rows.iter().any(|row| row.rung.family == family) {
                        (panel(comparison, metric, family))
                    }
                }
            }
        }
    }
}

/// Draws one family in colours, and the others behind it in grey.
fn panel(comparison: &Comparison, metric: &Metric, family: Family) -> Markup {
    html! {
        figure {
            figcaption { (family.title()) }
            (PreEscaped(chart::draw(comparison, metric, family)))
            ul.legend {
                @for (row, color) in chart::colored(comparison, family) {
                    li data-rung=(row.rung.name) {
                        span.swatch style={ "background:" (color) } {}
                        (row.rung.name)
                        @if !row.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Measured(_))) {
                            " (not measured)"
                        }
                    }
                }
            }
        }
    }
}

/// The same server on libraries, a table for each number of connections.
fn libraries(comparison: &Comparison) -> Markup {
    let name = |library: &LibraryRow| library.name.to_string();
    html! {
        section #libraries {
            h2 { "The same server on libraries" }
            p {
                "In C and C++, with one thread each, seen from outside: so system calls are not counted. Each has epoll "
                "below it, as rungs 7 and 8 do."
            }
            @for (index, &connections) in comparison.connections.iter().enumerate() {
                h3 { (compare::connections(connections)) }
                (table("library", comparison.libraries.iter().map(|it| (name(it), &it.outcomes[index]))))
            }
            h3 { (mostly_silent(comparison)) }
            (table("library", comparison.libraries.iter().map(|it| (name(it), &it.mostly_silent))))
        }
    }
}

fn rung(comparison: &Comparison, row: &Row) -> Markup {
    let Rung { number, name, summary, limit, .. } = row.rung;
    let numbers = comparison.connections.iter().map(|&number| show::number(number as u64));
    let rows = numbers.zip(&row.outcomes);
    html! {
        article id=(name) {
            h3 { span.number { (number) } " " (name) }
            p { (sentence(summary)) }
            @if let Some(limit) = limit { p { "Limit: " (limit.beyond) "." } }
            @if let (&"connection_pool", Some(reuse)) = (name, comparison.reuse) { p { (saved(reuse)) } }
            (table("connections", rows))
        }
    }
}

/// Makes a table of the figures of several outcomes, each with its name.
fn table<'a>(heading: &str, rows: impl Iterator<Item = (String, &'a Outcome)>) -> Markup {
    html! {
        div.table {
            table {
                thead { tr { th { (heading) } @for heading in &HEADINGS[1..] { th { (heading) } } } }
                tbody {
                    @for (name, outcome) in rows {
                        tr {
                            th { (name) }
                            @match cells(outcome) {
                                Ok(cells) => @for cell in cells { td { (cell) } },
                                Err(why) => td.why colspan=(HEADINGS.len() - 1) { (why) },
                            }
                        }
                    }
                }
            }
        }
    }
}

fn sentence(summary: &str) -> String {
    let mut letters = summary.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

fn saved(Reuse { with, without }: Reuse) -> String {
    let times = without.as_secs_f64() / with.max(Duration::from_nanos(1)).as_secs_f64();
    let (with, without) = (show::time(with), show::time(without));
    format!(
        "A request over a kept connection takes {with}, with a new connection for each {without}: {times:.1} times as long."
    )
}
