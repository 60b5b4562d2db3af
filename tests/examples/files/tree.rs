//! A directory full of files, gone when dropped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

pub struct Tree {
    root: PathBuf,
    /// The files that were in it from the start.
    pub files: Vec<Known>,
}

pub struct Known {
    /// The name below the root.
    pub name: &'static str,
    /// The name as it stands in a request.
    pub target: String,
    pub content: Vec<u8>,
}

impl Tree {
    pub fn new() -> Tree {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("ayi-files-{}-{number}", std::process::id()));
        let mut tree = Tree { root, files: Vec::new() };
        for (name, len) in [
            ("empty.txt", 0),
            ("one", 1),
            ("under", 16 * 1024 - 1),
            ("even", 16 * 1024),
            ("over", 16 * 1024 + 1),
            ("part_under", 256 * 1024 - 1),
            ("part_even", 256 * 1024),
            ("part_over", 256 * 1024 + 1),
            ("mib7", 1024 * 1024 + 7),
            ("with some spaces.txt", 100),
            ("茶/龙井 ☕.txt", 3_000),
            ("100%", 10),
            ("100%25", 11),
            ("a+b&c=d?e#f;g:h@i", 12),
            ("quote'\"\\<>|^`{}[]", 13),
            ("nested/deep/1", 20_000),
            ("nested/deep/2", 300_000),
            ("nested/deep/deeper/deepest/3.html", 5),
        ] {
            let content = pattern(name.len(), len);
            tree.write(name, &content);
            tree.files.push(Known { name, target: format!("/{}", encode(name)), content });
        }
        tree
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn write(&self, name: &str, content: &[u8]) -> File {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        File::options().write(true).open(path).unwrap()
    }

    pub fn file(&self, target: &str) -> &Known {
        self.files.iter().find(|file| file.target == target).expect("a file of the tree")
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Bytes that show when some are missing or out of order. They differ for each `seed`.
fn pattern(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| ((i + seed * 31) % 251) as u8).collect()
}

fn encode(path: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    path.bytes().map(encode).collect()
}
