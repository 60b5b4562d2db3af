//! Markdown to HTML. Links lead to pages of this site where they can, and to the repository otherwise. Lines of examples
//! that rustdoc hides are left out, and so are rustdoc's links to items. Figures are drawn, and below a link whose title is
//! "replay" comes the recording of the program that it leads to.

use crate::{REPOSITORY, book, colors, figure, pages};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html::push_html};
use std::collections::BTreeMap;

pub struct Made {
    pub html: String,
    /// What it shows, from the root of the project.
    pub pictures: Vec<String>,
    /// What a search looks through.
    pub sections: Vec<Section>,
}

/// What stands below a heading.
#[derive(Default)]
pub struct Section {
    pub anchor: String,
    pub title: String,
    pub text: String,
}

/// Where a link of the page `source` leads to: somewhere, or nowhere.
fn target(source: &str, link: &str) -> Option<String> {
    if let Some(item) = link.strip_prefix("crate::") {
        return pages().find(|page| page.name == item).map(|page| format!("{}.html", page.name));
    }
    if link.contains("::") && !link.contains("://") {
        return None;
    }
    if link.contains("://") || link.starts_with('#') || link.starts_with("mailto:") {
        return Some(link.to_owned());
    }
    let (file, anchor) =
        link.split_once('#').map_or((link, String::new()), |(file, at)| (file, format!("#{at}")));
    let path = resolve(source, file);
    if let Some(page) = book::page_of(&path) {
        return Some(format!("{page}{anchor}"));
    }
    match pages().find(|page| page.source == path) {
        Some(page) => Some(format!("{}.html{anchor}", page.name)),
        None => Some(format!("{REPOSITORY}/blob/main/{path}{anchor}")),
    }
}

