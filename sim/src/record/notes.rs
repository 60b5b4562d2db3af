//! What was done to hosts and to the network, as a section of its own: each is a task that lives as long as it lasts.

use super::lives::PROCESS;
use crate::Nanos;
use crate::kernel::hosts::{BEGIN, HostId};
use crate::machine::End;
use ayi_lens::recording::{Cause, How, Section, What};
use ayi_lens::writer::{event, text};
use std::collections::BTreeMap;

/// The bit of a section's flags that says this.
const ARE_FAULTS: u32 = 4;

/// Something that has happened to a host, or to the way from one to another.
#[derive(Clone)]
pub(crate) enum Note {
    Starts(HostId),
    Ends(HostId, End),
    /// It is paused, or goes on.
    Stops(HostId, bool),
    /// How slow it is, in hundredths.
    Slow(HostId, u32),
    /// The way is cut, or is whole again.
    Cut(HostId, HostId, bool),
    /// The connections between two hosts break.
    Broken(HostId, HostId),
    /// The run has failed, and why.
    Failed(String),
}

/// What lasts for a while.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Life(HostId),
    Pause(HostId),
    Slowness(HostId),
    Way(HostId, HostId),
}

/// Something that was so from `begin` until `end`, or until the end of the recording.
struct Span {
    begin: Nanos,
    end: Option<Nanos>,
    text: String,
    /// Of what is cut: the way.
    way: Option<Way>,
}

/// From a host to another one.
type Way = (HostId, HostId);

/// Returns the section, if anything has happened.
pub(super) fn section(notes: &[(Nanos, Note)], names: &[String], now: Nanos) -> Option<Section> {
    let mut spans = join(spans(notes, names), names);
    if spans.is_empty() {
        return None;
    }
    spans.sort_by_key(|span| span.begin);
    let mut events = Vec::new();
    for (at, span) in spans.iter().enumerate() {
        let task = at as u64 + 1;
        let mut begin = vec![event(span.begin, What::Spawned { task, place: None, by: Cause::new(5, 0) })];
        begin.extend(text(span.begin, &span.text));
        events.push((span.begin, begin));
        if let Some(end) = span.end {
            events.push((end, vec![event(end, What::Ended { task, how: How::Ready, worker: 0 })]));
        }
    }
    events.sort_by_key(|(at, _)| *at);
    Some(Section {
        process: PROCESS,
        // Behind all lives.
        runtime: u64::from(u32::MAX),
        reason: 2,
        flags: ARE_FAULTS,
        base: BEGIN,
        now,
        name: "faults".into(),
        events: events.into_iter().flat_map(|(_, events)| events).collect(),
        ..Section::default()
    })
}

/// What lasted how long, of each host and each way.
fn spans(notes: &[(Nanos, Note)], names: &[String]) -> Vec<Span> {
    let name = |host: HostId| names.get(usize::from(host)).map_or("?", |name| name.as_str());
    let mut spans: Vec<Span> = Vec::new();
    let mut open: BTreeMap<Subject, usize> = BTreeMap::new();
    for (at, note) in notes {
        let (subject, begun) = match note {
            Note::Starts(host) => (Subject::Life(*host), None),
            Note::Ends(host, End::Exit) => (Subject::Life(*host), None),
            Note::Ends(host, End::Kill) => (Subject::Life(*host), Some(format!("{} is killed", name(*host)))),
            Note::Ends(host, End::PowerLoss) => {
                (Subject::Life(*host), Some(format!("{} crashes", name(*host))))
            }
            Note::Stops(host, is_paused) => {
                (Subject::Pause(*host), is_paused.then(|| format!("{} stops", name(*host))))
            }
            Note::Slow(host, percent) => {
                let times = f64::from(*percent) / 100.0;
                let is_slow = *percent != 100;
                (
                    Subject::Slowness(*host),
                    is_slow.then(|| format!("{} is {times} times slower", name(*host))),
                )
            }
            Note::Cut(from, to, is_cut) => (Subject::Way(*from, *to), is_cut.then(String::new)),
            Note::Broken(a, b) => {
                let text = format!("connections between {} and {} break", name(*a), name(*b));
                spans.push(Span { begin: *at, end: Some(*at), text, way: None });
                continue;
            }
            Note::Failed(why) => {
                let text = format!("the run fails: {why}");
                spans.push(Span { begin: *at, end: Some(*at), text, way: None });
                continue;
            }
        };
        if begun.is_some() && matches!(subject, Subject::Way(..)) && open.contains_key(&subject) {
            continue;
        }
        if let Some(before) = open.remove(&subject) {
            spans[before].end = Some(*at);
        }
        if let Some(text) = begun {
            let way = if let Subject::Way(from, to) = subject { Some((from, to)) } else { None };
            open.insert(subject, spans.len());
            spans.push(Span { begin: *at, end: None, text, way });
        }
    }
    spans
}

/// Makes one of all ways that were cut at one time for as long.
fn join(spans: Vec<Span>, names: &[String]) -> Vec<Span> {
    let (cuts, mut joined): (Vec<Span>, Vec<Span>) = spans.into_iter().partition(|span| span.way.is_some());
    let mut by_time: BTreeMap<(Nanos, Option<Nanos>), Vec<Way>> = BTreeMap::new();
    for span in cuts {
        by_time.entry((span.begin, span.end)).or_default().extend(span.way);
    }
    for ((begin, end), ways) in by_time {
        joined.push(Span { begin, end, text: what_is_cut(&ways, names), way: None });
    }
    joined
}

fn what_is_cut(ways: &[Way], names: &[String]) -> String {
    let list = |mut hosts: Vec<HostId>| {
        hosts.sort_unstable();
        hosts.dedup();
        let names: Vec<&str> =
            hosts.into_iter().map(|host| names.get(usize::from(host)).map_or("?", String::as_str)).collect();
        names.join(", ")
    };
    let is_both = ways.iter().all(|(from, to)| ways.contains(&(*to, *from)));
    let (first, _) = ways[0];
    // If the first host is in one of two parts, those that it can reach are in the same.
    let there: Vec<HostId> = ways.iter().filter(|(from, _)| *from == first).map(|(_, to)| *to).collect();
    let here: Vec<HostId> = ways.iter().filter(|(_, to)| there.contains(to)).map(|(from, _)| *from).collect();
    if is_both && ways.len() == 2 * unique(&here) * there.len() {
        return format!("{} cannot reach {}", list(here), list(there));
    }
    let each: Vec<String> =
        ways.iter().map(|(from, to)| format!("{} to {}", list(vec![*from]), list(vec![*to]))).collect();
    format!("nothing goes from {}", each.join(", "))
}

fn unique(hosts: &[HostId]) -> usize {
    let mut hosts = hosts.to_vec();
    hosts.sort_unstable();
    hosts.dedup();
    hosts.len()
}
