//! Epochs that follow each other: a projection and an index key with a profile, then new ones.
//!
//! | file | holds |
//! |---|---|
//! | `keyring.rs` | the keys of both roles, of all ages, each loaded when it is needed |
//! | `building.rs` | which keys a rebuild builds with, and what it does for them after it has published |
//! | `previous.rs` | the epoch before, while it answers |
//! | `answer.rs` | judging images in both |
//! | `rotation.rs` | [`rotate`] and [`shred_previous`] |
//!
//! The switch is one rename, that of `MANIFEST`, sealed under the next index key. Which keys are in use is decided by which of
//! them open it, not by the names of their files: so it does not matter where a rotation is cut short.
//!
//! | cut short after | `MANIFEST` opens with | the next rebuild |
//! |---|---|---|
//! | the next projection key was made | the present key | builds as ever and asks for `keys rotate` again |
//! | both were made, or `MANIFEST.previous` was written | the present key | begins the next epoch |
//! | `MANIFEST` was renamed | the next index key | finishes: profile sealed anew, keys promoted |
//! | the projection key was promoted | the next index key | the same |
//! | the index key was promoted | the present key | has nothing left to do |
//!
//! The order makes these states different: the next index key is made last and promoted last, so that a next index key says
//! that a rotation is whole, and a next projection key alone that it was cut short.

mod answer;
mod building;
mod keyring;
mod previous;
mod rotation;

pub(crate) use answer::{Answer, Hit};
pub(crate) use building::{Building, Finish, finish};
pub(crate) use keyring::Keyring;
pub(crate) use previous::{Before, composition, find as find_previous};
pub use rotation::{Rotation, rotate, shred_previous};

/// Seconds since 1970; 0 before.
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
