#![doc = include_str!("../README.md")]

pub mod analysis;
pub mod export;
pub mod page;
pub mod recording;
pub mod text;
#[doc(hidden)]
pub mod writer;
