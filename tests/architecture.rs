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
    files(folder, "rs")
}

/// Returns every file below `folder` whose name ends like this, with its path from the root.
fn files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|its| its == extension) {
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
        "io/src",
        "sync/src",
        "net/src",
        "fs/src",
        "process/src",
        "hyper/src",
        "serve/src",
        "macros/src",
        "sim/src",
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
    let crates = ["runtime", "io", "sync", "net", "fs", "process", "hyper", "serve", "macros", "sim"];
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
    let folders = [
        "src",
        "runtime/src",
        "io/src",
        "sync/src",
        "net/src",
        "fs/src",
        "process/src",
        "hyper/src",
        "serve/src",
        "macros/src",
    ];
    // Pages are included as documentation.
    let pages = folders.into_iter().flat_map(|folder| files(folder, "md"));
    let pages = pages.map(|(name, text)| (name, text.lines().map(|line| format!("/// {line}\n")).collect()));
    let sources: Vec<_> = folders.into_iter().flat_map(rust_files).chain(pages).collect();
    let found: Vec<String> = sources
        .iter()
        .flat_map(|(name, text)| internal_names(text).into_iter().map(move |line| format!("{name}:{line}")))
        .collect();
    assert!(sources.len() > 100, "only {} files were found", sources.len());
    assert!(sources.iter().any(|(name, _)| name == "src/production.md"), "no page was found");
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
        let module = |path: &str| path.strip_suffix("/mod").unwrap_or(path).to_owned();
        let code: BTreeMap<_, _> =
            files.into_iter().map(|(path, text)| (module(&path), code_of(without_tests(&text)))).collect();
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
        // The stand-ins in `proof` have the names of what they stand for.
        for (module, code) in self.code.iter().filter(|(module, _)| !module.starts_with("proof/")) {
            for name in names_after(code, "fn ") {
                methods.entry(name).or_default().insert(module);
            }
        }
        for (module, code) in &self.code {
            let paths = self.uses[module].iter().map(|(path, _)| path.clone()).chain(paths_in(code));
            for path in paths {
                if let Some(target) = self.seen_from_root(module, &path) {
                    let end = self.end_of(&target, 0);
                    // lib.rs has the public modules, which stand above all, and the seams.
                    let public = target.first().filter(|first| end == "lib" && *first != "plugged");
                    arrows.push((module.clone(), public.cloned().unwrap_or(end), path.join("::")));
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
const STD: [&str; 16] = [
    "as_bytes",
    "as_mut",
    "build",
    "clone",
    "contains",
    "count",
    "elapsed",
    "finish",
    "iter",
    "lock",
    "notify_all",
    "remove",
    "saturating_duration_since",
    "shutdown",
    "store",
    "wait",
];

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

/// Returns the modules of the runtime in ARCHITECTURE.md's reading order, without the room `proof`.
fn reading_order() -> Vec<String> {
    let text = page("ARCHITECTURE.md");
    let rooms = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("/` | "));
    rooms
        .flat_map(|(room, rest)| {
            let modules = rest.split(" | ").next().unwrap().split('`').skip(1).step_by(2);
            modules.map(|module| format!("{room}/{module}")).collect::<Vec<_>>()
        })
        .collect()
}

/// Returns what stands in the room `plugged` of lib.rs: the types by which the core calls what it does not know.
fn plugged(lib: &str) -> BTreeSet<String> {
    let section = lib.split("mod plugged {").nth(1).unwrap().split("\n}").next().unwrap();
    let paths = section.lines().filter_map(|line| line.split("= crate::").nth(1));
    paths.map(|path| path.rsplit_once("::").unwrap().0.replace("::", "/")).collect()
}

/// Returns what points to a module that stands later in the reading order, or nowhere in it. `slot` and `scheduler` know each
/// other.
fn upward(modules: &Modules, order: &[String], plugged: &BTreeSet<String>) -> Vec<String> {
    let place = |module: &str| order.iter().position(|other| other == module);
    let is_folder = |module: &str| modules.code.keys().any(|other| other.starts_with(&format!("{module}/")));
    let is_proof = |module: &str| module.split('/').next() == Some("proof");
    let circle = ["core/task/slot", "core/task/scheduler"];
    let mut found = Vec::new();
    for module in modules.code.keys() {
        if place(module).is_none() && !is_folder(module) && !is_proof(module) && module != "lib" {
            found.push(format!("{module} is not in the reading order"));
        }
    }
    for (from, to, by) in modules.arrows() {
        // A folder's own file only says what is in it.
        let Some(own) = place(&from) else { continue };
        // A path to a folder may mean whatever is in it.
        let last = |folder: &str| order.iter().rposition(|other| other.starts_with(&format!("{folder}/")));
        let theirs = place(&to).or_else(|| last(&to)).unwrap_or(usize::MAX);
        let is_a_seam = from.starts_with("core/") && plugged.contains(&to) && by.starts_with("the method");
        let is_the_circle = circle.contains(&from.as_str()) && circle.contains(&to.as_str());
        if theirs > own && !is_the_circle && !is_a_seam {
            found.push(format!("{from} uses {to}, which stands after it, by {by}"));
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
    let (modules, order) = (Modules::new(runtime_files()), reading_order());
    let plugged = plugged(&page("runtime/src/lib.rs"));
    assert!(order.len() > 50 && plugged.len() > 3, "the order or the seams were not found");
    assert!(modules.arrows().len() > 300, "only {} arrows were found", modules.arrows().len());
    for module in &order {
        assert!(modules.code.contains_key(module), "there is no {module}");
    }
    assert_eq!(upward(&modules, &order, &plugged), Vec::<String>::new());
}

/// The previous test finds an upward use in each form that there is.
#[test]
fn an_upward_use_is_found_in_every_form() {
    let (order, plugged) = (reading_order(), plugged(&page("runtime/src/lib.rs")));
    let upward_with = |module: &str, line: &str| {
        let mut files = runtime_files();
        let file = files.iter_mut().find(|(name, _)| name == module).unwrap();
        file.1.insert_str(0, &format!("{line}\n"));
        upward(&Modules::new(files), &order, &plugged)
    };
    let forms = [
        ("core/task/run", "fn f() { crate::face::builder::Builder::new_current_thread(); }"),
        ("core/task/run", "pub(crate) use crate::core::worker::Worker;"),
        ("services/next", "pub use crate::face::task_builder::TaskBuilder;"),
        ("core/wait/reactor", "fn f() {\n    use crate::face::{handle::Handle, builder::Settings};\n}"),
        ("core/wait/wheel", "use crate::time::Sleep;"),
        ("core/task/id", "use super::super::current::home;"),
        ("core/wait/waiters", "fn f(worker: &W) { worker.fire_timers(); }"),
        ("core/turn", "fn f() { crate::watch::onlookers::Onlookers::default(); }"),
    ];
    for (module, line) in forms {
        assert!(!upward_with(module, line).is_empty(), "it is not found: {line}");
    }
    let harmless = [
        ("core/task/run", "// crate::face::builder::Builder"),
        ("core/wait/sleep", "use crate::core::worker::Worker as L;"),
        ("core/turn", "use crate::plugged::Onlookers as L;"),
    ];
    for (module, line) in harmless {
        assert_eq!(upward_with(module, line), Vec::<String>::new());
    }
    let mut files = runtime_files();
    files.push(("services/new".to_owned(), String::new()));
    assert!(
        !upward(&Modules::new(files), &order, &plugged).is_empty(),
        "a module without a place is not found"
    );
}

/// Returns a file without the tests at its end.
fn without_tests(text: &str) -> &str {
    let end = text.find("\n#[cfg(test)]\nmod ").or_else(|| text.find("\n#[cfg(all(test"));
    &text[..end.unwrap_or(text.len())]
}

/// Counts the lines that are neither a comment nor empty, and of no test.
fn lines_of_code(text: &str) -> usize {
    without_tests(text)
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

/// Counts them for each room.
fn lines_by_room() -> BTreeMap<String, usize> {
    let mut rooms = BTreeMap::new();
    for (name, text) in runtime_files() {
        let room = name.split('/').next().unwrap().to_owned();
        *rooms.entry(room).or_default() += lines_of_code(&text);
    }
    rooms
}

/// What the core is has a limit, and README and ARCHITECTURE.md say how much it is. `--nocapture` shows the other rooms.
#[test]
fn the_core_is_as_small_as_the_pages_say() {
    let rooms = lines_by_room();
    println!("lines of code: {rooms:?}");
    let core = rooms["core"];
    assert!(core <= 2_900, "the core has {core} lines of code");
    let said = format!("{},{:03} lines of code", core / 1_000, core % 1_000);
    for page_name in ["README.md", "ARCHITECTURE.md"] {
        assert!(page(page_name).contains(&said), "{page_name} does not say that the core has {said}");
    }
}

#[test]
fn the_core_asks_for_no_feature() {
    for (name, text) in runtime_files() {
        assert!(!name.starts_with("core/") || !text.contains("cfg(feature"), "{name}");
    }
}

/// Finds the first and the last line of the item that begins with `item`, its comments and attributes included.
fn item_lines(text: &str, item: &str) -> Option<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let is_it = |line: &&str| {
        let visible = ["pub(crate) ", "pub(super) ", "pub "];
        let line = line.trim_start();
        let line = visible.iter().find_map(|visible| line.strip_prefix(visible)).unwrap_or(line);
        let after = line.strip_prefix(item).map(|rest| rest.chars().next());
        after.is_some_and(|after| after.is_none_or(|c| !c.is_alphanumeric() && c != '_'))
    };
    let at = lines.iter().position(is_it)?;
    let indent = &lines[at][..lines[at].len() - lines[at].trim_start().len()];
    let is_before = |line: &&&str| {
        let line = line.strip_prefix(indent).unwrap_or("");
        line.starts_with("///") || line.starts_with("// ") || line.starts_with("#[")
    };
    let first = at - lines[..at].iter().rev().take_while(is_before).count();
    let ends_here = |line: &str| line.ends_with(';') || line.ends_with('}');
    let last = if ends_here(lines[at]) {
        at
    } else {
        at + lines[at..]
            .iter()
            .position(|line| *line == format!("{indent}}}") || *line == format!("{indent});"))?
    };
    Some((first + 1, last + 1))
}

/// READING.md's lines are those of the items that it names. With `AYI_WRITE=1` they are written there.
#[test]
fn the_lines_to_read_are_there() {
    let said = page("READING.md");
    let (mut right, mut sum, mut seen) = (String::new(), 0, BTreeSet::new());
    for line in said.lines() {
        let Some((before, rest)) =
            line.split_once("](").filter(|_| line.starts_with("| ") && line.contains("#L"))
        else {
            right += &format!("{line}\n");
            continue;
        };
        let (link, rest) = rest.split_once(") | ").unwrap();
        let file = link.split('#').next().unwrap();
        let names: Vec<&str> = rest.split(" | ").next().unwrap().split('`').skip(1).step_by(2).collect();
        let text = page(file);
        let find = |name: &str| item_lines(&text, name).unwrap_or_else(|| panic!("{file} has no {name}"));
        let ((first, _), (_, last)) = (find(names[0]), find(names[1]));
        assert!(first < last, "{file}: {names:?}");
        let new = (first..=last).filter(|line| seen.insert((file.to_owned(), *line))).count();
        assert_eq!(new, last + 1 - first, "{file}: {names:?} are in it twice");
        sum += new;
        right += &format!("{before}]({file}#L{first}-L{last}) | {rest}\n");
    }
    assert!((1_200..=1_600).contains(&sum), "{sum} lines are to be read");
    let (start, end) = said.split_once(" lines with their comments").unwrap();
    let old = format!("{} lines with their comments", start.rsplit(' ').next().unwrap());
    assert!(!end.is_empty());
    let right =
        right.replacen(&old, &format!("{},{:03} lines with their comments", sum / 1_000, sum % 1_000), 1);
    if std::env::var_os("AYI_WRITE").is_some() {
        fs::write(root().join("READING.md"), right).unwrap();
    } else {
        assert!(
            said == right,
            "the lines of READING.md have moved: AYI_WRITE=1 cargo test --test architecture"
        );
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
