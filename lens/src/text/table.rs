//! A table whose columns are aligned.

use std::fmt::Write;

/// The most letters of a cell: a program may give its tasks names of any length.
const WIDEST: usize = 80;

/// A table. Its first columns are numbers and stand at the right, its last ones are words and stand at the left.
pub struct Table {
    title: String,
    rows: Vec<Vec<String>>,
    numbers: usize,
    /// The number of rows that there would be, if all were shown.
    all: usize,
}

impl Table {
    /// Makes a table from the names of its columns. So many of them, the first ones, are numbers.
    pub fn new(title: &str, numbers: usize, columns: &[&str]) -> Table {
        let head = columns.iter().map(|column| column.to_string()).collect();
        Table { title: title.into(), rows: vec![head], numbers, all: 0 }
    }

    /// Adds a row. Cells that are too wide are cut.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cut = |cell: String| match cell.char_indices().nth(WIDEST) {
            Some((end, _)) => format!("{}…", &cell[..end]),
            None => cell,
        };
        self.rows.push(cells.into_iter().map(cut).collect());
    }

    /// Says how many rows there would be.
    pub fn of(mut self, all: usize) -> Table {
        self.all = all;
        self
    }

    /// Prints the table.
    pub fn print(&self, text: &mut String) {
        let shown = self.rows.len() - 1;
        let _ = match self.all > shown {
            true => writeln!(text, "\n{} ({shown} of {})", self.title, self.all),
            false => writeln!(text, "\n{}", self.title),
        };
        if shown == 0 {
            text.push_str("  none\n");
            return;
        }
        let width = |column: usize| self.rows.iter().map(|row| letters(&row[column])).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.rows[0].len()).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let space = " ".repeat(widths[column] - letters(cell));
                let (before, after) =
                    if column < self.numbers { (space, String::new()) } else { (String::new(), space) };
                let _ = write!(line, "  {before}{cell}{after}");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
}

fn letters(cell: &str) -> usize {
    cell.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new("times", 1, &["busy", "task", "end"]);
        table.row(["1 µs".into(), "a".into(), "ready".into()]);
        table.row(["100 µs".into(), "long".into(), String::new()]);
        let mut text = String::new();
        table.of(3).print(&mut text);
        let lines =
            ["", "times (2 of 3)", "    busy  task  end", "    1 µs  a     ready", "  100 µs  long", ""];
        assert_eq!(text, lines.join("\n"));
    }
}
