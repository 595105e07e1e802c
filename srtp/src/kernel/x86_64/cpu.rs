//! What the CPU has, as tokens: a value of one of these types exists only where its instructions may run.

use core::arch::x86_64::__cpuid;

/// AES-NI and PCLMULQDQ, with SSE up to 4.1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aes(());

/// AVX2, on top of [`Aes`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lanes(Aes);

/// SHA-NI, on top of [`Aes`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct AesNi {
    aes: Aes,
    sha_overlaps: bool,
}

/// VAES and VPCLMULQDQ, on top of [`AesNi`] and [`Lanes`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2 {
    narrow: AesNi,
    lanes: Lanes,
}

/// AVX-512 F, BW, DQ, VL, VBMI and VBMI2, on top of [`Avx2`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(Avx2);

impl Aes {
    /// The token, if the CPU has the instructions.
    pub(crate) fn check() -> Option<Self> {
        let all = is_x86_feature_detected!("sse2")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse4.1")
            && is_x86_feature_detected!("aes")
            && is_x86_feature_detected!("pclmulqdq");
        all.then_some(Self(()))
    }
}

impl Lanes {
    /// The token, if the CPU has the instructions.
    pub(crate) fn check() -> Option<Self> {
        let all = is_x86_feature_detected!("avx") && is_x86_feature_detected!("avx2");
        Aes::check().filter(|_| all).map(Self)
    }
}

impl AesNi {
    /// The token, if the CPU has the instructions.
    pub(crate) fn check() -> Option<Self> {
        let aes = Aes::check().filter(|_| is_x86_feature_detected!("sha"))?;
        Some(Self {
            aes,
            sha_overlaps: is_amd(),
        })
    }
}

impl AesNi {
    /// Whether several chains of SHA-NI instructions run in little more than the time of one.
    ///
    /// No feature bit says it. Measured in cycles per byte with one chain and with four: Zen 5 2.00 and 0.72, Sapphire
    /// Rapids 1.83 and 1.72.
    pub(super) fn sha_overlaps(self) -> bool {
        self.sha_overlaps
    }
}

impl Avx2 {
    /// The token, if the CPU has the instructions.
    pub(crate) fn check() -> Option<Self> {
        let all = is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("vaes")
            && is_x86_feature_detected!("vpclmulqdq");
        let (narrow, lanes) = (AesNi::check()?, Lanes::check()?);
        all.then_some(Self { narrow, lanes })
    }
}

impl Avx512 {
    /// The token, if the CPU has the instructions.
    pub(crate) fn check() -> Option<Self> {
        let all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("avx512vbmi2");
        Avx2::check().filter(|_| all).map(Self)
    }
}

/// A token of more instructions is one of fewer.
macro_rules! weaken {
    ($($strong:ty => $weak:ty: $token:ident $(. $part:tt)*;)*) => {$(
        impl From<$strong> for $weak {
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn from($token: $strong) -> Self {
                $token $(. $part)*
            }
        }
    )*};
}

weaken!(
    Lanes => Aes: token.0;
    AesNi => Aes: token.aes;
    Avx2 => Aes: token.lanes.0;
    Avx2 => Lanes: token.lanes;
    Avx2 => AesNi: token.narrow;
    Avx512 => Aes: token.0.lanes.0;
    Avx512 => AesNi: token.0.narrow;
    Avx512 => Avx2: token.0;
);

/// Whether the vendor is AMD.
fn is_amd() -> bool {
    #[allow(unused_unsafe, reason = "newer toolchains made CPUID safe to call")]
    // SAFETY: every x86-64 CPU has CPUID.
    let id = unsafe { __cpuid(0) };
    [id.ebx, id.edx, id.ecx]
        .map(u32::to_le_bytes)
        .as_flattened()
        == b"AuthenticAMD"
}
