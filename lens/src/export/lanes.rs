//! What is drawn: slices of time, one lane for the loop of a runtime and one for each of its tasks.
//!
//! The slices of a lane nest. Where a damaged recording says something else, the inner slice is cut.

use crate::analysis::Analysis;
use std::cmp::Reverse;

/// A slice of time, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    pub begin: u64,
    pub end: u64,
    pub kind: Kind,
}

/// What a slice shows: the index of it in the analysis. Of two slices of the same time, the first kind is outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Life,
    Turn(u32),
    Look(u32),
    Queued(u32),
    Poll(u32),
}

/// An edge of a slice.
pub(super) enum Edge {
    Begin(Slice),
    End(Slice),
}

/// Returns the loop's lane: turns, calls of `epoll_wait`, polls.
pub(super) fn of_loop(analysis: &Analysis) -> Vec<Slice> {
    let ended = |end: u64, took: u64, kind| Slice { begin: end.saturating_sub(took), end, kind };
    let turns =
        analysis.turns.iter().zip(0..).map(|(turn, index)| ended(turn.end, turn.took, Kind::Turn(index)));
    let looks =
        analysis.looks.iter().zip(0..).map(|(look, index)| ended(look.end, look.took, Kind::Look(index)));
    let polls = analysis.polls.iter().zip(0..).map(|(poll, index)| Slice {
        begin: poll.begin,
        end: poll.end(),
        kind: Kind::Poll(index),
    });
    nest(turns.chain(looks).chain(polls).collect())
}

/// Returns the lane of each task: its life, the time in the queue, its polls.
pub(super) fn of_tasks(analysis: &Analysis) -> Vec<Vec<Slice>> {
    let totals = &analysis.totals;
    let life = analysis.tasks.iter().map(|task| Slice {
        begin: task.begin.unwrap_or(totals.begin),
        end: task.end.map_or(totals.end, |(end, _)| end),
        kind: Kind::Life,
    });
    let mut lanes: Vec<Vec<Slice>> = life.map(|life| vec![life]).collect();
    for (poll, index) in analysis.polls.iter().zip(0..) {
        let lane = &mut lanes[poll.task as usize];
        if let Some(waited) = poll.waited.filter(|waited| *waited > 0) {
            lane.push(Slice { begin: poll.begin - waited, end: poll.begin, kind: Kind::Queued(index) });
        }
        lane.push(Slice { begin: poll.begin, end: poll.end(), kind: Kind::Poll(index) });
    }
    lanes.into_iter().map(nest).collect()
}

/// Orders slices so that outer ones stand before inner ones, and cuts what does not nest.
fn nest(mut slices: Vec<Slice>) -> Vec<Slice> {
    slices.sort_by_key(|slice| (slice.begin, Reverse(slice.end), slice.kind));
    let mut open: Vec<u64> = Vec::new();
    for slice in &mut slices {
        while open.last().is_some_and(|end| *end <= slice.begin) {
            open.pop();
        }
        if let Some(end) = open.last() {
            slice.end = slice.end.min(*end);
        }
        slice.end = slice.end.max(slice.begin);
        open.push(slice.end);
    }
    slices
}

/// Calls `each` with the edges of nested slices, in order.
pub(super) fn edges<E>(slices: &[Slice], mut each: impl FnMut(Edge) -> Result<(), E>) -> Result<(), E> {
    let mut open: Vec<Slice> = Vec::new();
    for slice in slices {
        while let Some(over) = open.last().copied().filter(|over| over.end <= slice.begin) {
            open.pop();
            each(Edge::End(over))?;
        }
        each(Edge::Begin(*slice))?;
        open.push(*slice);
    }
    while let Some(over) = open.pop() {
        each(Edge::End(over))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_that_overlap_are_cut() {
        let slice = |begin, end, kind| Slice { begin, end, kind };
        let poll = slice(5, 30, Kind::Poll(0));
        let slices = nest(vec![poll, slice(0, 20, Kind::Turn(0)), slice(25, 20, Kind::Turn(1))]);
        let cut = [slice(0, 20, Kind::Turn(0)), slice(5, 20, Kind::Poll(0)), slice(25, 25, Kind::Turn(1))];
        assert_eq!(slices, cut);
        let mut told = Vec::new();
        edges::<()>(&slices, |edge| {
            told.push(match edge {
                Edge::Begin(slice) => (slice.begin, true),
                Edge::End(slice) => (slice.end, false),
            });
            Ok(())
        })
        .unwrap();
        assert_eq!(told, [(0, true), (5, true), (20, false), (20, false), (25, true), (25, false)]);
    }
}
