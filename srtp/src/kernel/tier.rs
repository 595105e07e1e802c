//! Which instruction sets the kernels may use.

use std::sync::OnceLock;

use super::engine::Engine;

/// The instruction sets that the SRTP kernels use, from the narrowest to the widest.
///
/// The tier is chosen once per process by [`Tier::detect`]. A test, or an operator who distrusts a CPU, can lower it: for the
/// process with the environment variable `PORTCULLIS_SRTP_TIER`, for one session with its configuration. It can't
/// be raised above what the CPU has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tier {
    /// The RustCrypto crates, on any CPU.
    Portable,
    /// x86-64 with AES-NI, PCLMULQDQ and AVX2, but without SHA-NI: SHA-1 in eight lanes.
    Lanes,
    /// x86-64 with AES-NI, PCLMULQDQ and SHA-NI.
    AesNi,
    /// x86-64 with AVX2, VAES and VPCLMULQDQ on 256-bit vectors, on top of [`Tier::AesNi`] and [`Tier::Lanes`].
    Avx2,
    /// x86-64 with AVX-512 (F, BW, DQ, VL, VBMI), VAES and VPCLMULQDQ on 512-bit vectors, on top of [`Tier::Avx2`].
    Avx512,
    /// AArch64 with the AES, PMULL and SHA1 instructions.
    Neon,
}

/// The environment variable that lowers the tier of a process.
const VARIABLE: &str = "PORTCULLIS_SRTP_TIER";

impl Tier {
    const ALL: [Self; 6] = [
        Self::Portable,
        Self::Lanes,
        Self::AesNi,
        Self::Avx2,
        Self::Avx512,
        Self::Neon,
    ];

    /// The tier of this process: the widest the CPU has, unless `PORTCULLIS_SRTP_TIER` names a lower one (`portable`, `lanes`,
    /// `aes-ni`, `avx2`, `avx512` or `neon`). The variable is read once; a name that is unknown or beyond the CPU changes nothing.
    pub fn detect() -> Self {
        static TIER: OnceLock<Tier> = OnceLock::new();
        *TIER.get_or_init(|| {
            let wanted = std::env::var(VARIABLE)
                .ok()
                .and_then(|name| Self::from_name(&name));
            wanted
                .filter(|tier| tier.is_available())
                .unwrap_or_else(Self::widest)
        })
    }

    /// This tier if the CPU has it, else the portable one: how a caller's wish becomes a tier that can run.
    #[must_use]
    pub fn or_portable(self) -> Self {
        if self.is_available() {
            self
        } else {
            Self::Portable
        }
    }

    /// Whether this CPU has the instructions of this tier.
    pub fn is_available(self) -> bool {
        Engine::new(self).is_some()
    }

    /// All tiers that this CPU can run.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|tier| tier.is_available())
    }

    /// The name that `PORTCULLIS_SRTP_TIER` knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Lanes => "lanes",
            Self::AesNi => "aes-ni",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        }
    }

    /// The tier of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.name() == name)
    }

    fn widest() -> Self {
        Self::available().last().unwrap_or(Self::Portable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for tier in Tier::ALL {
            assert_eq!(Tier::from_name(tier.name()), Some(tier));
        }
        assert_eq!(Tier::from_name("avx1024"), None);
    }

    #[test]
    fn the_portable_tier_is_always_there() {
        assert!(Tier::available().any(|tier| tier == Tier::Portable));
        assert!(Tier::detect().is_available());
    }
}
