//! See `crates/hostile/src/catalog.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| saltprint_hostile::Target::named("catalog").check(bytes));
