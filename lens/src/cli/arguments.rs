//! The command line.

use super::Error;
use super::dump::Target;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

pub const HELP: &str = "\
Shows what a runtime of ayi did, from a recording.

Usage: ayi-lens FILE [--out PAGE.html] [--open]
       ayi-lens run [--out PAGE.html] [--open] -- PROGRAM ARGS...
       ayi-lens text FILE [--top N]
       ayi-lens chrome FILE [--out TRACE.json]
       ayi-lens perfetto FILE [--out TRACE.pb]
       ayi-lens dump PID | HOST:PORT

  FILE       writes a page, which needs no other file, and prints its path
  run        runs a program that is built with ayi's feature `record`, then writes the page of what it recorded
  text       prints tables: tasks, polls, wakes, descriptors, late timers
  chrome     writes Chrome's trace events, for https://ui.perfetto.dev or chrome://tracing
  perfetto   writes Perfetto's protobuf, for https://ui.perfetto.dev
  dump       prints what each task of a running program waits for; it needs the feature `live` and AYI_LIVE=127.0.0.1:0

  --out PATH where to write (default: FILE with another ending; of run, PROGRAM.html in the working directory)
  --open     opens the page by xdg-open
  --top N    the most rows of a table (default: 20)
  --help, --version

A file that is called like a command needs a path: ./text
";

/// The rows of a table, unless something else is said.
const TOP: usize = 20;

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Command {
    Help,
    Version,
    Page {
        file: PathBuf,
        out: Option<PathBuf>,
        open: bool,
    },
    Run {
        out: Option<PathBuf>,
        open: bool,
        program: Vec<OsString>,
    },
    Text {
        file: PathBuf,
        top: usize,
    },
    Chrome {
        file: PathBuf,
        out: Option<PathBuf>,
    },
    Perfetto {
        file: PathBuf,
        out: Option<PathBuf>,
    },
    Dump(Target),
    /// Becomes the program of `run`. The shell between calls it: see `run`.
    Start {
        folder: PathBuf,
        program: Vec<OsString>,
    },
    /// Writes the page after the program of `run`.
    Finish {
        code: u8,
        folder: PathBuf,
        out: PathBuf,
        open: bool,
    },
}

/// What stands behind the name of a command.
#[derive(Default)]
struct Arguments {
    words: Vec<OsString>,
    out: Option<PathBuf>,
    open: bool,
    top: Option<usize>,
    help: bool,
}

impl Command {
    pub fn parse(arguments: Vec<OsString>) -> Result<Command, Error> {
        let first = arguments.first().and_then(|first| first.to_str()).unwrap_or_default().to_owned();
        let rest = || arguments[1..].to_vec();
        match first.as_str() {
            _ if arguments.is_empty() => Err("a recording is missing".into()),
            "--help" | "-h" | "help" => Ok(Command::Help),
            "--version" | "-V" => Ok(Command::Version),
            super::run::START => start(rest()),
            super::run::FINISH => finish(&rest()),
            "run" => run(Arguments::parse(rest(), true)?),
            "text" => text(Arguments::parse(rest(), false)?),
            "chrome" => {
                let arguments = Arguments::parse(rest(), false)?;
                trace("chrome", arguments, |file, out| Command::Chrome { file, out })
            }
            "perfetto" => {
                let arguments = Arguments::parse(rest(), false)?;
                trace("perfetto", arguments, |file, out| Command::Perfetto { file, out })
            }
            "dump" => dump(Arguments::parse(rest(), false)?),
            _ => page(Arguments::parse(arguments, false)?),
        }
    }
}

impl Arguments {
    /// Takes options and words. If they end at a word, whatever follows it belongs to a program.
    fn parse(arguments: Vec<OsString>, ends_at_word: bool) -> Result<Arguments, Error> {
        let mut parsed = Arguments::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let (name, value) = split(&argument);
            match name.as_deref() {
                Some("--") => {
                    parsed.words.extend(arguments);
                    break;
                }
                Some("--out") => {
                    parsed.out = Some(required("--out", value.or_else(|| arguments.next()))?.into())
                }
                Some("--top") => {
                    parsed.top = Some(number(&required("--top", value.or_else(|| arguments.next()))?)?)
                }
                Some("--open") if value.is_none() => parsed.open = true,
                Some("--help" | "-h") if value.is_none() => parsed.help = true,
                Some(_) => return Err(format!("there is no option {}", argument.to_string_lossy())),
                None => {
                    parsed.words.push(argument);
                    if ends_at_word {
                        parsed.words.extend(arguments);
                        break;
                    }
                }
            }
        }
        Ok(parsed)
    }

    /// Returns the one recording.
    fn file(&mut self) -> Result<PathBuf, Error> {
        match self.words.len() {
            0 => Err("a recording is missing".into()),
            1 => Ok(self.words.remove(0).into()),
            _ => Err(format!("there is one recording too many: {}", self.words[1].to_string_lossy())),
        }
    }

    /// Fails if an option was given that the command does not have.
    fn without(&self, command: &str, out: bool, open: bool, top: bool) -> Result<(), Error> {
        let given = [
            ("--out", self.out.is_some() && !out),
            ("--open", self.open && !open),
            ("--top", self.top.is_some() && !top),
        ];
        match given.iter().find(|(_, wrong)| *wrong) {
            Some((option, _)) => Err(format!("{command} has no option {option}")),
            None => Ok(()),
        }
    }
}

