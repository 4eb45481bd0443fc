//! The local tier: which records show in an image, however it was cut, tilted or framed?
//!
//! | file | holds |
//! |---|---|
//! | `search.rs` | candidates from the index's tables, and the looks at an image |
//! | `compare.rs` | candidates compared feature by feature and checked for one transform |
//! | `reading.rs` | the image read again where a candidate's features should be |
//! | `close_call.rs` | where that is worth doing beside these places as well |
//! | `score.rs` | what a pair of near features is worth |
//! | `likelihood.rs` | how likely what is read is in a copy and in a stranger's document |
//! | `alteration.rs` | whether a part of the document was changed |
//! | `company.rs` | whether others of a record's template are in the index, so that its print is known |
//! | `near_duplicate.rs` | whether two records hold one image |
//! | `place.rs` | who competes for the same place in the image |

mod alteration;
mod close_call;
mod company;
mod compare;
mod likelihood;
mod near_duplicate;
mod place;
mod reading;
mod score;
mod search;

pub(crate) use near_duplicate::Same;
pub use near_duplicate::are_near_duplicates;
pub(crate) use place::documents_fill;
pub use place::{Contest, Lead, contests};
pub use reading::{Fine, Images, Read};
pub use search::{Evidence, LocalSearch, Sighting};
