//! See `crates/hostile/src/segment.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| saltprint_hostile::Target::named("segment").check(bytes));
