//! tokio's own example of a server.

use mini_redis::client;
use support::{NONE, alone, threads};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

#[test]
fn its_server_and_its_client_understand_each_other() {
    alone(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, told) = oneshot::channel::<()>();
        let server = tokio::spawn(async { mini_redis::server::run(listener, told).await.unwrap() });
        let mut client = client::connect(address).await.unwrap();
        client.set("tea", "green".into()).await.unwrap();
        assert_eq!(client.get("tea").await.unwrap().unwrap(), "green");
        client.set_expires("water", "hot".into(), std::time::Duration::from_millis(20)).await.unwrap();
        while client.get("water").await.unwrap().is_some() {}
        let mut listening =
            client::connect(address).await.unwrap().subscribe(vec!["pot".into()]).await.unwrap();
        assert_eq!(client.publish("pot", "full".into()).await.unwrap(), 1);
        assert_eq!(listening.next_message().await.unwrap().unwrap().content, "full");
        end.send(()).unwrap();
        drop((client, listening));
        server.await.unwrap();
        assert_eq!(threads(), NONE);
    });
}
