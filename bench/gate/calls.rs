//! What an established call costs.

use std::time::Instant;

use serde_json::{Value, json};

use super::memory;
use super::world::World;

/// Sets up so many calls, with two SSRCs each way, and weighs the server's side of them.
pub(crate) fn run(count: usize) -> Value {
    let mut world = World::new();
    let before = memory::live();
    let start = Instant::now();
    for _ in 0..count {
        world.call();
    }
    let setup = start.elapsed().as_secs_f64();
    for caller in 0..count {
        for ssrc in [1, 2] {
            let mut packet = world.sealed(caller, ssrc, 1);
            let path = world.callers[caller].path;
            world.gate.handle_datagram(world.now, path, &mut packet);
        }
    }
    let ids: Vec<_> = world.gate.calls().map(|(id, ..)| id).collect();
    for id in ids {
        world.gate.with(world.now, id, |_, cx| {
            for ssrc in [3_u32, 4] {
                let mut packet = [0; 172];
                packet[..2].copy_from_slice(&[0x80, 111]);
                packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
                cx.send_rtp(&packet).expect("it is secured");
            }
        });
        world.gate.outbox().clear();
    }
    world.callers = Vec::new();
    let bytes = (memory::live() - before) / count as u64;
    println!("{count} calls: {setup:.2} s for both sides, {bytes} bytes per call");
    json!({ "calls": count, "setup_seconds_both_sides": setup, "bytes_per_call": bytes })
}
