//! A web service of axum and clients of reqwest, as they are, on a network with faults.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, put};
use ayi::sim::{Failure, Faults, Sim};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

ayi::sim::kernel!();

type Orders = Arc<Mutex<BTreeMap<u32, String>>>;

async fn put_order(State(orders): State<Orders>, Path(id): Path<u32>, tea: String) -> String {
    tokio::time::sleep(Duration::from_millis(5)).await;
    orders.lock().unwrap().insert(id, tea.clone());
    tea
}

async fn count(State(orders): State<Orders>) -> String {
    orders.lock().unwrap().len().to_string()
}

async fn server(orders: Orders) -> std::io::Result<()> {
    let app =
        Router::new().route("/orders/{id}", put(put_order)).route("/orders", get(count)).with_state(orders);
    let listener = tokio::net::TcpListener::bind("0.0.0.0:80").await?;
    axum::serve(listener, app).await
}

/// Puts an order until it is accepted.
async fn order(client: &reqwest::Client, id: u32) {
    let url = format!("http://shop/orders/{id}");
    loop {
        let sent =
            client.put(&url).timeout(Duration::from_millis(500)).body(format!("tea {id}")).send().await;
        if let Ok(answer) = sent {
            if answer.status().is_success()
                && answer.text().await.is_ok_and(|text| text == format!("tea {id}"))
            {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn customer(number: u32) -> Result<(), reqwest::Error> {
    let client = reqwest::Client::new();
    for id in 0..20 {
        order(&client, number * 100 + id).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}

#[ayi::sim_test(seeds = 100)]
fn no_order_is_lost(sim: &Sim) -> Result<(), Failure> {
    // What the shop has written down outlives its crashes.
    let orders = Orders::default();
    let shared = orders.clone();
    sim.host("shop", move || server(shared.clone()));
    for number in 0..3 {
        sim.client(format!("customer-{number}"), move || customer(number));
    }
    sim.faults(
        Faults::new(["shop"])
            .crashes()
            .kills()
            .pauses()
            .partitions()
            .slow_hosts()
            .resets()
            .until(Duration::from_secs(10)),
    );
    sim.run()?;
    assert_eq!(orders.lock().unwrap().len(), 60);
    Ok(())
}
