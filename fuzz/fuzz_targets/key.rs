//! See `crates/hostile/src/key.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| saltprint_hostile::Target::named("key").check(bytes));
