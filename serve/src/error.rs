//! Errors that concern single clients, and who is told.

use std::error::Error;
use std::fmt;
use std::rc::Rc;

/// An error that concerns one client, as [`on_error`](crate::Serve::on_error) is told. The server continues.
///
/// # Examples
///
/// ```
/// use ayi::serve::Stage;
/// # fn settings<S>(listener: ayi::net::TcpListener, app: S) {
/// let server = ayi::serve::serve(listener, app).on_error(|error| match error.stage {
///     // "handshake with 192.0.2.7:40112: …"
///     Stage::Handshake => eprintln!("{error}"),
///     // Clients that vanish are normal.
///     _ => {}
/// });
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct ServeError<'a, A> {
    /// Where the client's connection comes from. `None` if it was not accepted yet.
    pub peer: Option<&'a A>,
    /// What was being done.
    pub stage: Stage,
    /// The error itself.
    pub error: &'a (dyn Error + Send + Sync + 'static),
}

/// What a server was doing for a client when something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// It accepted the connection, which was gone already.
    Accept,
    /// It did the handshake, which has failed or has taken too long.
    Handshake,
    /// It answered one request of an HTTP/2 connection: the service, or the body of its response, has failed. The other
    /// requests of the connection continue.
    Request,
    /// It spoke HTTP: the client has vanished, has broken the protocol, has used up its time, or was cut off at the
    /// end. In HTTP/1 it can also be that the service, or the body of its response, has failed.
    Connection,
}

impl<A: fmt::Debug> fmt::Display for ServeError<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Accept => "accept",
            Stage::Handshake => "handshake",
            Stage::Request => "request",
            Stage::Connection => "connection",
        };
        match self.peer {
            Some(peer) => write!(f, "{stage} with {peer:?}: {}", self.error)?,
            None => write!(f, "{stage}: {}", self.error)?,
        }
        // hyper's errors name the kind, and their sources have the rest.
        let mut source = self.error.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// Calls the hook of one connection, if there is one, with an error of a request.
pub(crate) type Tell = Option<Rc<dyn Fn(&(dyn Error + Send + Sync + 'static))>>;

/// The hook of [`on_error`](crate::Serve::on_error).
pub(crate) type Hook<A> = dyn Fn(&ServeError<'_, A>);
