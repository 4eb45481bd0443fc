//! See `crates/hostile/src/profile.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| saltprint_hostile::Target::named("profile").check(bytes));
