//! The routes, and what happens around each request.

use crate::config::Settings;
use crate::errors::ApiError;
use crate::links;
use crate::metrics::{self, Figures};
use crate::pool::{Leased, Pool};
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ayi::runtime::Core;
use ayi::time::{Instant, timeout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What all cores have in common.
pub struct Shared {
    pub settings: Settings,
    figures: Vec<Arc<Figures>>,
    /// /readyz says no.
    pub is_ending: AtomicBool,
    next_id: AtomicU64,
}

impl Shared {
    pub fn new(settings: Settings, cores: usize) -> Shared {
        let figures = (0..cores).map(|_| Arc::default()).collect();
        // Numbers of requests go on where the last process has stopped, more or less.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_micros() as u64);
        Shared { settings, figures, is_ending: AtomicBool::new(false), next_id: AtomicU64::new(now) }
    }
}

/// What the handlers of one core use.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
    figures: Arc<Figures>,
    pool: Arc<Pool>,
}

impl App {
    pub fn new(shared: Arc<Shared>, core: usize) -> App {
        let figures = shared.figures[core].clone();
        let pool = Arc::new(Pool::new(&shared.settings, figures.clone()));
        App { shared, figures, pool }
    }

    pub fn figures(&self) -> &Arc<Figures> {
        &self.figures
    }

    pub async fn database(&self) -> Result<Leased<'_>, ApiError> {
        self.pool.get(&self.shared.settings).await
    }

    pub fn router(&self) -> Router {
        Router::new()
            .route("/links", get(links::list).post(links::create))
            .route("/links/{slug}", get(links::show).delete(links::delete))
            .route("/healthz", get(async || "alive\n"))
            .route("/readyz", get(ready))
            .route("/metrics", get(figures))
            .fallback(async || ApiError::new(StatusCode::NOT_FOUND, "there is no such page"))
            .method_not_allowed_fallback(async || {
                ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this page does not know that method")
            })
            .layer(DefaultBodyLimit::max(self.shared.settings.max_body_bytes))
            .layer(from_fn_with_state(self.clone(), around))
            .with_state(self.clone())
    }
}

/// Says whether requests can be answered. Load balancers ask this.
async fn ready(State(app): State<App>) -> Result<&'static str, ApiError> {
    if app.shared.is_ending.load(Relaxed) {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the service ends"));
    }
    app.database().await?.batch_execute("SELECT 1").await?;
    Ok("ready\n")
}

async fn figures(State(app): State<App>) -> impl IntoResponse {
    let core = Core::current();
    let tasks: Vec<_> =
        (0..core.count()).map(|index| core.handle(index).metrics().num_alive_tasks()).collect();
    ([("content-type", "text/plain; version=0.0.4")], metrics::text(&app.shared.figures, &tasks))
}

/// Around each request: a number, a time limit, figures, and a line in the log.
async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let (begin, _in_flight) = (Instant::now(), app.figures.begin());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    // The pattern, so that slugs do not become labels of figures.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let id = request.headers().get(&REQUEST_ID).filter(|id| id.len() <= 64 && id.to_str().is_ok()).cloned();
    let id = id.unwrap_or_else(|| HeaderValue::from(app.shared.next_id.fetch_add(1, Relaxed)));
    let mut response = match timeout(app.shared.settings.request_timeout(), next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "that took too long").into_response(),
    };
    let (status, time) = (response.status(), begin.elapsed());
    app.figures.answered(&route, &method, status, time);
    let shown = id.to_str().unwrap_or_default();
    tracing::info!(%method, path, status = status.as_u16(), microseconds = time.as_micros() as u64, id = shown);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}
