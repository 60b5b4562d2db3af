//! ARCHITECTURE.md and PROOFS.md tell the truth: which module uses which, and where the unsafe code is. And
//! documentation names what users name.
//!
//! The tests are apart from `tests/it` because they need nothing of ayi, and are compiled in a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// Returns every Rust file below `folder`, with its path from the root.
fn rust_files(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn unsafe_is_only_where_the_list_says() {
    let section =
        page("PROOFS.md").split("## Unsafe").nth(1).unwrap().split("\n## ").next().unwrap().to_owned();
    let listed: BTreeSet<String> = section
        .lines()
        .filter_map(|line| line.strip_prefix("- `"))
        .map(|line| line.split('`').next().unwrap().to_owned())
        .collect();
    let is_unsafe = |line: &str| {
        let code = line.split("//").next().unwrap();
        ["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait"].iter().any(|word| code.contains(word))
    };
    let found: BTreeSet<String> = [
        "src",
        "runtime/src",
        "net/src",
        "fs/src",
        "process/src",
        "hyper/src",
        "serve/src",
        "macros/src",
        "faults/src",
        "examples",
    ]
    .into_iter()
    .flat_map(rust_files)
    .filter(|(name, text)| !name.ends_with("tests.rs") && text.lines().any(is_unsafe))
    .map(|(name, _)| name)
    .collect();
    assert_eq!(found, listed);
}

/// Returns the lines of documentation that name a crate which users do not name. The target of a link is not seen, so
/// it may.
fn internal_names(text: &str) -> Vec<usize> {
    let crates = ["runtime", "net", "fs", "process", "hyper", "serve", "macros"];
    let is_internal = |line: &str| {
        let line = line.trim_start();
        // A macro that documents several items may get a line of an example as a string.
        let is_doc = line.starts_with("///")
            || line.starts_with("//!")
            || line.starts_with("# ")
            || line.contains('"');
        let names = |name| {
            let path = format!("ayi_{name}::");
            line.match_indices(&path)
                .any(|(at, _)| !line[..at].ends_with("](") && !line[..at].ends_with("]: "))
        };
        is_doc && crates.into_iter().any(names)
    };
    text.lines().zip(1..).filter(|(line, _)| is_internal(line)).map(|(_, number)| number).collect()
}

/// An example can be pasted into a program that depends on `ayi` alone.
#[test]
fn documentation_names_only_what_users_name() {
    let folders = ["src", "net/src", "fs/src", "process/src", "hyper/src", "serve/src", "macros/src"];
    let files: Vec<_> = folders.into_iter().flat_map(rust_files).collect();
    let found: Vec<String> = files
        .iter()
        .flat_map(|(name, text)| internal_names(text).into_iter().map(move |line| format!("{name}:{line}")))
        .collect();
    assert!(files.len() > 100, "only {} files were found", files.len());
    assert_eq!(found, Vec::<String>::new());
    let is_found = |line: &str| !internal_names(line).is_empty();
    assert!(is_found("    /// let listener = ayi_net::TcpListener::bind(address).await?;"));
    assert!(is_found("//! like [`ayi_fs::File`]"));
    assert!(is_found(r##"methods! { "stream", "# let (a, b) = ayi_net::UnixStream::pair()?;"; ready }"##));
    assert!(!is_found("/// of [`Registration`](ayi_runtime::io::Registration)"));
    assert!(!is_found("use ayi_net::TcpStream;"));
}

/// The modules of a crate, with the paths between them: which uses which, in whatever form.
struct Modules {
    /// By the path from the crate's root, with slashes; the root is "lib". It contains no comments and strings.
    code: BTreeMap<String, String>,
    /// For each module, the paths that its `use`s name, and by what name.
    uses: BTreeMap<String, Vec<(Vec<String>, String)>>,
}

impl Modules {
    fn new(files: impl IntoIterator<Item = (String, String)>) -> Modules {
        let code: BTreeMap<_, _> = files
            .into_iter()
            .map(|(path, text)| (path.strip_suffix("/mod").unwrap_or(&path).to_owned(), code_of(&text)))
            .collect();
        let uses = code.iter().map(|(name, code)| (name.clone(), uses_of(code))).collect();
        Modules { code, uses }
    }

    /// Returns a path seen from the crate's root, if it leads into the crate.
    fn seen_from_root(&self, module: &str, path: &[String]) -> Option<Vec<String>> {
        let mut at: Vec<String> = match module {
            "lib" => Vec::new(),
            _ => module.split('/').map(String::from).collect(),
        };
        let rest = match path.first()?.as_str() {
            "crate" => return Some(path[1..].to_vec()),
            "self" => &path[1..],
            "super" => {
                let ups = path.iter().take_while(|name| *name == "super").count();
                at.truncate(at.len().saturating_sub(ups));
                &path[ups..]
            }
            child => {
                let child = if at.is_empty() { child.to_owned() } else { format!("{module}/{child}") };
                self.code.contains_key(&child).then_some(path)?
            }
        };
        Some([at, rest.to_vec()].concat())
    }

    /// Returns the module in which a path ends, through whatever re-exports it goes.
    fn end_of(&self, path: &[String], depth: usize) -> String {
        let len =
            (0..=path.len()).rev().find(|&len| self.code.contains_key(&path[..len].join("/"))).unwrap_or(0);
        let module = if len == 0 { "lib".to_owned() } else { path[..len].join("/") };
        let Some(name) = path.get(len).filter(|_| depth < 8) else { return module };
        let exported = self.uses.get(&module).into_iter().flatten().find(|(_, alias)| alias == name);
        let target = exported.and_then(|(target, _)| self.seen_from_root(&module, target));
        match target {
            Some(target) if target != path[..=len] => {
                self.end_of(&[target, path[len + 1..].to_vec()].concat(), depth + 1)
            }
            _ => module,
        }
    }

    /// Returns which module each one uses: by a `use` of any form, by a path in its code, or by a method that only the
    /// other has.
    fn arrows(&self) -> Vec<(String, String, String)> {
        let mut arrows = Vec::new();
        let mut methods: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (module, code) in &self.code {
            for name in names_after(code, "fn ") {
                methods.entry(name).or_default().insert(module);
            }
        }
        for (module, code) in &self.code {
            let paths = self.uses[module].iter().map(|(path, _)| path.clone()).chain(paths_in(code));
            for path in paths {
                if let Some(target) = self.seen_from_root(module, &path) {
                    arrows.push((module.clone(), self.end_of(&target, 0), path.join("::")));
                }
            }
            for name in names_after(code, ".") {
                // If std has a method of that name as well, it may be std's.
                let owners = methods.get(name).filter(|owners| owners.len() == 1 && !STD.contains(&name));
                if let Some(owner) = owners.and_then(|owners| owners.first()) {
                    arrows.push((module.clone(), owner.to_string(), format!("the method {name}")));
                }
            }
        }
        arrows.retain(|(from, to, _)| from != to && to != "lib");
        arrows
    }
}

/// Methods that std's types have as well.
const STD: [&str; 8] = ["as_mut", "build", "count", "finish", "iter", "lock", "store", "wait"];

/// Returns the code without comments and without the contents of strings.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        let mut is_in_string = false;
        let mut rest = line.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\\' if is_in_string => drop(rest.next()),
                '"' => is_in_string = !is_in_string,
                '/' if !is_in_string && rest.peek() == Some(&'/') => break,
                _ if is_in_string => {}
                _ => code.push(c),
            }
        }
        code.push('\n');
    }
    code
}

