//! The local tier: which records show in an image, however it was cut, tilted or framed?
//!
//! | file | holds |
//! |---|---|
//! | `search.rs` | candidates from the index's tables, compared feature by feature and checked for one transform |
//! | `score.rs` | what a pair of near features is worth |
//! | `alteration.rs` | whether a part of the document was changed |
//! | `place.rs` | who competes for the same place in the image |

mod alteration;
mod place;
mod score;
mod search;

pub use place::{Contest, contests};
pub use search::{LocalSearch, Sighting};
