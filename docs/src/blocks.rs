//! What stands in the book's blocks of code, and what it has to agree with.
//!
//! | fence | what it is | checked by |
//! |---|---|---|
//! | `rust` | an example | the documentation tests of `ayi-book` |
//! | `rs` | lines of the file that is linked above it; `…` stands for lines that are left out | [`fault`] |
//! | `text` | what the program says that is linked above it, or lines of a file | [`fault`] |
//! | `sh` | commands: patches, packages and paths that are there | [`fault`] |
//! | `sequence`, `boxes` | a figure | the build |

use crate::markdown::resolve;
use std::fs;
use std::path::Path;

pub struct Block {
    pub fence: String,
    pub text: String,
    /// Where the link above it leads to, from the root of the project.
    pub of: Option<String>,
    pub line: usize,
}

/// Returns the blocks of a page. `source` is its path from the root.
pub fn blocks(source: &str, page: &str) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    let mut above = "";
    for (number, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(fence), None) => {
                let link = above.rsplit_once("](").and_then(|(_, rest)| rest.split([')', ' ', '#']).next());
                let of = link.map(|link| resolve(source, link));
                open = Some(Block { fence: fence.to_owned(), text: String::new(), of, line: number + 1 });
                above = "";
            }
            (None, Some(block)) => block.text += &format!("{line}\n"),
            (None, None) if !line.trim().is_empty() => above = line,
            (None, None) => {}
        }
    }
    blocks
}

/// Compares a block with what it has to agree with, and says what differs. `said` tells what a program says.
pub fn fault(root: &Path, block: &Block, said: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    match &*block.fence {
        "rust" | "sequence" | "boxes" => None,
        "sh" => block.text.lines().find_map(|line| missing(root, line)),
        "rs" | "text" => {
            let Some(of) = &block.of else { return Some("no link above it says what it is of".into()) };
            let program = of.strip_prefix("book/src/programs/").map(|file| file.trim_end_matches(".rs"));
            if let Some(text) = program.filter(|_| block.fence == "text").and_then(said) {
                return (text != block.text).then(|| format!("{of} says\n{text}"));
            }
            match fs::read_to_string(root.join(of)) {
                Ok(file) => {
                    not_quoted(&file, &block.text).map(|line| format!("{of} has no such lines: {line}"))
                }
                Err(error) => Some(format!("{of}: {error}")),
            }
        }
        fence => Some(format!("no block is {fence:?}")),
    }
}

/// Returns the first line of the first part that the file does not have, behind the parts before it.
fn not_quoted<'a>(file: &str, quote: &'a str) -> Option<&'a str> {
    // Comments are quoted without their marks.
    let bare = |line: &str| {
        let line = line.trim();
        let marks = ["//!", "///", "//", "#"].into_iter().find_map(|mark| line.strip_prefix(mark));
        marks.unwrap_or(line).trim().to_owned()
    };
    let lines: Vec<String> = file.lines().map(bare).collect();
    let mut at = 0;
    let is_gap = |line: &&str| matches!(line.trim(), "…" | "// …");
    let quoted: Vec<&str> = quote.lines().collect();
    for part in quoted.split(|line| is_gap(line)).filter(|part| !part.is_empty()) {
        let wanted: Vec<String> = part.iter().map(|line| bare(line)).collect();
        match lines[at..].windows(wanted.len()).position(|lines| lines == wanted) {
            Some(place) => at += place + wanted.len(),
            None => return Some(part[0]),
        }
    }
    None
}

/// Returns what of a command is not there.
fn missing(root: &Path, command: &str) -> Option<String> {
    let words: Vec<&str> = command.split('#').next().unwrap_or_default().split_whitespace().collect();
    let has = |path: &str| root.join(path).exists();
    let manifest = |package: &str| {
        let folders = ["", "runtime", "sync", "lens", "sim", "docs", "examples/models", "examples/sim-kv"];
        folders.iter().any(|folder| {
            let text = fs::read_to_string(root.join(folder).join("Cargo.toml")).unwrap_or_default();
            text.contains(&format!("name = \"{package}\""))
        })
    };
    let no = match &words[..] {
        ["tests/mutations/run", name] => !has(&format!("tests/mutations/{name}.patch")),
        ["examples/sim-kv/bugs/check", name] => !has(&format!("examples/sim-kv/bugs/{name}.patch")),
        [program, ..] if program.contains('/') && !program.starts_with("target/") => !has(program),
        words => words.windows(2).any(|pair| match pair {
            ["-p", package] => !manifest(package),
            ["--manifest-path", path] => !has(path),
            _ => false,
        }),
    };
    no.then(|| format!("{command:?} names what is not there"))
}

#[cfg(test)]
mod tests {
    use super::{blocks, not_quoted};

    #[test]
    fn a_quotation_is_of_lines_that_are_there_in_that_order() {
        let file = "//! Says.\nfn a() {\n    one();\n    two();\n}\nfn b() {}\n";
        assert_eq!(not_quoted(file, "fn a() {\n…\ntwo();\n}\n"), None);
        assert_eq!(not_quoted(file, "Says.\n"), None);
        assert_eq!(not_quoted(file, "fn b() {}\n…\nfn a() {\n"), Some("fn a() {"));
        assert_eq!(not_quoted(file, "one();\nthree();\n"), Some("one();"));
    }

    #[test]
    fn a_block_is_of_the_file_that_is_linked_above_it() {
        let page = "Text.\n\n[`a`](../../a/b.rs):\n\n```rs\nx\n```\n\n```text\ny\n```\n";
        let of: Vec<_> = blocks("book/en/x.md", page).into_iter().map(|block| block.of).collect();
        assert_eq!(of, [Some("a/b.rs".into()), None]);
    }
}
