//! Files.

mod beside_others;
mod cancel;
mod files;
mod full;
mod order;
mod paths;
mod sequential;
mod support;
