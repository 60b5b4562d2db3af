//! The term, the vote and the log, on the disk. What a method has returned from survives a crash at any time after.
//!
//! Two files are in the server's directory:
//!
//! - `meta` holds term and vote. A new version is written to `meta.new`, synced, and renamed. So `meta` is always one
//!   version or the other, never a mixture. Syncing the directory makes the rename last.
//! - `log` holds a record for each entry: the length of the entry, its checksum, its bytes. A crash in the middle of a
//!   write leaves a record whose checksum is wrong, or a part of one. The log ends before it. Nobody was told that such an
//!   entry is there, so it may be cut off.
//!
//! An error of the disk ends the server. After a failed sync nothing is known about what the disk holds, and another
//! sync may succeed without having written it.

use crate::command::{Entry, Id, Index, Position, Term};
use crate::wire::{self, Wire};
use ayi::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

pub struct Storage {
    dir: PathBuf,
    term: Term,
    /// Whom this server has voted for in `term`.
    vote: Option<Id>,
    log: File,
    entries: Vec<Entry>,
    /// Where the record of each entry ends in the file.
    ends: Vec<u64>,
}

/// A record begins with the length of its entry (`u32`) and the checksum (`u32`).
const HEADER: usize = 8;

impl Storage {
    pub async fn open(dir: &Path) -> io::Result<Storage> {
        fs::create_dir_all(dir).await?;
        sync_dir(dir.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))).await?;
        let (term, vote) = read_meta(&dir.join("meta")).await?;
        let path = dir.join("log");
        let log = File::options().read(true).write(true).create(true).truncate(false).open(&path).await?;
        let bytes = fs::read(&path).await?;
        let (entries, ends) = read_log(&bytes);
        // What follows the last good record goes. New records are written there, and have to follow a good one.
        log.set_len(ends.last().copied().unwrap_or(0)).await?;
        // A server that was killed may not have synced what is read here: it came from the memory of the system. Others
        // are about to be told that it is on the disk.
        log.sync_all().await?;
        sync_dir(dir).await?;
        Ok(Storage { dir: dir.to_owned(), term, vote, log, entries, ends })
    }

    pub fn term(&self) -> Term {
        self.term
    }

    pub fn vote(&self) -> Option<Id> {
        self.vote
    }

    /// Returns the end of the log.
    pub fn last(&self) -> Position {
        let index = self.entries.len() as Index;
        Position { term: self.term_at(index).expect("an entry of the log"), index }
    }

    /// Returns the term of an entry, or `None` if there is no such entry. Before the first one is term 0.
    pub fn term_at(&self, index: Index) -> Option<Term> {
        if index == 0 { Some(0) } else { self.entry(index).map(|entry| entry.term) }
    }

    pub fn entry(&self, index: Index) -> Option<&Entry> {
        self.entries.get(usize::try_from(index).ok()?.checked_sub(1)?)
    }

    /// Returns the entries that follow `index`, but not more than `limit`.
    pub fn after(&self, index: Index, limit: usize) -> &[Entry] {
        let rest = &self.entries[index as usize..];
        &rest[..rest.len().min(limit)]
    }

    /// Stores term and vote. They are on the disk when this returns: a server must not vote twice in a term, and has to
    /// know after a crash that it has voted (§5.2, figure 2).
    pub async fn save(&mut self, term: Term, vote: Option<Id>) -> io::Result<()> {
        (self.term, self.vote) = (term, vote);
        let mut bytes = vec![0; 4];
        term.put(&mut bytes);
        vote.put(&mut bytes);
        let checksum = crc32fast::hash(&bytes[4..]);
        bytes[..4].copy_from_slice(&checksum.to_le_bytes());
        let new = self.dir.join("meta.new");
        let file = File::create(&new).await?;
        file.write_all_at(bytes, 0).await.0?;
        file.sync_all().await?;
        fs::rename(&new, self.dir.join("meta")).await?;
        sync_dir(&self.dir).await
    }

    /// Appends entries. They are on the disk when this returns: a follower may acknowledge them, and a leader may count
    /// itself.
    pub async fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        let start = self.ends.last().copied().unwrap_or(0);
        let mut bytes = Vec::new();
        for entry in entries {
            write_record(entry, &mut bytes);
            self.ends.push(start + bytes.len() as u64);
        }
        self.entries.extend_from_slice(entries);
        self.log.write_all_at(bytes, start).await.0?;
        self.log.sync_data().await
    }

    /// Keeps the entries up to `index`, and removes what follows.
    pub async fn truncate(&mut self, index: Index) -> io::Result<()> {
        if index >= self.last().index {
            return Ok(());
        }
        self.entries.truncate(index as usize);
        self.ends.truncate(index as usize);
        self.log.set_len(self.ends.last().copied().unwrap_or(0)).await?;
        self.log.sync_all().await
    }
}

async fn read_meta(path: &Path) -> io::Result<(Term, Option<Id>)> {
    let bytes = match fs::read(path).await {
        Ok(bytes) => bytes,
        // A server that starts for the first time.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, None)),
        Err(error) => return Err(error),
    };
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", path.display()));
    let (checksum, mut rest) = bytes.split_first_chunk().ok_or_else(damaged)?;
    if u32::from_le_bytes(*checksum) != crc32fast::hash(rest) {
        return Err(damaged());
    }
    let term = Term::take(&mut rest).ok_or_else(damaged)?;
    Ok((term, wire::decode(rest).ok_or_else(damaged)?))
}

/// Returns the entries up to the first record that is not whole, and where each ends.
fn read_log(bytes: &[u8]) -> (Vec<Entry>, Vec<u64>) {
    let (mut entries, mut ends, mut rest) = (Vec::new(), Vec::new(), bytes);
    while let Some(entry) = read_record(&mut rest) {
        entries.push(entry);
        ends.push((bytes.len() - rest.len()) as u64);
    }
    (entries, ends)
}

fn read_record(bytes: &mut &[u8]) -> Option<Entry> {
    let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
    let [l0, l1, l2, l3, c0, c1, c2, c3] = *header;
    let (payload, rest) = rest.split_at_checked(u32::from_le_bytes([l0, l1, l2, l3]) as usize)?;
    if u32::from_le_bytes([c0, c1, c2, c3]) != crc32fast::hash(payload) {
        return None;
    }
    *bytes = rest;
    wire::decode(payload)
}

fn write_record(entry: &Entry, out: &mut Vec<u8>) {
    let mut payload = Vec::new();
    entry.put(&mut payload);
    out.extend((payload.len() as u32).to_le_bytes());
    out.extend(crc32fast::hash(&payload).to_le_bytes());
    out.extend(payload);
}

/// Makes renamed and created files last: their names are in the directory.
async fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir).await?.sync_all().await
}
