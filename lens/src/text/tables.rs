//! Each table: what its rows are, in which order.

use super::table::Table;
use super::units::{duration, moment, number, shown};
use crate::analysis::{Analysis, Poll, Task, top};
use crate::recording::How;

pub(super) fn tables(analysis: &Analysis, most: usize) -> Vec<Table> {
    let mut tables = vec![
        tasks(analysis, most, "Tasks by busy time", |task| task.busy),
        tasks(analysis, most, "Tasks by time in the queue", |task| task.queued),
        tasks(analysis, most, "Tasks by slowest poll", |task| slowest(analysis, task)),
        blocked(analysis, most),
        wakes(analysis, most),
        descriptors(analysis, most),
        late(analysis, most),
        waiting(analysis, most),
    ];
    // The runtime records none, so there is no table without them.
    if !analysis.system_calls.is_empty() {
        tables.push(system_calls(analysis, most));
    }
    tables
}

fn slowest(analysis: &Analysis, task: &Task) -> u64 {
    task.slowest.map_or(0, |poll| analysis.polls[poll as usize].took)
}

fn tasks(analysis: &Analysis, most: usize, title: &str, by: impl Fn(&Task) -> u64) -> Table {
    let columns = ["busy", "queued", "slowest", "polls", "wakes", "end", "task", "mostly woken by"];
    let mut table = Table::new(title, 5, &columns);
    for index in top(analysis.tasks.iter().map(&by), most) {
        let task = &analysis.tasks[index as usize];
        let woken = analysis.wakers(index).first().map(|wakes| analysis.describe(wakes.cause));
        table.row([
            duration(task.busy),
            duration(task.queued),
            duration(slowest(analysis, task)),
            number(task.polls),
            number(task.wakes),
            end(task).into(),
            shown(&task.title()),
            shown(&woken.unwrap_or_default()),
        ]);
    }
    table.of(analysis.tasks.iter().filter(|task| by(task) > 0).count())
}

fn end(task: &Task) -> &'static str {
    match (task.end, task.state) {
        (Some((_, How::Ready)), _) => "ready",
        (Some((_, How::Panicked)), _) => "panicked",
        (Some((_, How::Cancelled)), _) => "cancelled",
        (Some((_, How::Moved)), _) => "moved",
        (Some((_, How::Other(_))), _) => "ended",
        (None, Some(1)) => "in the queue",
        (None, Some(2)) => "in its poll",
        (None, _) => "waits",
    }
}

fn blocked(analysis: &Analysis, most: usize) -> Table {
    let columns = ["poll", "others waited", "timers due", "reported after", "at", "task", "woken by"];
    let mut table = Table::new("What blocked the loop: the longest polls", 5, &columns);
    for index in analysis.longest_polls(most) {
        let Poll { task, begin, took, cause, held_up, timers, reports, .. } = analysis.polls[index as usize];
        table.row([
            duration(took),
            duration(held_up),
            number(timers.into()),
            number(reports.into()),
            moment(begin),
            shown(&analysis.tasks[task as usize].title()),
            shown(&cause.map_or("unknown".into(), |cause| analysis.describe(cause))),
        ]);
    }
    table.of(analysis.polls.len())
}

fn wakes(analysis: &Analysis, most: usize) -> Table {
    let mut table = Table::new("Who woke whom", 1, &["wakes", "task", "woken by"]);
    for index in top(analysis.wakes.iter().map(|wakes| wakes.count), most) {
        let wakes = analysis.wakes[index as usize];
        let task = shown(&analysis.tasks[wakes.task as usize].title());
        table.row([number(wakes.count), task, shown(&analysis.describe(wakes.cause))]);
    }
    table.of(analysis.wakes.len())
}

fn descriptors(analysis: &Analysis, most: usize) -> Table {
    let columns = ["reports", "tries", "empty", "failed", "registered", "given up", "descriptor", "awaited"];
    let mut table = Table::new("Descriptors by reports and tries", 6, &columns);
    let busiest = analysis.descriptors.iter().map(|descriptor| 1 + descriptor.reports + descriptor.tries);
    let time = |time: Option<u64>| time.map_or("–".into(), moment);
    for index in top(busiest, most) {
        let descriptor = &analysis.descriptors[index as usize];
        let awaited = ["", "to read", "to write", "to read and write"][(descriptor.waiting & 3) as usize];
        table.row([
            number(descriptor.reports),
            number(descriptor.tries),
            number(descriptor.empty),
            number(descriptor.failed),
            time(descriptor.registered),
            time(descriptor.given_up),
            shown(&descriptor.title()),
            awaited.into(),
        ]);
    }
    table.of(analysis.descriptors.len())
}

fn late(analysis: &Analysis, most: usize) -> Table {
    let mut table = Table::new("Late timers", 3, &["late", "deadline", "noticed", "task"]);
    for index in top(analysis.timers.iter().map(|timer| timer.late()), most) {
        let timer = &analysis.timers[index as usize];
        let task = timer.task.map(|task| shown(&analysis.tasks[task as usize].title()));
        table.row([
            duration(timer.late()),
            moment(timer.deadline),
            moment(timer.fired),
            task.unwrap_or("unknown".into()),
        ]);
    }
    table.of(analysis.timers.len())
}

/// The tasks that are not finished, those that wait the longest first.
fn waiting(analysis: &Analysis, most: usize) -> Table {
    let columns = ["age", "polls", "state", "task", "waits for"];
    let mut table = Table::new("Tasks that are not finished", 2, &columns);
    let is_live = |task: &&Task| task.end.is_none();
    let age = |task: &Task| task.begin.map(|begin| analysis.totals.end.saturating_sub(begin));
    let ages = analysis.tasks.iter().map(|task| if is_live(&task) { 1 + age(task).unwrap_or(0) } else { 0 });
    for index in top(ages, most) {
        let task = &analysis.tasks[index as usize];
        let waits: Vec<String> = task.waits.iter().map(|wait| shown(&analysis.wait(*wait))).collect();
        table.row([
            age(task).map_or("–".into(), duration),
            number(task.polls),
            end(task).into(),
            shown(&task.title()),
            waits.join(", "),
        ]);
    }
    table.of(analysis.tasks.iter().filter(is_live).count())
}

fn system_calls(analysis: &Analysis, most: usize) -> Table {
    let columns = ["count", "time", "longest", "handed over", "empty", "failed", "call"];
    let mut table = Table::new("System calls", 6, &columns);
    for index in top(analysis.system_calls.iter().map(|calls| calls.took.saturating_add(1)), most) {
        let calls = &analysis.system_calls[index as usize];
        table.row([
            number(calls.count),
            duration(calls.took),
            duration(calls.longest),
            number(calls.given),
            number(calls.empty),
            number(calls.failed),
            calls.title(),
        ]);
    }
    table.of(analysis.system_calls.len())
}
