//! What these tests share: the servers as processes, and curl.

// Each test file is a program of its own, and uses only a part of this.
#![allow(dead_code)]

#[path = "../../../../tests/support/skipped.rs"]
mod skipped;

use crate::servers::Server;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// So long that no test waits for it, in milliseconds.
pub const LONG: &str = "600000";

pub fn axum(limit: &str) -> Server {
    start(env!("CARGO_BIN_EXE_axum"), &[limit])
}

pub fn hyper_server() -> Server {
    start(env!("CARGO_BIN_EXE_hyper_server"), &[])
}

pub fn start(program: &str, args: &[&str]) -> Server {
    let mut command = Command::new(program);
    command.arg("127.0.0.1:0").args(args);
    Server::spawn(command)
}

/// The server with TLS, and its certificate, which is removed with it.
pub struct Tls {
    pub server: Server,
    pub certificate: PathBuf,
}

impl Tls {
    /// `name` is that of the test.
    pub fn start(name: &str, limit: &str) -> Tls {
        let certificate = std::env::temp_dir().join(format!("ayi-{name}-{}.pem", std::process::id()));
        let server = start(env!("CARGO_BIN_EXE_tls"), &[certificate.to_str().unwrap(), limit]);
        Tls { server, certificate }
    }

    pub fn curl(&self) -> Command {
        let mut command = curl();
        command.arg("--cacert").arg(&self.certificate);
        command
    }

    pub fn url(&self, target: &str) -> String {
        format!("https://localhost:{}{target}", self.server.address.port())
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.certificate);
    }
}

pub fn url(server: &Server, target: &str) -> String {
    format!("http://{}{target}", server.address)
}

pub fn curl() -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "60"]).stdin(Stdio::null());
    curl
}

/// Returns what it prints, if nothing goes wrong.
#[track_caller]
pub fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A file that is removed when this is dropped.
pub struct TempFile(PathBuf);

impl TempFile {
    /// Makes a file. `name` is that of the test. Its content does not repeat soon.
    pub fn new(name: &str, len: usize) -> TempFile {
        let path = std::env::temp_dir().join(format!("ayi-{name}-{}", std::process::id()));
        let numbers = (0_u64..).flat_map(|number| (number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_le_bytes());
        fs::write(&path, numbers.take(len).collect::<Vec<_>>()).unwrap();
        TempFile(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Returns whether a program that a test needs is here. In CI it has to be.
pub fn has(program: &str, package: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
    if !found.status.success() {
        assert!(std::env::var_os("CI").is_none(), "{program} is missing: install Debian's package {package}");
        skipped::skipped(format_args!("there is no {program}"));
    }
    found.status.success()
}
