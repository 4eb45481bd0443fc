//! Keeps the HEVC decoder on the thread that asks.
//!
//! libheif has libde265 start a thread for each picture, and gives no way to do without. A worker has one thread: its filter of
//! system calls refuses another, and libde265 would wait for it forever. So the function that starts threads is answered here, in
//! the program, which comes before every library when names are looked up. A decoder without threads decodes on the thread of its
//! caller. (The decoders of AV1 ask how many processors there are, which is refused as well, and stay on one thread then.)
//!
//! Where a libheif is linked so that this is not found, a HEIC ends as `decoder_time`, and the tests of this crate and of
//! the workers fail.

use std::ffi::{c_int, c_void};

/// Stands in for the function of libde265, and starts no thread. 0 is `DE265_OK`.
#[expect(
    unsafe_code,
    reason = "a name that libraries look up has to be unique, which the compiler cannot check"
)]
// SAFETY: no other symbol of this name is linked statically, since libde265 comes with libheif, dynamically. Arguments and result
// are those of its header `de265.h`: a pointer that is not looked at, and two numbers. That no thread runs is a state which the
// decoder has whenever a program does not call the function at all.
#[unsafe(no_mangle)]
extern "C" fn de265_start_worker_threads(_decoder: *mut c_void, _threads: c_int) -> c_int {
    0
}
