//! Goes through the events, once and in order.

use super::tasks::Queue;
use super::{Analysis, Call, KEY, Look, SystemCalls, Timer, Turn, blocked};
use crate::recording::{Event, Runtime, What};
use std::collections::HashMap;

/// What a call that found nothing returns, as `-errno`.
const EAGAIN: i32 = 11;

/// An analysis while it is made.
pub(super) struct Build<'a> {
    pub runtime: &'a Runtime,
    pub analysis: Analysis,
    /// What is known of each task's wakes and waits. It has an entry for each task.
    pub queues: Vec<Queue>,
    /// How often a cause woke a task.
    pub wakes: HashMap<(u64, u32), u64>,
    /// The last timer of each key, of those that were due.
    pub fired: HashMap<u64, u32>,
    /// The number of gaps so far: wakes from before the last one are forgotten.
    pub era: u64,
    /// When each blocking call was queued.
    calls: HashMap<u64, u64>,
    /// What the next text is a part of.
    named: Named,
    /// The text before the next event that is not a text.
    text: Vec<u8>,
}

/// What a text event is a part of: the index of a task or of a descriptor.
#[derive(Clone, Copy)]
enum Named {
    Nothing,
    Task(u32),
    Peer(u32),
}

pub(super) fn build(runtime: &Runtime) -> Analysis {
    let mut build = Build {
        runtime,
        analysis: Analysis::default(),
        queues: Vec::new(),
        wakes: HashMap::new(),
        fired: HashMap::new(),
        era: 0,
        calls: HashMap::new(),
        named: Named::Nothing,
        text: Vec::new(),
    };
    build.events();
    build.live_tasks();
    build.live_descriptors();
    build.span();
    build.finish_wakes();
    blocked::weigh(&mut build.analysis);
    build.analysis
}

