// "stdio"
// tea
use ayi::io::AsyncWriteExt;

#[ayi::main]
async fn main() -> std::io::Result<()> {
    let mut output = ayi::io::stdout();
    output.write_all(b"tea\n").await?;
    output.flush().await
}
