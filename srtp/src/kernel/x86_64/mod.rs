//! The kernels of x86-64.

mod cpu;
mod key;
mod lanes16;
mod lanes8;
mod sha1_ni;
mod tiers;
mod vector128;
mod vector256;
mod vector512;

pub(super) use cpu::{AesNi, Avx2, Avx512};
pub(super) use key::{cm, gcm};
