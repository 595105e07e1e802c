//! A flood of datagrams that nobody asked for.

mod calls;
mod core;
mod mix;
mod sender;
mod wire;

use std::time::Duration;

use serde_json::{Value, json};

/// Calls that live while the flood goes on.
const CALLS: usize = 1000;

/// The core alone, then calls over loopback without and with the flood, for so many seconds each.
pub(crate) fn run(seconds: u64) -> Value {
    let core = core::run();
    let wire = wire::run(Duration::from_secs(seconds));
    json!({ "core": core, "wire": wire })
}
