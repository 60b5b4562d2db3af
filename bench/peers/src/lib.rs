//! The peers from outside Rust: servers and timers on libev, libevent, libuv and Boost.Asio, which the system's
//! compiler builds from `echo/` and `timers/` with Debian's packages.
//!
//! A library that is not installed is an error that names it and its package.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

/// The folder with the sources of the programs.
const SOURCES: &str = env!("CARGO_MANIFEST_DIR");

/// The flags of what is measured.
pub const MEASURED: &[&str] = &["-O2"];

#[derive(Clone, Copy)]
pub struct Compiler {
    pub program: &'static str,
    /// The package in which Debian has it.
    pub package: &'static str,
    /// What its option `-x` calls the language.
    pub language: &'static str,
}

/// A library, and how to find out whether it is installed.
#[derive(Clone, Copy)]
pub struct Library {
    pub name: &'static str,
    /// The package in which Debian has what is needed to compile.
    pub package: &'static str,
    pub compiler: Compiler,
    pub header: &'static str,
    /// The version, in the preprocessor's words.
    pub version: &'static str,
}

/// A way to use a library.
#[derive(Clone, Copy)]
pub struct Peer {
    pub name: &'static str,
    pub library: Library,
    /// The server, in `echo/`.
    pub echo: &'static str,
    /// The program of timers, in `timers/`.
    pub timers: Option<&'static str>,
    /// The standard of the language, and what to link.
    pub flags: &'static [&'static str],
}

const C: Compiler = Compiler { program: "cc", package: "gcc", language: "c" };
const CPP: Compiler = Compiler { program: "c++", package: "g++", language: "c++" };

pub const LIBEV: Library = Library {
    name: "libev",
    package: "libev-dev",
    compiler: C,
    header: "ev.h",
    version: "EV_VERSION_MAJOR.EV_VERSION_MINOR",
};

pub const LIBEVENT: Library = Library {
    name: "libevent",
    package: "libevent-dev",
    compiler: C,
    header: "event2/event-config.h",
    version: "EVENT__VERSION",
};

pub const LIBUV: Library = Library {
    name: "libuv",
    package: "libuv1-dev",
    compiler: C,
    header: "uv.h",
    version: "UV_VERSION_MAJOR.UV_VERSION_MINOR.UV_VERSION_PATCH",
};

pub const BOOST: Library = Library {
    name: "Boost",
    package: "libboost-dev",
    compiler: CPP,
    header: "boost/version.hpp",
    version: "BOOST_LIB_VERSION",
};

pub const LIBRARIES: [Library; 4] = [LIBEV, LIBEVENT, LIBUV, BOOST];

pub const PEERS: [Peer; 6] = [
    Peer {
        name: "libev",
        library: LIBEV,
        echo: "libev.c",
        timers: Some("libev.c"),
        flags: &["-std=gnu11", "-lev"],
    },
    Peer {
        name: "libevent",
        library: LIBEVENT,
        echo: "libevent.c",
        timers: Some("libevent.c"),
        flags: &["-std=gnu11", "-levent_core"],
    },
    Peer {
        name: "libuv",
        library: LIBUV,
        echo: "libuv.c",
        timers: Some("libuv.c"),
        flags: &["-std=gnu11", "-luv"],
    },
    Peer {
        name: "Boost.Asio",
        library: BOOST,
        echo: "asio.cpp",
        timers: Some("asio.cpp"),
        flags: &["-std=c++17", "-pthread"],
    },
    Peer {
        name: "bufferevent",
        library: LIBEVENT,
        echo: "bufferevent.c",
        timers: None,
        flags: &["-std=gnu11", "-levent_core"],
    },
    Peer {
        name: "Asio coroutines",
        library: BOOST,
        echo: "asio_coroutines.cpp",
        timers: None,
        flags: &["-std=c++20", "-pthread"],
    },
];

/// Returns the peer with this name.
pub fn find(name: &str) -> Option<&'static Peer> {
    PEERS.iter().find(|peer| peer.name == name)
}

