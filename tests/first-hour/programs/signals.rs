// "signal"
// Ctrl-C
use ayi::time::{Duration, timeout};

#[ayi::main]
async fn main() {
    let parent = std::process::id();
    let sender = ayi::task::spawn_blocking(move || {
        std::thread::sleep(std::time::Duration::from_millis(50));
        std::process::Command::new("kill").args(["-INT", &parent.to_string()]).status()
    });
    match timeout(Duration::from_secs(10), ayi::signal::ctrl_c()).await {
        Ok(_) => println!("Ctrl-C"),
        Err(_) => println!("nothing"),
    }
    let _ = sender.await;
}
