//! Reads a recording and tells what is wrong with it, and writes a file.

use super::Error;
use ayi_lens::recording::{self, Recording};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The most problems that are told: a damaged file may have one in each section.
const TOLD: usize = 10;

/// Reads a recording, and tells on stderr what is wrong with it. If nothing can be read, that is an error.
pub fn read(path: &Path) -> Result<(Recording, File), Error> {
    let shown = path.display();
    let cannot = |error: io::Error| format!("cannot read {shown}: {error}");
    let mut file = File::open(path).map_err(cannot)?;
    if file.metadata().map_err(cannot)?.is_dir() {
        return Err(format!("cannot read {shown}: it is a directory. Name a recording in it"));
    }
    let recording = recording::read(&mut file);
    let mut told = recording.problems.iter().map(|problem| format!("{shown}, {problem}"));
    if recording.runtimes.is_empty() {
        let why = told.next().unwrap_or_else(|| {
            format!(
                "{shown}: no runtime has been recorded in it. Did the program run one, and come to its end?"
            )
        });
        return Err(why);
    }
    told.by_ref().take(TOLD).for_each(|problem| eprintln!("ayi-lens: {problem}"));
    match told.count() {
        0 => {}
        more => eprintln!("ayi-lens: {shown} has {more} more problems"),
    }
    Ok((recording, file))
}

/// Writes a file, which must not be the one that is read.
pub fn write(
    read: &Path,
    path: &Path,
    contents: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), Error> {
    let shown = path.display();
    if is_same(read, path) {
        return Err(format!("{shown} is the recording itself. Name another file by --out"));
    }
    let file = File::create(path).map_err(|error| format!("cannot create {shown}: {error}"))?;
    let mut out = BufWriter::with_capacity(1 << 16, file);
    let written = contents(&mut out).and_then(|()| out.flush());
    written.map_err(|error| format!("cannot write all of {shown}: {error}. What is there is not whole"))
}

fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| path.metadata().ok().map(|file| (file.dev(), file.ino()));
    place(one).is_some_and(|one| place(other) == Some(one))
}
