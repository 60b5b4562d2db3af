//! MQTT, with a broker in this process that knows one client.

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use support::{NONE, alone, threads};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers, and sends back what is published. Packets are shorter than 128 bytes here.
async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let (mut stream, _) = listener.accept().await?;
    loop {
        let mut head = [0; 2];
        stream.read_exact(&mut head).await?;
        let mut body = vec![0; usize::from(head[1])];
        stream.read_exact(&mut body).await?;
        match head[0] >> 4 {
            1 => stream.write_all(&[0x20, 2, 0, 0]).await?,
            3 => stream.write_all(&[&head[..], &body].concat()).await?,
            8 => stream.write_all(&[0x90, 3, body[0], body[1], 0]).await?,
            12 => stream.write_all(&[0xd0, 0]).await?,
            _ => return Ok(()),
        }
    }
}

#[test]
fn what_is_published_comes_back() {
    alone(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(serve(listener));
        let (client, mut events) = AsyncClient::new(MqttOptions::new("ayi", "127.0.0.1", port), 10);
        client.subscribe("pot", QoS::AtMostOnce).await.unwrap();
        client.publish("pot", QoS::AtMostOnce, false, "full").await.unwrap();
        loop {
            if let Event::Incoming(Packet::Publish(publish)) = events.poll().await.unwrap() {
                assert_eq!((&publish.topic[..], &publish.payload[..]), ("pot", &b"full"[..]));
                break;
            }
        }
        client.disconnect().await.unwrap();
        while events.poll().await.is_ok() {}
        server.await.unwrap().unwrap();
        assert_eq!(threads(), NONE);
    });
}