/// Returns the path from the root of the project.
pub fn resolve(source: &str, file: &str) -> String {
    let mut parts: Vec<&str> = source.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Returns the name by which a heading is linked to, as GitHub makes it.
fn anchor(heading: &str, seen: &mut BTreeMap<String, usize>) -> String {
    let kept = heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .collect::<String>();
    let name = kept.trim().replace(' ', "-");
    let times = seen.entry(name.clone()).or_default();
    *times += 1;
    if *times == 1 { name } else { format!("{name}-{}", *times - 1) }
}

pub fn html(source: &str, text: &str) -> Result<Made, String> {
    let mut pictures = Vec::new();
    let mut sections = vec![Section::default()];
    // The recording that comes below this paragraph.
    let mut replay = None;
    let mut events: Vec<Event<'_>> = Vec::new();
    let mut seen = BTreeMap::new();
    // The code of the block that is being read, and its language.
    let mut code: Option<(String, String)> = None;
    // Where the last heading began, and its text so far.
    let mut heading: Option<(usize, String)> = None;
    // Whether each link that is open leads somewhere.
    let mut links = Vec::new();
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let fence = match &kind {
                    CodeBlockKind::Fenced(fence) => fence.split(',').next().unwrap_or_default().to_owned(),
                    CodeBlockKind::Indented => "text".into(),
                };
                code = Some((fence, String::new()));
            }
            Event::Text(text) if code.is_some() => code.as_mut().expect("it is there").1 += &text,
            Event::End(TagEnd::CodeBlock) => {
                let (language, text) = code.take().expect("it has begun");
                if matches!(&*language, "sequence" | "boxes") {
                    let svg = figure::svg(&language, &text).map_err(|error| format!("{source}: {error}"))?;
                    let html = format!("<figure><div class=\"scroll\" tabindex=\"0\">{svg}</div></figure>\n");
                    events.push(Event::Html(html.into()));
                    continue;
                }
                let is_rust = matches!(
                    &*language,
                    "" | "rs" | "rust" | "no_run" | "ignore" | "compile_fail" | "should_panic"
                );
                let language = if is_rust { "rust" } else { &*language };
                let text = if is_rust { shown(&text) } else { text };
                let html =
                    format!("<pre tabindex=\"0\"><code>{}</code></pre>\n", colors::html(language, &text));
                events.push(Event::Html(html.into()));
            }
            Event::Start(Tag::Heading { .. }) => {
                heading = Some((events.len(), String::new()));
                events.push(event);
            }
            Event::End(TagEnd::Heading(_)) => {
                let (at, text) = heading.take().expect("it has begun");
                if let Event::Start(Tag::Heading { id, .. }) = &mut events[at] {
                    let name = anchor(&text, &mut seen);
                    *id = Some(name.clone().into());
                    sections.push(Section { anchor: name, title: text, text: String::new() });
                }
                events.push(event);
            }
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let mut to = target(source, &dest_url);
                if &*title == "replay" {
                    let program = dest_url.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
                    to = Some(format!("replay-{program}.html"));
                    replay.clone_from(&to);
                }
                links.push(to.is_some());
                if let Some(to) = to {
                    events.push(Event::Start(Tag::Link { link_type, dest_url: to.into(), title, id }));
                }
            }
            Event::End(TagEnd::Link) => {
                if links.pop() == Some(true) {
                    events.push(event);
                }
            }
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                let path = resolve(source, &dest_url);
                let to: CowStr<'_> =
                    format!("pictures/{}", path.rsplit('/').next().unwrap_or_default()).into();
                pictures.push(path);
                events.push(Event::Html("<span class=\"paper\">".into()));
                events.push(Event::Start(Tag::Image { link_type, dest_url: to, title, id }));
            }
            Event::End(TagEnd::Image) => {
                events.push(event);
                events.push(Event::Html("</span>".into()));
            }
            Event::Start(Tag::Table(_)) => {
                events.push(Event::Html("<div class=\"scroll\" tabindex=\"0\">".into()));
                events.push(event);
            }
            Event::End(TagEnd::Table) => {
                events.push(event);
                events.push(Event::Html("</div>".into()));
            }
            event => {
                if let Event::Text(more) | Event::Code(more) = &event {
                    match &mut heading {
                        Some((_, text)) => *text += more,
                        None => sections.last_mut().expect("there is one").text += more,
                    }
                } else if !matches!(event, Event::Start(_) | Event::End(TagEnd::Strong | TagEnd::Emphasis)) {
                    sections.last_mut().expect("there is one").text += " ";
                }
                let is_end = matches!(event, Event::End(TagEnd::Paragraph));
                events.push(event);
                if let Some(page) = replay.take_if(|_| is_end) {
                    let frame =
                        format!("<iframe src=\"{page}\" title=\"{page}\" loading=\"lazy\"></iframe>\n");
                    events.push(Event::Html(frame.into()));
                }
            }
        }
    }
    let mut html = String::new();
    push_html(&mut html, events.into_iter());
    Ok(Made { html, pictures, sections })
}

/// Returns the lines of an example that rustdoc shows.
fn shown(code: &str) -> String {
    let is_shown = |line: &&str| !(line.starts_with("# ") || line.trim_end() == "#");
    code.split_inclusive('\n').filter(is_shown).collect()
}

#[cfg(test)]
mod tests {
    use super::{html, target};

    #[test]
    fn links_lead_to_pages_or_to_the_repository_or_nowhere() {
        let at = |link: &str| target("examples/models/README.md", link);
        assert_eq!(at("../../READING.md#x").as_deref(), Some("reading.html#x"));
        assert_eq!(
            at("src/main.rs").as_deref(),
            Some("https://github.com/ayi-rs/ayi/blob/main/examples/models/src/main.rs")
        );
        assert_eq!(target("src/production.md", "crate::scaling_out").as_deref(), Some("scaling_out.html"));
        assert_eq!(target("src/production.md", "crate::io::TimeoutStream"), None);
        assert_eq!(at("https://raft.github.io").as_deref(), Some("https://raft.github.io"));
    }

    #[test]
    fn hidden_lines_are_left_out_and_headings_have_names() {
        let made =
            html("src/a.md", "# Two words\n\n```\n# hidden();\nshown();\n```\n\n# Two words\n").unwrap().html;
        assert!(made.contains("id=\"two-words\"") && made.contains("id=\"two-words-1\""), "{made}");
        assert!(made.contains("shown();") && !made.contains("hidden"), "{made}");
    }
}
