//! Runs a program that records itself, and writes the page of it.
//!
//! ```text
//! ayi-lens run ──exec──▶ sh ──┬─fork─▶ ayi-lens ──exec──▶ the program
//!                             └─then──exec──▶ ayi-lens, which writes the page
//! ```
//!
//! A Ctrl-C goes to all processes in the foreground of the terminal. The program decides what it does then, and whoever
//! waits for it must survive it, without passing on to the program that the signal is ignored. That takes a handler,
//! which is unsafe in Rust, and nothing else in the lens is. A shell has it: `trap` sets a handler, which its children
//! do not inherit. The lens becomes that shell, so no process is added.

use super::{Error, open_page, write_page};
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The commands that the shell calls.
pub const START: &str = "__start";
pub const FINISH: &str = "__finish";

/// What the shell does. `$?` is the program's code, or 128 and the signal's number.
const SCRIPT: &str = r#"
lens=$1 folder=$2 out=$3 open=$4
shift 4
trap : INT QUIT
"$lens" __start "$folder" "$@"
code=$?
exec "$lens" __finish "$code" "$folder" "$out" "$open"
"#;

/// The name of a process's recording in the folder. A program may start others, and each writes its own.
const OF_PROCESS: &str = "process-%p";
/// The name of what they have recorded together.
const RECORDING: &str = "recording";
/// The exit code of shells if a program cannot be run.
const NOT_RUN: u8 = 127;

/// Becomes the shell that runs the program.
pub fn run(out: Option<PathBuf>, open: bool, program: Vec<OsString>) -> Result<ExitCode, Error> {
    let lens =
        std::env::current_exe().map_err(|error| format!("cannot find the lens' own program: {error}"))?;
    let out = out.unwrap_or_else(|| default_page(&program[0]));
    let folder = fresh_folder()?;
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", SCRIPT, "ayi-lens"]).arg(lens).arg(&folder).arg(out);
    let error = shell.arg(if open { "open" } else { "" }).args(program).exec();
    let _ = fs::remove_dir(&folder);
    Err(format!("cannot run /bin/sh, which waits for the program: {error}"))
}

/// Returns the page's path if none is given: in the working directory, called like the program.
fn default_page(program: &OsStr) -> PathBuf {
    let name = Path::new(program).file_name().unwrap_or(OsStr::new("recording"));
    let mut page = name.to_owned();
    page.push(".html");
    page.into()
}

/// Makes a folder for the recording that no one else can look into. So the recording's path is a fresh one.
fn fresh_folder() -> Result<PathBuf, Error> {
    let temporary = std::env::temp_dir();
    for number in 0..1000 {
        let folder = temporary.join(format!("ayi-lens-{}-{number}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(format!(
                    "cannot create {} for the recording: {error}. TMPDIR names another place",
                    folder.display()
                ));
            }
            Ok(()) => return Ok(folder),
        }
    }
    Err(format!("{} is full of old recordings: remove its ayi-lens-*", temporary.display()))
}

/// Becomes the program. If that fails, the folder is removed, as a sign that there is nothing to show.
pub fn start(folder: &Path, program: Vec<OsString>) -> Result<ExitCode, Error> {
    let error =
        Command::new(&program[0]).args(&program[1..]).env("AYI_RECORD", folder.join(OF_PROCESS)).exec();
    let _ = fs::remove_dir(folder);
    eprintln!("ayi-lens: cannot run {}: {error}", program[0].to_string_lossy());
    Ok(ExitCode::from(NOT_RUN))
}

/// Writes the page, and passes on the program's exit code.
pub fn finish(code: u8, folder: &Path, out: &Path, open: bool) -> Result<ExitCode, Error> {
    let recording = folder.join(RECORDING);
    if !folder.exists() {
        return Ok(ExitCode::from(code));
    }
    let joined = join(folder, &recording)
        .map_err(|error| format!("cannot put the recordings in {} together: {error}", folder.display()))?;
    if !joined {
        eprintln!("ayi-lens: {}", no_recording(code));
        let _ = fs::remove_dir_all(folder);
        return Ok(ExitCode::from(code));
    }
    // The program's stdout belongs to the program alone, so the path is told on stderr.
    let shown = write_page(&recording, out).and_then(|()| {
        eprintln!("ayi-lens: {}", out.display());
        let _ = fs::remove_dir_all(folder);
        open_page(out, open)
    });
    if let Err(error) = shown {
        eprintln!("ayi-lens: {error}");
        if recording.exists() {
            eprintln!("ayi-lens: the recording is still there: {}", recording.display());
        }
    }
    Ok(ExitCode::from(code))
}

/// Puts the recordings of all processes together, in the order in which they were written last: a file is a header and
/// sections. Returns whether there is any.
fn join(folder: &Path, recording: &Path) -> io::Result<bool> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.len() > 0 {
            files.push((metadata.modified()?, entry.path()));
        }
    }
    files.sort();
    if let [(_, only)] = &files[..] {
        fs::rename(only, recording)?;
        return Ok(true);
    }
    let mut to = fs::File::create(recording)?;
    to.write_all(&ayi_lens::writer::header())?;
    for (_, path) in &files {
        let mut from = fs::File::open(path)?;
        // One that was cut would make all behind it unreadable.
        let read = ayi_lens::recording::read(&mut from);
        for section in read.good {
            from.seek(io::SeekFrom::Start(section.start))?;
            io::copy(&mut (&mut from).take(section.end - section.start), &mut to)?;
        }
        for problem in read.problems {
            eprintln!("ayi-lens: {}, of one of the processes: {problem}", path.display());
        }
        fs::remove_file(path)?;
    }
    Ok(!files.is_empty())
}

/// Says why there may be no recording.
fn no_recording(code: u8) -> String {
    let mut why = String::from("the program has written no recording, so there is no page.");
    match code.checked_sub(128) {
        Some(signal) if signal > 0 => {
            why.push_str(&format!(" It was ended by signal {signal}, perhaps before it could write."));
        }
        _ => {}
    }
    why + " Does it run on ayi, and is it built with ayi's feature `record`? \
           If it is a script, or starts another program: is AYI_RECORD passed on?"
}
