use std::process::ExitCode;

#[ayi::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let port: u16 = async { "80" }.await.parse()?;
    assert_eq!(port, 80);
    Ok(ExitCode::SUCCESS)
}
