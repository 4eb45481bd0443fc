//! Argument types and commands of the saltprint program

#![forbid(unsafe_code)]
