//! Writes the public API of crates, one item a line, from the JSON that rustdoc has written about them: see
//! `.ci/public-api`. Blanket, automatic and derived implementations of traits are left out.

mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or("usage: api FOLDER JSON… (or: api --names JSON)")?;
    let only_names = folder.as_os_str() == "--names";
    let mut apis = BTreeMap::new();
    for json in arguments {
        let api = public_api::Builder::from_rustdoc_json(&json)
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .omit_auto_derived_impls(true)
            .build()?;
        let krate = json.file_stem().and_then(|name| name.to_str()).ok_or("a file named after a crate")?;
        apis.insert(krate.to_owned(), in_order(api.items().map(|item| item.to_string())));
    }
    if only_names {
        for (krate, api) in &apis {
            names::names(krate, api).iter().for_each(|name| println!("{name}"));
        }
        return Ok(());
    }
    let public = public_types(&apis);
    for (krate, api) in &apis {
        fs::write(folder.join(Path::new(krate).with_extension("txt")), with_public_paths(api, &public))?;
    }
    Ok(())
}

/// Sorts items by what they name, whichever `impl` they stand in: methods may move to another one.
fn in_order(items: impl Iterator<Item = String>) -> String {
    let is_inherent = |item: &str| item.starts_with("impl") && !item.contains(" for ");
    let name = |item: &str| words(item).find(|word| word.contains("::")).unwrap_or_default().to_owned();
    let sorted: BTreeSet<(String, String)> =
        items.filter(|item| !is_inherent(item)).map(|item| (name(&item), item)).collect();
    sorted.into_iter().map(|(_, item)| item + "\n").collect()
}

/// A type or a trait: its crate, and its name.
type Type<'a> = (&'a str, &'a str);

/// Returns the paths by which users name each type of `apis`.
fn public_types(apis: &BTreeMap<String, String>) -> BTreeMap<Type<'_>, Vec<&str>> {
    let mut public: BTreeMap<Type<'_>, Vec<&str>> = BTreeMap::new();
    for (krate, api) in apis {
        for item in api.lines().filter(|line| line.starts_with("pub ")) {
            // The first path is that of the item. It may be a method's.
            if let Some((name, path)) = words(item).find_map(type_in).filter(|(name, _)| name.0 == krate) {
                let paths = public.entry(name).or_default();
                if !paths.contains(&path) {
                    paths.push(path);
                }
            }
        }
    }
    public
}

/// rustdoc names a type of another crate by the module in which it is written. In our crates, that is a private one:
/// such a path changes when a file moves, and the API does not. So the types get the shortest of their public paths.
fn with_public_paths(api: &str, public: &BTreeMap<Type<'_>, Vec<&str>>) -> String {
    let replaced = words(api).map(|word| {
        let Some((name, path)) = type_in(word) else { return word.to_owned() };
        let paths = public.get(&name).filter(|paths| !paths.contains(&path));
        let shortest = paths.and_then(|paths| paths.iter().min_by_key(|path| path.len()));
        shortest.map_or(word.to_owned(), |shortest| word.replacen(path, shortest, 1))
    });
    replaced.collect()
}

/// Splits `text` into paths and what stands between them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_of_path = |char: char| char.is_alphanumeric() || char == '_' || char == ':';
    let mut rest = text;
    std::iter::from_fn(move || {
        let of_path = is_of_path(rest.chars().next()?);
        let end = rest.find(|char| is_of_path(char) != of_path).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

/// Returns the type with which `path` ends, or of which it names something, and the path of that type.
fn type_in(path: &str) -> Option<(Type<'_>, &str)> {
    let (krate, _) = path.split_once("::")?;
    let mut end = 0;
    let name = path.split("::").find(|segment| {
        end += segment.len() + 2;
        segment.starts_with(|char: char| char.is_uppercase())
    })?;
    Some(((krate, name), &path[..end - 2]))
}
