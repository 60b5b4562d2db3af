//! Connections to the database, a few for each core.
//!
//! A pool belongs to one core, and its connections' tasks run there. So its lock is never contended: it is there because
//! axum wants state that may go to other threads. No lock is held across an `.await`.

use crate::config::Settings;
use crate::database::connect;
use crate::errors::ApiError;
use crate::metrics::Figures;
use ayi::sync::{OwnedSemaphorePermit, Semaphore};
use ayi::time::{Duration, Instant, timeout};
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_postgres::Client;

/// How long a request waits for a connection that others have.
const PATIENCE: Duration = Duration::from_secs(1);
/// After a failed attempt to connect, nobody tries for so long. It doubles with each failure...
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// ... up to this.
const LAST_PAUSE: Duration = Duration::from_secs(5);

#[derive(Default)]
pub struct Counts {
    pub used: AtomicU64,
    pub idle: AtomicU64,
    pub failures: AtomicU64,
}

pub struct Pool {
    places: Arc<Semaphore>,
    inside: Mutex<Inside>,
    figures: Arc<Figures>,
}

#[derive(Default)]
struct Inside {
    idle: Vec<Client>,
    /// The database was away: nobody tries before this time, and the pause after the next failure is this long.
    away: Option<(Instant, Duration)>,
}

/// A connection, for as long as this lives. It goes back by [`give_back`](Leased::give_back), when its statements are done.
/// If it is dropped before, because its request is given up, it is closed: a statement may still be under way, and the
/// next request should not wait for that.
pub struct Leased<'a> {
    client: Option<Client>,
    pool: &'a Pool,
    _place: OwnedSemaphorePermit,
}

impl Pool {
    pub fn new(settings: &Settings, figures: Arc<Figures>) -> Pool {
        let places = Arc::new(Semaphore::new(settings.connections_per_core));
        Pool { places, inside: Mutex::default(), figures }
    }

    fn inside(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a connection: an idle one, or a new one.
    ///
    /// If the database is away, all but one request in a while are refused at once: it would only be kept from coming
    /// back.
    pub async fn get(&self, settings: &Settings) -> Result<Leased<'_>, ApiError> {
        let place = timeout(PATIENCE, self.places.clone().acquire_owned()).await;
        let place = place.map_err(|_| {
            tracing::warn!("all connections to the database are in use");
            ApiError::unavailable()
        })?;
        let place = place.expect("nobody closes it");
        let client = match self.take_idle() {
            Some(client) => client,
            None => self.connect(settings).await?,
        };
        self.figures.pool.used.fetch_add(1, Relaxed);
        Ok(Leased { client: Some(client), pool: self, _place: place })
    }

    fn take_idle(&self) -> Option<Client> {
        let mut inside = self.inside();
        // Those that have ended meanwhile are dropped.
        let found = std::iter::from_fn(|| inside.idle.pop()).find(|client| !client.is_closed());
        self.figures.pool.idle.store(inside.idle.len() as u64, Relaxed);
        found
    }

    async fn connect(&self, settings: &Settings) -> Result<Client, ApiError> {
        let pause = {
            let mut inside = self.inside();
            let pause = match inside.away {
                Some((until, _)) if Instant::now() < until => return Err(ApiError::unavailable()),
                Some((_, pause)) => pause,
                None => FIRST_PAUSE,
            };
            // Requests that come during this attempt do not try as well.
            if inside.away.is_some() {
                inside.away = Some((Instant::now() + pause, pause));
            }
            pause
        };
        match connect(settings).await {
            Ok(client) => {
                self.inside().away = None;
                Ok(client)
            }
            Err(error) => {
                tracing::warn!(error = %cli::with_causes(&*error), pause = ?pause, "the database is away");
                self.figures.pool.failures.fetch_add(1, Relaxed);
                self.inside().away = Some((Instant::now() + pause, (pause * 2).min(LAST_PAUSE)));
                Err(ApiError::unavailable())
            }
        }
    }
}

impl Deref for Leased<'_> {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.client.as_ref().expect("it is there until it is given back")
    }
}

impl Leased<'_> {
    pub fn give_back(mut self) {
        let client = self.client.take().filter(|client| !client.is_closed());
        let mut inside = self.pool.inside();
        inside.idle.extend(client);
        self.pool.figures.pool.idle.store(inside.idle.len() as u64, Relaxed);
    }
}

impl Drop for Leased<'_> {
    fn drop(&mut self) {
        self.pool.figures.pool.used.fetch_sub(1, Relaxed);
    }
}
