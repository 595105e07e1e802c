//! The kernels of x86-64.

mod cpu;
mod key;
mod lanes16;
mod lanes8;
mod sha1_ni;
mod sha1_portable;
mod tiers;
mod vector128;
mod vector256;
mod vector512;

pub(super) use cpu::{AesNi, Avx2, Avx512, Lanes};
pub(super) use key::{cm, gcm};
