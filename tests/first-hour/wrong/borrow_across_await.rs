//= already borrowed
use std::{cell::RefCell, rc::Rc};

#[ayi::main]
async fn main() {
    let cups = Rc::new(RefCell::new(0));
    let other = cups.clone();
    let task = ayi::spawn(async move { *other.borrow_mut() += 1 });
    let mut mine = cups.borrow_mut();
    let joined = task.await;
    *mine += 1;
    joined.unwrap();
}
