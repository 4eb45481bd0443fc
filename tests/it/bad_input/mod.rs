//! Everything that can be wrong with what the program is given: a clear message or a typed outcome, never a panic, and
//! what was good stays in use.

mod damage;
mod images;
mod settings;
