//! The tables of RESULTS.md, read.

/// What the loops of C and C++ are together: the one that fares best against ayi stands for all.
pub const BEST_LOOP: &str = "best in C, C++";

/// What follows was written by hand, and has tables of other kinds.
const BY_HAND: &str = "## Where the time goes";

pub struct Report<'a> {
    /// Processor, kernel, versions and day.
    pub machine: &'a str,
    /// What has to be known of some groups.
    pub notes: Vec<&'a str>,
    pub groups: Vec<Group<'a>>,
}

pub struct Group<'a> {
    pub name: &'a str,
    pub about: &'a str,
    /// In the order of the columns.
    pub peers: Vec<&'a str>,
    pub rows: Vec<Row<'a>>,
}

/// A row of a table, together with the row of the same name in the table of the loops of C and C++.
pub struct Row<'a> {
    pub work: &'a str,
    /// ayi's value, with its unit.
    pub ayi: &'a str,
    pub others: Vec<Other<'a>>,
}

pub struct Other<'a> {
    pub peer: &'a str,
    /// The loop that stands for all of them.
    pub stands_for: Option<&'a str>,
    /// How many times better ayi is.
    pub ratio: f64,
    pub ratio_text: &'a str,
    pub is_tie: bool,
}

impl<'a> Row<'a> {
    /// Returns the smallest ratio that is not a tie.
    pub fn least(&self) -> Option<f64> {
        self.others.iter().filter(|other| !other.is_tie).map(|other| other.ratio).min_by(f64::total_cmp)
    }

    /// Adds the cells of a row to `self.others`. Of loops it keeps the one with the smallest ratio.
    fn add(&mut self, columns: &[&'a str], cells: &[&'a str]) -> Result<(), String> {
        let has_goals = columns.last() == Some(&"goal");
        for (column, cell) in columns.iter().zip(cells).skip(3) {
            if *column == "goal" || matches!(*cell, "-" | "") {
                continue;
            }
            let not_understood = || format!("{cell:?} is no ratio like **1.23** or **1.23** =");
            let parts = cell.strip_prefix("**").and_then(|cell| cell.split_once("**"));
            let (ratio_text, rest) = parts.ok_or_else(not_understood)?;
            let number = if ratio_text == "∞" { "inf" } else { ratio_text };
            let ratio = number.parse().map_err(|_| not_understood())?;
            let peer = if has_goals { column } else { BEST_LOOP };
            let stands_for = (!has_goals).then_some(*column);
            let other = Other { peer, stands_for, ratio, ratio_text, is_tie: rest.starts_with(" =") };
            match self.others.iter_mut().find(|other| other.peer == peer) {
                Some(best) if other.ratio < best.ratio => *best = other,
                Some(_) => {}
                None => self.others.push(other),
            }
        }
        Ok(())
    }
}

impl<'a> Report<'a> {
    /// Reads the part of RESULTS.md that a run writes: sections `## group: what it is`, each with tables. An error
    /// begins with the number of the line that is not understood.
    pub fn parse(text: &'a str) -> Result<Report<'a>, String> {
        let (head, _) = text.split_once(BY_HAND).unwrap_or((text, ""));
        let mut lines = head.lines().enumerate().filter(|(_, line)| !line.is_empty());
        lines.next();
        let machine = lines.next().map_or("", |(_, line)| line);
        let mut report = Report { machine, notes: Vec::new(), groups: Vec::new() };
        let mut section = "";
        let mut columns: Option<Vec<&str>> = None;
        let mut last = 0;
        for (number, line) in lines {
            let failed = |why: String| format!("line {}: {why}", number + 1);
            // An empty line ends a table.
            if number != last + 1 {
                columns = None;
            }
            last = number;
            if let Some(heading) = line.strip_prefix("## ") {
                section = heading;
                if let Some((name, about)) = heading.split_once(": ") {
                    report.groups.push(Group { name, about, peers: Vec::new(), rows: Vec::new() });
                }
            } else if section == "How to read the tables" {
                report.notes.push(line);
            }
            let is_table = section.contains(": ") && line.starts_with('|');
            let Some(group) = report.groups.last_mut().filter(|_| is_table) else {
                continue;
            };
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            match &columns {
                None if cells.starts_with(&["work", "ayi", "again"]) => columns = Some(cells),
                None => return Err(failed("a table's columns should begin with work, ayi, again".into())),
                Some(_) if cells.iter().all(|cell| *cell == "---") => {}
                Some(columns) if columns.len() == cells.len() => {
                    group.add(columns, &cells).map_err(failed)?;
                }
                Some(columns) => {
                    let (has, should) = (cells.len(), columns.len());
                    return Err(failed(format!("{has} cells, where the table has {should} columns")));
                }
            }
        }
        // The first note tells how to read the tables, which the picture tells in its own words.
        report.notes = report.notes.into_iter().skip(1).collect();
        Ok(report)
    }
}

impl<'a> Group<'a> {
    fn add(&mut self, columns: &[&'a str], cells: &[&'a str]) -> Result<(), String> {
        let (work, ayi) = (cells[0], cells[1]);
        let at = self.rows.iter().position(|row| row.work == work).unwrap_or_else(|| {
            self.rows.push(Row { work, ayi, others: Vec::new() });
            self.rows.len() - 1
        });
        self.rows[at].add(columns, cells)?;
        let has_goals = columns.last() == Some(&"goal");
        let peers = columns.iter().skip(3).map(|column| if has_goals { *column } else { BEST_LOOP });
        for peer in peers.filter(|peer| *peer != "goal") {
            if !self.peers.contains(&peer) {
                self.peers.push(peer);
            }
        }
        Ok(())
    }
}
