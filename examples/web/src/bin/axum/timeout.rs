//! A layer that limits how long a request may take. `tower` and `tower-http` have one each, on tokio's timer.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ayi::time::{Duration, timeout};
use std::pin::Pin;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Answers 503 to requests that take longer.
#[derive(Clone, Copy)]
pub struct TimeoutLayer(pub Duration);

impl<S> Layer<S> for TimeoutLayer {
    type Service = Timeout<S>;

    fn layer(&self, inner: S) -> Timeout<S> {
        Timeout { inner, limit: self.0 }
    }
}

#[derive(Clone)]
pub struct Timeout<S> {
    inner: S,
    limit: Duration,
}

impl<S> Service<Request> for Timeout<S>
where
    S: Service<Request, Response = Response, Future: Send + 'static>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The time runs from here. A request that has not been answered by then is dropped.
        let response = timeout(self.limit, self.inner.call(request));
        Box::pin(async {
            let too_slow = |_| Ok((StatusCode::SERVICE_UNAVAILABLE, "that took too long\n").into_response());
            response.await.unwrap_or_else(too_slow)
        })
    }
}