impl Build<'_> {
    fn events(&mut self) {
        let runtime = self.runtime;
        let mut gaps = runtime.gaps.iter().peekable();
        let mut latest = 0;
        for (index, event) in runtime.section.events.iter().enumerate() {
            if gaps.next_if(|gap| gap.before == index).is_some() {
                self.name(Named::Nothing);
                self.forget_wakes();
            }
            let (time, what) = (event.time(), event.what());
            if time < latest && !matches!(what, What::CallRan { .. }) {
                self.analysis.totals.backwards += 1;
            }
            latest = latest.max(time);
            match what {
                What::Text { bytes } => self.text.extend(bytes),
                What::Spawned { .. } | What::Arrived { .. } | What::Registered { .. } => {
                    self.name(Named::Nothing);
                    let named = self.begin(time, what);
                    self.name(named);
                }
                _ => {
                    self.name(Named::Nothing);
                    self.event(time, what);
                }
            }
        }
        self.name(Named::Nothing);
    }

    /// Takes an event after which a text may stand, and returns what that text is a part of.
    fn begin(&mut self, time: u64, what: What) -> Named {
        match what {
            What::Spawned { task, place, by } => Named::Task(self.spawned(time, task, place, by)),
            What::Arrived { task, place, worker } => Named::Task(self.arrived(time, task, place, worker)),
            What::Registered { key, fd, kind } => Named::Peer(self.registered(time, key, fd, kind)),
            _ => Named::Nothing,
        }
    }

    fn event(&mut self, time: u64, what: What) {
        let totals = &mut self.analysis.totals;
        match what {
            What::Looked { took, events, may_sleep } => {
                totals.slept = totals.slept.saturating_add(if may_sleep { took } else { 0 });
                self.analysis.looks.push(Look { end: time, took, events, may_sleep });
            }
            What::Turned { took, polls } => self.analysis.turns.push(Turn { end: time, took, polls }),
            What::Woken { task, why } => self.woken(time, task, why),
            What::Polled { task, outcome, took } => self.polled(time, task, outcome, took),
            What::Ended { task, how, worker } => self.ended(time, task, how, worker),
            What::Waits { task, wait } => self.waits(task, wait),
            What::Budget { task } => self.budget(task),
            What::Reported { key, .. } => self.reported(key),
            What::Tried { key, result, .. } => self.tried(key, result),
            What::GivenUp { key, fd } => self.given_up(time, key, fd),
            What::TimerFired { key, deadline } => self.fired(time, key, deadline),
            What::Messages { count } => totals.messages = totals.messages.saturating_add(count),
            What::CallQueued { call } => drop(self.calls.insert(call, time)),
            What::CallRan { call, took } => self.ran(time, call, took),
            What::Submitted { .. } => totals.submitted += 1,
            What::Completed { .. } => totals.completed += 1,
            What::End { .. } => drop(totals.ending.get_or_insert(time)),
            What::Called { call, given, took, result, .. } => self.called(call, given, took, result),
            What::Lost { events } => {
                totals.lost = totals.lost.saturating_add(events);
                self.forget_wakes();
            }
            What::Unknown { .. } => totals.unknown += 1,
            // Threads come and go without a mark. A timer counts when it is due.
            What::Entered { .. } | What::Left { .. } | What::TimerSet { .. } | What::TimerDropped { .. } => {}
            What::Text { .. } | What::Spawned { .. } | What::Arrived { .. } | What::Registered { .. } => {}
        }
    }

    /// Gives the text so far to what it belongs to. The next text will belong to `next`.
    fn name(&mut self, next: Named) {
        if !self.text.is_empty() {
            let end = self.text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            let text = String::from_utf8_lossy(&self.text[..end]).into_owned();
            match self.named {
                Named::Nothing => {}
                Named::Task(task) => self.analysis.tasks[task as usize].name = text,
                Named::Peer(descriptor) => self.analysis.descriptors[descriptor as usize].peer = text,
            }
            self.text.clear();
        }
        self.named = next;
    }

    fn fired(&mut self, time: u64, key: u64, deadline: u64) {
        if key != 0 {
            self.fired.insert(key & KEY, self.analysis.timers.len() as u32);
        }
        self.analysis.timers.push(Timer { key, deadline, fired: time, task: None });
    }

    fn ran(&mut self, time: u64, id: u64, took: u64) {
        let queued = self.calls.remove(&id);
        self.analysis.calls.push(Call { id, queued, begin: time.saturating_sub(took), took });
    }

    fn called(&mut self, call: u16, given: Option<u16>, took: u64, result: i32) {
        let calls = &mut self.analysis.system_calls;
        let index = calls.iter().position(|calls| calls.call == call).unwrap_or_else(|| {
            calls.push(SystemCalls { call, ..SystemCalls::default() });
            calls.len() - 1
        });
        let calls = &mut calls[index];
        calls.count += 1;
        calls.took = calls.took.saturating_add(took);
        calls.longest = calls.longest.max(took);
        calls.given += if takes_a_list(call) { given.unwrap_or(0).into() } else { 0 };
        calls.empty += u64::from(result == -EAGAIN);
        calls.failed += u64::from(result < 0 && result != -EAGAIN);
    }

    /// Finds out when the recording begins and ends.
    fn span(&mut self) {
        let section = &self.runtime.section;
        let first = section.events.first().map_or(section.now, |event| begin_of(*event));
        let begin = if section.first == 0 { section.begins.min(first) } else { first };
        let last = section.events.iter().map(|event| event.time()).max();
        let totals = &mut self.analysis.totals;
        totals.begin = begin;
        totals.end = section.now.max(last.unwrap_or(0)).max(begin);
    }
}

/// Returns whether a call is given a list of descriptors: `poll`, `select`, `pselect` or `ppoll`.
fn takes_a_list(call: u16) -> bool {
    matches!(call, 7 | 23 | 270 | 271)
}

/// Returns when that began which has ended with an event.
fn begin_of(event: Event) -> u64 {
    let took = match event.what() {
        What::Looked { took, .. }
        | What::Turned { took, .. }
        | What::Polled { took, .. }
        | What::Called { took, .. } => took,
        _ => 0,
    };
    event.time().saturating_sub(took)
}
