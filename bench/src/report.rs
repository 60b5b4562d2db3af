//! The tables.

use crate::groups::{Group, TOKIO, Work};
use crate::measure::{Ratio, Results};
use comfy_table::{CellAlignment, Table, presets};
use std::fmt::Write;
use std::fs;

/// The peers in the order of the columns.
const PEERS: [&str; 6] = [TOKIO, "smol", "monoio epoll", "monoio io_uring", "glommio", "compio"];

/// A group's results, as text for cells.
pub struct GroupTable {
    name: &'static str,
    about: &'static str,
    rows: Vec<Vec<String>>,
}

fn headings() -> Vec<String> {
    let mut headings = vec!["work".to_owned(), "ayi".to_owned(), "ayi again".to_owned()];
    headings.extend(PEERS.map(String::from));
    headings.extend(["asked for", "reached"].map(String::from));
    headings
}

fn time(nanos: f64) -> String {
    match nanos {
        _ if nanos < 100.0 => format!("{nanos:.1} ns"),
        _ if nanos < 10_000.0 => format!("{nanos:.0} ns"),
        _ => format!("{:.1} µs", nanos / 1e3),
    }
}

/// The median, and between which half of the rounds were. Within the noise it is a tie.
fn times(ratio: Ratio, noise: f64) -> String {
    let Ratio { median, quartiles: (low, high) } = ratio;
    let tie = if (median - 1.0).abs() <= noise { " tie" } else { "" };
    let digits = if high < 10.0 { 2 } else { 1 };
    format!("{median:.digits$} ({low:.digits$}-{high:.digits$}){tie}")
}

fn asked(work: &Work) -> String {
    let part = |asked: Option<f64>, whom: &str| asked.map(|asked| format!("{asked}x {whom}"));
    let parts = [part(work.asked.0, "tokio"), part(work.asked.1, "the best")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn reached(work: &Work, results: &Results) -> String {
    let of = |is_tokio: bool| {
        let ratios =
            results.others.iter().filter(|it| (it.runtime == TOKIO) == is_tokio).map(|it| it.ratio.median);
        ratios.fold(f64::INFINITY, f64::min)
    };
    let verdict =
        |asked: Option<f64>, ratio: f64| asked.map(|asked| if ratio >= asked { "yes" } else { "no" });
    let parts = [verdict(work.asked.0, of(true)), verdict(work.asked.1, of(false))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

pub fn table(group: &Group, results: &[Results]) -> GroupTable {
    let row = |(work, results): (&Work, &Results)| {
        let noise = results.noise.distance();
        let mut cells =
            vec![work.name.to_owned(), time(results.ayi), times(results.noise, f64::NEG_INFINITY)];
        cells.extend(PEERS.map(|peer| {
            let result = results.others.iter().find(|result| result.runtime == peer);
            result.map_or("-".into(), |it| format!("{} = {}", time(it.nanos), times(it.ratio, noise)))
        }));
        cells.extend([asked(work), reached(work, results)]);
        cells
    };
    GroupTable {
        name: group.name,
        about: group.about,
        rows: group.works.iter().zip(results).map(row).collect(),
    }
}

/// Processor, kernel and versions.
fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let lock = include_str!("../Cargo.lock");
    let version = |name: &str| {
        let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
        Some(format!("{name} {}", rest.split('"').next()?))
    };
    let versions: Vec<_> =
        ["ayi", TOKIO, "smol", "monoio", "glommio", "compio"].into_iter().filter_map(version).collect();
    format!(
        "{}; Linux {}; {}",
        model.map_or(std::env::consts::ARCH, |(_, model)| model),
        read("/proc/sys/kernel/osrelease").trim(),
        versions.join(", ")
    )
}

fn legend(rounds: usize) -> String {
    format!(
        "Time per operation and, for the peers, how many times ayi's that is (above 1: ayi needs less): the median of \
         {rounds} interleaved rounds, and in brackets between which half of them were. \"ayi again\" is ayi against \
         itself, and what is no farther from 1 than that is a tie."
    )
}

pub fn text(tables: &[GroupTable], rounds: usize) -> String {
    let mut text = format!("{}\n{}\n", machine(), legend(rounds));
    for GroupTable { name, about, rows } in tables {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_header(headings());
        table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic).set_width(180);
        rows.iter().for_each(|row| {
            table.add_row(row);
        });
        table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
        let _ = write!(text, "\n{name}: {about}\n{table}\n");
    }
    text
}

pub fn markdown(tables: &[GroupTable], rounds: usize) -> String {
    let mut text = format!("# Side by side\n\n{}\n\n{}\n", machine(), legend(rounds));
    for GroupTable { name, about, rows } in tables {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let _ = write!(text, "\n## {name}: {about}\n\n{}", line(&headings()));
        text.push_str(&line(&vec!["---".to_owned(); headings().len()]));
        rows.iter().for_each(|row| text.push_str(&line(row)));
    }
    text
}