/// Returns what every `use` in it names, including those within functions.
fn uses_of(code: &str) -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let tree = code[at + 4..].split(';').next().unwrap();
        flatten(&[], tree.trim(), &mut found);
    }
    found
}

fn flatten(before: &[String], tree: &str, found: &mut Vec<(Vec<String>, String)>) {
    if let Some((path, list)) = tree.split_once('{') {
        let path = path.trim().trim_end_matches("::");
        let before: Vec<String> = before.iter().cloned().chain(segments(path)).collect();
        let list = list.trim_end().strip_suffix('}').unwrap_or(list);
        let (mut depth, mut start) = (0, 0);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    flatten(&before, list[start..at].trim(), found);
                    start = at + 1;
                }
                _ => {}
            }
        }
        return flatten(&before, list[start..].trim(), found);
    }
    let (path, alias) =
        tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim())));
    let mut path: Vec<String> = before.iter().cloned().chain(segments(path)).collect();
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    if let Some(last) = path.last().cloned() {
        found.push((path, alias.map_or(last, String::from)));
    }
}

fn segments(path: &str) -> impl Iterator<Item = String> + '_ {
    path.split("::").map(str::trim).filter(|name| !name.is_empty()).map(String::from)
}

/// Returns the paths in code that begin with `crate` or `super`.
fn paths_in(code: &str) -> Vec<Vec<String>> {
    let starts = ["crate::", "super::"].into_iter().flat_map(|word| code.match_indices(word));
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    starts
        .filter(|(at, _)| !code[..*at].ends_with(is_path))
        .map(|(at, _)| code[at..].split(|c| !is_path(c)).next().unwrap())
        // The list that follows belongs to a `use`.
        .filter(|path| !path.ends_with("::"))
        .map(|path| segments(path).collect())
        .collect()
}

