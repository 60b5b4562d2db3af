//! Which rows the picture has, out of all.

use crate::tables::{Group, Row};

/// Two rows of each group that answer its question.
const HEADLINES: &str = "
spawn | one at a time, time | 1,000 at once, time
wake | itself, time | 1,000 tasks taking turns, time
remote | wakes a task, both sleep, time | wakes a task, both are busy, time
timers | create, poll, drop, time | how late sleep(200 µs) is, p99 (at most 100 µs is the goal), time
sync | mpsc, capacity 128, CPU time | across threads: two runtimes, capacity 128, time
counts | spawn and join, instructions | echo of 64 B, instructions
echo | 64 B, 64 connections, requests/s | 64 B, 1000 connections, p99 at 20000/s
connections | 64 at a time, CPU per connection | 64 at a time, connections/s
http | hyper on all, one request at a time, requests/s | \
    hyper, HTTP/2: 64 streams of one connection, requests/s
memory | a task that waits, with 64 bytes, bytes | \
    a connection that waits, with its task and 64 bytes, bytes
fairness | beside a task that always wakes itself, p99.9 | beside a socket that never runs dry, p99.9
fs | 4 KiB from the cache, one at a time, time | a file of 3,000 bytes, read as a whole, time
build | hello world, time to build | hello world, size of the program
cores | echo of 64 B, requests/s on two | examples/http on ayi, hyper on the others, requests/s on two
dropin | reqwest asks axum, one at a time, CPU per request | tonic, unary, one at a time, CPU per request
";

/// How many charts a group has room for.
const ROOM: usize = 3;

/// What [`choose`] does, as the picture tells it.
pub const RULE: &str = "Each group has two rows that answer its question, and always the row with its lowest ratio to \
    any peer, ties left out. If that is one of the two, the group's next row fills the place.";

/// A row of the picture.
pub struct Chosen<'a> {
    pub row: &'a Row<'a>,
    /// No row of the group has a lower ratio.
    pub is_lowest: bool,
}

/// Chooses a group's rows by the [`RULE`].
pub fn choose<'a>(group: &'a Group) -> Result<Vec<Chosen<'a>>, String> {
    let mut listed = HEADLINES.lines().map(|line| line.split(" | "));
    let names = listed.find_map(|mut names| (names.next() == Some(group.name)).then_some(names));
    let names = names.ok_or_else(|| format!("no headline rows are listed for the group {:?}", group.name))?;
    let find = |name| {
        let row = group.rows.iter().find(|row| row.work == name);
        row.ok_or_else(|| format!("the group {:?} has no row {name:?}, a headline row", group.name))
    };
    let mut rows = names.map(find).collect::<Result<Vec<_>, _>>()?;
    let ratios = group.rows.iter().filter_map(|row| Some((row, row.least()?)));
    let lowest = ratios.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(row, _)| row);
    for row in lowest.into_iter().chain(&group.rows) {
        if rows.len() < ROOM && rows.iter().all(|chosen| chosen.work != row.work) {
            rows.push(row);
        }
    }
    let is_lowest = |row: &Row| lowest.is_some_and(|lowest| lowest.work == row.work);
    Ok(rows.into_iter().map(|row| Chosen { row, is_lowest: is_lowest(row) }).collect())
}
