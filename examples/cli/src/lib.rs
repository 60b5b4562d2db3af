//! What the examples share: a command line with a usage, and errors that are sentences.
//!
//! ```no_run
//! use cli::{Context, Failure, ValueExt};
//! use std::fs;
//!
//! const USAGE: &str = "usage: count [--lines] FILE";
//!
//! fn main() -> Result<(), Failure> {
//!     let (mut file, mut lines) = (None, false);
//!     cli::read(USAGE, |args| {
//!         while let Some(arg) = args.next()? {
//!             match arg {
//!                 cli::Long("lines") => lines = true,
//!                 cli::Value(name) if file.is_none() => file = Some(name.string()?),
//!                 _ => return Err(arg.unexpected()),
//!             }
//!         }
//!         Ok(())
//!     });
//!     let file = cli::needed(USAGE, file, "FILE");
//!     let text = fs::read_to_string(&file).context(format!("cannot read {file}"))?;
//!     println!("{}", if lines { text.lines().count() } else { text.len() });
//!     Ok(())
//! }
//! ```
//!
//! `count --help` prints the usage, and exits with 0. `count --words` says what is wrong before it, and exits with 2. If
//! there is no such file, `count` prints "Error: cannot read tea: No such file or directory (os error 2)", and exits
//! with 1.

pub use lexopt::Arg::{Long, Short, Value};
pub use lexopt::{Error as ArgError, Parser, ValueExt};

use std::error::Error;
use std::ffi::OsStr;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::process::exit;
use std::time::Duration;

/// Reads the command line. With `--help` or `-h` before a `--` in it, the usage is printed, and nothing else happens. If
/// `read` returns an error, the program ends with it, the usage and the exit code 2.
pub fn read<T>(usage: &str, read: impl FnOnce(&mut Parser) -> Result<T, ArgError>) -> T {
    let mut args = std::env::args_os().skip(1).take_while(|arg| arg != "--");
    if args.any(|arg| arg == "--help" || arg == "-h") {
        println!("{usage}");
        exit(0)
    }
    read(&mut Parser::from_env()).unwrap_or_else(|error| refuse(usage, &error))
}

/// Reads a command line that may have one address in it, and nothing else.
pub fn address(usage: &str, default: &str) -> String {
    read(usage, |args| {
        let mut address = None;
        while let Some(arg) = args.next()? {
            match arg {
                Value(text) if address.is_none() => address = Some(host_port(&text)?),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(address.unwrap_or_else(|| default.to_owned()))
    })
}

/// Reads a command line that has nothing in it.
pub fn nothing(usage: &str) {
    read(usage, |args| match args.next()? {
        Some(arg) => Err(arg.unexpected()),
        None => Ok(()),
    })
}

/// Returns an argument that has to be there. If it is not, the program ends and says so.
pub fn needed<T>(usage: &str, argument: Option<T>, name: &str) -> T {
    argument.unwrap_or_else(|| refuse(usage, &format!("{name} is missing")))
}

/// Ends the program: it says what is wrong with the command line, and then the usage.
pub fn refuse(usage: &str, error: &dyn fmt::Display) -> ! {
    eprintln!("{}: {error}\n\n{usage}", program());
    exit(2)
}

/// Returns the name of this program.
pub fn program() -> String {
    let name = std::env::args_os().next().unwrap_or_default();
    Path::new(&name).file_name().unwrap_or(OsStr::new("?")).to_string_lossy().into_owned()
}

/// Reads an address: a name or an IP, and a port. Names are looked up later, where it is used.
pub fn host_port(argument: &OsStr) -> Result<String, ArgError> {
    let is_address = |text: &str| {
        text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    argument.to_owned().parse_with(|text| match is_address(text) {
        true => Ok(text.to_owned()),
        false => Err("it has to be HOST:PORT, such as localhost:8080"),
    })
}

/// Reads a number from 1 on.
pub fn positive(args: &mut Parser) -> Result<usize, ArgError> {
    args.value()?.parse_with(|text| match text.parse::<usize>() {
        Ok(0) => Err("it has to be 1 at least".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    })
}

/// Reads a time in milliseconds.
pub fn milliseconds(args: &mut Parser) -> Result<Duration, ArgError> {
    args.value()?.parse().map(Duration::from_millis)
}

/// Looks up the first address of `HOST:PORT` or `IP:PORT`. The thread waits for the answer.
pub fn resolve(address: &str) -> Result<SocketAddr, Failure> {
    let mut found = address.to_socket_addrs().context(format!("cannot look up {address}"))?;
    found.next().ok_or_else(|| Failure(format!("{address} has no address")))
}

/// Checks that a program is installed. The error names the package of Debian that has it.
pub fn require(program: &str, package: &str) -> Result<(), Failure> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    match std::env::split_paths(&paths).any(|folder| folder.join(program).is_file()) {
        true => Ok(()),
        false => Err(Failure(format!("{program} is not installed; on Debian: apt-get install {package}"))),
    }
}

/// What went wrong, as a sentence. A `main` that returns it prints that sentence and exits with 1.
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The standard library prints the error of `main` in this form.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(with_causes(&error))
    }
}

impl From<Failure> for Box<dyn Error> {
    fn from(failure: Failure) -> Box<dyn Error> {
        failure.0.into()
    }
}

/// Returns what an error says, and what its causes say, unless it has said so itself.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// Says what was tried, before what went wrong.
pub trait Context<T> {
    /// The error becomes "{tried}: {error}".
    fn context(self, tried: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: Into<Box<dyn Error>>> Context<T> for Result<T, E> {
    fn context(self, tried: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure(format!("{tried}: {}", with_causes(&*error.into()))))
    }
}