/// Returns the names that stand between `word` and an opening parenthesis, or the generics before it.
fn names_after<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(word).filter_map(move |(at, _)| {
        let rest = &code[at + word.len()..];
        let len = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
        let is_called =
            rest[len..].starts_with('(') || rest[len..].starts_with('<') || rest[len..].starts_with("::<");
        (len > 0 && is_called).then_some(&rest[..len])
    })
}

/// Returns the layers of ARCHITECTURE.md, in their order, with their numbers.
fn layers() -> Vec<(String, u32)> {
    let text = page("ARCHITECTURE.md");
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit());
    rows.map(|line| (line.split('`').nth(1).unwrap().to_owned(), line[2..3].parse().unwrap())).collect()
}

/// Returns what points upwards. A module's layer is that of the longest name that fits, such as `time/wheel` before
/// `time`.
fn upward(modules: &Modules, layers: &[(String, u32)]) -> Vec<String> {
    let layer = |module: &str| {
        let fits =
            layers.iter().filter(|(name, _)| module == name || module.starts_with(&format!("{name}/")));
        fits.max_by_key(|(name, _)| name.len()).map(|(_, layer)| *layer)
    };
    let mut found = Vec::new();
    for (from, to, by) in modules.arrows() {
        if from == "lib" {
            continue;
        }
        let missing = |module| panic!("{module} is missing in the table of layers");
        let (own, theirs) =
            (layer(&from).unwrap_or_else(|| missing(&from)), layer(&to).unwrap_or_else(|| missing(&to)));
        if theirs > own {
            found.push(format!("{from} uses {to}, which stands above it, by {by}"));
        }
    }
    found
}

fn runtime_files() -> Vec<(String, String)> {
    let files = rust_files("runtime/src").into_iter();
    let name =
        |path: &str| path.strip_prefix("runtime/src/").unwrap().strip_suffix(".rs").unwrap().to_owned();
    files.map(|(path, text)| (name(&path), text)).filter(|(name, _)| !name.ends_with("tests")).collect()
}

#[test]
fn a_module_uses_only_what_stands_before_it() {
    let (modules, layers) = (Modules::new(runtime_files()), layers());
    assert!(layers.len() > 10, "the table of layers was not found");
    assert!(modules.arrows().len() > 200, "only {} arrows were found", modules.arrows().len());
    assert_eq!(upward(&modules, &layers), Vec::<String>::new());
}

/// The previous test finds an upward use in each form that there is.
#[test]
fn an_upward_use_is_found_in_every_form() {
    let layers = layers();
    let forms = [
        ("tasks/run", "fn f() { crate::executor::Builder::new_current_thread(); }"),
        ("tasks/run", "pub(crate) use crate::executor::Local;"),
        ("tasks/mod", "pub use crate::executor::TaskBuilder;"),
        ("reactor", "fn f() {\n    use crate::executor::{Handle, local::POLLS_PER_TURN};\n}"),
        ("time/wheel", "use crate::time::Sleep;"),
        ("tasks/id", "use super::super::executor::home;"),
        ("reactor/waiters", "fn f(local: &L) { local.go_on_ending(); }"),
    ];
    for (module, line) in forms {
        let mut files = runtime_files();
        let file = files.iter_mut().find(|(name, _)| name == module).unwrap();
        file.1.push_str(line);
        assert!(!upward(&Modules::new(files), &layers).is_empty(), "it is not found: {line}");
    }
    let harmless =
        [("tasks/run", "// crate::executor::Builder"), ("time/sleep", "use crate::executor::Local as L;")];
    for (module, line) in harmless {
        let mut files = runtime_files();
        files.iter_mut().find(|(name, _)| name == module).unwrap().1.push_str(line);
        assert_eq!(upward(&Modules::new(files), &layers), Vec::<String>::new());
    }
}

