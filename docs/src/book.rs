//! The book: a page for each chapter, in two languages, with a menu, a search, and one page of all that prints.
//!
//! The chapters are the files of `book/en` and `book/zh`, in the order of their names; `README.md` is the page before the
//! first of them, and the glossary the last.

use crate::{in_frame, markdown};
use std::fs;
use std::path::Path;

/// A language of the book, and what its pages say by themselves.
pub struct Language {
    pub folder: &'static str,
    pub html: &'static str,
    pub title: &'static str,
    pub name: &'static str,
    search: &'static str,
    nothing: &'static str,
    print: &'static str,
    site: &'static str,
    contents: &'static str,
}

pub const LANGUAGES: [Language; 2] = [
    Language {
        folder: "en",
        html: "en",
        title: "From a blocking read to your own runtime",
        name: "English",
        search: "Search the book",
        nothing: "Nothing was found.",
        print: "All on one page, to print",
        site: "The site",
        contents: "Chapters",
    },
    Language {
        folder: "zh",
        html: "zh-CN",
        title: "从阻塞的 read 到自己的运行时",
        name: "简体中文",
        search: "搜索全书",
        nothing: "没有找到。",
        print: "全书一页，可打印",
        site: "网站首页",
        contents: "目录",
    },
];

pub struct Chapter {
    /// The name of its file.
    pub file: String,
    pub title: String,
    pub text: String,
}

impl Chapter {
    fn page(&self, language: &Language) -> String {
        page(language.folder, &self.file)
    }
}

fn page(folder: &str, file: &str) -> String {
    match file.trim_end_matches(".md") {
        "README" => format!("book-{folder}.html"),
        stem => format!(
            "book-{folder}-{}.html",
            stem.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-')
        ),
    }
}

/// Returns the page that is made of a file, if that belongs to the book.
pub fn page_of(path: &str) -> Option<String> {
    let (folder, file) = path.strip_prefix("book/")?.split_once('/')?;
    let is_page = LANGUAGES.iter().any(|language| language.folder == folder) && file.ends_with(".md");
    is_page.then(|| page(folder, file))
}

/// Returns the chapters of a language, the page before the first one among them.
pub fn chapters(root: &Path, language: &Language) -> Result<Vec<Chapter>, String> {
    let folder = root.join("book").join(language.folder);
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let files = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut files: Vec<String> = files.filter(|file| file.ends_with(".md")).collect();
    // The glossary is the last.
    files.sort_by_key(|file| (file != "README.md", file == "glossary.md", file.clone()));
    let read = |file: String| {
        let path = folder.join(&file);
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let title = text.lines().next().and_then(|line| line.strip_prefix("# "));
        let title =
            title.ok_or_else(|| format!("{}: the first line is no title", path.display()))?.to_owned();
        Ok(Chapter { file, title, text })
    };
    files.into_iter().map(read).collect()
}

/// Writes the pages of a language by `write`, and what they show by `copy`. Returns how many there are.
pub fn build(
    root: &Path,
    language: &Language,
    write: &dyn Fn(&str, &str) -> Result<(), String>,
    copy: &dyn Fn(&str) -> Result<(), String>,
) -> Result<usize, String> {
    let chapters = chapters(root, language)?;
    let (mut index, mut all) = (String::from("window.BOOK = [\n"), String::new());
    for (number, chapter) in chapters.iter().enumerate() {
        let source = format!("book/{}/{}", language.folder, chapter.file);
        let made = markdown::html(&source, &chapter.text)?;
        made.pictures.iter().try_for_each(|picture| copy(picture))?;
        let page = chapter.page(language);
        for section in made.sections.iter().filter(|section| !section.title.is_empty()) {
            let (at, text) = (format!("{page}#{}", section.anchor), section.text.trim());
            let title = if section.title == chapter.title {
                chapter.title.clone()
            } else {
                format!("{}: {}", chapter.title, section.title)
            };
            index += &format!("[{}, {}, {}],\n", json(&at), json(&title), json(text));
        }
        let link = |at: Option<&Chapter>, class: &str| {
            at.map(|at| format!("<a class=\"{class}\" href=\"{}\">{}</a>", at.page(language), at.title))
        };
        let before = link(number.checked_sub(1).map(|at| &chapters[at]), "before").unwrap_or_default();
        let after = link(chapters.get(number + 1), "after").unwrap_or_default();
        let content = format!("{}<p class=\"steps\">{before} {after}</p>", made.html);
        write(&page, &framed(language, &chapters, &page, &chapter.title, &content))?;
        all += &format!("<article>{}</article>\n", in_print(&made.html));
    }
    write(&format!("search-{}.js", language.folder), &(index + "];\n"))?;
    let print = format!("book-{}-print.html", language.folder);
    write(&print, &framed(language, &chapters, &print, language.title, &all))?;
    Ok(chapters.len() + 1)
}

/// On the page that prints, answers are open, what moves is left out, and names of headings are not needed.
fn in_print(html: &str) -> String {
    let mut rest = html.replace("<details>", "<details open>").replace(" id=\"", " data-id=\"");
    while let Some(begin) = rest.find("<iframe") {
        let end = rest[begin..].find("</iframe>").map_or(rest.len(), |end| begin + end + "</iframe>".len());
        rest.replace_range(begin..end, "");
    }
    rest
}

fn framed(language: &Language, chapters: &[Chapter], page: &str, title: &str, content: &str) -> String {
    let mut menu = format!(
        "<input id=\"search\" type=\"search\" placeholder=\"{0}\" aria-label=\"{0}\" data-nothing=\"{1}\">\
         <ol id=\"found\"></ol><h2>{2}</h2><ul>",
        language.search, language.nothing, language.contents
    );
    for chapter in chapters {
        let to = chapter.page(language);
        let current = if to == page { " aria-current=\"page\"" } else { "" };
        menu += &format!("<li><a href=\"{to}\"{current}>{}</a></li>", chapter.title);
    }
    menu += "</ul><ul>";
    for other in LANGUAGES.iter().filter(|other| other.folder != language.folder) {
        let to = page.replace(&format!("book-{}", language.folder), &format!("book-{}", other.folder));
        menu += &format!("<li><a href=\"{to}\" lang=\"{}\">{}</a></li>", other.html, other.name);
    }
    menu += &format!(
        "<li><a href=\"book-{}-print.html\">{}</a></li><li><a href=\"index.html\">{}</a></li></ul>",
        language.folder, language.print, language.site
    );
    let script = format!(
        "<script src=\"search-{}.js\"></script><script>{}</script>",
        language.folder,
        include_str!("search.js")
    );
    in_frame(language.html, &format!("{title} · ayi"), &menu, &(content.to_owned() + &script))
}

fn json(text: &str) -> String {
    let mut json = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => json += "\\\"",
            '\\' => json += "\\\\",
            // `</script>` would end the script.
            '<' => json += "\\u003c",
            c if c < ' ' => json += " ",
            c => json.push(c),
        }
    }
    json + "\""
}
