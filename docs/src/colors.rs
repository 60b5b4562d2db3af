//! The colours of code: comments, texts and keywords, and nothing more.

const RUST: &[&str] = &[
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false",
    "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return",
    "self", "static", "struct", "super", "trait", "true", "type", "unsafe", "use", "where", "while",
];
const C: &[&str] = &["break", "for", "if", "int", "return", "struct", "void", "while"];

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Returns code as HTML. `language` is the first word of the fence.
pub fn html(language: &str, code: &str) -> String {
    let (keywords, comment): (&[&str], &str) = match language {
        "" | "rust" => (RUST, "//"),
        "c" => (C, "//"),
        "toml" | "sh" | "bash" | "ini" | "yaml" => (&[], "#"),
        _ => return escape(code),
    };
    let mut html = String::new();
    for line in code.split_inclusive('\n') {
        let mut rest = line;
        while !rest.is_empty() {
            let is_start = html.ends_with(|c: char| c.is_whitespace()) || html.is_empty() || comment == "//";
            let (class, len) = if rest.starts_with(comment) && is_start {
                ("c", rest.trim_end_matches('\n').len())
            } else if rest.starts_with('"') {
                let len = text_len(rest);
                (if len > 1 { "s" } else { "" }, len)
            } else {
                let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let class = if keywords.contains(&&rest[..word]) { "k" } else { "" };
                (class, word.max(rest.chars().next().map_or(1, char::len_utf8)))
            };
            let (part, left) = rest.split_at(len);
            rest = left;
            match class {
                "" => html += &escape(part),
                class => html += &format!("<span class=\"{class}\">{}</span>", escape(part)),
            }
        }
    }
    html
}

/// Returns the length of a text in quotes, or 1 if it does not end in this line.
fn text_len(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !is_escaped => return at + 1,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    1
}

#[cfg(test)]
mod tests {
    use super::html;

    #[test]
    fn code_has_colours_and_no_tags() {
        let made = html("rust", "let a = \"<b>\"; // if\n");
        assert_eq!(
            made,
            "<span class=\"k\">let</span> a = <span class=\"s\">&quot;&lt;b&gt;&quot;</span>; <span class=\"c\">// if</span>\n"
        );
        assert_eq!(html("sh", "curl x#y # z"), "curl x#y <span class=\"c\"># z</span>");
        assert_eq!(html("text", "let x"), "let x");
        assert_eq!(html("rust", "a = \"open"), "a = &quot;open");
    }
}
