//! Where the files are, including those that are only read.

use super::contents::{self, BLOCK, BLOCKS, PIECE, PIECES_OF_MIB};
use super::runs;
use crate::builds::Folder;
use std::cell::OnceCell;
use std::path::PathBuf;
use std::{env, fs, io, process};

/// The folder of all files, including those that are only read. Each of these is made when it is first wanted. The
/// folder is removed when this is dropped.
#[derive(Default)]
pub struct Place {
    folder: OnceCell<Folder>,
    cached: OnceCell<()>,
    small: OnceCell<()>,
    large: OnceCell<()>,
}

impl Place {
    pub fn path(&self, name: &str) -> io::Result<PathBuf> {
        if self.folder.get().is_none() {
            let folder = Folder(env::temp_dir().join(format!("ayi-bench-{}-files", process::id())));
            fs::create_dir_all(&folder.0)?;
            let _ = self.folder.set(folder);
        }
        Ok(self.folder.get().expect("it has just been made").0.join(name))
    }

    /// Returns the file that is read at random.
    pub fn cached(&self) -> io::Result<PathBuf> {
        let path = self.path("cached")?;
        if self.cached.get().is_none() {
            contents::make(&path, BLOCKS, BLOCK)?;
            // Nothing is left for the disk to do.
            fs::File::open(&path)?.sync_all()?;
            let _ = self.cached.set(());
        }
        Ok(path)
    }

    /// Returns the folder of `n` small files.
    pub fn small(&self, n: u32) -> io::Result<PathBuf> {
        let path = self.path("small")?;
        if self.small.get().is_none() {
            fs::create_dir_all(&path)?;
            for number in 0..n {
                let mut bytes = [b'.'; runs::SMALL];
                contents::set_number(&mut bytes, number.into());
                fs::write(runs::small(&path, number), bytes)?;
            }
            let _ = self.small.set(());
        }
        Ok(path)
    }

    /// Returns a file of so many MiB.
    pub fn large(&self, n: u32) -> io::Result<PathBuf> {
        let path = self.path("large")?;
        if self.large.get().is_none() {
            contents::make(&path, (n * PIECES_OF_MIB).into(), PIECE)?;
            fs::File::open(&path)?.sync_all()?;
            let _ = self.large.set(());
        }
        Ok(path)
    }
}
