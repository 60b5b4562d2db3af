//! What requests are told about the client that makes them.

use hyper::Request;
use hyper::body::Incoming;
use hyper::http::Extensions;
use std::rc::Rc;
use std::task::{Context, Poll};
use tower_service::Service;

/// Enters what requests are told about a client's address.
pub(crate) type ConnectInfo<A> = dyn Fn(&A, &mut Extensions);

/// The service of one connection, whose requests are told where they come from.
pub(crate) struct WithInfo<S, A> {
    inner: S,
    peer: Rc<A>,
    info: Option<Rc<ConnectInfo<A>>>,
}

impl<S, A> WithInfo<S, A> {
    pub(crate) fn new(inner: S, peer: Rc<A>, info: Option<Rc<ConnectInfo<A>>>) -> WithInfo<S, A> {
        WithInfo { inner, peer, info }
    }
}

/// It is cloned for each request; what the clones share is reference-counted.
impl<S: Clone, A> Clone for WithInfo<S, A> {
    fn clone(&self) -> Self {
        WithInfo { inner: self.inner.clone(), peer: self.peer.clone(), info: self.info.clone() }
    }
}

impl<S: Service<Request<Incoming>>, A> Service<Request<Incoming>> for WithInfo<S, A> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> S::Future {
        if let Some(info) = &self.info {
            info(&self.peer, request.extensions_mut());
        }
        self.inner.call(request)
    }
}
