//! The front page. The first server, the two lines and the figures are taken from README.md, so they are the same.

use crate::colors;

/// Rows of README.md's table, and what a reader who knows nothing of it is told.
const FIGURES: [(&str, &str); 5] = [
    ("spawn + join, one at a time", "to spawn a task and join it"),
    ("wake oneself, in a task", "for a task to wake itself"),
    (
        "echo of 64 bytes over 16 connections: instructions in user space (libuv: 321)",
        "instructions for an echo",
    ),
    ("memory of a connection that waits, with 64 bytes", "of memory for a connection that waits"),
    (
        "axum and reqwest on two workers, through the package `tokio`: requests/s (tokio: `multi_thread`)",
        "requests a second: axum through the drop-in, two workers",
    ),
];

pub fn html(readme: &str) -> Result<String, String> {
    let server = block(readme, "```rust,no_run\n")?;
    let dependency = block(readme, "```toml\n[dependencies]")?;
    let patch = block(readme, "```toml\n[patch")?;
    let mut figures = String::new();
    for (row, what) in FIGURES {
        let cells = cells(readme, row)?;
        figures += &format!(
            "<li><b>{}</b>{what}<br><small>tokio: {} · ratio {}</small></li>",
            colors::escape(&cells[1]),
            colors::escape(&cells[2]),
            colors::escape(&cells[3])
        );
    }
    Ok(include_str!("front.html")
        .replace("{{picture}}", include_str!("picture.svg"))
        .replace("{{dependency}}", &colors::html("toml", &dependency))
        .replace("{{server}}", &colors::html("rust", &server))
        .replace("{{patch}}", &colors::html("toml", &patch))
        .replace("{{figures}}", &figures))
}

/// Returns the block of code that begins like this.
fn block(readme: &str, begin: &str) -> Result<String, String> {
    let at = readme.find(begin).ok_or_else(|| format!("README.md has no block {begin:?}"))?;
    let code = readme[at..].split_once('\n').map_or("", |(_, rest)| rest);
    Ok(code.split("```").next().unwrap_or_default().to_owned())
}

/// Returns the cells of a row of README.md's table.
pub fn cells(readme: &str, row: &str) -> Result<Vec<String>, String> {
    let line = readme.lines().find(|line| line.starts_with(&format!("| {row} |")));
    let line = line.ok_or_else(|| format!("README.md has no row {row:?}"))?;
    let cells: Vec<_> = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    if cells.len() == 4 { Ok(cells) } else { Err(format!("the row {row:?} of README.md has not four cells")) }
}
