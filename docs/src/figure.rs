//! Figures, written as text in the Markdown and drawn as SVG: sequences, and boxes with arrows.
//!
//! ```text
//! ```sequence                          ```boxes
//! task: The task | kernel: Kernel      W 0,0 Waker: data / vtable
//! task -> kernel: recv                 S 1,0 Slot: scheduler / phase
//! kernel: nothing has come             W -> S: address
//! -- later
//! ```                                  ```
//! ```
//!
//! A lane, and a box, has a name for the arrows and a title for the reader, so a translation changes titles alone.

use crate::colors::escape;
use std::fmt::Write;

const WIDTH: f64 = 780.0;
const LINE: f64 = 18.0;

/// Returns the SVG of a figure.
pub fn svg(kind: &str, text: &str) -> Result<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let drawn = match kind {
        "sequence" => sequence(lines),
        _ => boxes(lines),
    };
    drawn.map_err(|line| format!("a figure has a line that says nothing: {line:?}"))
}

/// What a translation leaves as it is: the figure without what its reader reads.
pub fn skeleton(text: &str) -> Vec<String> {
    let name = |part: &str| part.split(':').next().unwrap_or_default().trim().to_owned();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut skeleton = Vec::new();
    if text.contains(" | ") {
        skeleton.extend(lines.next().into_iter().flat_map(|lanes| lanes.split(" | ")).map(name));
    }
    skeleton.extend(lines.map(|line| match line.split_once(' ') {
        Some(("--", _)) => "--".to_owned(),
        Some((id, rest)) if !rest.starts_with("->") && !id.ends_with(':') => {
            format!("{id} {} {}", rest.split(' ').next().unwrap_or_default(), line.matches(" / ").count())
        }
        _ => name(line),
    }));
    skeleton
}

/// Breaks a text into lines that are no wider.
fn wrap(text: &str, width: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    // A word, or a character of a language that has no spaces.
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let len = if is_wide(first) || first == ' ' {
            first.len_utf8()
        } else {
            rest.find(|c| is_wide(c) || c == ' ').unwrap_or(rest.len())
        };
        let (word, more) = rest.split_at(len);
        let last = lines.last_mut().expect("there is one");
        if breadth(last) + breadth(word) > width && !last.is_empty() && !is_closing(first) {
            lines.push(word.trim_start().to_owned());
        } else {
            *last += word;
        }
        rest = more;
    }
    lines.iter().map(|line| line.trim().to_owned()).collect()
}

fn is_wide(c: char) -> bool {
    c >= '\u{2e80}'
}

/// Which does not begin a line.
fn is_closing(c: char) -> bool {
    "，。：；、）」？！".contains(c)
}

/// About how wide a text is, in pixels.
fn breadth(text: &str) -> f64 {
    text.chars().map(|c| if is_wide(c) { 14.0 } else { 7.3 }).sum()
}

fn words(svg: &mut String, x: f64, y: f64, class: &str, lines: &[String]) {
    for (number, line) in lines.iter().enumerate() {
        let y = y + number as f64 * LINE;
        let _ = write!(
            svg,
            "<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"middle\" class=\"{class}\">{}</text>",
            escape(line)
        );
    }
}

fn finish(inner: &str, height: f64) -> String {
    format!(
        "<svg class=\"picture figure\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\">\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">\
         <path d=\"M0 0L8 4L0 8z\" class=\"tip\"/></marker></defs>{inner}</svg>"
    )
}

