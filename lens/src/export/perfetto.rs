//! Perfetto's protobuf: a `Trace` of `TracePacket`s, with tracks, slices on them, and flows from wakes to polls.
//!
//! A process has a track, a runtime has one below it, and each task one below its runtime. The numbers of fields are
//! those of `protos/perfetto/trace/` in Perfetto's repository.

use super::lanes::{self, Edge, Kind, Slice};
use super::protobuf::Message;
use super::{earliest, lane_name};
use crate::analysis::Analysis;
use crate::recording::{Recording, Runtime};
use std::collections::HashSet;
use std::io::{self, Write};

/// Fields of `TracePacket`.
mod packet {
    pub const TIMESTAMP: u64 = 8;
    pub const SEQUENCE: u64 = 10;
    pub const EVENT: u64 = 11;
    pub const DESCRIPTOR: u64 = 60;
}

/// Fields of `TrackEvent`.
mod event {
    pub const ANNOTATION: u64 = 4;
    pub const TYPE: u64 = 9;
    pub const TRACK: u64 = 11;
    pub const CATEGORY: u64 = 22;
    pub const NAME: u64 = 23;
    pub const FLOW: u64 = 47;
    pub const LAST_FLOW: u64 = 48;
    /// Values of the field `TYPE`.
    pub const BEGIN: u64 = 1;
    pub const END: u64 = 2;
    pub const INSTANT: u64 = 3;
}

/// Fields of `TrackDescriptor` and of its `ProcessDescriptor`.
mod track {
    pub const UUID: u64 = 1;
    pub const NAME: u64 = 2;
    pub const PROCESS: u64 = 3;
    pub const PARENT: u64 = 5;
    pub const PROCESS_ID: u64 = 1;
    pub const PROCESS_NAME: u64 = 6;
}

/// Fields of `DebugAnnotation`.
mod annotation {
    pub const NUMBER: u64 = 3;
    pub const TEXT: u64 = 6;
    pub const NAME: u64 = 10;
}

/// Writes a recording as a trace of Perfetto's.
///
/// # Errors
///
/// Those of `out`.
pub fn perfetto(recording: &Recording, out: &mut impl Write) -> io::Result<()> {
    let base = earliest(recording);
    let mut processes = HashSet::new();
    for (runtime, number) in recording.runtimes.iter().zip(1..) {
        let analysis = Analysis::of(runtime);
        let shift = runtime.section.base - base;
        let mut lane = Lane { out: &mut *out, number, shift, analysis: &analysis };
        if processes.insert(runtime.section.process) {
            lane.process(runtime)?;
        }
        lane.all(runtime)?;
    }
    Ok(())
}

/// A runtime, while it is written.
struct Lane<'a, W> {
    out: &'a mut W,
    /// The number of the runtime in the recording. Its packets are a sequence of their own.
    number: u64,
    /// The nanoseconds from the earliest base to that of this runtime.
    shift: u64,
    analysis: &'a Analysis,
}

/// The number of a process' track. Those of runtimes and tasks are above 2^32.
fn process_track(process: u32) -> u64 {
    u64::from(process) + 1
}

