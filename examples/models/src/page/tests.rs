//! The page, opened in a browser without a network. This needs Debian's package `chromium`. Without it the test is
//! skipped, and in CI it fails.

#[path = "../../../../tests/support/skipped.rs"]
mod skipped;

use super::*;
use crate::busy::Cpus;
use crate::measure::LibraryRow;
use crate::rungs::LADDER;
use std::env;
use std::process::{Command, Stdio};
use std::time::Instant;

const CHROMIUM: &str = "/usr/bin/chromium";

/// Returns every rung, with invented figures: one is limited, one has failed once.
fn invented() -> Comparison {
    let connections = vec![1, 16, 256, 1_024, 4_000];
    let outcome = |rung: usize, connections: usize| match (rung, connections) {
        (0, 2..) => Outcome::Limited("one client at a time"),
        (5, 4_000) => Outcome::Failed("a wrong answer <b>from</b> byte 3 on".into()),
        _ => {
            let (rung, connections) = (rung as f64, connections as f64);
            Outcome::Measured(Figures {
                requests_per_second: 20_000.0 * (1.0 + rung / 10.0) * connections.powf(0.2),
                p50: Duration::from_secs_f64(connections * 1e-5),
                p99: Duration::from_secs_f64(connections * 3e-5 + rung * 1e-6),
                cpu_per_request: Duration::from_micros(20),
                syscalls_per_request: Some(4.0 / (1.0 + rung)),
                threads: 1 + rung as usize,
                memory: 3_000_000 + connections as u64 * 4096,
                idle_cpu: if rung == 5.0 { 1.0 } else { 0.0 },
            })
        }
    };
    let row = |(index, rung): (usize, &'static Rung)| Row {
        rung,
        outcomes: connections.iter().map(|&connections| outcome(index, connections)).collect(),
        mostly_silent: outcome(index, 4_000),
    };
    let rows = LADDER.into_iter().enumerate().map(row).collect();
    let machine = Machine {
        processor: "A Processor".into(),
        cores: 2,
        kernel: "Linux".into(),
        date: "2026-11-24 12:00".into(),
    };
    let reuse = Some(Reuse { with: Duration::from_micros(14), without: Duration::from_micros(89) });
    let library = LibraryRow {
        name: "libexample",
        outcomes: connections.iter().map(|&connections| outcome(7, connections)).collect(),
        mostly_silent: Outcome::Failed("it <b>is</b> away".into()),
    };
    let libraries = vec![library];
    Comparison { machine, cpus: Cpus::invented(false), connections, rows, libraries, reuse }
}

#[test]
fn what_a_server_says_is_escaped() {
    let page = page(&invented()).into_string();
    assert!(page.contains("&lt;b&gt;from&lt;/b&gt;") && !page.contains("<b>from"));
    assert!(page.contains("&lt;b&gt;is&lt;/b&gt;") && page.contains("<th>libexample</th>"));
}

/// Puts into the title what it sees: which rungs are drawn in which section, and how wide the page is.
const LOOK: &str = "<script>
    const seen = {};
    for (const section of document.querySelectorAll('section')) {
        const drawn = new Set();
        for (const shape of section.querySelectorAll('svg [data-rung]')) {
            const box = shape.getBoundingClientRect();
            if (box.width > 0 && box.height > 0) drawn.add(shape.dataset.rung);
        }
        for (const shape of section.querySelectorAll('svg [data-family]')) drawn.add(shape.dataset.family);
        seen[section.id] = [...drawn].sort().join(' ');
    }
    const fetched = performance.getEntriesByType('resource').length;
    const lines = Object.entries(seen).map(([id, rungs]) => id + ': ' + rungs);
    lines.push('fetched: ' + fetched);
    lines.push('overflow: ' + (document.documentElement.scrollWidth - document.documentElement.clientWidth));
    const note = document.createElement('pre');
    note.id = 'seen';
    note.textContent = '\\n' + lines.join('\\n') + '\\n';
    document.body.append(note);
</script>";

#[test]
fn a_busy_machine_gets_no_picture_of_the_climb() {
    let quiet = page(&invented()).into_string();
    let busy = page(&Comparison { cpus: Cpus::invented(true), ..invented() }).into_string();
    let says = "There is no picture of the whole climb";
    assert!(quiet.contains("data-family=") && !quiet.contains(says));
    assert!(quiet.contains("nonblocking keeps a core busy; the others use 0.0 % of one at most."));
    assert!(!busy.contains("data-family=") && busy.contains(says) && busy.contains("The machine is BUSY"));
}

#[test]
fn every_rung_is_drawn_in_every_chart_and_nothing_runs_over_on_a_phone() {
    if !Path::new(CHROMIUM).exists() {
        assert!(env::var_os("CI").is_none(), "{CHROMIUM} is missing: install Debian's package chromium");
        return skipped::skipped(format_args!("there is no {CHROMIUM}"));
    }
    let folder = env::temp_dir().join(format!("models-page-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (file, dom) = (folder.join("page.html"), folder.join("dom.html"));
    write(&invented(), &file).unwrap();
    let page = fs::read_to_string(&file).unwrap();
    assert!(
        !page.contains("http://") && !page.contains("https://")
            || page.matches("http://www.w3.org").count() > 0
    );
    fs::write(&file, page.replace("</body>", &format!("{LOOK}</body>"))).unwrap();
    let mut browser = Command::new(CHROMIUM)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
        ])
        .args(["--disable-component-update", "--disable-sync", "--disable-quic", "--window-size=360,800"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(["--dump-dom", &format!("file://{}", file.display())])
        .stdout(fs::File::create(&dom).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while browser.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            browser.kill().unwrap();
            panic!("the browser does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let dom = fs::read_to_string(dom).unwrap();
    fs::remove_dir_all(folder).unwrap();
    let seen = dom
        .split("<pre id=\"seen\">")
        .nth(1)
        .expect("the page's script has run")
        .split("</pre>")
        .next()
        .unwrap();
    let of = |name: &str| {
        let line = seen.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("nothing about {name} in {seen}"))
    };
    let mut names = LADDER.map(|rung| rung.name);
    names.sort();
    for metric in &METRICS {
        assert_eq!(of(metric.id), names.join(" "), "{}", metric.id);
    }
    let mut families = Family::ALL.map(Family::title);
    families.sort();
    assert_eq!(of("climb"), families.join(" "));
    assert_eq!(of("overflow"), "0");
    assert_eq!(of("fetched"), "0");
}
