//! Charts against the number of connections: the rungs of a family, or all families.

use super::Metric;
use crate::measure::{Comparison, Figures, Outcome, Row};
use crate::protocol::MESSAGE;
use crate::rungs::Family;
use crate::show;
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::*;
use std::collections::BTreeMap;
use std::error::Error;
use std::ops::Range;

/// In drawing units. The page makes it as wide as its column.
const SIZE: (u32, u32) = (440, 290);

const TEXT: &str = "sans-serif";

/// The colour-blind can distinguish them as well (Okabe and Ito, 2008). There are no more families, and none has more
/// rungs.
const COLORS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

const BEHIND: RGBColor = RGBColor(222, 222, 222);

fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// Returns the rungs of a family, and the colour of each.
pub fn colored(comparison: &Comparison, family: Family) -> impl Iterator<Item = (&Row, String)> {
    let rows = comparison.rows.iter().filter(move |row| row.rung.family == family);
    rows.zip(COLORS.map(hex))
}

/// Returns the families that can be compared, and the colour of each.
pub fn families(comparison: &Comparison) -> impl Iterator<Item = (Family, String)> {
    let has_rungs = |family: &Family| compared(comparison, *family).next().is_some();
    Family::ALL.into_iter().zip(COLORS.map(hex)).filter(move |(family, _)| has_rungs(family))
}

/// Returns the rungs of a family that answer with what they were asked. Others, which read files, do other work.
fn compared(comparison: &Comparison, family: Family) -> impl Iterator<Item = &Row> {
    comparison.rows.iter().filter(move |row| row.rung.family == family && row.rung.answer == MESSAGE)
}

/// Draws all families as SVG: the median of the rungs of each, and from the least to the most of them. Everything that is
/// drawn of a family has the attribute `data-family`.
pub fn draw_climb(comparison: &Comparison, metric: &Metric) -> String {
    let mut svg = String::new();
    let backend = SVGBackend::with_string(&mut svg, SIZE);
    draw_climb_on(backend, comparison, metric).expect("a string takes everything");
    for (family, color) in families(comparison) {
        svg = mark(svg, "data-family", family.title(), &color);
    }
    as_wide_as_the_page_says(svg)
}

fn draw_climb_on(
    backend: SVGBackend<'_>,
    comparison: &Comparison,
    metric: &Metric,
) -> Result<(), Box<dyn Error>> {
    let area = backend.into_drawing_area();
    let mut chart = axes(&area, comparison, metric)?;
    let spreads = Family::ALL.map(|family| spread(comparison, metric, family));
    for (spread, color) in spreads.iter().zip(COLORS) {
        let most = spread.iter().map(|(x, [_, _, most])| (*x, *most));
        let least = spread.iter().rev().map(|(x, [least, ..])| (*x, *least));
        let band: Vec<_> = most.chain(least).collect();
        chart.draw_series(std::iter::once(Polygon::new(band, color.mix(0.14).filled())))?;
    }
    for (spread, color) in spreads.into_iter().zip(COLORS) {
        let medians: Vec<_> = spread.into_iter().map(|(x, [_, median, _])| (x, median)).collect();
        chart.draw_series(LineSeries::new(medians.clone(), color.stroke_width(2)))?;
        chart.draw_series(medians.into_iter().map(|point| Circle::new(point, 4, color.filled())))?;
    }
    area.present()?;
    Ok(())
}

/// Returns the least, the median and the most of a family's rungs, for each number of connections that any was measured
/// with. Of an even number it is the upper median.
fn spread(comparison: &Comparison, metric: &Metric, family: Family) -> Vec<(f64, [f64; 3])> {
    let mut values: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for row in compared(comparison, family) {
        for (&connections, outcome) in comparison.connections.iter().zip(&row.outcomes) {
            if let Outcome::Measured(figures) = outcome {
                values.entry(connections).or_default().push(scaled(metric, figures));
            }
        }
    }
    let spread = |(connections, mut values): (usize, Vec<f64>)| {
        values.sort_by(f64::total_cmp);
        (position(connections as f64), [values[0], values[values.len() / 2], values[values.len() - 1]])
    };
    values.into_iter().map(spread).collect()
}

/// Draws a family as SVG, and the others behind it in grey. Everything that is drawn of a rung has the attribute `data-rung`.
pub fn draw(comparison: &Comparison, metric: &Metric, family: Family) -> String {
    let mut svg = String::new();
    draw_on(SVGBackend::with_string(&mut svg, SIZE), comparison, metric, family)
        .expect("a string takes everything");
    for (row, color) in colored(comparison, family) {
        svg = mark(svg, "data-rung", row.rung.name, &color);
    }
    as_wide_as_the_page_says(svg)
}

