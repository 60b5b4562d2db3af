//! The expansion is silent even if lints are errors and cannot be switched off.

#![deny(warnings, unused, missing_docs, unreachable_pub, unused_qualifications, unused_results)]
#![deny(rust_2018_idioms, rust_2024_compatibility, let_underscore_drop, single_use_lifetimes)]
#![forbid(unsafe_code, dead_code, unused_must_use)]

use std::io;

/// Returns at once.
///
/// # Errors
///
/// It never fails.
#[ayi::main]
pub async fn documented() -> io::Result<()> {
    Ok(())
}

/// Reads forever.
#[ayi::main]
pub async fn never() -> ! {
    loop {
        std::future::pending::<()>().await;
    }
}

#[ayi::main]
async fn main() -> io::Result<()> {
    let _ = never as fn() -> !;
    documented_elsewhere().await
}

async fn documented_elsewhere() -> io::Result<()> {
    std::future::ready(Ok(())).await
}
