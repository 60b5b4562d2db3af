//! The drawing: SVG without a script, a font or anything else from outside.
//!
//! A group is a band. Its peers have a line each, its rows a chart each, and all charts have the same scale.

use crate::headlines::{Chosen, RULE};
use crate::tables::{BEST_LOOP, Group, Other, Report};
use maud::{Markup, PreEscaped, html};
use std::f64::consts::TAU;

const TITLE: &str = "ayi beside its peers";
const WIDTH: f64 = 900.0;
const MARGIN: f64 = 20.0;
/// From one chart's left edge to the next one's; the first one stands to the right of the peers' names.
const CHART: f64 = 244.0;
const FIRST_CHART: f64 = WIDTH - 3.0 * CHART - 6.0;
/// The part of a chart in which the marks are. To its right are the numbers.
const PLOT: f64 = 180.0;
const NUMBERS: f64 = 228.0;
/// From one line of text, or one peer, to the next.
const LINE: f64 = 16.0;
/// How many characters of text a pixel has room for, if it is the font's average character.
const CHARACTERS: f64 = 0.155;
/// The scale's ends. What lies beyond is drawn at the end, as an arrow.
const SCALE: (f64, f64) = (0.05, 100.0);

const STYLE: &str = "
text { font: 13px Helvetica, Arial, 'Liberation Sans', sans-serif; fill: #1f2328; }
.h1 { font-size: 26px; font-weight: bold; } .h2 { font-size: 17px; font-weight: bold; } .b { font-weight: bold; }
.soft, .tie { fill: #59636e; } .worse { fill: #b3001b; font-weight: bold; }
.end { text-anchor: end; } .mid { text-anchor: middle; }
.line { stroke: #d1d9e0; } .one { stroke: #1f2328; stroke-width: 1.5; }
.minus { fill: #fdeceb; } .plus { fill: #f3f6f9; }
.stem { stroke-width: 2.5; stroke-opacity: .55; } .mark { stroke-width: 1.8; stroke-linejoin: round; }
";

/// A mark: corners, the turn of the first one, how far out a star's inner corners are, and the colour.
type Look = (u32, f64, f64, &'static str);

/// How a peer's mark looks. No two peers of a group have the same shape, so that nobody has to tell colours apart.
fn look(peer: &str) -> Look {
    match peer {
        "tokio" => (16, 0.0, 1.0, "#d55e00"),
        "tokio multi_thread" => (6, 0.0, 1.0, "#d55e00"),
        "tokio::sync on ayi" => (5, 0.0, 1.0, "#d55e00"),
        "smol" => (3, 0.0, 1.0, "#0072b2"),
        "monoio epoll" => (4, 0.125, 1.0, "#00845f"),
        "monoio io_uring" => (4, 0.0, 1.0, "#00845f"),
        "glommio" => (3, 0.5, 1.0, "#a8468c"),
        "compio" => (5, 0.0, 0.45, "#8a6a00"),
        "async-channel" => (3, 0.25, 1.0, "#0072b2"),
        "flume" => (3, 0.75, 1.0, "#a8468c"),
        "raw epoll" | "raw io_uring" => (4, 0.0, 0.4, "#333333"),
        "spawn_blocking" => (6, 0.0, 0.5, "#6e5494"),
        "std" | BEST_LOOP => (4, 0.125, 0.4, "#333333"),
        "ayi, one accepts" => (8, 0.0, 0.6, "#6e5494"),
        "ayi, cores" => (5, 0.0, 0.45, "#6e5494"),
        _ => (16, 0.0, 1.0, "#333333"),
    }
}

/// Draws a mark around a point. That of a tie is hollow.
fn mark((corners, first, inner, colour): Look, is_tie: bool, x: f64, y: f64) -> Markup {
    let is_star = inner < 1.0;
    let steps = if is_star { 2 * corners } else { corners };
    let size = if is_star || corners == 3 { 6.0 } else { 5.0 };
    let corner = |step| {
        let angle = (f64::from(step) / f64::from(steps) + first) * TAU;
        let far = if is_star && step % 2 == 1 { size * inner } else { size };
        format!("{:.1},{:.1}", x + far * angle.sin(), y - far * angle.cos())
    };
    let points: Vec<_> = (0..steps).map(corner).collect();
    let fill = if is_tie { "#fff" } else { colour };
    html! { polygon.mark points=(points.join(" ")) fill=(fill) stroke=(colour) {} "\n" }
}

fn is_beyond(ratio: f64) -> bool {
    ratio < SCALE.0 || ratio > SCALE.1
}

/// Draws the mark of a ratio. One that is beyond the scale is an arrow.
fn mark_of(peer: &str, ratio: f64, is_tie: bool, x: f64, y: f64) -> Markup {
    let mut look = look(peer);
    if is_beyond(ratio) {
        look = (3, if ratio > 1.0 { 0.25 } else { 0.75 }, 1.0, look.3);
    }
    mark(look, is_tie, x, y)
}

fn words(class: &str, x: f64, y: f64, words: &str) -> Markup {
    html! { text class=(class) x=(format!("{x:.1}")) y=(y) { (words) } "\n" }
}

/// Draws lines of text that are as long as `width` allows, and moves `y` below them.
fn paragraph(class: &str, x: f64, y: &mut f64, width: f64, text: &str) -> Markup {
    let mut lines: Vec<String> = Vec::new();
    for word in text.replace('`', "").split_whitespace() {
        let is_room = |line: &&mut String| {
            let long = line.chars().count() + word.chars().count();
            (long as f64) < width * CHARACTERS
        };
        match lines.last_mut().filter(is_room) {
            Some(line) => line.extend([" ", word]),
            None => lines.push(word.into()),
        }
    }
    let first = *y + LINE - 4.0;
    *y += lines.len() as f64 * LINE;
    html! { @for (n, line) in lines.iter().enumerate() { (words(class, x, first + n as f64 * LINE, line)) } }
}

/// Where a ratio is in a chart.
fn place(ratio: f64) -> f64 {
    let (low, high) = SCALE;
    PLOT * (ratio.clamp(low, high) / low).ln() / (high / low).ln()
}

/// Draws one peer's line of a chart, whose left edge is at 0.
fn line(other: &Other, y: f64) -> Markup {
    let Other { peer, ratio, is_tie, .. } = *other;
    let (x, one, (.., colour)) = (place(ratio), place(1.0).round(), look(peer));
    let (class, tie) = match (is_tie, ratio < 1.0) {
        (true, _) => ("end tie", " ="),
        (false, true) => ("end worse", ""),
        (false, false) => ("end", ""),
    };
    html! {
        line.stem x1=(one) x2=(format!("{x:.1}")) y1=(y) y2=(y) stroke=(colour) {}
        (mark_of(peer, ratio, is_tie, x, y))
        (words(class, NUMBERS, y + 4.5, &format!("{}{tie}", other.ratio_text)))
        @if let Some(name) = other.stands_for {
            @let (class, x) = if ratio < 1.0 { ("soft", one + 8.0) } else { ("soft end", one - 8.0) };
            (words(class, x, y + 4.5, name))
        }
    }
}

/// Draws the ground of charts that are `height` high from `y` on: the worse side, the line of a tie, the scale.
fn ground(y: f64, height: f64) -> Markup {
    let one = place(1.0).round();
    let rect = |class, from: f64, to: f64| {
        html! { rect class=(class) x=(from) y=(y) width=(to - from) height=(height) {} }
    };
    html! {
        (rect("minus", 0.0, one)) (rect("plus", one, PLOT))
        @for ratio in [0.1, 10.0, 100.0] {
            @let x = format!("{:.1}", place(ratio));
            line.line x1=(x) x2=(x) y1=(y) y2=(y + height) {}
        }
        line.one x1=(one) x2=(one) y1=(y) y2=(y + height) {}
        @for (ratio, label) in [(0.1, "0.1"), (1.0, "tie"), (10.0, "10"), (100.0, "100")] {
            (words("soft mid", place(ratio), y + height + 14.0, label))
        }
    }
}

/// Draws a group below `y`, and moves `y` below it.
fn band(group: &Group, rows: &[Chosen], y: &mut f64) -> Markup {
    let of = |chosen: &Chosen<'_>, peer: &str| chosen.row.others.iter().position(|other| other.peer == peer);
    let is_used = |peer: &&str| rows.iter().any(|chosen| of(chosen, peer).is_some());
    let peers: Vec<_> = group.peers.iter().copied().filter(is_used).collect();
    let rule = *y + 10.0;
    *y = rule + 8.0;
    let heading = words("h2", MARGIN, *y + 13.0, group.name);
    let about = paragraph("soft", FIRST_CHART, y, WIDTH - MARGIN - FIRST_CHART, group.about);
    *y += 3.0;
    let left = |n| FIRST_CHART + n as f64 * CHART;
    let (mut captions, mut top) = (Vec::new(), *y);
    for (n, Chosen { row, is_lowest }) in rows.iter().enumerate() {
        let mut below = *y;
        captions.push(paragraph("b", left(n), &mut below, CHART - 24.0, row.work));
        let ayi = format!("ayi: {}{}", row.ayi, if *is_lowest { "; the lowest ratio here" } else { "" });
        captions.push(paragraph("soft", left(n), &mut below, CHART, &ayi));
        top = top.max(below);
    }
    top += 4.0;
    let height = peers.len() as f64 * LINE + 4.0;
    *y = top + height + 18.0;
    let middle = |lane: usize| top + 2.0 + (lane as f64 + 0.5) * LINE;
    html! {
        line.line x1=(MARGIN) x2=(WIDTH - MARGIN) y1=(rule) y2=(rule) {}
        (heading) (about) @for caption in captions { (caption) }
        @for (lane, peer) in peers.iter().enumerate() {
            (mark(look(peer), false, MARGIN + 6.0, middle(lane)))
            (words("", MARGIN + 18.0, middle(lane) + 4.5, peer))
        }
        @for (n, chosen) in rows.iter().enumerate() {
            g transform=(format!("translate({} 0)", left(n))) {
                (ground(top, height))
                @for (lane, peer) in peers.iter().enumerate() {
                    @match of(chosen, peer) {
                        Some(at) => (line(&chosen.row.others[at], middle(lane))),
                        None => (words("soft end", NUMBERS, middle(lane) + 4.5, "–")),
                    }
                }
            }
        }
    }
}

const RATIO: &str = "The mark tells how many times better ayi is than this peer: ayi needs less, or does more per \
    second. The scale is logarithmic, and the same in all charts.";
const WORSE: &str =
    "Left of the line, on red ground and with a red number, ayi is worse: 0.50 is twice as bad.";
const TIE: &str = "A hollow mark and = are a tie: no farther from 1 than ayi measured against itself.";
const BEYOND: &str = "The ratio is beyond the scale.";
const LOOPS: &str = "Of the servers and timers on libev, libevent, libuv and Boost.Asio the best one against ayi. \
    Its name is beside the mark.";

/// Draws how to read the charts, below `y`, and moves `y` below it.
fn legend(has_beyond: bool, y: &mut f64) -> Markup {
    let (x, tokio) = (MARGIN + 6.0, look("tokio"));
    let entry = |symbol: Markup, y: &mut f64, text| {
        html! { (symbol) (paragraph("", MARGIN + 18.0, y, WIDTH - 2.0 * MARGIN - 18.0, text)) }
    };
    let middle = |y: &f64| *y + LINE / 2.0;
    let red = |y| html! { rect.minus x=(MARGIN) y=(y - 6.0) width="12" height="12" stroke="#b3001b" {} };
    html! {
        (entry(mark(tokio, false, x, middle(y)), y, RATIO))
        (entry(red(middle(y)), y, WORSE))
        (entry(mark(tokio, true, x, middle(y)), y, TIE))
        @if has_beyond { (entry(mark_of("tokio", f64::INFINITY, false, x, middle(y)), y, BEYOND)) }
        (entry(mark(look(BEST_LOOP), false, x, middle(y)), y, LOOPS))
    }
}

/// Draws all.
pub fn picture(report: &Report, groups: &[(&Group, Vec<Chosen>)]) -> Markup {
    let (mut y, width) = (46.0, WIDTH - 2.0 * MARGIN);
    let mut others = groups.iter().flat_map(|(_, rows)| rows).flat_map(|chosen| &chosen.row.others);
    let has_beyond = others.any(|other| is_beyond(other.ratio));
    let content = html! {
        (words("h1", MARGIN, y, TITLE))
        @let () = y += 6.0;
        (paragraph("soft", MARGIN, &mut y, width, report.machine))
        @let () = y += 8.0;
        (legend(has_beyond, &mut y))
        @let () = y += 8.0;
        (paragraph("", MARGIN, &mut y, width, &format!("{RULE} RESULTS.md has all rows, with their spread.")))
        @for note in &report.notes { (paragraph("", MARGIN, &mut y, width, note)) }
        @for (group, rows) in groups { (band(group, rows, &mut y)) }
    };
    let height = y + 12.0;
    let all = format!("0 0 {WIDTH} {height}");
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(WIDTH) height=(height) viewBox=(all) role="img" {
            title { (TITLE) }
            style { (PreEscaped(STYLE)) }
            // Its own ground, so that it is the same picture on a dark page.
            rect width="100%" height="100%" rx="6" fill="#fff" {}
            (content)
        }
        "\n"
    }
}
