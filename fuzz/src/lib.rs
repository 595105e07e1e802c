//! Fuzz targets: functions over bytes that must neither panic nor break their promise, whatever the bytes.
//!
//! Each target is `fn(&[u8])` and stands in [`TARGETS`]. `cargo test -p fuzz` runs all of them on seeded random inputs and on the
//! corpora, with a stable compiler; `fuzz_targets/` has each as a program for libFuzzer. `fuzz/README.md` says how to use both.

pub mod campaign;
mod differential;
mod dtls;
mod gate;
mod ice;
pub mod input;
mod signalling;
mod srtp;
mod tiers;

pub use differential::{differential, srtp_differential};
pub use dtls::{dtls_address_proof, dtls_pair, dtls_receive};
pub use gate::{gate_router, gate_session};
pub use ice::{ice_controlling, ice_lite, ice_tcp, stun_parse};
pub use signalling::{gate_renegotiation, gate_sdp};
pub use srtp::{srtp_batch, srtp_parse, srtp_protect, srtp_unprotect};
pub use tiers::srtp_tiers;

/// A target with its name, which is also the name of its program and of its corpus.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("dtls_address_proof", dtls_address_proof),
    ("dtls_pair", dtls_pair),
    ("dtls_receive", dtls_receive),
    ("gate_renegotiation", gate_renegotiation),
    ("gate_router", gate_router),
    ("gate_sdp", gate_sdp),
    ("gate_session", gate_session),
    ("ice_controlling", ice_controlling),
    ("ice_lite", ice_lite),
    ("ice_tcp", ice_tcp),
    ("srtp_batch", srtp_batch),
    ("srtp_differential", srtp_differential),
    ("srtp_parse", srtp_parse),
    ("srtp_protect", srtp_protect),
    ("srtp_tiers", srtp_tiers),
    ("srtp_unprotect", srtp_unprotect),
    ("stun_parse", stun_parse),
];
