//! Privacy-preserving KYC fingerprint index: rebuild, lookup, triage

#![forbid(unsafe_code)]
