//! The report: a table for the terminal, and a file.

use crate::groups::{
    CHANNELS, Group, LOOPS, LOOPS_OTHERWISE, ON_CORES, PEERS, RECORD, TOKIO, Unit, WITHOUT, Whom,
};
use crate::loops;
use crate::measure::{Other, Ratio, Row, Verdict};
use comfy_table::{CellAlignment, ContentArrangement, presets};
use std::fmt::Write;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// A group's results.
pub struct Results {
    pub name: &'static str,
    pub about: &'static str,
    pub rows: Vec<Row>,
    /// Which side could not do what, and why.
    pub failures: Vec<String>,
}

impl Results {
    pub fn new(group: &Group) -> Results {
        Results { name: group.name, about: group.about, rows: Vec::new(), failures: Vec::new() }
    }
}

/// Formats a value with three digits and a unit.
pub fn value(value: f64, unit: Unit) -> String {
    let (value, unit) = match unit {
        Unit::Nanoseconds if value >= 1e9 => (value / 1e9, " s"),
        Unit::Nanoseconds if value >= 1e6 => (value / 1e6, " ms"),
        Unit::Nanoseconds if value >= 1e4 => (value / 1e3, " µs"),
        Unit::Nanoseconds => (value, " ns"),
        Unit::Bytes if value >= 1e6 => (value / 1e6, " MB"),
        Unit::Bytes if value >= 1e4 => (value / 1e3, " kB"),
        Unit::Bytes => (value, " B"),
        Unit::Count | Unit::Times => (value, ""),
        Unit::PerSecond if value >= 1e4 => (value / 1e3, " k/s"),
        Unit::PerSecond => (value, "/s"),
    };
    let digits = match value {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}{unit}")
}

pub fn ratio(ratio: f64) -> String {
    match ratio {
        f64::INFINITY => "∞".into(),
        ..10.0 => format!("{ratio:.2}"),
        ..100.0 => format!("{ratio:.1}"),
        _ => format!("{ratio:.0}"),
    }
}

fn spread(Ratio { quartiles: (low, high), .. }: Ratio) -> String {
    format!("{}-{}", ratio(low), ratio(high))
}

fn other<'a>(row: &'a Row, peer: &str) -> Option<&'a Other> {
    row.others.iter().find(|other| other.runtime == peer)
}

/// One of the tables of a group: all columns together would be too many.
struct Table<'a> {
    /// The columns.
    peers: Vec<&'static str>,
    rows: Vec<&'a Row>,
    /// The goals stand beside the runtimes.
    has_goals: bool,
}

impl Table<'_> {
    fn headings(&self) -> impl Iterator<Item = &'static str> {
        let goal = self.has_goals.then_some("goal");
        ["work", "ayi", "again"].into_iter().chain(self.peers.iter().copied()).chain(goal)
    }

    /// Returns the cells of a row. `cell` makes that of a peer.
    fn cells(&self, row: &Row, cell: impl Fn(&Other) -> String) -> Vec<String> {
        let mut cells = vec![format!("{}, {}", row.work, row.figure.name), value(row.ayi, row.figure.unit)];
        cells.push(spread(row.noise));
        cells.extend(self.peers.iter().map(|peer| other(row, peer).map_or("-".into(), &cell)));
        cells.extend(self.has_goals.then(|| verdicts(row)));
        cells
    }
}

/// Returns a table with the runtimes, and one with the loops of C and C++, if there are any. Both have the columns that
/// have anything in these rows.
fn tables(rows: &[Row]) -> impl Iterator<Item = Table<'_>> {
    let table = |peers: Vec<&'static str>, has_goals| {
        let has_any = |row: &&Row| has_goals || peers.iter().any(|peer| other(row, peer).is_some());
        let rows: Vec<_> = rows.iter().filter(has_any).collect();
        let is_used = |peer: &&str| rows.iter().any(|row| other(row, peer).is_some());
        Table { peers: peers.into_iter().filter(is_used).collect(), rows, has_goals }
    };
    let runtimes = PEERS.into_iter().chain(ON_CORES).chain(WITHOUT).chain(CHANNELS).chain(RECORD);
    let loops = LOOPS.into_iter().chain(LOOPS_OTHERWISE);
    let loops = Some(table(loops.collect(), false)).filter(|table| !table.rows.is_empty());
    [table(runtimes.collect(), true)].into_iter().chain(loops)
}

