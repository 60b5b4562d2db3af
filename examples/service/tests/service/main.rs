//! The service, seen from outside, with a real PostgreSQL.

#[path = "../../../databases/tests/support/postgres.rs"]
mod postgres;
mod program;
#[path = "../../../databases/tests/support/server.rs"]
mod server;
mod settings;
mod stop;

use program::{Answer, Service};
use server::{PATIENCE, Server, free_port, skip};
use std::thread;
use std::time::{Duration, Instant};

/// Starts the database and the service, with two cores.
fn start(more: &[(&str, &str)]) -> Option<(Server, Service)> {
    let database = postgres::start()?;
    let service = Service::start(&database, more);
    Some((database, service))
}

fn link(slug: &str) -> String {
    format!("{{\"slug\": \"{slug}\", \"url\": \"https://example.org/{slug}\"}}")
}

#[test]
fn links_are_made_listed_shown_and_deleted() {
    let Some((_database, service)) = start(&[]) else { return };
    for slug in ["tea", "cup", "pot"] {
        let made = service.post("/links", &link(slug));
        assert_eq!(made.status, 201, "{made:?}");
        assert_eq!(made.header("location"), Some(&*format!("/links/{slug}")));
    }
    let shown = service.get("/links/tea");
    assert_eq!((shown.status, &*shown.body), (200, "{\"slug\":\"tea\",\"url\":\"https://example.org/tea\"}"));
    let first = service.get("/links?limit=2");
    assert!(
        first.body.contains("\"cup\"") && first.body.contains("\"pot\"") && !first.body.contains("\"tea\"")
    );
    assert!(first.body.contains("\"after\":\"pot\""), "{first:?}");
    let second = service.get("/links?limit=2&after=pot");
    assert!(second.body.contains("\"tea\"") && second.body.contains("\"after\":null"), "{second:?}");
    assert_eq!(service.ask("DELETE", "/links/tea", "").status, 204);
    assert_eq!(service.get("/links/tea").status, 404);
    assert_eq!(service.ask("DELETE", "/links/tea", "").status, 404);
    service.end();
}

#[test]
fn what_is_wrong_is_said_in_json() {
    let Some((_database, service)) = start(&[("max_body_bytes", "300")]) else { return };
    assert_eq!(service.post("/links", &link("tea")).status, 201);
    let long = "a".repeat(65);
    for (status, answer, reason) in [
        (409, service.post("/links", &link("tea")), "there is a link with the slug \\\"tea\\\""),
        (400, service.post("/links", "{"), "EOF"),
        (400, service.post("/links", "{\"slug\": \"a\"}"), "missing field `url`"),
        (400, service.post("/links", "{\"slug\": 1, \"url\": \"\"}"), "expected a string"),
        (400, service.post("/links", "{\"slug\": \"\\ud800\", \"url\": \"\"}"), "hex escape"),
        (400, service.post("/links", &link(&long)), "slug: 1 to 64"),
        (400, service.post("/links", &link("a/b")), "slug: 1 to 64"),
        (400, service.post("/links", "{\"slug\": \"a\", \"url\": \"ftp://x\"}"), "url: it begins with http"),
        (400, service.get("/links?limit=0"), "limit: 1 to 100"),
        (400, service.get("/links?limit=many"), "invalid digit"),
        (400, service.get("/links?page=2"), "unknown field `page`"),
        (404, service.get("/links/none"), "there is no link with the slug"),
        (404, service.get("/none"), "there is no such page"),
        (405, service.ask("PUT", "/links", ""), "does not know that method"),
        (413, service.post("/links", &link(&"a".repeat(400))), "length limit exceeded"),
        (415, service.ask("POST", "/links", &link("b")), "Content-Type: application/json"),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(
            answer.body.starts_with("{\"error\":\"") && answer.body.contains(reason),
            "{reason}: {answer:?}"
        );
    }
    // None of that broke anything.
    assert_eq!(service.get("/links").status, 200);
    service.end();
}

#[test]
fn while_the_database_is_away_it_says_so_and_comes_back_by_itself() {
    let Some((mut database, service)) = start(&[]) else { return };
    assert_eq!(service.post("/links", &link("tea")).status, 201);
    assert_eq!(service.get("/readyz").status, 200);
    database.stop();
    let until_status = |path: &str, status: u16| -> Answer {
        let begin = Instant::now();
        loop {
            let answer = service.get(path);
            if answer.status == status {
                return answer;
            }
            assert!(begin.elapsed() < PATIENCE, "{answer:?}");
            thread::sleep(Duration::from_millis(20));
        }
    };
    let away = until_status("/links/tea", 503);
    assert_eq!(away.header("retry-after"), Some("1"));
    assert!(away.body.contains("the database does not answer"), "{away:?}");
    assert_eq!(until_status("/readyz", 503).status, 503);
    // It lives, and does not hang.
    assert_eq!(service.get("/healthz").status, 200);
    let metrics = service.get("/metrics").body;
    assert!(!metrics.contains("service_pool_failures_total 0\n"), "{metrics}");
    // Another one, at the same address: its tables are made as well.
    let Some(_database) = postgres::start_at(database.port) else { panic!("it was there a moment ago") };
    until_status("/readyz", 200);
    until_status("/links/tea", 404);
    service.end();
}

