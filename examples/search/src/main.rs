//! Prints the lines that contain a pattern, of all files below some paths: a small grep. It has many files open at
//! once, so that the disk is busy while lines are searched.
//!
//! ```sh
//! cargo run --release -p search -- 'async fn' src runtime
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `main` | walks through directories, and hands files to tasks |
//! | `lines` | finds the lines of one file |
//! | `args` | the command line |
//!
//! As with grep, the exit code is 0 if a line was found, 1 if none was, 2 if something went wrong. Symbolic links are
//! followed if they are named on the command line, but not if they are met in a directory.

mod args;
mod lines;

use args::Args;
use ayi::fs;
use ayi::task::JoinSet;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;

#[ayi::main]
async fn main() -> ExitCode {
    let Args { pattern, paths, jobs } = Args::read();
    let progress = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} files").expect("a valid template");
    progress.set_style(style);
    let pattern = Rc::new(memchr::memmem::Finder::new(&pattern).into_owned());
    let mut search =
        Search { pattern, jobs, files: JoinSet::new(), progress, has_found: false, has_failed: false };
    let result = search.all(paths).await;
    search.progress.finish_and_clear();
    match result {
        // The reader of our output, for example `head`, has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::from(2),
        Err(error) => {
            eprintln!("search: cannot write to stdout: {error}");
            return ExitCode::from(2);
        }
        Ok(()) => {}
    }
    match search {
        Search { has_failed: true, .. } => ExitCode::from(2),
        Search { has_found: true, .. } => ExitCode::SUCCESS,
        _ => ExitCode::from(1),
    }
}

struct Search {
    pattern: Rc<lines::Pattern>,
    /// How many files may be open at a time.
    jobs: usize,
    /// The tasks of the open files. Each returns the file's path and what to print of it.
    files: JoinSet<(PathBuf, io::Result<Vec<u8>>)>,
    /// It hides itself if stderr is no terminal.
    progress: ProgressBar,
    has_found: bool,
    has_failed: bool,
}

impl Search {
    /// # Errors
    ///
    /// Fails if stdout cannot be written to. An error of a file is reported, and the search continues.
    async fn all(&mut self, paths: Vec<PathBuf>) -> io::Result<()> {
        for path in paths {
            match fs::metadata(&path).await {
                Ok(known) if known.is_dir() => self.below(path).await?,
                Ok(known) if known.is_file() => self.file(path).await?,
                Ok(_) => self.fail(&path, &"this is neither a file nor a directory; name one"),
                Err(error) => self.fail(&path, &error),
            }
        }
        while !self.files.is_empty() {
            self.finish_one().await?;
        }
        Ok(())
    }

    /// Directories that are met wait here for their turn, so only one is open, however deep the tree is.
    async fn below(&mut self, directory: PathBuf) -> io::Result<()> {
        let mut waiting = vec![directory];
        while let Some(directory) = waiting.pop() {
            let mut entries = match fs::read_dir(&directory).await {
                Ok(entries) => entries,
                Err(error) => {
                    self.fail(&directory, &error);
                    continue;
                }
            };
            loop {
                let entry = match entries.next_entry().await {
                    Ok(Some(entry)) => entry,
                    Ok(None) => break,
                    Err(error) => {
                        self.fail(&directory, &error);
                        break;
                    }
                };
                match entry.file_type().await {
                    Ok(kind) if kind.is_dir() => waiting.push(entry.path()),
                    Ok(kind) if kind.is_file() => self.file(entry.path()).await?,
                    Ok(_) => {}
                    Err(error) => self.fail(&entry.path(), &error),
                }
            }
        }
        Ok(())
    }

    /// Starts with a file, as soon as there are few enough others.
    async fn file(&mut self, path: PathBuf) -> io::Result<()> {
        self.progress.inc_length(1);
        if self.files.len() == self.jobs {
            self.finish_one().await?;
        }
        let pattern = self.pattern.clone();
        self.files.spawn(async move {
            let lines = lines::of(&path, &pattern).await;
            (path, lines)
        });
        Ok(())
    }

    /// Waits for the next file that is done, and prints its lines at once. This blocks if stdout is a pipe that nobody
    /// empties. There is nothing else to do then either: the results have to go somewhere.
    async fn finish_one(&mut self) -> io::Result<()> {
        let done = self.files.join_next().await.expect("a file is being searched");
        let (path, lines) = done.expect("a search does not panic");
        self.progress.inc(1);
        match lines {
            Err(error) => self.fail(&path, &error),
            Ok(lines) if lines.is_empty() => {}
            Ok(lines) => {
                self.has_found = true;
                self.progress.suspend(|| {
                    let mut stdout = io::stdout().lock();
                    stdout.write_all(&lines).and_then(|()| stdout.flush())
                })?;
            }
        }
        Ok(())
    }

    fn fail(&mut self, path: &Path, why: &dyn std::fmt::Display) {
        self.has_failed = true;
        self.progress.suspend(|| {
            // A path need not be text. If stderr is closed, nobody is left to tell.
            let _ = io::stderr().write_all(&[b"search: ", path.as_os_str().as_bytes()].concat());
            let _ = writeln!(io::stderr(), ": {why}");
        });
    }
}
