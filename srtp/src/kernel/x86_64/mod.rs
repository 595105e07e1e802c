//! The kernels of x86-64.

mod avx512;
mod cpu;
mod key;
mod lanes16;
mod sha1_ni;
mod vector128;
mod vector256;
mod vector512;

pub(super) use cpu::{AesNi, Avx2, Avx512};
pub(super) use key::{cm, gcm};
