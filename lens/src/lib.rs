#![doc = include_str!("../README.md")]

pub mod analysis;
pub mod recording;
#[doc(hidden)]
pub mod writer;