/// Gives an attribute to everything of a colour.
fn mark(mut svg: String, attribute: &str, value: &str, color: &str) -> String {
    // A line has its colour as its stroke, a point as its fill.
    for of in ["stroke", "fill"] {
        let colored = format!("{of}=\"{color}\"");
        svg = svg.replace(&colored, &format!("{attribute}=\"{value}\" {colored}"));
    }
    svg
}

fn as_wide_as_the_page_says(svg: String) -> String {
    let (width, height) = SIZE;
    svg.replacen(&format!("width=\"{width}\" height=\"{height}\" "), "role=\"img\" ", 1)
}

fn draw_on(
    backend: SVGBackend<'_>,
    comparison: &Comparison,
    metric: &Metric,
    family: Family,
) -> Result<(), Box<dyn Error>> {
    let area = backend.into_drawing_area();
    let mut chart = axes(&area, comparison, metric)?;
    for row in comparison.rows.iter().filter(|row| row.rung.family != family) {
        chart.draw_series(LineSeries::new(points(comparison, metric, row), BEHIND.stroke_width(1)))?;
    }
    for ((row, _), color) in colored(comparison, family).zip(COLORS) {
        let points = points(comparison, metric, row);
        chart.draw_series(LineSeries::new(points.clone(), color.stroke_width(2)))?;
        // This also shows those that were measured only once.
        chart.draw_series(points.into_iter().map(|point| Circle::new(point, 4, color.filled())))?;
    }
    area.present()?;
    Ok(())
}

/// Draws what charts of a metric have in common.
fn axes<'a, 'b>(
    area: &'b DrawingArea<SVGBackend<'a>, Shift>,
    comparison: &Comparison,
    metric: &Metric,
) -> Result<ChartContext<'b, SVGBackend<'a>, Cartesian2d<Axis, Axis>>, Box<dyn Error>> {
    let values: Vec<f64> =
        comparison.rows.iter().flat_map(|row| points(comparison, metric, row)).map(|(_, y)| y).collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // It is the same in all charts of a metric, so that they can be compared.
    let (y, y_labels) = match metric.is_part {
        true => (0.0..most.max(1.0) * 1.05, vec![0.0, 0.25, 0.5, 0.75, 1.0]),
        false if least <= most => (least - 0.1..most + 0.1, round_values(least - 0.1, most + 0.1)),
        // Nothing was measured.
        false => (0.0..1.0, Vec::new()),
    };
    let x_labels: Vec<f64> = comparison.connections.iter().map(|&number| position(number as f64)).collect();
    let x = x_labels.first().unwrap_or(&0.0) - 0.15..x_labels.last().unwrap_or(&1.0) + 0.15;

    let mut chart = ChartBuilder::on(area)
        .margin(6)
        .margin_right(14)
        .x_label_area_size(54)
        .y_label_area_size(76)
        .build_cartesian_2d(Axis { range: x, labels: x_labels }, Axis { range: y, labels: y_labels })?;
    let text = (TEXT, 19).into_font().color(&RGBColor(89, 89, 89));
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(238, 238, 238))
        .axis_style(RGBColor(160, 160, 160))
        .x_desc("connections")
        .axis_desc_style(text.clone())
        .label_style(text)
        .x_label_formatter(&|x| show::number(10f64.powf(*x).round() as u64))
        .y_label_formatter(&|y| (metric.label)(if metric.is_part { *y } else { rounded(10f64.powf(*y)) }))
        .draw()?;
    Ok(chart)
}

/// A scale with labels at given places.
struct Axis {
    range: Range<f64>,
    labels: Vec<f64>,
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        let part = (value - self.range.start) / (self.range.end - self.range.start);
        start + (f64::from(end - start) * part).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.labels.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// Returns the position of a value on a logarithmic scale.
fn position(value: f64) -> f64 {
    value.log10()
}

/// Rounds to three digits: 0.000019999 becomes 0.00002 again.
fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().expect("a number")
}

/// Returns where labels stand: at powers of ten, and at twos and fives if those are few.
fn round_values(least: f64, most: f64) -> Vec<f64> {
    let steps: &[f64] = if most - least < 2.2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let decades = least.floor() as i32..=most.ceil() as i32;
    let values = decades.flat_map(|decade| steps.iter().map(move |step| f64::from(decade) + step.log10()));
    values.filter(|value| (least..most).contains(value)).collect()
}

fn points(comparison: &Comparison, metric: &Metric, row: &Row) -> Vec<(f64, f64)> {
    let pairs = comparison.connections.iter().zip(&row.outcomes);
    let measured = pairs.filter_map(|(&connections, outcome)| match outcome {
        Outcome::Measured(figures) => Some((position(connections as f64), scaled(metric, figures))),
        _ => None,
    });
    measured.collect()
}

/// Returns where a figure stands on the metric's scale.
fn scaled(metric: &Metric, figures: &Figures) -> f64 {
    let value = (metric.value)(figures);
    if metric.is_part { value } else { position(value.max(f64::MIN_POSITIVE)) }
}
