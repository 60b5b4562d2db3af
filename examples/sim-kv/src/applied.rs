//! What servers have applied, of a test that looks into all of them.

use crate::command::{Entry, Id, Index};
use std::sync::{Arc, Mutex, PoisonError};

/// State machine safety (§5.4.3), asserted: if a server has applied an entry at an index, no other server applies a
/// different one there, and neither does the same server after a crash. All servers of a test share one of these. It
/// finds at once what clients see later, or never.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    entries: Arc<Mutex<Vec<(Id, Entry)>>>,
}

impl Applied {
    /// Notes that a server applies an entry.
    ///
    /// # Panics
    ///
    /// Panics if another one was applied at this index before, or none at the one before it.
    pub fn note(&self, server: Id, index: Index, entry: &Entry) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let before = index as usize - 1;
        assert!(before <= entries.len(), "server {server} applies entry {index}, and nobody the one before");
        match entries.get(before) {
            None => entries.push((server, entry.clone())),
            Some((first, known)) => assert!(
                known == entry,
                "server {server} applies another entry {index} than server {first} has: {}",
                difference(entry, known)
            ),
        }
    }
}

/// Entries may be long, and differ in one byte.
fn difference(one: &Entry, other: &Entry) -> String {
    let [one, other] = [one, other].map(|entry| {
        let command = entry.command.as_ref();
        command.map_or(format!("term {}, empty", entry.term), |it| format!("term {}, {}", entry.term, it.op))
    });
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let from = |text: &str, at: usize| text.chars().skip(at).take(40).collect::<String>();
    match same {
        0..40 => format!("{:?} for {:?}", from(&one, 0), from(&other, 0)),
        _ => {
            format!(
                "{:?}…, with {:?} for {:?} behind {same} characters",
                from(&one, 0),
                from(&one, same),
                from(&other, same)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Command, Op};
    use std::panic::catch_unwind;

    fn put(value: &str) -> Entry {
        let op = Op::Put { key: "tea".into(), value: value.into() };
        Entry { term: 3, command: Some(Command { client: 1, number: 1, op }) }
    }

    fn refusal(index: Index, entry: Entry) -> String {
        let applied = Applied::default();
        applied.note(1, 1, &put("hot"));
        applied.note(1, 2, &put(&format!("{:100}", "hot")));
        *catch_unwind(|| applied.note(2, index, &entry)).unwrap_err().downcast::<String>().unwrap()
    }

    #[test]
    fn the_same_entries_may_be_applied_again() {
        let applied = Applied::default();
        for server in [1, 2, 1] {
            applied.note(server, 1, &put("hot"));
            applied.note(server, 2, &Entry { term: 4, command: None });
        }
    }

    #[test]
    fn another_entry_is_refused() {
        let told = refusal(1, put("cold"));
        assert!(told.starts_with("server 2 applies another entry 1 than server 1 has: "), "{told}");
        assert!(told.ends_with("\"term 3, put tea cold\" for \"term 3, put tea hot\""), "{told}");
        let told = refusal(2, put(&format!("{:99}\0", "hot")));
        assert!(told.ends_with("…, with \"\\0\" for \" \" behind 115 characters"), "{told}");
        assert!(refusal(1, Entry { term: 3, command: None }).contains("\"term 3, empty\" for"));
    }

    #[test]
    fn a_gap_is_refused() {
        assert_eq!(refusal(4, put("hot")), "server 2 applies entry 4, and nobody the one before");
    }
}