impl Compiler {
    /// Runs the compiler, and tells if it is missing.
    fn run(&self, arguments: &[&str], input: &str) -> io::Result<Output> {
        let mut command = Command::new(self.program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => missing(self.program, self.package),
            kind => io::Error::new(kind, format!("{}: {error}", self.program)),
        })?;
        // A compiler that does not read to the end tells why.
        let _ = process.stdin.take().expect("it is piped").write_all(input.as_bytes());
        process.wait_with_output()
    }
}

impl Library {
    /// Returns the version of the library that is installed.
    ///
    /// # Errors
    ///
    /// If the library or its compiler is missing. The error names it, and Debian's package.
    pub fn version(&self) -> io::Result<String> {
        let Library { header, version, .. } = self;
        let text = format!("#include <{header}>\n{version}\n");
        let output = self.compiler.run(&["-E", "-P", "-x", self.compiler.language, "-"], &text)?;
        if !output.status.success() {
            return Err(missing(self.name, self.package));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let words = text.lines().last().unwrap_or_default();
        // `4 .33`, or `"1_74"`.
        Ok(words.replace([' ', '"'], "").replace('_', "."))
    }
}

impl Peer {
    /// Returns the server, whose connections have buffers of so many bytes, as a command. The last word of its first
    /// line is the address on which it listens. `SIGTERM` ends it.
    ///
    /// # Errors
    ///
    /// If the library or its compiler is missing, or the program does not compile.
    pub fn echo(&self, buffer: usize) -> io::Result<Command> {
        let mut command = Command::new(self.built(Path::new("echo").join(self.echo))?);
        command.arg(buffer.to_string());
        Ok(command)
    }

    /// Returns a piece of work with so many timers, as a command for [`nanoseconds`].
    ///
    /// # Errors
    ///
    /// As for `echo`.
    pub fn timers(&self, work: &str, n: u32) -> io::Result<Command> {
        let source = self.timers.ok_or_else(|| io::Error::other(format!("{} has no timers", self.name)))?;
        let mut command = Command::new(self.built(Path::new("timers").join(source))?);
        command.args([work, &n.to_string()]);
        Ok(command)
    }

    /// Returns the program, which is built when it is asked for the first time.
    fn built(&self, source: PathBuf) -> io::Result<PathBuf> {
        static BUILT: Mutex<Option<HashMap<PathBuf, Result<PathBuf, String>>>> = Mutex::new(None);
        let mut built = BUILT.lock().expect("no build panics");
        let result = built.get_or_insert_default().entry(source.clone()).or_insert_with(|| {
            let folder = Path::new(SOURCES).join("../target/peers");
            self.build(&source, MEASURED, &folder).map_err(|error| error.to_string())
        });
        result.clone().map_err(io::Error::other)
    }

    /// Builds a source with these flags into a folder, and returns the program's path.
    ///
    /// # Errors
    ///
    /// If the library or its compiler is missing, or the program does not compile.
    pub fn build(&self, source: &Path, flags: &[&str], folder: &Path) -> io::Result<PathBuf> {
        // To compile is what takes long, and its errors do not name the package.
        self.library.version()?;
        let program = folder.join(source);
        std::fs::create_dir_all(program.parent().expect("it has a folder"))?;
        let whole = Path::new(SOURCES).join(source);
        let mut arguments = vec!["-Wall", "-Wextra"];
        arguments.extend(flags);
        arguments.extend(["-o", text(&program)?, text(&whole)?]);
        arguments.extend(self.flags);
        let output = self.library.compiler.run(&arguments, "")?;
        match output.status.success() {
            true => Ok(program),
            false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
        }
    }
}

/// Runs a program of timers, and returns the number that it prints.
pub fn nanoseconds(command: &mut Command) -> io::Result<f64> {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output()?;
    let number = String::from_utf8_lossy(&stdout).trim().parse().ok().filter(|_| status.success());
    number.ok_or_else(|| io::Error::other(format!("{status}: {}", String::from_utf8_lossy(&stderr).trim())))
}

fn missing(what: &str, package: &str) -> io::Error {
    io::Error::new(ErrorKind::NotFound, format!("{what} is missing: install Debian's package {package}"))
}

fn text(path: &Path) -> io::Result<&str> {
    path.to_str().ok_or_else(|| io::Error::other(format!("{path:?} is not UTF-8")))
}