/// Splits `--name=value`. A word has no name.
fn split(argument: &OsStr) -> (Option<String>, Option<OsString>) {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let bytes = argument.as_bytes();
    if bytes == b"-" || !bytes.starts_with(b"-") {
        return (None, None);
    }
    let equals = bytes.iter().position(|byte| *byte == b'=').unwrap_or(bytes.len());
    let name = String::from_utf8_lossy(&bytes[..equals]).into_owned();
    (Some(name), bytes.get(equals + 1..).map(|value| OsString::from_vec(value.to_vec())))
}

fn required(option: &str, value: Option<OsString>) -> Result<OsString, Error> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| format!("{option} needs a value behind it"))
}

fn number(value: &OsStr) -> Result<usize, Error> {
    let number = value.to_str().and_then(|value| value.parse().ok());
    number.ok_or_else(|| format!("--top needs a number, and {} is none", value.to_string_lossy()))
}

fn page(mut arguments: Arguments) -> Result<Command, Error> {
    if arguments.help {
        return Ok(Command::Help);
    }
    arguments.without("a page", true, true, false)?;
    Ok(Command::Page { file: arguments.file()?, out: arguments.out, open: arguments.open })
}

fn run(arguments: Arguments) -> Result<Command, Error> {
    if arguments.help {
        return Ok(Command::Help);
    }
    arguments.without("run", true, true, false)?;
    if arguments.words.is_empty() {
        return Err("the program is missing that should run: ayi-lens run -- PROGRAM ARGS...".into());
    }
    Ok(Command::Run { out: arguments.out, open: arguments.open, program: arguments.words })
}

fn text(mut arguments: Arguments) -> Result<Command, Error> {
    if arguments.help {
        return Ok(Command::Help);
    }
    arguments.without("text", false, false, true)?;
    Ok(Command::Text { file: arguments.file()?, top: arguments.top.unwrap_or(TOP) })
}

fn dump(arguments: Arguments) -> Result<Command, Error> {
    if arguments.help {
        return Ok(Command::Help);
    }
    arguments.without("dump", false, false, false)?;
    let [word] = &arguments.words[..] else {
        return Err("dump needs one program: ayi-lens dump PID, or ayi-lens dump HOST:PORT".into());
    };
    let word = word.to_string_lossy();
    let target = Target::parse(&word);
    target
        .map(Command::Dump)
        .ok_or_else(|| format!("{word} is neither the number of a process nor HOST:PORT"))
}

fn trace(
    name: &str,
    mut arguments: Arguments,
    command: impl FnOnce(PathBuf, Option<PathBuf>) -> Command,
) -> Result<Command, Error> {
    if arguments.help {
        return Ok(Command::Help);
    }
    arguments.without(name, true, false, false)?;
    Ok(command(arguments.file()?, arguments.out))
}

fn start(mut words: Vec<OsString>) -> Result<Command, Error> {
    if words.len() < 2 {
        return Err("this command is for `ayi-lens run`".into());
    }
    Ok(Command::Start { folder: words.remove(0).into(), program: words })
}

fn finish(words: &[OsString]) -> Result<Command, Error> {
    let [code, folder, out, open] = words else { return Err("this command is for `ayi-lens run`".into()) };
    let code = code.to_str().and_then(|code| code.parse().ok()).unwrap_or(u8::MAX);
    Ok(Command::Finish { code, folder: folder.into(), out: out.into(), open: open == "open" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, Error> {
        Command::parse(line.split_whitespace().map(OsString::from).collect())
    }

    #[test]
    fn each_command_is_understood() {
        let page = Command::Page { file: "a".into(), out: Some("b".into()), open: true };
        assert_eq!(parse("--open a --out=b"), Ok(page));
        assert_eq!(parse("text --top 3 -- -a"), Ok(Command::Text { file: "-a".into(), top: 3 }));
        assert_eq!(parse("text a --help"), Ok(Command::Help));
        assert_eq!(parse("dump 7"), Ok(Command::Dump(Target::Process(7))));
        let run = |out: Option<&str>| Command::Run {
            out: out.map(PathBuf::from),
            open: false,
            program: ["a", "--out", "c", "--"].map(OsString::from).to_vec(),
        };
        assert_eq!(parse("run --out b -- a --out c --"), Ok(run(Some("b"))));
        assert_eq!(parse("run a --out c --"), Ok(run(None)));
    }

    #[test]
    fn a_mistake_is_told() {
        let mistakes = [
            ("", "a recording is missing"),
            ("text", "a recording is missing"),
            ("a b", "one recording too many: b"),
            ("a --top 3", "a page has no option --top"),
            ("text a --top x", "--top needs a number, and x is none"),
            ("text a --top", "--top needs a value"),
            ("a --out=", "--out needs a value"),
            ("a --colour", "no option --colour"),
            ("a --open=yes", "no option --open=yes"),
            ("run --out b", "the program is missing"),
            ("dump", "dump needs one program"),
            ("dump 7 8", "dump needs one program"),
            ("dump server", "server is neither the number of a process nor HOST:PORT"),
            ("dump 7 --open", "dump has no option --open"),
            ("chrome a --open", "chrome has no option --open"),
        ];
        for (line, error) in mistakes {
            let told = parse(line).unwrap_err();
            assert!(told.contains(error), "{line}: {told}");
        }
    }
}
