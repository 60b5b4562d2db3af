// "fs"
// 3 bytes
#[ayi::main]
async fn main() -> std::io::Result<()> {
    let path = std::env::temp_dir().join(format!("first-hour-{}", std::process::id()));
    ayi::fs::write(&path, "tea").await?;
    println!("{} bytes", ayi::fs::read(&path).await?.len());
    ayi::fs::remove_file(&path).await
}
