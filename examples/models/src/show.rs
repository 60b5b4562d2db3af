//! Numbers and tables for people.

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};
use std::time::Duration;

/// Formats a time with three digits and a unit: `84.1 µs`.
pub fn time(time: Duration) -> String {
    let nanoseconds = time.as_nanos() as f64;
    match nanoseconds {
        ..1e3 => format!("{nanoseconds:.0} ns"),
        ..1e6 => format!("{} µs", digits(nanoseconds / 1e3)),
        ..1e9 => format!("{} ms", digits(nanoseconds / 1e6)),
        _ => format!("{} s", digits(nanoseconds / 1e9)),
    }
}

pub fn memory(bytes: u64) -> String {
    format!("{} MB", digits(bytes as f64 / 1e6))
}

/// Formats a number: `123,456`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn digits(number: f64) -> String {
    match number {
        ..9.995 => format!("{number:.2}"),
        ..99.95 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

/// A row: its name, and either a cell for each other column or a sentence instead of them all.
pub type Row = (String, Result<Vec<String>, String>);

/// Makes a table: a column of names, so many columns of numbers, and possibly one of words.
pub fn table(headings: &[&str], numbers: usize, rows: &[Row]) -> String {
    let mut table = Table::new();
    // There is a line below the headings, and no other.
    table.load_preset("     ──            ").set_header(headings);
    for (name, cells) in rows {
        let cells = cells.as_deref().unwrap_or_default();
        table.add_row([name].into_iter().chain(cells).map(Cell::new));
    }
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    let columns = table.column_iter_mut().skip(1).take(numbers);
    columns.for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    let mut lines: Vec<String> = table.lines().map(|line| line.trim_end().to_string()).collect();
    let first = lines.len() - rows.len();
    // A sentence takes the place of all numbers, which a cell cannot.
    let width = table.column_max_content_widths()[0] as usize + 2;
    for (line, (name, cells)) in lines[first..].iter_mut().zip(rows) {
        if let Err(sentence) = cells {
            *line = format!("{name:width$}{sentence}");
        }
    }
    lines.join("\n")
}

/// Makes columns of words, wrapped at their widths.
pub fn text<const N: usize>(rows: &[[String; N]], widths: [u16; N]) -> String {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.add_rows(rows).set_constraints(widths.map(|width| ColumnConstraint::Absolute(Width::Fixed(width))));
    table.trim_fmt()
}
