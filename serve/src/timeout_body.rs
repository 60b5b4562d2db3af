//! A time limit for the parts of a body.

use crate::BoxError;
use ayi_runtime::time::{Sleep, sleep};
use hyper::body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pin_project! {
    /// A body of which each part has to come within a time limit.
    ///
    /// A server does not hurry a service that reads the body of a request: it cannot know whether the service waits for
    /// the client or for something else. So a client that sends half of a body, and then nothing, is waited for, unless
    /// its body is wrapped in this. The time runs only while a part is asked for.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::serve::{BoxError, TimeoutBody};
    /// use hyper::{Request, Response, body::Incoming};
    /// use std::time::Duration;
    ///
    /// /// Sends back what it gets, as it comes.
    /// let echo = tower::service_fn(async |request: Request<Incoming>| {
    ///     let body = TimeoutBody::new(request.into_body(), Duration::from_secs(30));
    ///     Ok::<_, BoxError>(Response::new(body))
    /// });
    /// # fn settings<S>(_: S) {}
    /// # settings(echo);
    /// ```
    ///
    /// An axum handler does the same with the body from `Request`, and `axum::body::Body::new`.
    pub struct TimeoutBody<B> {
        #[pin]
        inner: B,
        limit: Duration,
        // `Some` only while a part is asked for.
        timer: Option<Sleep>,
    }
}

impl<B> TimeoutBody<B> {
    /// Wraps `inner`: each part has to come within `limit`.
    pub fn new(inner: B, limit: Duration) -> TimeoutBody<B> {
        TimeoutBody { inner, limit, timer: None }
    }
}

impl<B: Body<Error: Into<BoxError>>> Body for TimeoutBody<B> {
    type Data = B::Data;
    /// The error of the body, or `TimedOut`, as a [`std::io::Error`].
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let this = self.project();
        if let Poll::Ready(frame) = this.inner.poll_frame(cx) {
            *this.timer = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = *this.limit;
        let timer = this.timer.get_or_insert_with(|| sleep(limit));
        Pin::new(timer).poll(cx).map(|()| Some(Err(too_slow(limit).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn too_slow(limit: Duration) -> io::Error {
    let text = format!(
        "nothing more of the body has come within {limit:?}; `TimeoutBody::new` was told how long each part of it may \
         take"
    );
    io::Error::new(io::ErrorKind::TimedOut, text)
}
