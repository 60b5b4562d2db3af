//! The command line.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
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
    pub fn parse() -> Result<Args, String> {
        let mut jobs = 32;
        let mut rest: Vec<OsString> = Vec::new();
        let mut args = std::env::args_os().skip(1);
        while let Some(arg) = args.next() {
            if arg == "--" {
                rest.extend(args.by_ref());
            } else if arg == "--jobs" {
                let number = args.next().and_then(|number| number.to_str()?.parse().ok());
                jobs = number.filter(|jobs| *jobs > 0).ok_or("--jobs wants a number from 1 on after it")?;
            } else if arg.as_bytes().starts_with(b"-") && arg.len() > 1 {
                let arg = arg.to_string_lossy();
                return Err(format!("there is no option {arg}; write -- before a pattern that begins so"));
            } else {
                rest.push(arg);
            }
        }
        let mut rest = rest.into_iter();
        let pattern = rest.next().ok_or("PATTERN is missing; say what to look for")?.into_vec();
        if pattern.contains(&b'\n') {
            return Err("PATTERN has the end of a line in it, which no line has; look for one line".into());
        }
        let paths: Vec<_> = rest.map(PathBuf::from).collect();
        if paths.is_empty() {
            return Err("PATH is missing; name files or directories to search, as . is".into());
        }
        Ok(Args { pattern, paths, jobs })
    }
}

pub fn refuse(error: &str) -> ! {
    eprintln!("search: {error}\n{USAGE}");
    std::process::exit(2)
}
