//! The command line.

use cli::{Long, Short, Value};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

const USAGE: &str = "\
usage: search [--jobs N] [--] PATTERN PATH...
  PATTERN     the bytes to look for, as they are
  PATH        a file, or a directory, of which all files are searched
  --jobs N    how many files may be open at a time    32";

pub struct Args {
    pub pattern: Vec<u8>,
    pub paths: Vec<PathBuf>,
    pub jobs: usize,
}

impl Args {
    pub fn read() -> Args {
        let (jobs, pattern, paths) = cli::read(USAGE, |args| {
            let (mut jobs, mut pattern, mut paths) = (32, None, Vec::new());
            while let Some(arg) = args.next()? {
                match arg {
                    Long("jobs") => jobs = cli::positive(args)?,
                    Value(text) if pattern.is_none() => pattern = Some(text),
                    Value(path) => paths.push(PathBuf::from(path)),
                    Short(_) | Long(_) => {
                        let error = arg.unexpected();
                        return Err(format!("{error}; write -- before a pattern that begins so").into());
                    }
                }
            }
            Ok((jobs, pattern, paths))
        });
        let pattern = cli::needed(USAGE, pattern, "PATTERN").into_vec();
        if pattern.contains(&b'\n') {
            cli::refuse(USAGE, &"PATTERN has the end of a line in it, which no line has; look for one line");
        }
        if paths.is_empty() {
            cli::refuse(USAGE, &"PATH is missing; name files or directories to search, as . is");
        }
        Args { pattern, paths, jobs }
    }
}
