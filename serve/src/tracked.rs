//! A service that records in a connection's [`Work`] what happens to each request.

use crate::BoxError;
use crate::work::{Side, Turn, Work};
use hyper::body::{Body, Buf, Bytes, Frame, Incoming, SizeHint};
use hyper::service::Service;
use hyper::{Method, Request, Response, Version};
use pin_project_lite::pin_project;
use std::io::IoSlice;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// hyper calls it as soon as it has read the head of a request, so no request is overlooked.
pub(crate) struct Tracked<S> {
    inner: S,
    work: Rc<Work>,
}

impl<S> Tracked<S> {
    pub(crate) fn new(inner: S, work: Rc<Work>) -> Tracked<S> {
        Tracked { inner, work }
    }
}

impl<S, B> Service<Request<Incoming>> for Tracked<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Error: Into<BoxError>>,
{
    type Response = Response<TrackedBody<B>>;
    type Error = BoxError;
    type Future = TrackedFuture<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let is_http_2 = request.version() == Version::HTTP_2;
        let turn = self.work.begin(is_http_2);
        let is_tunnel = is_http_2 && request.method() == Method::CONNECT;
        TrackedFuture { inner: self.inner.call(request), turn: Some(turn), is_tunnel }
    }
}

pin_project! {
    pub(crate) struct TrackedFuture<F> {
        #[pin]
        inner: F,
        // `Some` until the response has it.
        turn: Option<Turn>,
        is_tunnel: bool,
    }
}

impl<F, B, E> Future for TrackedFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Response<TrackedBody<B>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        let mut turn = this.turn.take().expect("a future is not polled after it is ready");
        let response = match result {
            Ok(response) => response,
            Err(error) => return Poll::Ready(Err(turn.work().failed(error))),
        };
        if *this.is_tunnel && response.status().is_success() {
            turn.work().set_tunnel();
        }
        turn.set(Side::Client);
        Poll::Ready(Ok(response.map(|inner| TrackedBody { inner, turn })))
    }
}

pin_project! {
    pub(crate) struct TrackedBody<B> {
        #[pin]
        inner: B,
        turn: Turn,
    }
}

impl<B: Body<Error: Into<BoxError>>> Body for TrackedBody<B> {
    type Data = Piece<B::Data>;
    type Error = BoxError;

    #[inline]
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, BoxError>>> {
        let this = self.project();
        let Poll::Ready(frame) = this.inner.poll_frame(cx) else {
            this.turn.set(Side::Server);
            return Poll::Pending;
        };
        this.turn.set(Side::Client);
        this.turn.work().step();
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => Ok(frame.map_data(|data| Piece { data, turn: this.turn.piece() })),
            Err(error) => Err(this.turn.work().failed(error)),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A part of a response, until hyper has written all of it or has dropped it.
pub(crate) struct Piece<D> {
    data: D,
    turn: Option<Turn>,
}

impl<D> Piece<D> {
    fn step(&self) {
        if let Some(turn) = &self.turn {
            turn.work().step();
        }
    }
}

impl<D: Buf> Buf for Piece<D> {
    fn remaining(&self) -> usize {
        self.data.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.data.chunk()
    }

    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        self.data.chunks_vectored(dst)
    }

    fn advance(&mut self, count: usize) {
        self.step();
        self.data.advance(count);
    }

    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        self.step();
        self.data.copy_to_bytes(len)
    }
}
