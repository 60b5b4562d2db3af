// "process"
// hot*
#[ayi::main]
async fn main() -> std::io::Result<()> {
    let output = ayi::process::Command::new("echo").arg("hot").output().await?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}
