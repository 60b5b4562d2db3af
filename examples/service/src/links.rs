//! What the routes do.

use crate::app::App;
use crate::errors::{ApiError, Body, Params};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_postgres::error::SqlState;

/// How many links a page has at most.
const LARGEST_PAGE: i64 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    slug: String,
    url: String,
}

#[derive(Serialize)]
pub struct Link {
    slug: String,
    url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The last slug of the page before.
    #[serde(default)]
    after: String,
    limit: Option<i64>,
}

impl NewLink {
    fn check(&self) -> Result<(), ApiError> {
        let wrong = |message: &str| Err(ApiError::new(StatusCode::BAD_REQUEST, message));
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.slug.is_empty() || self.slug.len() > 64 || !self.slug.chars().all(is_word) {
            return wrong("slug: 1 to 64 letters, digits, - and _");
        }
        if !(self.url.starts_with("http://") || self.url.starts_with("https://")) {
            return wrong("url: it begins with http:// or https://");
        }
        if self.url.len() > 2048 || self.url.chars().any(|c| c.is_control() || c == ' ') {
            return wrong("url: at most 2048 bytes, without spaces and control characters");
        }
        Ok(())
    }
}

pub async fn create(State(app): State<App>, Body(link): Body<NewLink>) -> Result<Response, ApiError> {
    link.check()?;
    let client = app.database().await?;
    let insert = "INSERT INTO links (slug, url) VALUES ($1, $2)";
    match client.execute(insert, &[&link.slug, &link.url]).await {
        Ok(_) => client.give_back(),
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            client.give_back();
            let message = format!("there is a link with the slug {:?}", link.slug);
            return Err(ApiError::new(StatusCode::CONFLICT, message));
        }
        Err(error) => return Err(error.into()),
    }
    let place = format!("/links/{}", link.slug);
    let place = HeaderValue::try_from(place).expect("a slug has only letters that a header may have");
    let link = Link { slug: link.slug, url: link.url };
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(link)).into_response())
}

pub async fn list(State(app): State<App>, Params(page): Params<Page>) -> Result<Json<Value>, ApiError> {
    let limit = page.limit.unwrap_or(LARGEST_PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        let message = format!("limit: 1 to {LARGEST_PAGE}");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, message));
    }
    let client = app.database().await?;
    let select = "SELECT slug, url FROM links WHERE slug > $1 ORDER BY slug LIMIT $2";
    let rows = client.query(select, &[&page.after, &limit]).await?;
    client.give_back();
    let links: Vec<Link> = rows.iter().map(|row| Link { slug: row.get(0), url: row.get(1) }).collect();
    // A full page may be followed by another one.
    let next = links.last().filter(|_| links.len() as i64 == limit).map(|link| link.slug.clone());
    Ok(Json(json!({ "links": links, "after": next })))
}

pub async fn show(State(app): State<App>, Path(slug): Path<String>) -> Result<Json<Link>, ApiError> {
    let client = app.database().await?;
    let row = client.query_opt("SELECT slug, url FROM links WHERE slug = $1", &[&slug]).await?;
    client.give_back();
    let row = row.ok_or_else(|| missing(&slug))?;
    Ok(Json(Link { slug: row.get(0), url: row.get(1) }))
}

pub async fn delete(State(app): State<App>, Path(slug): Path<String>) -> Result<StatusCode, ApiError> {
    let client = app.database().await?;
    let deleted = client.execute("DELETE FROM links WHERE slug = $1", &[&slug]).await?;
    client.give_back();
    match deleted {
        0 => Err(missing(&slug)),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

fn missing(slug: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, format!("there is no link with the slug {slug:?}"))
}
