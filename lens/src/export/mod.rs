//! Recordings in the formats of other viewers: Chrome's JSON and Perfetto's protobuf. <https://ui.perfetto.dev> opens
//! both.

mod chrome;
mod json;
mod lanes;
mod perfetto;
mod protobuf;

pub use chrome::chrome;
pub use perfetto::perfetto;

use crate::recording::{Recording, Runtime};

/// Returns the base of the process that began first. Times count from there.
fn earliest(recording: &Recording) -> u64 {
    recording.runtimes.iter().map(|runtime| runtime.section.base).min().unwrap_or(0)
}

/// Returns the name of a runtime's lane.
fn lane_name(runtime: &Runtime) -> String {
    let section = &runtime.section;
    let mut name = format!("runtime {}", section.runtime);
    if section.flags & 1 == 1 {
        name.push_str(&format!(", worker {}", section.worker));
    }
    for part in [&section.name, &section.thread] {
        if !part.is_empty() {
            name.push_str(&format!(" {part}"));
        }
    }
    name
}
