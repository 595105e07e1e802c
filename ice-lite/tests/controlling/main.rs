//! The controlling agent against a lite and against a full peer, on a virtual clock.

mod answers;
mod checks;
mod consent;
mod failover;
mod near;
mod roles;
#[path = "../support/mod.rs"]
mod support;