fn sequence<'a>(mut lines: impl Iterator<Item = &'a str>) -> Result<String, String> {
    let head = lines.next().unwrap_or_default();
    let lanes: Vec<(&str, &str)> = head
        .split(" | ")
        .map(|lane| lane.split_once(": ").ok_or(head.to_owned()))
        .collect::<Result<_, _>>()?;
    let apart = WIDTH / lanes.len() as f64;
    let x = |name: &str| {
        let at = lanes.iter().position(|lane| lane.0 == name.trim())?;
        Some((at as f64 + 0.5) * apart)
    };
    let (mut svg, mut y) = (String::new(), 24.0);
    for (number, lane) in lanes.iter().enumerate() {
        words(&mut svg, (number as f64 + 0.5) * apart, y, "name", &[lane.1.to_owned()]);
    }
    let top = y + 10.0;
    y += 34.0;
    for line in lines {
        let fault = || line.to_owned();
        if let Some(text) = line.strip_prefix("-- ") {
            y += 6.0;
            let _ = write!(svg, "<path d=\"M8 {y:.0}H{:.0}\" class=\"divide\"/>", WIDTH - 8.0);
            let wide = breadth(text) + 16.0;
            let _ = write!(
                svg,
                "<rect x=\"{:.0}\" y=\"{:.0}\" width=\"{wide:.0}\" height=\"20\" class=\"back\"/>",
                (WIDTH - wide) / 2.0,
                y - 10.0
            );
            words(&mut svg, WIDTH / 2.0, y + 5.0, "quiet", &[text.to_owned()]);
            y += 34.0;
            continue;
        }
        let (who, text) = line.split_once(':').ok_or_else(fault)?;
        let text = text.trim();
        if let Some((from, to)) = who.split_once("->") {
            let (from, to) = (x(from).ok_or_else(fault)?, x(to).ok_or_else(fault)?);
            let said = wrap(text, (to - from).abs().max(apart * 1.6) - 12.0);
            words(&mut svg, (from + to) / 2.0, y, "said over", &said);
            y += said.len() as f64 * LINE - 8.0;
            let end = if to > from { to - 3.0 } else { to + 3.0 };
            let _ = write!(
                svg,
                "<path d=\"M{from:.0} {y:.0}H{end:.0}\" class=\"call\" marker-end=\"url(#tip)\"/>"
            );
            y += 26.0;
        } else {
            let at = x(who).ok_or_else(fault)?;
            let said = wrap(text, (apart * 1.25).min(250.0));
            let wide = said.iter().map(|line| breadth(line)).fold(0.0, f64::max) + 18.0;
            let left = (at - wide / 2.0).clamp(2.0, WIDTH - wide - 2.0);
            let tall = said.len() as f64 * LINE + 8.0;
            let _ = write!(
                svg,
                "<rect x=\"{left:.0}\" y=\"{:.0}\" width=\"{wide:.0}\" height=\"{tall:.0}\" rx=\"5\" class=\"box\"/>",
                y - 16.0
            );
            words(&mut svg, left + wide / 2.0, y + 1.0, "said", &said);
            y += tall + 12.0;
        }
    }
    let bottom = y - 10.0;
    let posts = (0..lanes.len()).map(|lane| {
        format!("<path d=\"M{:.0} {top:.0}V{bottom:.0}\" class=\"post\"/>", (lane as f64 + 0.5) * apart)
    });
    Ok(finish(&(posts.collect::<String>() + &svg), bottom + 6.0))
}

struct Box<'a> {
    id: &'a str,
    column: usize,
    row: usize,
    title: Vec<String>,
    lines: Vec<String>,
}

