//! What a datagram costs that is dropped: the gate alone, without a socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use bench::memory;
use portcullis::{Path, Session};
use serde_json::{Value, json};

use super::{CALLS, mix};
use crate::world::World;

/// Datagrams of each round.
const ROUND: u32 = 200_000;
const ROUNDS: u32 = 10;

/// The mix from spoofed addresses, each datagram from another one.
pub(crate) fn run() -> Value {
    let mut world = World::new();
    for _ in 0..CALLS {
        world.call();
    }
    let ufrags: Vec<_> = world
        .gate
        .calls()
        .map(|(_, session, _)| Session::local_ufrag(session).to_owned())
        .collect();
    let mix = mix::datagrams(&ufrags);
    let before = (world.gate.state_digest(), memory::live());
    let allocations = memory::allocations();
    let rate = rate(&mut world, &mix);
    let allocations = memory::allocations() - allocations;
    let grown = memory::live() as i64 - before.1 as i64;
    assert!(world.gate.outbox().is_empty(), "no byte of an answer");
    let unchanged = world.gate.state_digest() == before.0;
    world.gate.router_mut().limit_sources(None);
    let unlimited = self::rate(&mut world, &mix);
    println!(
        "dropped per second and core: {:.2} million; {:.2} without a limit for each source",
        rate / 1e6,
        unlimited / 1e6
    );
    println!(
        "allocations: {allocations}; memory grown: {grown} bytes; state unchanged: {unchanged}"
    );
    json!({
        "calls": CALLS, "drops_per_second": rate,
        "drops_per_second_without_source_limit": unlimited, "allocations": allocations,
        "grown_bytes": grown, "state_unchanged": unchanged, "bytes_out": 0,
    })
}

/// The datagrams that are dropped in a second, in the best of some rounds.
fn rate(world: &mut World, mix: &[Vec<u8>]) -> f64 {
    let mut best = f64::INFINITY;
    for round in 0..ROUNDS {
        let start = Instant::now();
        drop_all(world, mix, round);
        best = best.min(start.elapsed().as_secs_f64());
    }
    f64::from(ROUND) / best
}

fn drop_all(world: &mut World, mix: &[Vec<u8>], round: u32) {
    let local = world.callers[0].path.local;
    let mut buf = [0; 1500];
    for number in 0..ROUND {
        let ip =
            Ipv4Addr::from(0xC000_0000 | (round * ROUND + number).wrapping_mul(2_654_435_761) >> 4);
        let path = Path::udp(local, SocketAddr::new(ip.into(), number as u16));
        let datagram = &mix[number as usize % mix.len()];
        let place = &mut buf[..datagram.len()];
        place.copy_from_slice(datagram);
        world.gate.handle_datagram(world.now, path, place);
    }
}