/// The files that a journey leads through exist, and so do the functions.
#[test]
fn the_journeys_lead_through_what_there_is() {
    let text = page("ARCHITECTURE.md");
    assert!(text.split_whitespace().count() < 3_000, "it is to be read in one go");
    let journeys = text.split("## A byte comes in").nth(1).unwrap().split("## Invariants").next().unwrap();
    let code: String = ["runtime/src", "net/src", "fs/src", "process/src"]
        .into_iter()
        .flat_map(rust_files)
        .map(|(_, text)| text)
        .collect();
    let mut checked = 0;
    for name in journeys.split('`').skip(1).step_by(2) {
        if name.ends_with(".rs") {
            let is_there = ["", "runtime/src/"].iter().any(|folder| root().join(folder).join(name).exists());
            assert!(is_there, "there is no {name}");
        } else if let Some((_, function)) = name.split_once("::").filter(|(_, name)| !name.contains(':')) {
            let is_function =
                code.contains(&format!("fn {function}(")) || code.contains(&format!("fn {function}<"));
            assert!(is_function || code.contains(&format!("    {function},")), "there is no {name}");
        } else {
            continue;
        }
        checked += 1;
    }
    assert!(checked > 30, "only {checked} names were found");
}

/// Returns all versions of a package in a lock file.
fn locked(lock: &str, package: &str) -> Vec<String> {
    let name = format!("name = \"{package}\"");
    let version = |part: &str| Some(part.split("version = \"").nth(1)?.split('"').next()?.to_owned());
    lock.split("[[package]]")
        .filter(|part| part.lines().any(|line| line == name))
        .filter_map(version)
        .collect()
}

#[test]
fn what_ayi_works_with_is_what_is_built_and_tested() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let console = fs::read_to_string(root().join("examples/console/Cargo.lock")).unwrap();
    let features = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(String::from).collect::<Vec<_>>();
    let section =
        readme.split("## Works with").nth(1).unwrap().split("\nThe page").next().unwrap().to_owned();
    let rows: Vec<Vec<&str>> = section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').collect())
        .collect();
    assert!(rows.len() > 10, "the list was not found");
    for row in rows {
        let [_, crates, versions, feature, examples, _] = row[..] else { panic!("{row:?}") };
        let versions = versions.split(',').map(str::trim);
        // The names in brackets are parts of a crate.
        for (name, version) in quoted(crates.split('(').next().unwrap()).into_iter().zip(versions) {
            let lock = if examples.contains("examples/console") { &console } else { &lock };
            let locked = locked(lock, &name);
            let is_it = |locked: &String| locked.starts_with(&format!("{version}."));
            assert!(locked.iter().any(is_it), "{name} {version} is listed, {locked:?} is built");
        }
        for feature in quoted(feature) {
            assert!(features.contains(&format!("\n{feature} = [")), "there is no feature {feature}");
        }
        for example in quoted(examples) {
            assert!(root().join(&example).exists(), "{example} does not exist");
        }
    }
}

/// A manifest that says `test = false` spares Cargo a program without tests. Tests that came there later would never run.
#[test]
fn what_is_not_tested_has_no_tests() {
    let folders = ["", "examples"].into_iter().flat_map(|folder| fs::read_dir(root().join(folder)).unwrap());
    let mut untested = 0;
    for folder in folders.map(|entry| entry.unwrap().path()) {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        if !manifest.lines().any(|line| line == "test = false") {
            continue;
        }
        untested += 1;
        for (name, text) in rust_files(folder.join("src").to_str().unwrap()) {
            let marks = ["#[test]", "#[ayi::test", "#[cfg(test)]"];
            let is_test = |line: &str| marks.iter().any(|mark| line.trim().starts_with(mark));
            assert!(!text.lines().any(is_test), "{name} has tests, and its manifest says `test = false`");
        }
    }
    assert!(untested > 3, "{untested} manifests say `test = false`");
}