#[test]
fn more_requests_than_connections_wait_for_one_and_all_are_answered() {
    let Some((_database, service)) = start(&[("connections_per_core", "1")]) else { return };
    thread::scope(|scope| {
        for client in 0..16 {
            let service = &service;
            scope.spawn(move || {
                for number in 0..10 {
                    let slug = format!("s-{client}-{number}");
                    assert_eq!(service.post("/links", &link(&slug)).status, 201);
                }
            });
        }
    });
    let metrics = service.get("/metrics").body;
    let made = "service_requests_total{route=\"/links\",method=\"POST\",status=\"201\"} 160\n";
    assert!(metrics.contains(made), "{metrics}");
    assert!(metrics.contains("service_requests_in_flight 1\n"), "{metrics}");
    assert!(metrics.contains("service_request_seconds_bucket{le=\"+Inf\"} 160\n"), "{metrics}");
    assert!(metrics.contains("service_tasks{core=\"1\"} "), "{metrics}");
    service.end();
}

#[test]
fn a_statement_that_takes_too_long_is_given_up_and_the_rest_goes_on() {
    let Some((database, service)) = start(&[("statement_timeout_ms", "200"), ("connections_per_core", "1")])
    else {
        return;
    };
    assert_eq!(service.post("/links", &link("tea")).status, 201);
    // Somebody else keeps the table.
    let mut psql = postgres::psql(&database, "BEGIN; LOCK TABLE links; SELECT pg_sleep(3600)");
    let begin = Instant::now();
    while service.get("/links/tea").status != 503 {
        assert!(begin.elapsed() < PATIENCE, "the table is not locked");
        thread::sleep(Duration::from_millis(20));
    }
    let unlock = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
    assert!(postgres::psql(&database, unlock).wait().unwrap().success());
    psql.wait().unwrap();
    let begin = Instant::now();
    while service.get("/links/tea").status != 200 {
        assert!(begin.elapsed() < PATIENCE, "it does not come back");
        thread::sleep(Duration::from_millis(20));
    }
    service.end();
}

#[test]
fn a_request_that_takes_too_long_is_answered_with_503() {
    let Some((database, service)) =
        start(&[("request_timeout_ms", "200"), ("statement_timeout_ms", "60000")])
    else {
        return;
    };
    assert_eq!(service.post("/links", &link("tea")).status, 201);
    let mut psql = postgres::psql(&database, "BEGIN; LOCK TABLE links; SELECT pg_sleep(3600)");
    let begin = Instant::now();
    let late = loop {
        let answer = service.get("/links/tea");
        if answer.status != 200 {
            break answer;
        }
        assert!(begin.elapsed() < PATIENCE, "the table is not locked");
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!((late.status, late.header("retry-after")), (503, Some("1")), "{late:?}");
    assert!(late.body.contains("that took too long"), "{late:?}");
    // Its connection is closed, with the statement that is still under way. So the others do not wait for that.
    for _ in 0..8 {
        assert_eq!(service.get("/readyz").status, 200);
    }
    psql.kill().unwrap();
    psql.wait().unwrap();
    service.end();
}

#[test]
fn requests_have_a_number_and_a_line_in_the_log() {
    let Some((_database, service)) = start(&[("log", "json")]) else { return };
    assert_eq!(
        service.ask_with("GET", "/links", "", "x-request-id: from-outside\r\n").header("x-request-id"),
        Some("from-outside")
    );
    let own = service.get("/healthz");
    let own = own.header("x-request-id").expect("it has a number").to_owned();
    let log = service.end();
    let line = |id: &str| {
        log.lines()
            .find(|line| line.contains(&format!("\"id\":\"{id}\"")))
            .unwrap_or_else(|| panic!("{id}: {log}"))
    };
    assert!(
        line("from-outside").contains("\"path\":\"/links\"")
            && line("from-outside").contains("\"status\":200")
    );
    assert!(line(&own).contains("\"path\":\"/healthz\""));
    for line in log.lines() {
        assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
    }
}
