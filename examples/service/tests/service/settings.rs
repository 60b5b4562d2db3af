//! What is said of wrong settings, and the files with which the service is installed.

use crate::program::Service;
use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Output};

fn run(args: &[&str], env: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_service")).args(args).envs(env.iter().copied()).output().unwrap()
}

#[test]
fn the_sample_is_right() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/service.toml");
    let output = run(&["--config", sample, "--check-config"], &[]);
    assert!(output.status.success());
    assert_eq!(output.stdout, b"the settings are right\n");
}

#[test]
fn wrong_settings_end_it_with_2_and_a_sentence() {
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 4] = [
        (
            &["--config", "/no/such/file"],
            &[],
            "service: cannot read /no/such/file: No such file or directory",
        ),
        (&[], &[("SERVICE_CORES", "2000")], "service: cores is 2000, and can be 1024 at most"),
        (
            &[],
            &[("SERVICE_LOG", "xml")],
            "service: SERVICE_LOG: unknown variant `xml`, expected `text` or `json`",
        ),
        (&["--listen", "nowhere"], &[], "it has to be HOST:PORT"),
    ];
    for (args, env, reason) in cases {
        let output = run(args, env);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {errors}");
        assert!(errors.contains(reason) && output.stdout.is_empty(), "{args:?}: {errors}");
    }
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for cores in ["1", "2"] {
        let output = run(&["--listen", &address], &[("SERVICE_CORES", cores)]);
        assert_eq!(output.status.code(), Some(1));
        let expected = format!("Error: cannot listen on {address}: Address already in use (os error 98)\n");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    }
}

#[test]
fn a_socket_that_systemd_passes_is_served() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    // As systemd does it: the socket is descriptor 3, and the process is named.
    let start = format!("export LISTEN_PID=$$ LISTEN_FDS=1; exec {} 3<&0", env!("CARGO_BIN_EXE_service"));
    let mut command = Command::new("sh");
    command.args(["-c", &start]).stdin(OwnedFd::from(socket));
    command.env("SERVICE_CORES", "2").env("SERVICE_DATABASE", "host=/nowhere user=ayi");
    let service = Service::spawn(command);
    assert_eq!(service.address, address);
    for _ in 0..16 {
        assert_eq!(service.get("/healthz").status, 200);
    }
    service.end();
}

#[test]
fn systemd_accepts_the_unit() {
    let verify = Command::new("systemd-analyze").arg("--version").output();
    if !verify.is_ok_and(|output| output.status.success()) {
        return crate::skip("systemd-analyze", "systemd");
    }
    let unit = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/service.service")).unwrap();
    let folder = std::env::temp_dir().join(format!("service-unit-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    // The program lies elsewhere here, and there is no such user.
    let unit = unit.replace("/usr/local/bin/service", env!("CARGO_BIN_EXE_service"));
    let file = folder.join("links.service");
    fs::write(&file, unit).unwrap();
    let output = Command::new("systemd-analyze").arg("verify").arg(&file).output().unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let about_us: Vec<_> = errors.lines().filter(|line| line.contains("links.service")).collect();
    assert_eq!(about_us, Vec::<&str>::new());
}

#[test]
fn the_container_file_copies_what_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Containerfile")).unwrap();
    let copies: Vec<_> =
        file.lines().filter(|line| line.starts_with("COPY ") && !line.contains("--from")).collect();
    assert!(!copies.is_empty());
    for copy in copies {
        let mut words: Vec<_> = copy.split_whitespace().skip(1).collect();
        words.pop();
        for word in words {
            assert!(root.join(word).exists(), "{copy}");
        }
    }
    assert!(file.contains("USER ") && file.contains("STOPSIGNAL SIGTERM"));
}
