//! The page, parsed as a browser would.

mod browser;
mod charts;
mod counts;
#[path = "../../examples/sample/data.rs"]
mod data;
mod dom;
mod hostile;
mod page;
