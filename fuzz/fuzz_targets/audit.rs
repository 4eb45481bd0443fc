//! See `crates/hostile/src/audit.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| saltprint_hostile::Target::named("audit").check(bytes));
