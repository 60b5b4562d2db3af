//! What each command does.

mod arguments;
mod dump;
mod listeners;
mod output;
mod run;

use arguments::Command;
use ayi_lens::{export, page, text};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// The exit code of a command line that makes no sense.
const USAGE: u8 = 2;

/// What went wrong, in words: what was tried, why it failed, what to do.
type Error = String;

pub fn main() -> ExitCode {
    let command = match Command::parse(std::env::args_os().skip(1).collect()) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("ayi-lens: {error}\nTry: ayi-lens --help");
            return ExitCode::from(USAGE);
        }
    };
    match execute(command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ayi-lens: {error}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Help => print(arguments::HELP)?,
        Command::Version => print(concat!("ayi-lens ", env!("CARGO_PKG_VERSION"), "\n"))?,
        Command::Page { file, out, open } => {
            let out = out.unwrap_or_else(|| file.with_extension("html"));
            write_page(&file, &out)?;
            print(&format!("{}\n", out.display()))?;
            open_page(&out, open)?;
        }
        Command::Text { file, top } => print(&text::text(&output::read(&file)?.0, top))?,
        Command::Chrome { file, out } => {
            let out = out.unwrap_or_else(|| file.with_extension("json"));
            let (recording, _) = output::read(&file)?;
            output::write(&file, &out, |to| export::chrome(&recording, to))?;
            print(&format!("{}\n", out.display()))?;
        }
        Command::Perfetto { file, out } => {
            let out = out.unwrap_or_else(|| file.with_extension("pb"));
            let (recording, _) = output::read(&file)?;
            output::write(&file, &out, |to| export::perfetto(&recording, to))?;
            print(&format!("{}\n", out.display()))?;
        }
        Command::Dump(target) => print(&dump::dump(&target)?)?,
        Command::Run { out, open, program } => return run::run(out, open, program),
        Command::Start { folder, program } => return run::start(&folder, program),
        Command::Finish { code, folder, out, open } => return run::finish(code, &folder, &out, open),
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the page that shows a recording.
fn write_page(file: &Path, out: &Path) -> Result<(), Error> {
    let (recording, mut opened) = output::read(file)?;
    let mut left_out = 0;
    output::write(file, out, |to| {
        left_out = page::page(&recording, &mut opened, page::LARGEST, to)?;
        Ok(())
    })?;
    if left_out > 0 {
        let largest = page::LARGEST >> 20;
        eprintln!(
            "ayi-lens: the recording is larger than {largest} MiB, so {left_out} of its oldest events are not in the \
             page; `ayi-lens text` reads all of them"
        );
    }
    Ok(())
}

fn open_page(page: &Path, open: bool) -> Result<(), Error> {
    if !open {
        return Ok(());
    }
    let failed =
        |why: String| format!("cannot open {} by xdg-open: {why}. Open it in a browser", page.display());
    // A path that begins with a dash would be an option.
    let path = std::path::absolute(page).map_err(|error| failed(error.to_string()))?;
    let status = std::process::Command::new("xdg-open").arg(path).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(status.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Prints to stdout. If nobody reads it any more, that is not an error: `ayi-lens text FILE | head`.
fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to stdout: {error}"))
        }
        _ => Ok(()),
    }
}
