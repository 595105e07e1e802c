//! From the tier that was chosen to the kernels that run.

use super::portable;
use super::simd::{Simd, Task};
use super::state::{CmState, GcmState};
use super::{AesKey, Tier, Wiped};

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
use super::aarch64::{self, Neon};
#[cfg(target_arch = "x86_64")]
use super::x86_64::{self, AesNi, Avx2, Avx512, Lanes};

/// The kernels of a tier: its token.
#[derive(Clone, Copy)]
pub(super) enum Engine {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Lanes(Lanes),
    #[cfg(target_arch = "x86_64")]
    AesNi(AesNi),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    Neon(Neon),
}

/// The state of one key, as its engine wants it.
#[allow(
    clippy::large_enum_variant,
    reason = "a box would cost each packet a step to memory, and a key stands in a box already"
)]
pub(super) enum State {
    Portable(Wiped<portable::State>),
    Cm(CmState),
    Gcm(GcmState),
}

impl Engine {
    /// The engine of this tier, if the CPU has it.
    pub(super) fn new(tier: Tier) -> Option<Self> {
        match tier {
            Tier::Portable => Some(Self::Portable),
            #[cfg(target_arch = "x86_64")]
            Tier::Lanes => Lanes::check().map(Self::Lanes),
            #[cfg(target_arch = "x86_64")]
            Tier::AesNi => AesNi::check().map(Self::AesNi),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => Avx2::check().map(Self::Avx2),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512 => Avx512::check().map(Self::Avx512),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Tier::Neon => Neon::check().map(Self::Neon),
            _ => None,
        }
    }

    /// The tier of this engine.
    pub(super) fn tier(self) -> Tier {
        match self {
            Self::Portable => Tier::Portable,
            #[cfg(target_arch = "x86_64")]
            Self::Lanes(_) => Tier::Lanes,
            #[cfg(target_arch = "x86_64")]
            Self::AesNi(_) => Tier::AesNi,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => Tier::Avx2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => Tier::Avx512,
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Self::Neon(_) => Tier::Neon,
        }
    }

    /// The state of AES counter mode and HMAC-SHA1.
    pub(super) fn cm(self, cipher: Option<AesKey<'_>>, auth: &[u8; 20]) -> State {
        match self {
            Self::Portable => State::Portable(Wiped::new(portable::State::cm(cipher, auth))),
            #[cfg(target_arch = "x86_64")]
            Self::Lanes(token) => State::Cm(x86_64::cm(token.into(), cipher, auth)),
            #[cfg(target_arch = "x86_64")]
            Self::AesNi(token) => State::Cm(x86_64::cm(token.into(), cipher, auth)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) => State::Cm(x86_64::cm(token.into(), cipher, auth)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(token) => State::Cm(x86_64::cm(token.into(), cipher, auth)),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Self::Neon(token) => State::Cm(aarch64::cm(token, cipher, auth)),
        }
    }

    /// The state of AES-GCM.
    pub(super) fn gcm(self, key: AesKey<'_>) -> State {
        match self {
            Self::Portable => State::Portable(Wiped::new(portable::State::gcm(key))),
            #[cfg(target_arch = "x86_64")]
            Self::Lanes(token) => State::Gcm(x86_64::gcm(token.into(), key)),
            #[cfg(target_arch = "x86_64")]
            Self::AesNi(token) => State::Gcm(x86_64::gcm(token.into(), key)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) => State::Gcm(x86_64::gcm(token.into(), key)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(token) => State::Gcm(x86_64::gcm(token.into(), key)),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Self::Neon(token) => State::Gcm(aarch64::gcm(token, key)),
        }
    }

    /// Runs a task on the state of a key of this engine.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn run<T: Task>(self, task: T, iv: u128) -> T::Output {
        match self {
            Self::Portable => unreachable!("invariant: the portable tier has states of its own"),
            #[cfg(target_arch = "x86_64")]
            Self::Lanes(token) => token.run(task, iv),
            #[cfg(target_arch = "x86_64")]
            Self::AesNi(token) => token.run(task, iv),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) => token.run(task, iv),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(token) => token.run(task, iv),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Self::Neon(token) => token.run(task, iv),
        }
    }

    /// The same on its narrow tier: see [`Simd::Narrow`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn run_narrow<T: Task>(self, task: T, iv: u128) -> T::Output {
        match self {
            Self::Portable => unreachable!("invariant: the portable tier has states of its own"),
            #[cfg(target_arch = "x86_64")]
            Self::Lanes(token) => token.narrow().run(task, iv),
            #[cfg(target_arch = "x86_64")]
            Self::AesNi(token) => token.narrow().run(task, iv),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) => token.narrow().run(task, iv),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(token) => token.narrow().run(task, iv),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Self::Neon(token) => token.narrow().run(task, iv),
        }
    }
}
