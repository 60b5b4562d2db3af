//! The servers, seen by real clients: curl and h2load.
//!
//! Tests need Debian's packages `curl` and `nghttp2-client`. Without them they are skipped, and say so. With the
//! variable `CI` set they fail.

#[allow(unsafe_code)]
#[path = "../../../tests/servers/mod.rs"]
mod servers;
mod support;

use std::fs;
use std::process::Command;
use support::{LONG, TempFile, Tls, axum, curl, has, hyper_server, output, url};

const STATUS: [&str; 2] = ["-w", "%{http_version} %{http_code}"];

#[test]
fn curl_speaks_either_protocol_with_axum() {
    if !has("curl", "curl") {
        return;
    }
    let server = axum(LONG);
    for (option, version) in [("--http1.1", "1.1"), ("--http2-prior-knowledge", "2")] {
        let answer = output(curl().args([option, &url(&server, "/hello/world")]).args(STATUS));
        assert_eq!(answer, format!("hello, world\n{version} 200"));
        let answer = output(curl().args([option, &url(&server, "/none")]).args(STATUS));
        assert_eq!(answer, format!("{version} 404"));
    }
}

#[test]
fn curl_keeps_an_http_1_connection() {
    if !has("curl", "curl") {
        return;
    }
    for server in [axum(LONG), hyper_server()] {
        let twice = [url(&server, "/"), url(&server, "/")];
        let answer =
            output(curl().args(["-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects} "]).args(twice));
        assert_eq!(answer, "1 0 ");
    }
}

#[test]
fn json_goes_both_ways() {
    if !has("curl", "curl") {
        return;
    }
    let server = axum(LONG);
    let notes = url(&server, "/notes");
    let json = ["-H", "content-type: application/json", "-d"];
    for text in ["buy tea", "drink it"] {
        let note = format!("{{\"text\": \"{text}\"}}");
        assert_eq!(output(curl().args(STATUS).args(json).args([&note, &notes])), "1.1 201");
    }
    assert_eq!(output(curl().arg(&notes)), r#"[{"text":"buy tea"},{"text":"drink it"}]"#);
    assert_eq!(output(curl().arg(format!("{notes}?limit=1"))), r#"[{"text":"buy tea"}]"#);
    let wrong =
        curl().args(STATUS).args(["-o", "/dev/null"]).args(json).args(["{", &notes]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&wrong.stdout), "1.1 400");
}

#[test]
fn large_bodies_go_both_ways() {
    if !has("curl", "curl") {
        return;
    }
    let server = axum(LONG);
    let file = TempFile::new("large_bodies", 20_000_003);
    let data = format!("@{}", file.path().display());
    for option in ["--http1.1", "--http2-prior-knowledge"] {
        let length = output(curl().args([option, "--data-binary", &data, &url(&server, "/length")]));
        assert_eq!(length, "20000003\n");
        let size = ["-o", "/dev/null", "-w", "%{size_download}"];
        assert_eq!(output(curl().args([option, &url(&server, "/zeros/20000003")]).args(size)), "20000003");
    }
}

/// The body is streamed, so that more is under way than any buffer holds.
#[test]
fn an_echo_arrives_byte_for_byte() {
    if !has("curl", "curl") {
        return;
    }
    let file = TempFile::new("echo", 20_000_003);
    let data = format!("@{}", file.path().display());
    let sent = fs::read(file.path()).unwrap();
    let (plain, tls) = (hyper_server(), Tls::start("echo", LONG));
    let commands = [
        (curl(), "--http1.1", url(&plain, "/echo")),
        (tls.curl(), "--http1.1", tls.url("/echo")),
        (tls.curl(), "--http2", tls.url("/echo")),
    ];
    for (mut curl, option, url) in commands {
        let output = curl.args([option, "--data-binary", &data, &url]).output().unwrap();
        assert!(output.status.success(), "{option} {url}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == sent, "{option} {url}: {} bytes", output.stdout.len());
    }
}

/// This runs over TLS: if curl 7.88 uses prior knowledge instead of ALPN, it mixes up the beginnings of its streams.
#[test]
fn a_hundred_streams_of_one_connection_at_once() {
    if !has("curl", "curl") {
        return;
    }
    let tls = Tls::start("streams", LONG);
    let mut curl = tls.curl();
    curl.args(["--http2", "--parallel", "--parallel-max", "100", "-w", "%{http_code} %{num_connects}\n"]);
    let answers = output(curl.args(vec![tls.url("/slow/300"); 100]));
    let count = |text: &str| answers.lines().filter(|line| *line == text).count();
    assert_eq!((count("at last"), count("200 1"), count("200 0")), (100, 1, 99), "{answers}");
}

#[test]
fn h2load_gets_all_its_answers() {
    if !has("h2load", "nghttp2-client") {
        return;
    }
    let (server, tls) = (axum(LONG), Tls::start("h2load", LONG));
    for url in [url(&server, "/"), tls.url("/")] {
        let report = output(Command::new("h2load").args(["-n", "5000", "-c", "5", "-m", "100", &url]));
        assert!(report.contains("5000 succeeded, 0 failed"), "{report}");
    }
}

#[test]
fn alpn_decides_which_protocol_it_is() {
    if !has("curl", "curl") {
        return;
    }
    let tls = Tls::start("alpn", LONG);
    for (option, answer) in [
        ("--http2", "hello over HTTP/2.0\n2 200"),
        ("--http1.1", "hello over HTTP/1.1\n1.1 200"),
        ("--no-alpn", "hello over HTTP/1.1\n1.1 200"),
    ] {
        assert_eq!(output(tls.curl().args([option, &tls.url("/")]).args(STATUS)), answer, "{option}");
    }
}

#[test]
fn who_does_not_trust_the_certificate_goes() {
    if !has("curl", "curl") {
        return;
    }
    let tls = Tls::start("trust", LONG);
    let refused = curl().arg(tls.url("/")).output().unwrap();
    // "The peer's SSL certificate was not OK."
    assert_eq!(refused.status.code(), Some(60));
    assert_eq!(output(tls.curl().args(STATUS).arg(tls.url("/"))), "hello over HTTP/2.0\n2 200");
}
