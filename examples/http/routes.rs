//! Which response belongs to which request.

use crate::request::Method;
use crate::response::{BYTES, Response, Status, TEXT};
use ayi::time::Duration;

/// Longer ones are shortened to this.
const MAX_SLEEP: Duration = Duration::from_secs(10);

#[derive(Clone, Copy)]
pub enum Route {
    Hello,
    Time,
    Health,
    Sleep(Duration),
    Echo,
    Unknown,
}

impl Route {
    /// Finds the route of a request's target. That is a path, or a whole `http://` URL, which a server has to
    /// understand too.
    pub fn find(target: &str) -> Route {
        let path = match target.strip_prefix("http://") {
            Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => target,
        };
        match path.split('?').next().unwrap_or_default() {
            "/" => Route::Hello,
            "/time" => Route::Time,
            "/health" => Route::Health,
            "/echo" => Route::Echo,
            path => {
                let ms = path.strip_prefix("/sleep/").and_then(|ms| ms.parse().ok());
                ms.map_or(Route::Unknown, |ms| Route::Sleep(Duration::from_millis(ms).min(MAX_SLEEP)))
            }
        }
    }
}

/// Returns how long the response to this takes.
pub fn pause(method: Method, route: Route) -> Option<Duration> {
    match (route, method) {
        (Route::Sleep(pause), Method::Get | Method::Head) => Some(pause),
        _ => None,
    }
}

pub fn respond<'a>(
    method: Method,
    route: Route,
    body: &'a [u8],
    date: &'a str,
    is_stopping: bool,
) -> Response<'a> {
    match (route, method) {
        // It tells a load balancer to send new requests to other servers.
        (Route::Health, Method::Get | Method::Head) if is_stopping => Response::error(Status::UNAVAILABLE),
        (Route::Health, Method::Get | Method::Head) => Response::ok(TEXT, b"ok\n"),
        (Route::Hello, Method::Get | Method::Head) => Response::ok(TEXT, b"hello\n"),
        (Route::Time, Method::Get | Method::Head) => Response::ok(TEXT, date.as_bytes()),
        (Route::Sleep(_), Method::Get | Method::Head) => Response::ok(TEXT, b"good morning\n"),
        (Route::Echo, Method::Post) => Response::ok(BYTES, body),
        (Route::Unknown, _) => Response::error(Status::NOT_FOUND),
        (Route::Echo, _) => Response { allow: "Allow: POST\r\n", ..Response::error(Status::NOT_ALLOWED) },
        _ => Response { allow: "Allow: GET, HEAD\r\n", ..Response::error(Status::NOT_ALLOWED) },
    }
}
