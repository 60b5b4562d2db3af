//! Draws `bench/charts.svg`: a picture of the tables in `bench/RESULTS.md`.
//!
//! `cargo run --manifest-path bench/Cargo.toml -p charts` writes the picture anew. It reads nothing but RESULTS.md, so
//! the text and the picture cannot differ, and a test says when the picture is an old one.

mod headlines;
mod picture;
mod tables;

use std::fs;
use std::path::Path;

/// Draws the charts of `results`, which is the text of RESULTS.md.
///
/// # Errors
///
/// Says which line is not understood, or which headline row is missing.
pub fn draw(results: &str) -> Result<String, String> {
    let report = tables::Report::parse(results)?;
    let groups = report.groups.iter().map(|group| Ok((group, headlines::choose(group)?)));
    let groups: Result<Vec<_>, String> = groups.collect();
    Ok(picture::picture(&report, &groups?).into_string())
}

/// Reads the results and writes `charts.svg` beside them.
///
/// # Errors
///
/// Like [`draw`], or a file could not be read or written.
pub fn write(results: &Path) -> Result<(), String> {
    let failed = |error| format!("{}: {error}", results.display());
    let text = fs::read_to_string(results).map_err(|error| failed(error.to_string()))?;
    let picture = draw(&text).map_err(failed)?;
    fs::write(results.with_file_name("charts.svg"), picture).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::draw;

    const RESULTS: &str = include_str!("../../RESULTS.md");

    #[test]
    fn the_picture_is_that_of_the_results() {
        let is_new = draw(RESULTS).expect("RESULTS.md is understood") == include_str!("../../charts.svg");
        let how = "cargo run --manifest-path bench/Cargo.toml -p charts";
        assert!(is_new, "bench/charts.svg is not what RESULTS.md says. Write it anew: {how}");
    }

    #[test]
    fn a_table_that_is_not_understood_is_named_by_its_line() {
        let whole = "# Side by side\n\nA machine.\n\n## memory: bytes\n\n\
            | work | ayi | again | tokio | goal |\n\
            | --- | --- | --- | --- | --- |\n\
            | a task that waits, with 64 bytes, bytes | 1 B | 1-1 | **2.00** (2 B, 2-2) |  |\n\
            | a connection that waits, with its task and 64 bytes, bytes | 1 B | 1-1 | **1.00** = (1 B) |  |\n";
        assert!(draw(whole).is_ok());
        let why = |from, to| draw(&whole.replacen(from, to, 1)).unwrap_err();
        assert!(why("| work |", "| job |").starts_with("line 7: "));
        assert!(why("**2.00**", "2.00").starts_with("line 9: "));
        assert!(why("**1.00**", "**fast**").starts_with("line 10: "));
        assert!(why("| 1-1 ", "").starts_with("line 9: "));
        assert!(why("a task", "tasks").contains("no row \"a task that waits"));
        assert!(why("## memory", "## memories").contains("\"memories\""));
    }
}
