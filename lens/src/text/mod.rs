//! Tables for a terminal.

mod summary;
mod table;
mod tables;
mod units;

pub use units::{duration, shown};

use crate::analysis::Analysis;
use crate::recording::Recording;
use std::fmt::Write;

/// Returns all tables, with at most `top` rows each.
pub fn text(recording: &Recording, top: usize) -> String {
    let mut text = String::new();
    for (index, runtime) in recording.runtimes.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let analysis = Analysis::of(runtime);
        summary::summary(&mut text, runtime, &analysis);
        for table in tables::tables(&analysis, top) {
            table.print(&mut text);
        }
    }
    if recording.skipped > 0 {
        let sections = units::counted(recording.skipped, "section");
        let _ = writeln!(text, "\nSkipped: {sections} of kinds that this version does not know.");
    }
    text
}
