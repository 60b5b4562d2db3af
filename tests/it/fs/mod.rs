//! Files.

mod beside_others;
mod cancel;
mod elsewhere;
mod files;
mod full;
mod moving;
mod order;
mod paths;
mod sequential;
mod support;
