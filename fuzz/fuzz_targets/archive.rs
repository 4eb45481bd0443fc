//! See `crates/hostile/src/archive.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| saltprint_hostile::Target::named("archive").check(bytes));
