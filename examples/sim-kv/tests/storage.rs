//! What the disk holds after a crash in the middle of a write.

use sim_kv::command::{Command, Entry, Op, Position};
use sim_kv::storage::Storage;
use std::fs;
use std::path::PathBuf;

/// A directory that is removed at the end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let path = std::env::temp_dir().join(format!("sim-kv-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Dir(path)
    }

    fn log(&self) -> PathBuf {
        self.0.join("log")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn entry(term: u64, value: &str) -> Entry {
    let op = Op::Put { key: "tea".into(), value: value.into() };
    Entry { term, command: Some(Command { client: 7, number: 1, op }) }
}

#[ayi::test]
async fn what_was_stored_is_there_again() {
    let dir = Dir::new("stored");
    let mut storage = Storage::open(&dir.0).await.unwrap();
    assert_eq!((storage.term(), storage.vote(), storage.last()), (0, None, Position { term: 0, index: 0 }));
    storage.save(1, Some(2)).await.unwrap();
    storage.save(3, None).await.unwrap();
    storage.append(&[Entry { term: 1, command: None }, entry(1, "hot")]).await.unwrap();
    storage.append(&[entry(3, "cold"), entry(3, "warm")]).await.unwrap();
    storage.truncate(3).await.unwrap();
    let storage = Storage::open(&dir.0).await.unwrap();
    assert_eq!((storage.term(), storage.vote(), storage.last()), (3, None, Position { term: 3, index: 3 }));
    assert_eq!(storage.after(1, 9), [entry(1, "hot"), entry(3, "cold")]);
}

#[ayi::test]
async fn a_record_that_was_written_in_part_is_cut_off_wherever_it_ends() {
    let dir = Dir::new("torn");
    let mut storage = Storage::open(&dir.0).await.unwrap();
    storage.append(&[entry(1, "hot")]).await.unwrap();
    let first = fs::metadata(dir.log()).unwrap().len();
    storage.append(&[entry(1, "cold")]).await.unwrap();
    let whole = fs::read(dir.log()).unwrap();
    for len in first as usize..whole.len() {
        // Either the file is too short, or its size is there already, and the bytes are not.
        for fill in [len, whole.len()] {
            let mut torn = whole[..len].to_vec();
            torn.resize(fill, 0);
            fs::write(dir.log(), torn).unwrap();
            let storage = Storage::open(&dir.0).await.unwrap();
            assert_eq!(storage.last().index, 1, "{len} of {} bytes, {fill} long", whole.len());
            assert_eq!(fs::metadata(dir.log()).unwrap().len(), first);
        }
    }
}

#[ayi::test]
async fn a_record_after_a_torn_one_is_found_again() {
    let dir = Dir::new("after");
    let mut storage = Storage::open(&dir.0).await.unwrap();
    storage.append(&[entry(1, "hot"), entry(1, "cold")]).await.unwrap();
    let len = fs::metadata(dir.log()).unwrap().len();
    fs::File::options().write(true).open(dir.log()).unwrap().set_len(len - 1).unwrap();
    Storage::open(&dir.0).await.unwrap().append(&[entry(2, "x")]).await.unwrap();
    let storage = Storage::open(&dir.0).await.unwrap();
    assert_eq!(storage.after(0, 9), [entry(1, "hot"), entry(2, "x")]);
}

#[ayi::test]
async fn a_damaged_vote_is_an_error() {
    let dir = Dir::new("damaged");
    Storage::open(&dir.0).await.unwrap().save(5, Some(1)).await.unwrap();
    let mut bytes = fs::read(dir.0.join("meta")).unwrap();
    bytes[4] ^= 1;
    fs::write(dir.0.join("meta"), &bytes).unwrap();
    assert!(Storage::open(&dir.0).await.is_err());
    fs::write(dir.0.join("meta"), []).unwrap();
    assert!(Storage::open(&dir.0).await.is_err());
}