fn boxes<'a>(lines: impl Iterator<Item = &'a str>) -> Result<String, String> {
    let (mut all, mut arrows): (Vec<Box<'_>>, Vec<(&str, &str, &str)>) = Default::default();
    for line in lines {
        let fault = || line.to_owned();
        if let Some((from, rest)) = line.split_once(" -> ") {
            let (to, said) = rest.split_once(':').unwrap_or((rest, ""));
            arrows.push((from.trim(), to.trim(), said.trim()));
            continue;
        }
        let (id, rest) = line.split_once(' ').ok_or_else(fault)?;
        let (place, rest) = rest.split_once(' ').ok_or_else(fault)?;
        let (column, row) = place.split_once(',').ok_or_else(fault)?;
        let (title, inside) = rest.split_once(": ").unwrap_or((rest, ""));
        let number = |text: &str| text.parse().map_err(|_| fault());
        let (column, row) = (number(column)?, number(row)?);
        let lines = inside.split(" / ").filter(|line| !line.is_empty()).map(str::to_owned).collect();
        all.push(Box { id, column, row, title: vec![title.to_owned()], lines });
    }
    let columns = all.iter().map(|it| it.column + 1).max().unwrap_or(1);
    let rows = all.iter().map(|it| it.row + 1).max().unwrap_or(1);
    let gap = if columns > 3 { 56.0 } else { 124.0 };
    let wide = ((WIDTH - 8.0 - gap * (columns - 1) as f64) / columns as f64).min(260.0);
    let indent = (WIDTH - wide * columns as f64 - gap * (columns - 1) as f64) / 2.0;
    for it in &mut all {
        // In bold.
        it.title = wrap(&it.title.concat(), (wide - 14.0) / 1.12);
        it.lines = it.lines.iter().flat_map(|line| wrap(line, wide - 14.0)).collect();
    }
    let tall = |it: &Box<'_>| (it.title.len() + it.lines.len()) as f64 * LINE + 16.0;
    let mut tops = vec![8.0];
    for row in 0..rows {
        let most = all.iter().filter(|it| it.row == row).map(tall).fold(0.0, f64::max);
        tops.push(tops[row] + most + 52.0);
    }
    let place = |it: &Box<'_>| (indent + it.column as f64 * (wide + gap), tops[it.row]);
    let mut svg = String::new();
    for it in &all {
        let (x, y) = place(it);
        let _ = write!(
            svg,
            "<rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{wide:.0}\" height=\"{:.0}\" rx=\"6\" class=\"box\"/>",
            tall(it)
        );
        words(&mut svg, x + wide / 2.0, y + 20.0, "name", &it.title);
        let below = y + 22.0 + it.title.len() as f64 * LINE;
        words(&mut svg, x + wide / 2.0, below, "said", &it.lines);
    }
    for (number, (from, to, said)) in arrows.iter().enumerate() {
        let find = |id: &str| all.iter().find(|it| it.id == id).ok_or(format!("{from} -> {to}"));
        let (from, to) = (find(from)?, find(to)?);
        let ((fx, fy), (tx, ty)) = (place(from), place(to));
        // Several arrows between the same two lie beside each other.
        let twins = |other: &&(&str, &str, &str)| {
            (other.0, other.1) == (from.id, to.id) || (other.1, other.0) == (from.id, to.id)
        };
        let (before, of) =
            (arrows[..number].iter().filter(twins).count(), arrows.iter().filter(twins).count());
        let aside = (before as f64 - (of as f64 - 1.0) / 2.0) * 30.0;
        let (a, b) = if from.row == to.row {
            let y = fy + tall(from).min(tall(to)) / 2.0 + aside;
            if tx > fx { ((fx + wide, y), (tx - 4.0, y)) } else { ((fx, y), (tx + wide + 4.0, y)) }
        } else if ty > fy {
            ((fx + wide / 2.0 + aside, fy + tall(from)), (tx + wide / 2.0 + aside, ty - 4.0))
        } else {
            ((fx + wide / 2.0 + aside, fy), (tx + wide / 2.0 + aside, ty + tall(to) + 4.0))
        };
        let _ = write!(
            svg,
            "<path d=\"M{:.0} {:.0}L{:.0} {:.0}\" class=\"call\" marker-end=\"url(#tip)\"/>",
            a.0, a.1, b.0, b.1
        );
        if said.is_empty() {
            continue;
        }
        let room = if from.row == to.row { gap - 10.0 } else { 210.0 };
        let said = wrap(said, room);
        let broad = said.iter().map(|line| breadth(line)).fold(0.0, f64::max) + 6.0;
        let (x, y) = ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
        let up = if from.row == to.row { y - 6.0 - (said.len() - 1) as f64 * LINE } else { y + 5.0 };
        if from.row != to.row {
            let _ = write!(
                svg,
                "<rect x=\"{:.0}\" y=\"{:.0}\" width=\"{broad:.0}\" height=\"{:.0}\" class=\"back\"/>",
                x - broad / 2.0,
                y - 10.0,
                said.len() as f64 * LINE + 2.0
            );
        }
        words(&mut svg, x, up, "quiet", &said);
    }
    Ok(finish(&svg, tops[rows] - 40.0))
}

#[cfg(test)]
mod tests {
    use super::{skeleton, svg, wrap};

    #[test]
    fn a_figure_that_names_what_is_not_there_is_refused() {
        assert!(svg("sequence", "a: A | b: B\na -> c: x").is_err());
        assert!(svg("boxes", "a 0,0 A\na -> b").is_err());
        assert!(svg("boxes", "a 0 A").is_err());
        assert!(svg("boxes", "a 0,0 A: x / y\nb 1,0 B\na -> b: z").is_ok());
    }

    #[test]
    fn a_translation_has_the_same_skeleton() {
        assert_eq!(
            skeleton("a: Task | b: Kernel\na -> b: recv\n-- later\nb: nothing"),
            skeleton("a: 任务 | b: 内核\na -> b: 接收\n-- 之后\nb: 没有数据")
        );
        assert_ne!(skeleton("a 0,0 A: x / y"), skeleton("a 0,0 A: x"));
        assert_ne!(skeleton("a 0,0 A\nb 1,0 B\na -> b: z"), skeleton("a 0,0 A\nb 1,0 B\nb -> a: z"));
    }

    #[test]
    fn texts_are_broken_between_words_and_between_characters() {
        assert_eq!(wrap("one two three", 60.0), ["one two", "three"]);
        assert_eq!(wrap("一二三四五，六", 70.0), ["一二三四五，", "六"]);
    }
}
