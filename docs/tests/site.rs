//! The site as readers get it: links, figures, and nothing from elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

struct Site(PathBuf);

impl Site {
    fn build(name: &str) -> Site {
        let folder = std::env::temp_dir().join(format!("ayi-site-{name}-{}", std::process::id()));
        ayi_site::build(root(), &folder).unwrap();
        Site(folder)
    }

    /// Returns all pages by their names. The replays are made by `ayi-lens`, which has tests of its own.
    fn pages(&self) -> BTreeMap<String, String> {
        let entries = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        let pages = entries.filter(|path| path.extension().is_some_and(|it| it == "html"));
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let pages = pages.map(|path| (name(&path), fs::read_to_string(&path).unwrap()));
        pages.filter(|(name, _)| !name.starts_with("replay-")).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Returns the values of an attribute.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let begin = format!(" {attribute}=\"");
    html.split(&begin).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn links_lead_to_pages_and_headings_that_are_there() {
    let site = Site::build("links");
    let pages = site.pages();
    assert!(pages.len() >= 17, "{:?}", pages.keys());
    let ids: BTreeMap<&str, BTreeSet<&str>> =
        pages.iter().map(|(name, html)| (&**name, values(html, "id").into_iter().collect())).collect();
    let mut faults = Vec::new();
    for (name, html) in &pages {
        for link in values(html, "href").into_iter().chain(values(html, "src")) {
            if let Some(path) = link.strip_prefix(&format!("{}/blob/main/", ayi_site::REPOSITORY)) {
                // In the repository, as it is here.
                if !root().join(path.split('#').next().unwrap()).exists() {
                    faults.push(format!("{name}: {link}"));
                }
                continue;
            }
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = if file.is_empty() { name } else { file };
            let is_there = site.0.join(file).exists();
            let has_anchor = anchor.is_empty() || ids.get(file).is_some_and(|ids| ids.contains(anchor));
            if !is_there || !has_anchor {
                faults.push(format!("{name}: {link}"));
            }
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn nothing_is_fetched_from_elsewhere() {
    let site = Site::build("elsewhere");
    for (name, html) in site.pages() {
        let fetched: Vec<_> = values(&html, "src").into_iter().filter(|it| it.contains("//")).collect();
        assert!(fetched.is_empty(), "{name}: {fetched:?}");
        for link in html.split("<link ").skip(1) {
            let tag = link.split('>').next().unwrap();
            assert!(!tag.contains("//"), "{name}: {tag}");
        }
    }
    let style = fs::read_to_string(site.0.join("style.css")).unwrap();
    assert!(!style.contains("url(") && !style.contains("@import"));
    let replay = fs::read_to_string(site.0.join("replay-taps.html")).unwrap();
    assert!(replay.len() > 100_000, "the replay has a recording");
}

#[test]
fn each_guide_of_the_documentation_is_in_the_menu() {
    let guides = fs::read_dir(root().join("src")).unwrap().map(|entry| entry.unwrap().file_name());
    let guides: BTreeSet<String> =
        guides.filter_map(|name| Some(name.to_str()?.strip_suffix(".md")?.to_owned())).collect();
    let listed: BTreeSet<String> = ayi_site::pages()
        .filter_map(|page| Some(page.source.strip_prefix("src/")?.strip_suffix(".md")?.to_owned()))
        .collect();
    assert_eq!(listed, guides);
}

#[test]
fn the_front_page_has_readmes_figures() {
    let site = Site::build("figures");
    let front = &site.pages()["index.html"];
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let row = readme.lines().find(|line| line.starts_with("| spawn + join, one at a time |")).unwrap();
    let cells: Vec<_> = row.split('|').map(str::trim).collect();
    assert!(front.contains(&format!("<b>{}</b>", cells[2])), "{row}");
    assert!(front.contains(&format!("tokio: {} · ratio {}", cells[3], cells[4])), "{row}");
    assert_eq!(front.matches("<li><b>").count(), 5);
    assert!(!front.contains("{{"), "a place of the template is empty");
}

#[test]
fn no_page_is_wider_than_a_phone() {
    if !has_chromium("no_page_is_wider_than_a_phone") {
        return;
    }
    let site = Site::build("phone");
    // A window is 500 pixels wide at least, so the pages are looked at in frames that are as narrow as a phone. Each says
    // what stands out.
    let mut harness = String::from(
        "<script>addEventListener('message', (event) => document.body.append(event.data + '\\n'));</script>",
    );
    let pages = site.pages();
    for (name, html) in &pages {
        let look = format!(
            "<script>addEventListener('load', () => {{
                const out = [...document.querySelectorAll('body *')].filter((it) =>
                    it.getBoundingClientRect().right > 391 && !it.closest('.scroll, pre, head'));
                parent.postMessage('{name}: ' + out.length + ' ' + out.slice(0, 3).map((it) => it.outerHTML.slice(0, 60)).join(' | '), '*');
            }});</script>"
        );
        // What they embed has tests of its own.
        let html = html.replace("<iframe ", "<iframe hidden data-").replace("data-src=", "data-was=");
        fs::write(site.0.join(format!("look-{name}")), html.replace("</body>", &format!("{look}</body>")))
            .unwrap();
        harness +=
            &format!("<iframe src=\"look-{name}\" style=\"width:390px;height:800px;border:0\"></iframe>");
    }
    fs::write(site.0.join("harness.html"), format!("<!doctype html><body>{harness}")).unwrap();
    let dom = chromium(&site.0.join("harness.html"));
    for name in pages.keys() {
        let found =
            dom.lines().find_map(|line| line.split_once(&format!("{name}: ")).map(|(_, rest)| rest.trim()));
        assert_eq!(found, Some("0"), "{name}");
    }
}

#[test]
fn a_search_finds_words_of_both_languages() {
    if !has_chromium("a_search_finds_words_of_both_languages") {
        return;
    }
    let site = Site::build("search");
    for (page, words, found) in [
        ("book-en.html", "lost%20wakeup", "book-en-"),
        ("book-zh.html", "%E5%94%A4%E9%86%92%E5%99%A8", "book-zh-"),
    ] {
        // A path with a part behind `#` is an address.
        let dom = chromium(&site.0.join(page).with_extension(format!("html#search={words}")));
        let list = dom.split("<ol id=\"found\">").nth(1).unwrap().split("</ol>").next().unwrap();
        assert!(list.contains(&format!("<li><a href=\"{found}")), "{page}: {list}");
    }
}

/// Whether there is one. In CI there has to be.
fn has_chromium(test: &str) -> bool {
    let found = Command::new("chromium").arg("--version").output();
    let is_there = found.is_ok_and(|output| output.status.success());
    if !is_there {
        assert!(std::env::var_os("CI").is_none(), "chromium is missing: install Debian's package chromium");
        eprintln!("test {test} is skipped: there is no chromium");
    }
    is_there
}

/// Opens a page, and returns what it has become.
fn chromium(page: &Path) -> String {
    let mut chromium = Command::new("chromium");
    chromium.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=10000",
        "--dump-dom",
    ]);
    let output = chromium.arg(format!("file://{}", page.display())).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
