//! Short links, kept in PostgreSQL: the service that people really write.
//!
//! ```sh
//! cargo run --release -p service -- --config examples/service/service.toml
//! curl -d '{"slug": "tea", "url": "https://example.org/tea"}' -H 'content-type: application/json' 127.0.0.1:8080/links
//! curl 127.0.0.1:8080/links/tea
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `main` | starts a server on each core, and ends them in order |
//! | `config` | settings: a file, the environment, the command line |
//! | `logs` | where lines of the log go, and in which form |
//! | `listen` | a socket for each core: its own, or the one that systemd has passed |
//! | `app` | the routes, and what happens around each request: time limit, number, line in the log, figures |
//! | `links` | what the routes do |
//! | `errors` | what a client is told when something is wrong |
//! | `pool` | connections to the database, a few for each core |
//! | `database` | one such connection, and the tables |
//! | `metrics` | figures, for Prometheus |
//!
//! Each core has a runtime, a listener, a pool and figures of its own. So nothing is locked that another core needs,
//! but for the moment in which the figures are read.

mod app;
mod config;
mod database;
mod errors;
mod links;
mod listen;
mod logs;
mod metrics;
mod pool;

use app::{App, Shared};
use ayi::net::TcpListener;
use ayi::runtime::{Builder, Core, shutdown};
use ayi::signal::{Termination, termination};
use ayi::time::{Duration, timeout};
use cli::Failure;
use std::io::{self, ErrorKind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// How long the database may take to hear that.
const GOODBYE: Duration = Duration::from_secs(1);

fn main() -> Result<(), Failure> {
    let settings = config::read();
    logs::start(&settings);
    let listeners = listen::listeners(&settings)?;
    let address = listeners[0].local_addr()?;
    let cores = listeners.len();
    let shared = Arc::new(Shared::new(settings, cores));
    // Each core listens to the signals before anybody is told that we are here, so none is missed.
    let parts = listeners.into_iter().map(|listener| Ok((listener, termination()?)));
    let parts = Mutex::new(parts.collect::<io::Result<Vec<_>>>()?);
    println!("listening on {address}");
    Builder::new_current_thread().cores(cores).try_run(async |core| {
        let part = parts.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (listener, signals) = part.expect("there is one for each core");
        serve(&core, shared.clone(), listener, signals).await
    })?;
    Ok(())
}

async fn serve(
    core: &Core,
    shared: Arc<Shared>,
    listener: TcpListener,
    mut signals: Termination,
) -> io::Result<()> {
    let settings = &shared.settings;
    let app = App::new(shared.clone(), core.index());
    let figures = app.figures().clone();
    let errors = figures.clone();
    let (told, stop) = ayi::sync::oneshot::channel::<()>();
    let limit = settings.stop_timeout();
    let serving = ayi::serve(listener, app.router())
        .on_error(move |error| {
            errors.connection_failed();
            // Clients that vanish are normal, so this is no warning.
            tracing::debug!(%error, "a connection has failed");
        })
        .max_connections(settings.connections_of_a_core())
        .with_graceful_shutdown(stop)
        .shutdown_timeout(limit);
    let ending = async {
        signals.recv().await;
        // Load balancers ask /readyz from time to time. Until they have asked, they go on sending clients here.
        shared.is_ending.store(true, Ordering::Relaxed);
        tracing::info!(core = core.index(), "the end begins: no longer ready");
        let _ = timeout(settings.drain_delay(), signals.recv()).await;
        let _ = told.send(());
        let signal = signals.recv().await;
        tracing::warn!("a second signal: open requests are broken off");
        // The exit code that a shell would report.
        std::process::exit(128 + signal.as_raw_value())
    };
    let ended = ayi::select! {
        ended = serving => ended,
        never = ending => never,
    };
    match ended {
        Err(error) if error.kind() == ErrorKind::TimedOut => {
            tracing::warn!(core = core.index(), %error, "requests were broken off");
        }
        ended => ended?,
    }
    // With the pool go its connections, which say goodbye to the database.
    drop(app);
    let _ = shutdown(GOODBYE).await;
    tracing::info!(core = core.index(), requests = figures.requests(), "ended");
    Ok(())
}