/// Returns `10x tokio: not met`, for each goal.
pub fn verdicts(row: &Row) -> String {
    let verdict = |(whom, goal, verdict): (Whom, f64, Option<Verdict>)| {
        let whom = match whom {
            Whom::Tokio => "tokio",
            Whom::Pool => "spawn_blocking",
            Whom::Raw => "raw",
            Whom::Others => "the best other",
            Whom::OnEpoll => "each on epoll",
            Whom::Loops => "libevent, libuv and Boost.Asio",
            Whom::OneCore => "one core",
            Whom::TwoCores => "two cores",
            Whom::MultiThread => "multi_thread",
        };
        let verdict = match verdict {
            Some(Verdict::Met) => "met",
            Some(Verdict::Tie) => "a tie",
            Some(Verdict::Missed) => "not met",
            None => "nothing to compare with",
        };
        format!("{goal}x {whom}: {verdict}")
    };
    row.verdicts().map(verdict).collect::<Vec<_>>().join("; ")
}

/// Returns the version of a package that was measured.
pub fn version(package: &str) -> Option<&'static str> {
    let lock = include_str!("../Cargo.lock");
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    rest.split('"').next()
}

/// Returns processor, kernel, versions and day.
pub fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let packages = ["ayi", "tokio", "smol", "monoio", "glommio", "compio", "hyper"];
    let versions = packages.into_iter().filter_map(|name| Some(format!("{name} {}", version(name)?)));
    let versions: Vec<_> = versions.chain(loops::versions()).collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{}, {cores} cores; Linux {}; {}; {}",
        model.map_or(std::env::consts::ARCH, |(_, model)| model),
        read("/proc/sys/kernel/osrelease").trim(),
        versions.join(", "),
        date()
    )
}

/// Returns today's date, in UTC.
fn date() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let date =
        humantime::format_rfc3339_seconds(UNIX_EPOCH + std::time::Duration::from_secs(seconds)).to_string();
    date[..10].into()
}

pub const LEGEND: &str = "For ayi the value, for the others how many times better ayi was (above 1: ayi needs less, or \
    does more per second): the median of the ratios of all rounds. `=` marks a tie: no farther from 1 than ayi \
    measured against itself. A goal says how many times better than whom ayi should be.";

/// One line for each group: how ayi stands beside tokio, and how many goals are met.
struct Glance {
    group: &'static str,
    /// Rows in which ayi is better than tokio, ties, and rows in which it is worse.
    better: usize,
    ties: usize,
    worse: usize,
    /// The median of the ratios to tokio.
    median: Option<f64>,
    met: usize,
    goals: usize,
}

impl Glance {
    const HEADINGS: [&str; 6] =
        ["group", "better than tokio", "a tie", "worse", "median of the ratios", "goals met, or a tie"];

    fn new(Results { name, rows, .. }: &Results) -> Glance {
        let beside: Vec<_> = rows.iter().filter_map(|row| Some((row, other(row, TOKIO)?))).collect();
        let ties = beside.iter().filter(|(row, other)| row.is_tie(other)).count();
        let better =
            beside.iter().filter(|(row, other)| !row.is_tie(other) && other.ratio.median > 1.0).count();
        let mut ratios: Vec<_> = beside.iter().map(|(_, other)| other.ratio.median).collect();
        ratios.sort_by(f64::total_cmp);
        let goals: Vec<_> =
            rows.iter().flat_map(Row::verdicts).filter_map(|(_, _, verdict)| verdict).collect();
        Glance {
            group: name,
            better,
            ties,
            worse: beside.len() - better - ties,
            median: ratios.get(ratios.len() / 2).copied(),
            met: goals.iter().filter(|verdict| !matches!(verdict, Verdict::Missed)).count(),
            goals: goals.len(),
        }
    }

