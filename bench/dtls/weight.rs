//! What an established connection holds, by the process's resident set and by what it allocated
//! from Rust.
//!
//! Every stack is weighed in a process of its own, because a heap that others used before hides
//! what is new.

use std::path::Path;
use std::process::Command;

use bench::memory::{live, resident};

use crate::peer::{Established, Peer, Shape};

/// Connections that are kept alive; each has two endpoints.
const CONNECTIONS: usize = 2000;

/// Bytes held per endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Weight {
    pub(crate) resident: usize,
    /// What Rust code allocated; a C library's own allocations are not in it.
    pub(crate) allocated: usize,
}

/// A stack, a shape, and what an endpoint of it holds.
pub(crate) struct Weighed {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) weight: Weight,
}

/// Weighs the stack called `name` in a new process of `program`: this one or a worker's.
pub(crate) fn weigh_apart(program: &Path, name: &str, shape: Shape) -> Option<Weight> {
    let output = Command::new(program)
        .args(["--weigh", name, shape.version, shape.group])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.split_whitespace().map(str::parse);
    Some(Weight {
        resident: numbers.next()?.ok()?,
        allocated: numbers.next()?.ok()?,
    })
}

/// Weighs `peer` in this process.
pub(crate) fn weigh(peer: &dyn Peer, shape: Shape) -> Weight {
    // What the library sets up once is no part of a connection.
    let mut connections: Vec<Established> = Vec::with_capacity(CONNECTIONS + 8);
    connections.extend((0..8).map(|_| peer.handshake(shape)));
    let before = (resident(), live());
    connections.extend((0..CONNECTIONS).map(|_| peer.handshake(shape)));
    let grown = |now: u64, before: u64| now.saturating_sub(before) as usize / (2 * CONNECTIONS);
    let weight = Weight {
        resident: grown(resident(), before.0),
        allocated: grown(live(), before.1),
    };
    assert!(
        connections
            .iter()
            .all(|connection| connection.wire.bytes > 0),
        "all stayed alive"
    );
    weight
}
