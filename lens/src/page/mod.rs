//! One HTML file that shows a recording, and needs nothing besides: no server, no network.
//!
//! The recording stands in it as base64. So nothing that a program calls itself or its tasks can become markup here;
//! the page's own code puts names into text nodes.

mod base64;
mod files;
mod live;
mod shorten;

use crate::recording::Recording;
use base64::Base64;
pub use live::{live, live_event};
use std::io::{self, Read, Seek, SeekFrom, Write};

/// The most bytes of a recording in a page. Browsers take a text of some hundred megabytes, but not a gigabyte.
pub const LARGEST: u64 = 64 << 20;

/// How many problems of the file the page tells.
const MOST_PROBLEMS: usize = 20;

/// Where the recording stands in the page.
const PLACE: &str = r#"<script id="recording" type="text/plain"></script>"#;

/// Writes a page that shows a recording. `file` is what it was read from.
///
/// If the recording is larger than `largest` bytes, its newest events are taken. Then the number of the others is
/// returned, and the page has it in the attribute `data-left-out` of the element `recording`. The file's problems stand in
/// the attribute `data-problems`, one a line.
///
/// # Errors
///
/// Those of `file` and `out`.
pub fn page(
    recording: &Recording,
    file: &mut (impl Read + Seek),
    largest: u64,
    out: &mut impl Write,
) -> io::Result<u64> {
    let (before, after) = files::INDEX.split_once(PLACE).expect("the page has a place for the recording");
    write_part(before, out)?;
    let length: u64 = recording.good.iter().map(|section| section.end - section.start).sum();
    let left_out = if length <= largest {
        begin(recording, 0, out)?;
        let mut base64 = Base64::new(&mut *out);
        base64.write_all(&crate::writer::header())?;
        copy_sections(recording, file, &mut base64)?;
        base64.finish()?;
        0
    } else {
        let (sections, left_out) = shorten::shorten(recording, largest);
        begin(recording, left_out, out)?;
        let mut base64 = Base64::new(&mut *out);
        base64.write_all(&crate::writer::file(&sections))?;
        base64.finish()?;
        left_out
    };
    out.write_all(b"</script>")?;
    write_part(after, out)?;
    Ok(left_out)
}

/// Begins the element of the recording, with what is wrong with the file: the page gets only what is whole.
fn begin(recording: &Recording, left_out: u64, out: &mut impl Write) -> io::Result<()> {
    out.write_all(PLACE.trim_end_matches("></script>").as_bytes())?;
    if left_out > 0 {
        write!(out, r#" data-left-out="{left_out}""#)?;
    }
    if !recording.problems.is_empty() {
        let problems: Vec<_> =
            recording.problems.iter().take(MOST_PROBLEMS).map(|it| it.to_string()).collect();
        let problems = problems.join("\n").replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        write!(out, r#" data-problems="{problems}""#)?;
    }
    out.write_all(b">")
}

/// Copies the sections that are whole, as they stand in the file.
fn copy_sections(
    recording: &Recording,
    file: &mut (impl Read + Seek),
    out: &mut impl Write,
) -> io::Result<()> {
    for section in &recording.good {
        file.seek(SeekFrom::Start(section.start))?;
        let length = section.end - section.start;
        if io::copy(&mut file.by_ref().take(length), out)? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// Writes a part of the page. Lines that name a file are replaced by what is in it.
fn write_part(part: &str, out: &mut impl Write) -> io::Result<()> {
    for line in part.split_inclusive('\n') {
        match named_file(line.trim()) {
            Some((name, tag)) => {
                let text = contents(name);
                write!(out, "<{tag}>\n{text}</{tag}>\n")?;
            }
            None => out.write_all(line.as_bytes())?,
        }
    }
    Ok(())
}

/// Returns the file that a line of the page names, and the element that its contents need.
fn named_file(line: &str) -> Option<(&str, &'static str)> {
    let style =
        line.strip_prefix(r#"<link rel="stylesheet" href=""#).and_then(|rest| rest.strip_suffix(r#"">"#));
    let script = line.strip_prefix(r#"<script src=""#).and_then(|rest| rest.strip_suffix(r#""></script>"#));
    style.map(|name| (name, "style")).or(script.map(|name| (name, "script")))
}

/// Returns the contents of a file of the page, in which nothing ends the element early.
///
/// In JavaScript, `<\/` is `</` and `\!` is `!` wherever these may stand: in strings, patterns and comments.
fn contents(name: &str) -> String {
    let file = files::FILES.iter().find(|(file, _)| *file == name);
    let (_, text) =
        file.unwrap_or_else(|| panic!("the page names {name}, which is not in lens/src/page/files.rs"));
    text.replace("</script", r"<\/script").replace("<!--", r"<\!--")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_page_names_the_files_that_there_are() {
        let mut named: Vec<&str> =
            files::INDEX.lines().filter_map(|line| named_file(line.trim())).map(|file| file.0).collect();
        let mut table: Vec<&str> = files::FILES.iter().map(|file| file.0).collect();
        named.sort_unstable();
        table.sort_unstable();
        assert_eq!(named, table, "index.html and lens/src/page/files.rs");
        for (name, text) in files::FILES {
            let file = fs::read_to_string(format!("{}/page/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
            assert_eq!(file, *text, "{name}");
        }
    }

    #[test]
    fn the_page_needs_no_other_file() {
        let mut page = Vec::new();
        write_part(files::INDEX, &mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        let ends = |page: &str| page.to_ascii_lowercase().matches("</script").count();
        assert_eq!(ends(&page), ends(files::INDEX), "a script ends early");
        for forbidden in ["<link rel=\"stylesheet\"", "<script src", "type=\"module\"", "@import", "=\"http"]
        {
            assert!(!page.contains(forbidden), "the page has {forbidden}");
        }
        assert_eq!(page.matches(PLACE).count(), 1, "the place of the recording");
    }
}