    fn cells(&self) -> Vec<String> {
        let Glance { group, better, ties, worse, median, met, goals } = self;
        let median = median.map_or("-".into(), ratio);
        let met = if *goals == 0 { "-".into() } else { format!("{met} of {goals}") };
        vec![group.to_string(), better.to_string(), ties.to_string(), worse.to_string(), median, met]
    }
}

/// Returns the place of the picture that the package `charts` draws, and says in words what it shows.
fn picture(groups: &[Results]) -> String {
    let between = |low, high| {
        let glances = groups.iter().map(Glance::new);
        let named = glances.filter(|it| it.median.is_some_and(|median| (low..high).contains(&median)));
        let names: Vec<_> = named.map(|it| it.group).collect();
        if names.is_empty() { "no group".into() } else { names.join(", ") }
    };
    format!(
        "![Charts: how many times better ayi is than each peer, in two or three rows of each group. The median of the \
         ratios to tokio is at least 1.5 in {}; between 0.95 and 1.5 in {}; below in {}.](charts.svg)\n\n\
         The picture is drawn from the tables below: `cargo run --manifest-path bench/Cargo.toml -p charts`.",
        between(1.5, f64::INFINITY),
        between(0.95, 1.5),
        between(0.0, 0.95)
    )
}

/// Returns the values of ayi and the ratios of the others, for a terminal.
pub fn text(groups: &[Results]) -> String {
    let mut text = format!("{}\n\n{LEGEND}\n", machine());
    for Results { name, about, rows, failures } in groups {
        let _ = write!(text, "\n{name}: {about}");
        for part in tables(rows) {
            let mut table = comfy_table::Table::new();
            table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(160);
            table.set_header(part.headings());
            for row in &part.rows {
                let cell = |it: &Other| {
                    format!("{}{}", ratio(it.ratio.median), if row.is_tie(it) { " =" } else { "" })
                };
                table.add_row(part.cells(row, cell));
            }
            let last = part.peers.len() + 3;
            for column in table.column_iter_mut().filter(|column| (1..last).contains(&column.index)) {
                column.set_cell_alignment(CellAlignment::Right);
            }
            let _ = write!(text, "\n{table}\n");
        }
        for failure in failures {
            let _ = writeln!(text, "{failure}");
        }
    }
    text
}

/// Returns the values and ratios of all, with their spread, in Markdown.
pub fn markdown(groups: &[Results]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = format!("# Side by side\n\n{}.\n\n## At a glance\n\n", machine());
    text.push_str(&line(Glance::HEADINGS.map(String::from).into()));
    text.push_str(&line(Glance::HEADINGS.map(|_| "---".into()).into()));
    groups.iter().for_each(|results| text.push_str(&line(Glance::new(results).cells())));
    let _ = write!(text, "\n{}\n", picture(groups));
    let _ = write!(
        text,
        "\n## How to read the tables\n\n{LEGEND} In brackets the value, and between which ratios half of the rounds \
         were; \"again\" is ayi against itself.\n"
    );
    for Results { name, about, rows, failures } in groups {
        let _ = writeln!(text, "\n## {name}: {about}");
        for table in tables(rows) {
            let headings: Vec<String> = table.headings().map(String::from).collect();
            let rule = headings.iter().map(|_| "---".into()).collect();
            let _ = write!(text, "\n{}{}", line(headings), line(rule));
            for row in &table.rows {
                let cell = |it: &Other| {
                    let tie = if row.is_tie(it) { " =" } else { "" };
                    let value = value(it.value, row.figure.unit);
                    format!("**{}**{tie} ({value}, {})", ratio(it.ratio.median), spread(it.ratio))
                };
                text.push_str(&line(table.cells(row, cell)));
            }
        }
        for failure in failures {
            let _ = write!(text, "\n{failure}\n");
        }
    }
    text
}
