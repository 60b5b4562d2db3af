//! The cost of a request to web servers: HTTP/2, and axum. The client is nghttp2's h2load, on the last core.

use crate::children::Order;
use crate::clients::{nanos, on_last_core, sides, with_cpu};
use crate::counts;
use crate::groups::{AYI, Figure, Rounds, Size, TOKIO, Unit, Whom, Work};
use crate::serve::{self, Child};
use std::io;
use std::net::SocketAddr;
use std::process::Command;

/// Which server is asked what.
struct Question {
    name: &'static str,
    server: &'static str,
    path: &'static str,
    /// The options of h2load: connections, streams of each, protocol.
    options: &'static [&'static str],
}

const HTTP_1: &[&str] = &["-c64", "--h1"];

const QUESTIONS: [Question; 4] = [
    Question { name: "hyper", server: serve::HYPER, path: "/", options: HTTP_1 },
    Question {
        name: "hyper, HTTP/2: 64 streams of one connection",
        server: serve::HYPER_HTTP2,
        path: "/",
        options: &["-c1", "-m64"],
    },
    Question { name: "axum, hello", server: serve::AXUM, path: "/", options: HTTP_1 },
    Question { name: "axum, JSON", server: serve::AXUM, path: "/json", options: HTTP_1 },
];

impl Question {
    fn child(&self, runtime: &'static str) -> io::Result<Child> {
        Child::run(&mut Order(self.server, runtime, 0).command()?)
    }

    /// Asks so many times, and returns how many answers there were in a second.
    fn ask(&self, address: SocketAddr, requests: u32) -> io::Result<f64> {
        let mut h2load = Command::new("h2load");
        h2load.arg(format!("-n{requests}")).args(self.options).arg(format!("http://{address}{}", self.path));
        let output = h2load.output().map_err(|error| {
            io::Error::new(error.kind(), format!("h2load (of Debian's nghttp2-client): {error}"))
        })?;
        let report = String::from_utf8_lossy(&output.stdout);
        // "finished in 309.36ms, 6465.04 req/s, 202.35KB/s"
        let finished = report.lines().find(|line| line.starts_with("finished in "));
        let rate = finished.and_then(|line| line.split(' ').nth(3)?.parse().ok());
        // Those with a status other than 2xx count as failed.
        match rate {
            Some(rate) if report.contains(&format!(" {requests} succeeded")) => Ok(rate),
            _ => Err(io::Error::other(format!("not all was answered: {report}"))),
        }
    }
}

/// The one that is in the group `http` already, with another client, is left out.
pub fn times() -> impl Iterator<Item = Work> {
    QUESTIONS.iter().skip(1).map(|question| {
        let turn = |runtime| {
            let child = question.child(runtime)?;
            on_last_core(|| {
                question.ask(child.address, 2_000)?;
                let requests = 20_000;
                let (rate, cpu) = with_cpu(&child, || question.ask(child.address, requests))?;
                Ok(vec![nanos(cpu) / f64::from(requests), rate])
            })
        };
        Work {
            name: question.name.into(),
            size: Size::Fixed(1),
            rounds: Rounds::Few,
            figures: vec![
                Figure::new("CPU per request", Unit::Nanoseconds, &[(Whom::Tokio, 1.0)]),
                Figure::new("requests/s", Unit::PerSecond, &[(Whom::Tokio, 1.0)]),
            ],
            sides: sides([AYI, TOKIO], turn),
        }
    })
}

pub fn instructions() -> impl Iterator<Item = Work> {
    QUESTIONS.iter().map(|question| {
        let count = |runtime, requests| {
            counts::instructions(|command| {
                let order = Order(question.server, runtime, 0);
                let child = Child::run(command.arg(std::env::current_exe()?).args(order.arguments()))?;
                on_last_core(|| question.ask(child.address, requests))?;
                child.end()?;
                Ok(f64::from(requests))
            })
        };
        let turn = move |runtime| counts::difference([1_000, 3_000].map(|requests| count(runtime, requests)));
        Work {
            name: question.name.into(),
            size: Size::Fixed(1),
            rounds: Rounds::Once,
            figures: vec![Figure::new("instructions per request", Unit::Count, &[(Whom::Tokio, 1.0)])],
            sides: sides([AYI, TOKIO], turn),
        }
    })
}
