//! NATS, with a server in this process that knows one client.

use futures_util::StreamExt;
use support::{NONE, alone, threads};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// Sends back what is published, to the last subscription.
async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let info = r#"INFO {"server_id":"a","server_name":"a","version":"2.10.0","go":"","host":"127.0.0.1","port":1,
        "headers":true,"max_payload":1048576,"proto":1,"client_id":1}"#;
    stream.write_all(format!("{}\r\n", info.replace('\n', "")).as_bytes()).await?;
    let (mut line, mut subscription) = (String::new(), String::new());
    while stream.read_line(&mut line).await? > 0 {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["PING"] => stream.write_all(b"PONG\r\n").await?,
            ["SUB", _, id] => subscription = id.to_owned(),
            ["PUB", subject, length] => {
                let mut payload = vec![0; length.parse::<usize>().unwrap() + 2];
                stream.read_exact(&mut payload).await?;
                stream.write_all(format!("MSG {subject} {subscription} {length}\r\n").as_bytes()).await?;
                stream.write_all(&payload).await?;
            }
            _ => {}
        }
        line.clear();
    }
    Ok(())
}

#[test]
fn what_is_published_comes_back() {
    alone(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener));
        let client = async_nats::connect(address.to_string()).await.unwrap();
        let mut messages = client.subscribe("pot").await.unwrap();
        for n in 0..100 {
            client.publish("pot", format!("cup {n}").into()).await.unwrap();
            client.flush().await.unwrap();
            assert_eq!(messages.next().await.unwrap().payload, format!("cup {n}"));
        }
        drop((messages, client));
        server.await.unwrap().unwrap();
        assert_eq!(threads(), NONE);
    });
}
