//! The static site: the project's Markdown as pages, a front page, and a replay of a short run.
//!
//! | file | what it does |
//! |---|---|
//! | `lib` | which pages there are, and what they are made of |
//! | `markdown` | Markdown to HTML: links, hidden lines of examples, figures |
//! | `figure` | sequences, and boxes with arrows, drawn |
//! | `book` | the book, in two languages |
//! | `blocks` | the blocks of code in the book, and what each has to agree with |
//! | `colors` | the colours of code |
//! | `front` | the front page, with figures from README.md |
//! | `replay` | the book's programs, recorded |

pub mod blocks;
pub mod book;
mod colors;
pub mod figure;
mod front;
mod markdown;
mod replay;

use std::fs;
use std::io;
use std::path::Path;

pub const REPOSITORY: &str = "https://github.com/ayi-rs/ayi";

/// A page that is made of a Markdown file.
pub struct Page {
    /// From the root of the project.
    pub source: &'static str,
    pub name: &'static str,
    pub title: &'static str,
}

const fn page(source: &'static str, name: &'static str, title: &'static str) -> Page {
    Page { source, name, title }
}

/// The parts of the menu.
pub const MENU: [(&str, &[Page]); 4] = [
    (
        "Guides",
        &[
            page("src/choosing.md", "choosing", "Choosing a runtime"),
            page("src/tokio_on_ayi.md", "tokio_on_ayi", "Your tokio program on ayi"),
            page("src/coming_from_tokio.md", "coming_from_tokio", "Coming from tokio"),
            page("src/production.md", "production", "Running in production"),
            page("src/scaling_out.md", "scaling_out", "Scaling out"),
            page("src/seeing_a_run.md", "seeing_a_run", "Seeing a run"),
            page("src/testing_with_seeds.md", "testing_with_seeds", "Testing with seeds"),
        ],
    ),
    (
        "To learn",
        &[
            page("examples/models/README.md", "ladder", "The ladder of I/O models"),
            page("examples/README.md", "examples", "Examples"),
            page("READING.md", "reading", "One echo, read through"),
            page("ARCHITECTURE.md", "architecture", "Architecture"),
        ],
    ),
    (
        "Facts",
        &[
            page("bench/RESULTS.md", "figures", "How fast"),
            page("PROOFS.md", "proofs", "How it is proved"),
            page("SECURITY.md", "security", "Security"),
            page("CHANGELOG.md", "changelog", "Changes"),
        ],
    ),
    ("Project", &[page("CONTRIBUTING.md", "contributing", "Contributing")]),
];

pub fn pages() -> impl Iterator<Item = &'static Page> {
    MENU.iter().flat_map(|(_, pages)| pages.iter())
}

/// Builds the site, and returns how many pages it has.
pub fn build(root: &Path, folder: &Path) -> Result<usize, String> {
    let said = |what: &str| {
        let what = what.to_owned();
        move |error: io::Error| format!("{what}: {error}")
    };
    let read = |name: &str| fs::read_to_string(root.join(name)).map_err(said(name));
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(said("the folder of the last time"))?;
    }
    fs::create_dir_all(folder.join("pictures")).map_err(said("the folder"))?;
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).map_err(said(name));

    let copy = |picture: &str| {
        let to = folder.join("pictures").join(picture.rsplit('/').next().unwrap_or_default());
        fs::copy(root.join(picture), to).map(drop).map_err(said(picture))
    };
    write("style.css", include_str!("style.css"))?;
    for page in pages() {
        let made = markdown::html(page.source, &read(page.source)?)?;
        made.pictures.iter().try_for_each(|picture| copy(picture))?;
        write(&format!("{}.html", page.name), &in_template(page.name, page.title, &made.html))?;
    }
    for (program, html) in replay::pages()? {
        fs::write(folder.join(format!("replay-{program}.html")), html).map_err(said(program))?;
    }
    let mut of_the_book = 0;
    for language in &book::LANGUAGES {
        of_the_book += book::build(root, language, &write, &copy)?;
    }
    write("replay.html", &in_template("replay", "A replay", include_str!("replay.html")))?;
    fs::copy(root.join("bench/charts.svg"), folder.join("pictures/charts.svg"))
        .map_err(said("charts.svg"))?;
    write("index.html", &in_template("index", "ayi", &front::html(&read("README.md")?)?))?;
    Ok(pages().count() + 2 + of_the_book)
}

fn in_template(name: &str, title: &str, content: &str) -> String {
    let mut menu = String::new();
    let link = |to: &str, title: &str| {
        let current = if to == name { " aria-current=\"page\"" } else { "" };
        format!("<li><a href=\"{to}.html\"{current}>{title}</a></li>")
    };
    for (part, pages) in &MENU {
        menu += &format!("<h2>{part}</h2><ul>");
        pages.iter().for_each(|page| menu += &link(page.name, page.title));
        if *part == "To learn" {
            menu += &link("book-en", "The book");
            menu += &link("book-zh", "<span lang=\"zh-CN\">本书中文版</span>");
            menu += &link("replay", "A replay");
        }
        menu += "</ul>";
    }
    let title =
        if name == "index" { "ayi: an async runtime for Linux".into() } else { format!("{title} · ayi") };
    in_frame("en", &title, &menu, content)
}

/// What all pages have.
fn in_frame(lang: &str, title: &str, menu: &str, content: &str) -> String {
    let words = if lang == "en" {
        ["To the content", "dark / light", "Pages", "Source"]
    } else {
        ["跳到正文", "深色 / 浅色", "目录", "源码"]
    };
    include_str!("template.html")
        .replace("{{lang}}", lang)
        .replace("{{to-content}}", words[0])
        .replace("{{colours}}", words[1])
        .replace("{{pages}}", words[2])
        .replace("{{source}}", words[3])
        .replace("{{title}}", title)
        .replace("{{menu}}", menu)
        .replace("{{repository}}", REPOSITORY)
        .replace("{{content}}", content)
}
