//! Mail, to a server in this process.

use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use support::{NONE, alone, threads};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// Takes one mail after the other, and returns the first.
async fn serve(listener: TcpListener) -> std::io::Result<String> {
    let (stream, _) = listener.accept().await?;
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 here\r\n").await?;
    let (mut mail, mut is_mail, mut line) = (String::new(), false, String::new());
    while stream.read_line(&mut line).await? > 0 {
        let answer = match line.trim_end() {
            "." if is_mail => return stream.write_all(b"250 taken\r\n").await.map(|()| mail),
            _ if is_mail => {
                mail += &line;
                ""
            }
            "DATA" => {
                is_mail = true;
                "354 go on\r\n"
            }
            hello if hello.starts_with("EHLO") => "250 here\r\n",
            _ => "250 yes\r\n",
        };
        stream.write_all(answer.as_bytes()).await?;
        line.clear();
    }
    Ok(mail)
}

#[test]
fn a_mail_arrives() {
    alone(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(serve(listener));
        let transport =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1").port(port).build();
        let mail = Message::builder()
            .from("student@example.org".parse().unwrap())
            .to("ayi@example.org".parse().unwrap())
            .subject("tap 3")
            .body(String::from("is it running?"))
            .unwrap();
        assert!(transport.send(mail).await.unwrap().is_positive());
        assert!(server.await.unwrap().unwrap().contains("is it running?"));
        assert_eq!(threads(), NONE);
    });
}
