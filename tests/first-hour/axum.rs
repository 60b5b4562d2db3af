use axum::{Json, Router, routing::get};
use std::collections::HashMap;

#[ayi::main]
async fn main() -> std::io::Result<()> {
    let app = Router::new().route("/tea", get(async || Json(HashMap::from([("tea", "hot")]))));
    let listener = ayi::net::TcpListener::bind("127.0.0.1:8081").await?;
    println!("listening on {}", listener.local_addr()?);
    ayi::serve::serve(listener, app).await
}
