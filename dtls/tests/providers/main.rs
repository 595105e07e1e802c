//! Every crypto provider that is built in goes through the same tests: Wycheproof's vectors, and handshakes with each other.

mod aead;
mod handshake;
mod key_exchange;
mod mac;
mod nonces;
mod signature;
mod vectors;

use std::sync::Arc;

use dtls::crypto::{self, CryptoProvider};

/// The providers of this build.
fn providers() -> Vec<Arc<dyn CryptoProvider>> {
    vec![
        #[cfg(feature = "aws-lc-rs")]
        crypto::aws_lc_rs::provider(),
        #[cfg(feature = "rust-crypto")]
        crypto::rust_crypto::provider(),
    ]
}
