//! What a crate's public items are called, one a line, without signatures: `use PATH` for what can be imported, `method
//! PATH` for functions and constants of a type, `trait_method PATH` for those of a trait, and `field PATH`.
//!
//! The methods of traits that types implement are left out: the trait has them.

use std::collections::BTreeSet;

/// Methods of std's traits and of the crate's own I/O traits. rustdoc lists them with the types that implement them.
const OF_TRAITS: &[&str] = &[
    "add",
    "add_assign",
    "as_fd",
    "as_mut",
    "as_raw_fd",
    "as_ref",
    "bitand",
    "bitand_assign",
    "bitor",
    "bitor_assign",
    "borrow",
    "borrow_mut",
    "clone",
    "cmp",
    "consume",
    "default",
    "deref",
    "deref_mut",
    "drop",
    "eq",
    "extend",
    "fmt",
    "from",
    "from_iter",
    "from_raw_fd",
    "hash",
    "into",
    "into_raw_fd",
    "is_write_vectored",
    "not",
    "partial_cmp",
    "poll",
    "poll_complete",
    "poll_fill_buf",
    "poll_flush",
    "poll_read",
    "poll_shutdown",
    "poll_write",
    "poll_write_vectored",
    "source",
    "start_seek",
    "sub",
    "sub_assign",
    "try_from",
    "try_into",
];

/// Returns the names in `api`, which lists the public items of `krate`.
pub fn names(krate: &str, api: &str) -> BTreeSet<String> {
    let items: Vec<_> = api.lines().filter_map(|line| item(krate, line)).collect();
    let traits: BTreeSet<&str> =
        items.iter().filter(|(kind, _)| *kind == "trait").map(|(_, path)| path.as_str()).collect();
    let name = |(kind, path): &(&str, String)| {
        let (parent, last) = path.rsplit_once("::")?;
        let is_in_type = parent.rsplit("::").next().is_some_and(|name| name.starts_with(char::is_uppercase));
        let kind = match *kind {
            "fn" | "const" if traits.contains(parent) => "trait_method",
            "fn" if is_in_type && OF_TRAITS.contains(&last) => return None,
            "fn" | "const" if is_in_type => "method",
            "type" if is_in_type => return None,
            "" if last.starts_with(char::is_lowercase) => "field",
            "" if last.starts_with(|char: char| char.is_ascii_digit()) => return None,
            _ => "use",
        };
        Some(format!("{kind} {path}"))
    };
    items.iter().filter_map(name).collect()
}

/// Returns the kind and the path of the item in a line such as `pub fn tokio::net::TcpStream::connect(…) -> …`. A
/// variant and a field have no kind.
fn item<'a>(krate: &str, line: &'a str) -> Option<(&'a str, String)> {
    let line =
        line.split_once("] ").filter(|(start, _)| start.starts_with("#[")).map_or(line, |(_, rest)| rest);
    let mut rest = line.strip_prefix("pub ")?;
    let mut kind = "";
    while let Some((word, after)) = rest.split_once(' ') {
        match word {
            "async" | "unsafe" | "extern" => {}
            "fn" | "struct" | "enum" | "trait" | "mod" | "type" | "macro" | "static" | "const" | "union"
                if kind.is_empty() || kind == "const" =>
            {
                kind = word;
            }
            "use" => return None,
            _ => break,
        }
        rest = after;
    }
    let path = path(rest);
    path.starts_with(&format!("{krate}::")).then_some((kind, path))
}

/// Returns the path at the beginning of `text`, without generic arguments.
fn path(text: &str) -> String {
    let (mut path, mut depth) = (String::new(), 0);
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ if depth > 0 => {}
            ':' if chars.peek() != Some(&':') && !path.ends_with(':') => break,
            ':' | '_' => path.push(char),
            _ if char.is_alphanumeric() => path.push(char),
            _ => break,
        }
    }
    path
}
