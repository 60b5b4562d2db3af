//! The client, with our servers and with one of another origin.

#[allow(unsafe_code)]
#[path = "../../../tests/servers/mod.rs"]
mod servers;
mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use support::{LONG, TempFile, axum, has, hyper_server, url};

fn fetch(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hyper_client")).args(args).output().unwrap()
}

#[test]
fn it_fetches_by_either_protocol() {
    let server = axum(LONG);
    let url = url(&server, "/zeros/3000000");
    for (args, version) in [(&["--http2", &url][..], "HTTP/2.0 200"), (&[&url], "HTTP/1.1 200")] {
        let output = fetch(args);
        let head = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && head.starts_with(version), "{head}");
        assert!(head.contains("\nserver: ayi\n"), "{head}");
        assert!(output.stdout == vec![0; 3_000_000], "{} bytes", output.stdout.len());
    }
}

#[test]
fn it_says_what_is_wrong() {
    let old = hyper_server();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{nobody}/");
    for (args, reason) in [
        (&["--http2", &url(&old, "/")][..], "Error: cannot fetch http://"),
        (&[&nobody], "Connection refused"),
        (&["https://localhost/"], "only http:// URLs are known"),
        (&[], "usage: hyper_client"),
    ] {
        let output = fetch(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty(), "{args:?}");
        assert!(errors.contains(reason), "{args:?}: {errors}");
    }
}

#[test]
fn it_fetches_from_pythons_server() {
    if !has("python3", "python3") {
        return;
    }
    let file = TempFile::new("python", 1_000_003);
    let (folder, name) = (file.path().parent().unwrap(), file.path().file_name().unwrap().to_str().unwrap());
    let mut python = Command::new("python3")
        .args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "0", "--directory"])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(python.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    // "Serving HTTP on 127.0.0.1 port 41234 (http://127.0.0.1:41234/) ..."
    let root = line.split(['(', ')']).nth(1).unwrap_or_else(|| panic!("{line:?}"));
    let output = fetch(&[&format!("{root}{name}")]);
    python.kill().unwrap();
    python.wait().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout == fs::read(file.path()).unwrap(), "{} bytes", output.stdout.len());
}
