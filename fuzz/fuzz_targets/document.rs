//! See `crates/hostile/src/document.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| saltprint_hostile::Target::named("document").check(bytes));
