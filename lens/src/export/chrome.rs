//! Chrome's trace event format, in JSON.
//!
//! A process for each process, and a thread for each runtime, on which its turns, sleeps and polls are complete events
//! (`X`). Tasks are nestable asynchronous events (`b`, `e`), and a flow (`s`, `f`) leads from a wake to its poll. The
//! format: "Trace Event Format", a document of the Chromium project.

use super::json::{Micros, Text};
use super::lanes::{self, Edge, Kind, Slice};
use super::{earliest, lane_name};
use crate::analysis::{Analysis, Task};
use crate::recording::{Recording, Runtime};
use std::io::{self, Write};

/// Writes a recording as JSON.
///
/// # Errors
///
/// Those of `out`.
pub fn chrome(recording: &Recording, out: &mut impl Write) -> io::Result<()> {
    let base = earliest(recording);
    // The first event has no comma before it, so it is one that is always there.
    writeln!(out, r#"{{"displayTimeUnit":"ns","traceEvents":["#)?;
    write!(out, r#"{{"ph":"M","name":"trace_written_by","pid":0,"args":{{"name":"ayi-lens"}}}}"#)?;
    for (runtime, number) in recording.runtimes.iter().zip(1..) {
        let analysis = Analysis::of(runtime);
        let shift = runtime.section.base - base;
        let pid = runtime.section.process;
        let mut lane = Lane { out: &mut *out, pid, number, shift, analysis: &analysis };
        lane.metadata(runtime)?;
        lanes::of_loop(&analysis).into_iter().try_for_each(|slice| lane.complete(slice))?;
        for (slices, task) in lanes::of_tasks(&analysis).iter().zip(&analysis.tasks) {
            lanes::edges(slices, |edge| lane.task(edge, task))?;
        }
        lane.flows()?;
    }
    writeln!(out, "\n]}}")
}

/// A runtime, while it is written.
struct Lane<'a, W> {
    out: &'a mut W,
    pid: u32,
    /// The number of the runtime in the recording. It serves as the thread's.
    number: u32,
    /// The nanoseconds from the earliest base to that of this runtime.
    shift: u64,
    analysis: &'a Analysis,
}

impl<W: Write> Lane<'_, W> {
    fn time(&self, time: u64) -> Micros {
        Micros(self.shift.saturating_add(time))
    }

    /// Begins an event. Its phase, process, thread and time are always there.
    fn event(&mut self, phase: &str, time: u64) -> io::Result<()> {
        let (pid, tid, ts) = (self.pid, self.number, self.time(time));
        write!(self.out, ",\n{{\"ph\":\"{phase}\",\"pid\":{pid},\"tid\":{tid},\"ts\":{ts}")
    }

    fn metadata(&mut self, runtime: &Runtime) -> io::Result<()> {
        for (what, name) in [("process_name", &runtime.section.program), ("thread_name", &lane_name(runtime))]
        {
            self.event("M", 0)?;
            write!(self.out, r#","name":"{what}","args":{{"name":{}}}}}"#, Text(name))?;
        }
        Ok(())
    }

    fn complete(&mut self, slice: Slice) -> io::Result<()> {
        self.event("X", slice.begin)?;
        // One reading of the clock ends a poll and begins the next. Some viewers put a slice that begins when another one
        // ends into that, so there is a nanosecond between them.
        write!(self.out, r#","dur":{}"#, Micros((slice.end - slice.begin).saturating_sub(1)))?;
        match slice.kind {
            Kind::Turn(turn) => {
                let polls = self.analysis.turns[turn as usize].polls;
                write!(self.out, r#","cat":"loop","name":"turn","args":{{"polls":{polls}}}}}"#)
            }
            Kind::Look(look) => {
                let look = self.analysis.looks[look as usize];
                let name = if look.may_sleep { "sleep" } else { "look" };
                write!(self.out, r#","cat":"loop","name":"{name}","args":{{"events":{}}}}}"#, look.events)
            }
            Kind::Poll(poll) | Kind::Queued(poll) => self.poll(poll),
            Kind::Life => write!(self.out, r#","name":"life"}}"#),
        }
    }

    /// Writes the rest of a poll's event.
    fn poll(&mut self, poll: u32) -> io::Result<()> {
        let poll = &self.analysis.polls[poll as usize];
        let title = self.analysis.tasks[poll.task as usize].title();
        write!(self.out, r#","cat":"poll","name":{},"args":{{"#, Text(&title))?;
        if let Some(cause) = poll.cause {
            write!(self.out, r#""woken by":{},"#, Text(&self.analysis.describe(cause)))?;
        }
        if let Some(waited) = poll.waited {
            write!(self.out, r#""in the queue (µs)":{},"#, Micros(waited))?;
        }
        write!(self.out, r#""others waited (µs)":{},"#, Micros(poll.held_up))?;
        write!(self.out, r#""outcome":"{:?}"}}}}"#, poll.outcome)
    }

    /// Writes an edge of a slice in a task's lane. The lane is known by the task's id, unique in the runtime.
    fn task(&mut self, edge: Edge, task: &Task) -> io::Result<()> {
        let (phase, time, kind) = match edge {
            Edge::Begin(slice) => ("b", slice.begin, slice.kind),
            Edge::End(slice) => ("e", slice.end, slice.kind),
        };
        self.event(phase, time)?;
        write!(self.out, r#","cat":"task","id":"{}.{}","name":"#, self.number, task.id)?;
        match kind {
            Kind::Life => write!(self.out, "{}}}", Text(&task.title())),
            Kind::Queued(_) => write!(self.out, "\"in the queue\"}}"),
            _ => write!(self.out, "\"poll\"}}"),
        }
    }

    /// Writes an arrow from each wake to its poll.
    fn flows(&mut self) -> io::Result<()> {
        let analysis = self.analysis;
        for (index, poll) in analysis.polls.iter().enumerate() {
            let Some(waited) = poll.waited else { continue };
            for (phase, time, binding) in [("s", poll.begin - waited, ""), ("f", poll.begin, r#","bp":"e""#)]
            {
                self.event(phase, time)?;
                write!(self.out, r#","cat":"wake","name":"wake","id":"{}.{index}"{binding}}}"#, self.number)?;
            }
        }
        Ok(())
    }
}
