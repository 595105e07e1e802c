//! Whole connections over a network that a test makes as bad as it likes, on a virtual clock.

mod address_proof;
mod certificates;
mod chance;
mod data;
mod drops;
mod exporter;
mod forged;
mod forgery;
mod handshake;
mod hello;
mod identity;
mod key_log;
mod key_update;
mod loss;
mod mtu;
mod noise;
mod order;
mod pair;
mod plain;
mod recovery;
mod silence;
