//= Address already in use
//= For cores to listen on one address, each calls TcpSocket::set_reuseport before bind
//= the other cores are told to end, and have 10s for that
#[ayi::main(cores = 2)]
async fn main() -> std::io::Result<()> {
    let listener = ayi::net::TcpListener::bind("127.0.0.1:8083").await?;
    while !ayi::runtime::shutdown_token().is_cancelled() {
        let _ = ayi::time::timeout(ayi::time::Duration::from_millis(10), listener.accept()).await;
    }
    Ok(())
}
