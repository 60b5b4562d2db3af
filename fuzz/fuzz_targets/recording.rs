#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ayi_fuzz::recording(data));
