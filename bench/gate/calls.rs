//! What an established call costs.

use std::time::Instant;

use bench::memory;
use serde_json::{Value, json};

use super::world::World;

/// Calls that are there before anything is weighed: more than are set up, at one a millisecond,
/// before the keys of the first one rest.
const SETTLED: usize = 1500;

/// What a process holds.
struct Held {
    allocated: u64,
    resident: u64,
}

/// Sets up so many calls, with two SSRCs each way, and weighs the server's side of them. The other
/// side of each goes when its call stands.
pub(crate) fn run(count: usize) -> Value {
    let mut world = World::new();
    // What the process needs once: its tables, and memory for the calls whose keys do not rest yet,
    // which passes from each call to one that comes later.
    for _ in 0..SETTLED {
        establish(&mut world);
    }
    world.rest();
    let (before, start, served) = (held(), Instant::now(), world.served);
    for _ in 0..count {
        establish(&mut world);
    }
    let setup = start.elapsed().as_secs_f64();
    let served = (world.served - served).as_secs_f64();
    world.rest();
    assert_eq!(
        world.gate.calls().count(),
        count + SETTLED,
        "all calls stand"
    );
    let after = held();
    let per_call = |after: u64, before: u64| after.saturating_sub(before) / count as u64;
    let bytes = per_call(after.allocated, before.allocated);
    let resident = per_call(after.resident, before.resident);
    println!("{count} calls: {setup:.2} s to set up, of which {served:.2} s in the server");
    println!("a call: {bytes} bytes allocated, {resident} bytes resident");
    json!({
        "calls": count,
        "setup_seconds_both_sides": setup,
        "setup_seconds_server": served,
        "bytes_per_call": bytes,
        "resident_bytes_per_call": resident,
    })
}

/// A call whose caller has sent two streams, and got two.
fn establish(world: &mut World) {
    let id = world.call();
    for ssrc in [1, 2] {
        let mut packet = world.sealed(0, ssrc, 1);
        let path = world.callers[0].path;
        world.gate.handle_datagram(world.now, path, &mut packet);
    }
    world.gate.with(world.now, id, |_, cx| {
        for ssrc in [3_u32, 4] {
            let mut packet = [0; 172];
            packet[..2].copy_from_slice(&[0x80, 111]);
            packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
            cx.send_rtp(&packet).expect("it is secured");
        }
    });
    world.gate.outbox().clear();
    world.callers.clear();
    world.follow_timers();
}

fn held() -> Held {
    Held {
        allocated: memory::live(),
        resident: memory::resident(),
    }
}
