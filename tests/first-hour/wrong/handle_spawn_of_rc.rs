//= future cannot be sent between threads safely
//= src/main.rs
#[ayi::main]
async fn main() {
    let cup = std::rc::Rc::new(1);
    let task = ayi::runtime::Handle::current().spawn(async move {
        ayi::task::yield_now().await;
        *cup
    });
    let _ = task.await;
}
