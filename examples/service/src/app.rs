//! The routes, and what happens around each request.

use crate::config::Settings;
use crate::errors::ApiError;
use crate::links;
use crate::metrics::{self, Figures, InFlight};
use crate::pool::{Leased, Pool};
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ayi::runtime::Core;
use ayi::time::{Instant, timeout};
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};
use tower_http::catch_panic::CatchPanicLayer;

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
            .layer(CatchPanicLayer::custom(after_a_panic))
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
    let client = app.database().await?;
    client.batch_execute("SELECT 1").await?;
    client.give_back();
    Ok("ready\n")
}

async fn figures(State(app): State<App>) -> impl IntoResponse {
    let core = Core::current();
    let runtimes: Vec<_> = (0..core.count()).map(|index| core.handle(index).metrics()).collect();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics::text(&app.shared.figures, &runtimes))
}

/// A request that is under way. If it is dropped without an answer, because its client has gone or the end does not wait
/// for it, the log names it.
struct UnderWay<'a> {
    app: &'a App,
    method: Method,
    path: String,
    id: HeaderValue,
    begin: Instant,
    is_answered: bool,
    _in_flight: InFlight<'a>,
}

impl UnderWay<'_> {
    fn answered(&mut self, route: &str, status: StatusCode) {
        self.is_answered = true;
        let (method, time) = (&self.method, self.begin.elapsed());
        self.app.figures.answered(route, method, status, time);
        let (path, id, status) = (&self.path, self.id.to_str().unwrap_or_default(), status.as_u16());
        tracing::info!(%method, path, status, microseconds = time.as_micros() as u64, id);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.app.figures.given_up();
            let (method, path, id) = (&self.method, &self.path, self.id.to_str().unwrap_or_default());
            let microseconds = self.begin.elapsed().as_micros() as u64;
            tracing::warn!(%method, path, microseconds, id, "given up: the client has gone, or the end has come");
        }
    }
}

/// Around each request: a number, a time limit, figures, and a line in the log.
async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    // The pattern, so that slugs do not become labels of figures.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let id = request.headers().get(&REQUEST_ID).filter(|id| id.len() <= 64 && id.to_str().is_ok()).cloned();
    let id = id.unwrap_or_else(|| HeaderValue::from(app.shared.next_id.fetch_add(1, Relaxed)));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let has_connections_to_close = request.version() <= Version::HTTP_11;
    let (begin, _in_flight) = (Instant::now(), app.figures.begin());
    let mut under_way =
        UnderWay { app: &app, method, path, id: id.clone(), begin, is_answered: false, _in_flight };
    let mut response = match timeout(app.shared.settings.request_timeout(), next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "that took too long").into_response(),
    };
    under_way.answered(&route, response.status());
    response.headers_mut().insert(REQUEST_ID, id);
    if app.shared.is_ending.load(Relaxed) && has_connections_to_close {
        // Whoever keeps the connection comes again elsewhere.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The answer of a handler that has panicked. The panic itself has been printed.
fn after_a_panic(_: Box<dyn Any + Send>) -> Response {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong here").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use tower::ServiceExt;

    #[test]
    fn a_handler_that_panics_is_answered_with_500() {
        let router = Router::new().route("/", get(async || -> &'static str { panic!("on purpose") }));
        let router = router.layer(CatchPanicLayer::custom(after_a_panic));
        let request = Request::new(Body::empty());
        let answer = ayi::runtime::Runtime::new().unwrap().block_on(router.oneshot(request)).unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
