//! Whole connections over a network that a test makes as bad as it likes, on a virtual clock.

mod handshake;
mod loss;
mod pair;
