//! The lines of one file.

use ayi::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub type Pattern = memchr::memmem::Finder<'static>;

/// The bytes that are read at a time: some hundred lines, and little enough for one buffer in each of a thousand tasks.
const PART: usize = 64 * 1024;
/// The bytes that are checked at the beginning of a file. If there is a zero among them, the file is taken not to be
/// text.
const LOOKED_AT: u64 = 8 * 1024;

/// Returns each line that contains `pattern`, as `path:number: line`, together. Files that are not text give nothing.
pub async fn of(path: &Path, pattern: &Pattern) -> io::Result<Vec<u8>> {
    let file = File::open(path).await?;
    let mut found = Found { path, pattern, number: 0, output: Vec::new() };
    let mut part = Vec::with_capacity(PART);
    // The beginning of a line whose end is not read yet.
    let mut rest = Vec::new();
    let mut offset = 0;
    loop {
        let (result, filled) = file.read_at(part, offset).await;
        part = filled;
        if result? == 0 {
            found.search(&rest)?;
            return Ok(found.output);
        }
        let looked_at = LOOKED_AT.saturating_sub(offset).min(part.len() as u64) as usize;
        if memchr::memchr(0, &part[..looked_at]).is_some() {
            return Ok(Vec::new());
        }
        offset += part.len() as u64;
        match memchr::memrchr(b'\n', &part) {
            Some(end) => {
                rest.extend_from_slice(&part[..=end]);
                found.search(&rest)?;
                rest.clear();
                rest.extend_from_slice(&part[end + 1..]);
            }
            None => rest.extend_from_slice(&part),
        }
    }
}

struct Found<'a> {
    path: &'a Path,
    pattern: &'a Pattern,
    /// The number of the lines that have been searched.
    number: u64,
    output: Vec<u8>,
}

impl Found<'_> {
    /// Searches all of these lines at once, and only then for where the line begins and ends.
    fn search(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut start = 0;
        while start < lines.len() {
            let Some(at) = self.pattern.find(&lines[start..]) else { break };
            let at = start + at;
            // An empty match at the very end is in no line.
            if at == lines.len() {
                break;
            }
            let begin =
                memchr::memrchr(b'\n', &lines[start..at]).map_or(start, |newline| start + newline + 1);
            let end = memchr::memchr(b'\n', &lines[at..]).map_or(lines.len(), |newline| at + newline);
            self.number += count(&lines[start..begin]) + 1;
            self.output.extend_from_slice(self.path.as_os_str().as_bytes());
            write!(self.output, ":{}: ", self.number)?;
            self.output.extend_from_slice(&lines[begin..end]);
            self.output.push(b'\n');
            start = end + 1;
        }
        self.number += count(lines.get(start..).unwrap_or_default());
        Ok(())
    }
}

fn count(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).count() as u64
}
