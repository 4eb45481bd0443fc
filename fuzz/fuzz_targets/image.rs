//! See `crates/hostile/src/image.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| saltprint_hostile::Target::named("image").check(bytes));
