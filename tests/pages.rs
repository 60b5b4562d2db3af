//! The pages say what is so: features, and links between the project's files.
//!
//! The tests are apart from `tests/it` because they need nothing of ayi, and are compiled in a moment.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Returns the features of the façade. One that only others need has no line of its own.
fn features() -> BTreeSet<String> {
    let manifest = read("Cargo.toml");
    let section = manifest.split("\n[features]\n").nth(1).expect("there are features").split("\n[").next();
    let lines = section.into_iter().flat_map(str::lines).filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.split_once(" = ")?.0.to_owned())).collect()
}

#[test]
fn each_feature_stands_on_the_front_page_and_in_the_readme() {
    let front = read("src/lib.rs");
    let table = front.split("# Features").nth(1).expect("a table of features");
    let listed: BTreeSet<String> = table
        .lines()
        .take_while(|line| !line.starts_with("//! # "))
        .filter_map(|line| Some(line.strip_prefix("//! | `")?.split('`').next()?.to_owned()))
        .collect();
    let features = features();
    assert!(features.len() > 10, "{features:?}");
    assert_eq!(listed, features);

    let readme = read("README.md");
    let missing: Vec<_> =
        features.iter().filter(|name| !readme.contains(&format!("feature `{name}`"))).collect();
    assert!(missing.is_empty(), "README.md does not name {missing:?}");
}

/// Returns all pages, but for those of other programs and what is built.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            // A link leads to what is looked at where it is.
            if path.is_symlink() || name.starts_with('.') || ["target", "node_modules"].contains(&&*name) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found
}

/// Returns the targets of a page's links, without those in code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        // What stands between single backticks is code, too, unless it is the text of a link.
        for (at, _) in line.match_indices("](") {
            if line[..at].matches('`').count() % 2 == 1 {
                continue;
            }
            let target = line[at + 2..].split(')').next().unwrap_or_default();
            found.push(target.to_owned());
        }
    }
    found
}

/// Returns the names by which a page's headings are linked to, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let name = |line: &str| -> String {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        text.chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    };
    headings.map(name).collect()
}

/// Returns what is wrong with a link of a page, if something is.
fn fault(page: &Path, target: &str) -> Option<String> {
    // Items, which rustdoc checks, and other places.
    let elsewhere = ["http://", "https://", "mailto:", "crate::", "std::", "ayi_"];
    if elsewhere.iter().any(|prefix| target.starts_with(prefix)) || target.contains("::") {
        return None;
    }
    // Behind a space there is the link's title.
    let target = target.split(' ').next().unwrap_or_default();
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let path = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
    if !path.exists() {
        return Some(format!("{target}: there is no such file"));
    }
    let anchor = anchor.filter(|_| path.extension().is_some_and(|it| it == "md"))?;
    let text = fs::read_to_string(&path).unwrap();
    (!anchors(&text).contains(anchor)).then(|| format!("{target}: there is no such heading"))
}

#[test]
fn links_lead_to_what_is_there() {
    let pages = pages();
    assert!(pages.len() > 20, "only {} pages were found", pages.len());
    let mut count = 0;
    let mut faults = Vec::new();
    for page in &pages {
        let name = page.strip_prefix(root()).unwrap();
        // The pages of the documentation are rustdoc's: its links are items.
        if name.starts_with("src") || name.starts_with("macros") {
            continue;
        }
        for target in links(&fs::read_to_string(page).unwrap()) {
            count += 1;
            faults.extend(fault(page, &target).map(|fault| format!("{}: {fault}", name.display())));
        }
    }
    assert!(count > 50, "only {count} links were found");
    assert_eq!(faults, Vec::<String>::new());

    // It sees what is wrong.
    let readme = root().join("README.md");
    assert_eq!(links("see [that](a.md) and `[no](b.md)`"), ["a.md"]);
    assert!(fault(&readme, "no-such-page.md").is_some());
    assert!(fault(&readme, "#no-such-heading").is_some());
    assert_eq!(fault(&readme, "#what-it-costs"), None);
}

/// Who looks for figures finds them at once: two screens of a desktop are some 40 lines of such text.
#[test]
fn the_figures_stand_high_in_the_readme() {
    let readme = read("README.md");
    let before = readme.split("| | ayi | tokio").next().unwrap();
    assert!(before.len() < readme.len(), "the table of figures is not found");
    // A line has some 130 characters.
    let lines: usize = before.lines().map(|line| 1 + line.chars().count() / 130).sum();
    assert!(lines <= 64, "{lines} lines stand before the table");
}
