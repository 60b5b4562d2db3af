//! A gRPC service of tonic and its clients, as they are, on a network with faults.

use ayi::sim::{Failure, Faults, Sim};
use rpc::{Coin, House, TeahouseClient, TeahouseServer};
use std::time::Duration;
use tonic::transport::{Endpoint, Server};

ayi::sim::kernel!();

async fn server() -> Result<(), tonic::transport::Error> {
    let house = TeahouseServer::new(House::new());
    Server::builder().add_service(house).serve("0.0.0.0:50051".parse().unwrap()).await
}

async fn guest() {
    let endpoint = Endpoint::from_static("http://house:50051").connect_timeout(Duration::from_secs(1));
    let mut client = TeahouseClient::new(endpoint.timeout(Duration::from_millis(500)).connect_lazy());
    // A cup says which thread has made it, and the number of a thread is nothing that a seed decides. A receipt does not.
    for coins in 1..20 {
        loop {
            match client.pay(tokio_stream::iter((1..=coins).map(|value| Coin { value }))).await {
                Ok(receipt) => break assert_eq!(receipt.into_inner().sum, coins * (coins + 1) / 2),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[ayi::sim_test(seeds = 100)]
fn guests_are_served_in_the_end(sim: &Sim) -> Result<(), Failure> {
    sim.host("house", server);
    for number in 0..3 {
        sim.client(format!("guest-{number}"), guest);
    }
    sim.faults(Faults::new(["house"]).crashes().kills().partitions().until(Duration::from_secs(10)));
    sim.run()
}