impl<W: Write> Lane<'_, W> {
    /// The number of the runtime's track. Those of its tasks follow it.
    fn track(&self) -> u64 {
        self.number << 40
    }

    fn packet(&mut self, packet: Message) -> io::Result<()> {
        let packet = packet.number(packet::SEQUENCE, self.number);
        self.out.write_all(Message::default().message(1, packet).encoded())
    }

    fn describe(&mut self, descriptor: Message) -> io::Result<()> {
        self.packet(Message::default().message(packet::DESCRIPTOR, descriptor))
    }

    fn event(&mut self, time: u64, kind: u64, track: u64, event: Message) -> io::Result<()> {
        let event = event.number(event::TYPE, kind).number(event::TRACK, track);
        let time = self.shift.saturating_add(time);
        self.packet(Message::default().number(packet::TIMESTAMP, time).message(packet::EVENT, event))
    }

    fn process(&mut self, runtime: &Runtime) -> io::Result<()> {
        let section = &runtime.section;
        let process = Message::default()
            .number(track::PROCESS_ID, section.process.into())
            .text(track::PROCESS_NAME, &section.program);
        let uuid = process_track(section.process);
        self.describe(Message::default().number(track::UUID, uuid).message(track::PROCESS, process))
    }

    fn name(&mut self, uuid: u64, parent: u64, name: &str) -> io::Result<()> {
        let descriptor = Message::default().number(track::UUID, uuid).text(track::NAME, name);
        self.describe(descriptor.number(track::PARENT, parent))
    }

    fn all(&mut self, runtime: &Runtime) -> io::Result<()> {
        let (analysis, lane) = (self.analysis, self.track());
        self.name(lane, process_track(runtime.section.process), &lane_name(runtime))?;
        self.slices(lane, &lanes::of_loop(analysis))?;
        self.wakes(lane)?;
        for ((task, slices), track) in analysis.tasks.iter().zip(lanes::of_tasks(analysis)).zip(lane + 1..) {
            self.name(track, lane, &task.title())?;
            self.slices(track, &slices)?;
        }
        Ok(())
    }

    fn slices(&mut self, track: u64, slices: &[Slice]) -> io::Result<()> {
        let is_loop = track == self.track();
        lanes::edges(slices, |edge| match edge {
            Edge::Begin(slice) => {
                let event = self.begin(slice.kind, is_loop);
                self.event(slice.begin, event::BEGIN, track, event)
            }
            Edge::End(slice) => self.event(slice.end, event::END, track, Message::default()),
        })
    }

    /// Returns what a slice is, to stand in the event of its begin.
    fn begin(&self, kind: Kind, is_loop: bool) -> Message {
        let event = |category: &str, name: &str| {
            Message::default().text(event::CATEGORY, category).text(event::NAME, name)
        };
        match kind {
            Kind::Life => event("task", "life"),
            Kind::Turn(turn) => {
                number(event("loop", "turn"), "polls", self.analysis.turns[turn as usize].polls)
            }
            Kind::Look(look) => {
                let look = self.analysis.looks[look as usize];
                number(
                    event("loop", if look.may_sleep { "sleep" } else { "look" }),
                    "events",
                    look.events.into(),
                )
            }
            Kind::Queued(_) => event("task", "in the queue"),
            Kind::Poll(_) if !is_loop => event("task", "poll"),
            Kind::Poll(index) => {
                let poll = &self.analysis.polls[index as usize];
                let name = self.analysis.tasks[poll.task as usize].title();
                self.poll(index, event("poll", &name))
            }
        }
    }

    /// Adds to a poll why it was, and what it held up.
    fn poll(&self, index: u32, mut event: Message) -> Message {
        let poll = &self.analysis.polls[index as usize];
        if let Some(cause) = poll.cause {
            event = text(event, "woken by", &self.analysis.describe(cause));
        }
        if let Some(waited) = poll.waited {
            event = number(event, "in the queue (ns)", waited).fixed(event::LAST_FLOW, self.flow(index));
        }
        event = number(event, "others waited (ns)", poll.held_up);
        text(event, "outcome", &format!("{:?}", poll.outcome))
    }

    /// The number of the flow that ends in a poll.
    fn flow(&self, poll: u32) -> u64 {
        self.number << 32 | u64::from(poll)
    }

    /// Marks each wake whose poll is known: there its flow begins.
    fn wakes(&mut self, lane: u64) -> io::Result<()> {
        let analysis = self.analysis;
        for (poll, index) in analysis.polls.iter().zip(0..) {
            let Some(waited) = poll.waited else { continue };
            let wake = Message::default().text(event::CATEGORY, "wake").text(event::NAME, "wake");
            let wake = wake.fixed(event::FLOW, self.flow(index));
            self.event(poll.begin - waited, event::INSTANT, lane, wake)?;
        }
        Ok(())
    }
}

fn text(event: Message, name: &str, value: &str) -> Message {
    let annotation = Message::default().text(annotation::NAME, name).text(annotation::TEXT, value);
    event.message(event::ANNOTATION, annotation)
}

fn number(event: Message, name: &str, value: u64) -> Message {
    let annotation = Message::default().text(annotation::NAME, name).number(annotation::NUMBER, value);
    event.message(event::ANNOTATION, annotation)
}
