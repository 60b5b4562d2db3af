//! Builds the site: `cargo run --manifest-path docs/Cargo.toml`, into `target/site/` or the folder that is named.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut args = std::env::args_os().skip(1);
    let folder = args.next().map_or_else(|| root.join("target/site"), PathBuf::from);
    if args.next().is_some() || folder.to_string_lossy().starts_with('-') {
        eprintln!("usage: ayi-site [FOLDER]    (without: target/site)");
        return ExitCode::from(2);
    }
    match ayi_site::build(&root, &folder) {
        Ok(pages) => {
            println!("{pages} pages: {}", folder.join("index.html").display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ayi-site: {error}");
            ExitCode::FAILURE
        }
    }
}
