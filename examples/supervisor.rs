//! Starts programs and restarts those that end, at once after a long run, and ever later if they keep ending early.
//!
//! ```sh
//! cargo run --features process --example supervisor -- --max-restarts 2 -- date -u -- sh -c 'echo hot; exit 7'
//! ```
//!
//! What they write appears line by line, with the name and the number of the process before it. With `--max-restarts`
//! the supervisor ends when each program has been restarted so many times; otherwise it runs for ever.

use ayi::io::{AsyncBufReadExt, AsyncRead, BufReader};
use ayi::process::Command;
use ayi::task::JoinSet;
use ayi::time::{Duration, Instant, sleep};
use cli::{ArgError, Long, Parser, Value, ValueExt};
use std::io::{self, Write};
use std::process::Stdio;

/// The delay before the first restart. It doubles each time...
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// ... up to this, ...
const LAST_DELAY: Duration = Duration::from_secs(10);
/// ... and starts again after a run of this length: that one was no failed start.
const LONG_RUN: Duration = Duration::from_secs(10);

const USAGE: &str =
    "usage: supervisor [--max-restarts N] -- PROGRAM [ARGUMENT]... [-- PROGRAM [ARGUMENT]...]...";

#[derive(Debug)]
struct Settings {
    max_restarts: Option<u64>,
    /// Each has its arguments, and none is empty.
    programs: Vec<Vec<String>>,
}

#[ayi::main]
async fn main() -> io::Result<()> {
    let settings = cli::read(USAGE, parse);
    let mut programs = JoinSet::new();
    for program in settings.programs {
        programs.spawn(supervise(program, settings.max_restarts));
    }
    while let Some(ended) = programs.join_next().await {
        // An error says that nobody is left to read what we write. The others are then dropped, and so killed.
        ended??;
    }
    Ok(())
}

async fn supervise(program: Vec<String>, max_restarts: Option<u64>) -> io::Result<()> {
    let mut delay = FIRST_DELAY;
    for restarts in 0.. {
        let start = Instant::now();
        let how = run(&program).await?;
        if max_restarts == Some(restarts) {
            writeln!(io::stderr(), "{how}; restarted {restarts} times, that was it")?;
            break;
        }
        if start.elapsed() >= LONG_RUN {
            delay = FIRST_DELAY;
        }
        writeln!(io::stderr(), "{how}; restart in {} ms", delay.as_millis())?;
        sleep(delay).await;
        delay = (delay * 2).min(LAST_DELAY);
    }
    Ok(())
}

/// Runs the program once, and returns how it ended. If it cannot be started, that counts as an end: it may exist later.
async fn run(program: &[String]) -> io::Result<String> {
    let mut command = Command::new(&program[0]);
    command.args(&program[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // If the supervisor gives up, they end too.
    let mut child = match command.kill_on_drop(true).spawn() {
        Ok(child) => child,
        Err(error) => return Ok(error.to_string()),
    };
    let label = format!("{}[{}]", program[0], child.id().expect("it has not been awaited"));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    // They run all at once: a child that nobody reads from stops when the pipe is full. The streams end when all
    // processes have closed them, so it is not restarted while something runs that it has left behind.
    let (status, (), ()) = ayi::try_join!(
        child.wait(),
        copy_lines(&label, stdout.expect("it is piped"), io::stdout()),
        copy_lines(&label, stderr.expect("it is piped"), io::stderr()),
    )?;
    Ok(format!("{label}: {status}"))
}

/// Copies whole lines, so that those of different children do not mix.
async fn copy_lines(label: &str, from: impl AsyncRead + Unpin, mut to: impl Write) -> io::Result<()> {
    // `lines` would return an error for anything that is not UTF-8.
    let mut lines = BufReader::new(from).split(b'\n');
    while let Some(line) = lines.next_segment().await? {
        // This blocks the thread while our own output is full, and so all children in the end, as it should.
        writeln!(to, "{label}: {}", String::from_utf8_lossy(&line))?;
    }
    Ok(())
}

/// Returns the settings. What follows the first `--` is programs with their arguments, with a `--` between two.
fn parse(args: &mut Parser) -> Result<Settings, ArgError> {
    let mut settings = Settings { max_restarts: None, programs: Vec::new() };
    let mut rest = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Long("max-restarts") => settings.max_restarts = Some(args.value()?.parse()?),
            // The parser takes the first `--` for its own, and all that follows are values.
            Value(first) => {
                rest.push(first.string()?);
                for arg in args.raw_args()? {
                    rest.push(arg.string()?);
                }
            }
            _ => return Err(arg.unexpected()),
        }
    }
    settings.programs = rest.split(|arg| arg == "--").map(<[String]>::to_vec).collect();
    if settings.programs.iter().any(Vec::is_empty) {
        return Err("a program is missing after --".into());
    }
    Ok(settings)
}
