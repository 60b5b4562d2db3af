//! The book as it is written: what it quotes is so, each chapter has its parts, and both languages have the same.

use ayi_book::PROGRAMS;
use ayi_site::blocks::{Block, blocks, fault};
use ayi_site::book::{Chapter, LANGUAGES, chapters};
use ayi_site::figure::skeleton;
use std::collections::BTreeMap;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// All pages of a language, with the paths of their files.
fn pages(language: usize) -> Vec<(String, Chapter)> {
    let language = &LANGUAGES[language];
    let chapters = chapters(root(), language).unwrap().into_iter();
    chapters.map(|chapter| (format!("book/{}/{}", language.folder, chapter.file), chapter)).collect()
}

fn is_numbered(chapter: &Chapter) -> bool {
    chapter.file.starts_with(|c: char| c.is_ascii_digit())
}

#[test]
fn what_is_quoted_is_there_and_what_programs_say_is_what_they_say() {
    let said: BTreeMap<&str, String> =
        PROGRAMS.iter().map(|program| (program.name, program.run().unwrap().0)).collect();
    let mut faults = Vec::new();
    for (source, chapter) in (0..2).flat_map(pages) {
        for block in blocks(&source, &chapter.text) {
            let fault = fault(root(), &block, &|program| said.get(program).cloned());
            faults.extend(fault.map(|fault| format!("{source}:{}: {fault}", block.line)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_chapter_has_its_parts() {
    let mut faults = Vec::new();
    for (source, chapter) in (0..2).flat_map(pages).filter(|(_, chapter)| is_numbered(chapter)) {
        let all = blocks(&source, &chapter.text);
        let count = |fences: &[&str]| all.iter().filter(|block| fences.contains(&&*block.fence)).count();
        let bugs = all.iter().filter(|block| {
            block.fence == "sh"
                && ["tests/mutations/run ", "examples/sim-kv/bugs/check "]
                    .iter()
                    .any(|run| block.text.contains(run))
        });
        let parts = [
            ("figure", count(&["sequence", "boxes"]) > 0),
            ("code", count(&["rust", "rs"]) > 0),
            ("replay", chapter.text.matches(" \"replay\")").count() == 1),
            ("bug to apply", bugs.count() == 1),
            ("five questions", chapter.text.matches("<details>").count() == 5),
            ("five answers", chapter.text.matches("</details>").count() == 5),
            ("sources", chapter.text.rsplit("\n## ").next().unwrap().matches("\n- ").count() >= 2),
        ];
        faults.extend(parts.iter().filter(|part| !part.1).map(|part| format!("{source}: no {}", part.0)));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_program_is_shown_by_a_chapter() {
    let all: String = pages(0).into_iter().map(|(_, chapter)| chapter.text).collect();
    for program in &PROGRAMS {
        assert!(all.contains(&format!("programs/{}.rs \"replay\")", program.name)), "{}", program.name);
    }
}

/// What a translation leaves as it is.
fn shape(source: &str, text: &str) -> Vec<String> {
    let mut shape = Vec::new();
    let all = blocks(source, text);
    let same = |block: &Block| match &*block.fence {
        "sequence" | "boxes" => skeleton(&block.text).join("\n"),
        _ => block.text.clone(),
    };
    shape.extend(all.iter().map(|block| format!("```{}\n{}", block.fence, same(block))));
    let mut is_code = false;
    for line in text.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if !is_code && line.starts_with('#') {
            shape.push(line.split(' ').next().unwrap().to_owned());
        } else if !is_code && line.starts_with('|') {
            shape.push(format!("a row of {} cells", line.matches('|').count()));
        } else if !is_code && line.starts_with("<") {
            shape.push(line.split('>').next().unwrap().to_owned());
        }
        if !is_code {
            let links = line.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
            // Headings have other names in the other language.
            shape.extend(links.map(|link| link.split('#').next().unwrap().to_owned()));
        }
    }
    shape
}

#[test]
fn both_languages_have_the_same_chapters_figures_code_and_exercises() {
    let (english, chinese) = (pages(0), pages(1));
    let files =
        |pages: &[(String, Chapter)]| pages.iter().map(|page| page.1.file.clone()).collect::<Vec<_>>();
    assert_eq!(files(&english), files(&chinese));
    for ((source, one), (_, other)) in english.iter().zip(&chinese) {
        let (one, other) = (shape(source, &one.text), shape(source, &other.text));
        let differ = one.iter().zip(&other).find(|(one, other)| one != other);
        assert_eq!(differ, None, "{source}");
        assert_eq!(one.len(), other.len(), "{source}");
    }
}

/// A reader of the book and of the way through the code reads at most 4,000 lines, of 120 characters at most. Empty lines
/// of the book do not count.
#[test]
fn the_book_is_short_enough() {
    let of = |line: &str| line.trim().chars().count().div_ceil(120);
    let lines: usize = pages(0).iter().flat_map(|(_, chapter)| chapter.text.lines()).map(of).sum();
    assert!(lines < 2_430, "{lines} lines, and the way through the code has 1,570");
}

/// How long the way through the code is, to ten lines.
#[test]
fn the_way_is_as_long_as_it_is_said_to_be() {
    let reading = std::fs::read_to_string(root().join("READING.md")).unwrap();
    let lines = reading.split(" lines with their comments").next().unwrap().rsplit(' ').next().unwrap();
    let lines: usize = lines.replace(',', "").parse().unwrap();
    let rounded = lines.next_multiple_of(10);
    let said = format!("{},{:03}", rounded / 1_000, rounded % 1_000);
    for (source, chapter) in (0..2).flat_map(pages) {
        let is_about_it = ["README.md", "path.md"].contains(&&*chapter.file);
        assert!(!is_about_it || chapter.text.contains(&said), "{source} does not say {said}");
    }
}

/// All examples are compiled: each page that has one is listed in `book/src/lib.rs`.
#[test]
fn each_page_with_an_example_is_tested() {
    let list = std::fs::read_to_string(root().join("book/src/lib.rs")).unwrap();
    for (source, chapter) in pages(0) {
        let has_example = blocks(&source, &chapter.text).iter().any(|block| block.fence == "rust");
        assert!(!has_example || list.contains(&format!("\"{}\"", chapter.file)), "{source}");
    }
}
