//! Every crypto provider that is built in goes through the same tests: Wycheproof's vectors, and handshakes with each other.

mod aead;
mod handshake;
mod key_exchange;
mod mac;
mod nonces;
mod signature;
mod vectors;
