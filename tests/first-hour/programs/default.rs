// 
// 42
use ayi::time::{Duration, sleep};

#[ayi::main]
async fn main() {
    let (sender, mut receiver) = ayi::sync::mpsc::channel(1);
    ayi::spawn(async move {
        sleep(Duration::from_millis(1)).await;
        sender.send(42).await
    });
    ayi::select! {
        Some(value) = receiver.recv() => println!("{value}"),
        _ = sleep(Duration::from_secs(10)) => println!("late"),
    }
}
