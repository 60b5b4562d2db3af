use axum::{Router, routing::get};
use std::time::Duration;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let app = Router::new().route(
        "/tea",
        get(async || {
            let wait = Duration::from_millis(10);
            tokio::spawn(async move { tokio::time::sleep(wait).await }).await.unwrap();
            format!("tea after {wait:?}")
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8082").await?;
    axum::serve(listener, app).await
}
