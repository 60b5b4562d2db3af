//! What a runtime is, and what it did on the whole.

use super::units::{counted, duration, moment, number, percent, shown};
use crate::analysis::Analysis;
use crate::recording::{How, Runtime, Writing};
use std::fmt::Write;

pub(super) fn summary(text: &mut String, runtime: &Runtime, analysis: &Analysis) {
    let mut lines = vec![("recorded", recorded(runtime, analysis)), ("loop", the_loop(analysis))];
    lines.push(("tasks", tasks(analysis)));
    lines.push(("besides", besides(analysis)));
    lines.extend(runtime.writings.iter().map(|writing| ("written", written(writing))));
    if let Some(lost) = lost(runtime, analysis) {
        lines.push(("events", lost));
    }
    let _ = writeln!(text, "{}", title(runtime));
    for (what, line) in lines {
        let _ = writeln!(text, "  {what:<9} {line}");
    }
}

/// Returns how a runtime is called: its program, its number, its names.
pub(crate) fn title(runtime: &Runtime) -> String {
    let section = &runtime.section;
    let mut title =
        format!("{}, process {}, runtime {}", shown(&section.program), section.process, section.runtime);
    if section.flags & 1 == 1 {
        let _ = write!(title, ", worker {}", section.worker);
    }
    for (what, name) in [("named", &section.name), ("thread", &section.thread)] {
        if !name.is_empty() {
            let _ = write!(title, ", {what} {}", shown(name));
        }
    }
    title
}

fn recorded(runtime: &Runtime, analysis: &Analysis) -> String {
    let clock = match runtime.section.flags {
        flags if flags & 12 != 0 => "simulated time",
        flags if flags & 2 == 2 => "the system's clock",
        _ => "the processor's clock",
    };
    let events = counted(runtime.section.events.len() as u64, "event");
    format!("{events} in {}, by {clock}", duration(analysis.totals.span()))
}

fn the_loop(analysis: &Analysis) -> String {
    let totals = &analysis.totals;
    let of_it = |part| format!("{} ({})", duration(part), percent(part, totals.span()));
    let turns = counted(analysis.turns.len() as u64, "turn");
    let polls = counted(analysis.polls.len() as u64, "poll");
    format!("slept {}, polled {}; {turns}, {polls}", of_it(totals.slept), of_it(totals.busy))
}

fn tasks(analysis: &Analysis) -> String {
    let mut line = number(analysis.tasks.len() as u64);
    let ended =
        |how: Option<How>| analysis.tasks.iter().filter(|task| task.end.map(|(_, how)| how) == how).count();
    let ways = [
        ("not finished", None),
        ("ready", Some(How::Ready)),
        ("panicked", Some(How::Panicked)),
        ("cancelled", Some(How::Cancelled)),
        ("gone to another worker", Some(How::Moved)),
    ];
    let mut space = ": ";
    for (name, count) in ways.map(|(name, how)| (name, ended(how))) {
        if count > 0 {
            let _ = write!(line, "{space}{} {name}", number(count as u64));
            space = ", ";
        }
    }
    line
}

fn besides(analysis: &Analysis) -> String {
    let totals = &analysis.totals;
    [
        counted(analysis.descriptors.len() as u64, "descriptor"),
        counted(analysis.timers.len() as u64, "timer"),
        counted(totals.messages, "message") + " of other threads",
        counted(analysis.calls.len() as u64, "blocking call"),
        counted(totals.submitted, "operation") + " of the ring",
    ]
    .join(", ")
}

fn written(writing: &Writing) -> String {
    let why = match writing.reason {
        0 => "the runtime has ended",
        1 => "a panic",
        2 => "it was asked for",
        3 => "a signal",
        4 => "a poll was too slow",
        _ => "for a reason that this version does not know",
    };
    let space = if writing.what.is_empty() { "" } else { ": " };
    format!("at {}, {why}{space}{}", moment(writing.now), shown(&writing.what))
}

/// Says which events are missing or odd, if there are any.
fn lost(runtime: &Runtime, analysis: &Analysis) -> Option<String> {
    let missing = runtime.gaps.iter().fold(0_u64, |sum, gap| sum.saturating_add(gap.missing));
    let totals = &analysis.totals;
    let counts = [
        (runtime.section.first, "overwritten before"),
        (missing, "missing between two writings"),
        (totals.lost, "lost in a burst"),
        (totals.unknown, "of kinds that this version does not know"),
        (totals.backwards, "with times before those of earlier events"),
    ];
    let told = counts.into_iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> = told.map(|(count, what)| format!("{} {what}", number(count))).collect();
    (!told.is_empty()).then(|| told.join(", "))
}
