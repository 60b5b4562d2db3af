//! The function is used, unused and documented once, like one without the attribute.

#![deny(dead_code, missing_docs, unused_variables)]

#[ayi::main]
async fn unused() {}

#[ayi::main]
pub async fn undocumented() {
    let unused = 1;
}

fn main() {}
