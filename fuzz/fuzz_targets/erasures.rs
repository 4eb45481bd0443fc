//! See `crates/hostile/src/erasures.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| saltprint_hostile::Target::named("erasures").check(bytes));
