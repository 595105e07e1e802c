//! What the benchmarks share: each is a program of its own, in a folder beside `src/`.

pub mod memory;
pub mod samples;
