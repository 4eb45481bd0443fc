//! Cascade, decision rule, backgrounds of impostors

#![forbid(unsafe_code)]
