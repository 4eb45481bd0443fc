//! See `crates/hostile/src/config.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| saltprint_hostile::Target::named("config").check(bytes));
