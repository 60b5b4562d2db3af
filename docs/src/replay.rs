//! The book's programs, recorded: the pages that `ayi-lens` makes of recordings.

use ayi_book::PROGRAMS;
use ayi_lens::{page, recording};
use std::io::Cursor;

/// Runs each program for a moment. Returns its name, and its page.
pub fn pages() -> Result<Vec<(&'static str, Vec<u8>)>, String> {
    let made = PROGRAMS.iter().map(|program| {
        let failed = |error: std::io::Error| format!("the program {} of the book: {error}", program.name);
        let (_, bytes) = program.run().map_err(failed)?;
        let mut bytes = Cursor::new(bytes);
        let recording = recording::read(&mut bytes);
        let mut html = Vec::new();
        page::page(&recording, &mut bytes, page::LARGEST, &mut html).map_err(failed)?;
        Ok((program.name, html))
    });
    made.collect()
}
