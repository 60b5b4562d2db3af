//! The page with charts: one file, which needs no network and no script.

use crate::measure::Row;
use crate::report::{LEGEND, Results, machine, ratio, value, verdicts};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = "
:root { color-scheme: light; --soft: #595959; --line: #ddd; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 84rem; color: #1a1a1a; background: #fff;
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.8rem; margin: 0; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .25rem; border-top: 1px solid var(--line); padding-top: 1rem; }
p { margin: .25rem 0; max-width: 55rem; }
.soft { color: var(--soft); }
nav { margin-top: 1rem; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
a { color: #0b57a4; }
.rows { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem;
  margin-top: .75rem; }
figure { margin: 0; min-width: 0; break-inside: avoid; font-size: .9rem; }
figcaption { font-weight: 600; }
.bars { display: grid; grid-template-columns: 8rem 1fr; gap: .15rem .5rem; align-items: center;
  font-variant-numeric: tabular-nums; }
.bar { display: flex; align-items: center; gap: .4rem; white-space: nowrap; }
.bar i { display: block; height: .8rem; min-width: 2px; background: #999; print-color-adjust: exact;
  -webkit-print-color-adjust: exact; }
.ayi i { background: #d55e00; }
";

pub fn page(groups: &[Results]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "ayi side by side" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "ayi side by side" }
                p.soft { (machine()) }
                p {
                    "The longer the bar, the larger the value: shorter is better, but where it is per second, or says how much a second core brings. "
                    "The scale of each chart begins at nothing. " (LEGEND)
                }
                nav { @for group in groups { a href={ "#" (group.name) } { (group.name) } } }
                @for group in groups {
                    section id=(group.name) {
                        h2 { (group.name) }
                        p { (group.about) }
                        @for failure in &group.failures { p.soft { (failure) } }
                        div.rows { @for row in &group.rows { (chart(row)) } }
                    }
                }
            }
        }
    }
}

/// Draws a bar for each, as long as its value.
fn chart(row: &Row) -> Markup {
    let most = row.others.iter().map(|other| other.value).fold(row.ayi, f64::max);
    let width = |value: f64| format!("width:{:.1}%", 60.0 * value / most);
    html! {
        figure {
            figcaption { (row.work) ": " (row.figure.name) }
            div.bars {
                span { "ayi" }
                span.bar.ayi { i style=(width(row.ayi)) {} (value(row.ayi, row.figure.unit)) }
                @for other in &row.others {
                    span { (other.runtime) }
                    span.bar {
                        i style=(width(other.value)) {}
                        (value(other.value, row.figure.unit)) " · " (ratio(other.ratio.median))
                        @if row.is_tie(other) { " =" }
                    }
                }
            }
            @if !row.figure.goals.is_empty() { div.soft { (verdicts(row)) } }
        }
    }
}
