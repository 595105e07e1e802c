//! Time: short batches of every stack in turn, so that a slow moment of the machine meets them all.

use std::io;
use std::time::Instant;

use bench::samples::Samples;

use crate::peer::{Peer, SHAPES, Shape, Wire};
use crate::worker::Worker;

/// Handshakes between two readings of the clock; few, so that some batch runs undisturbed.
const BATCH: u32 = 8;

/// One batch of one stack.
pub(crate) struct Batch {
    /// Per handshake.
    pub(crate) microseconds: f64,
    /// Of its last handshake.
    pub(crate) wire: Wire,
}

/// What was measured of one stack and shape.
pub(crate) struct Timing {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    /// The worker that measures it; `None`: this process.
    pub(crate) worker: Option<usize>,
    /// Per handshake, one sample a batch.
    pub(crate) microseconds: Samples,
    wires: Vec<Wire>,
}

impl Timing {
    /// The mean of a handshake's bytes and datagrams: ECDSA signatures have no fixed length.
    pub(crate) fn wire(&self) -> Wire {
        let mean = |of: fn(&Wire) -> usize| {
            let sum: usize = self.wires.iter().map(of).sum();
            (sum + self.wires.len() / 2) / self.wires.len()
        };
        Wire {
            bytes: mean(|wire| wire.bytes),
            datagrams: mean(|wire| wire.datagrams),
        }
    }
}

/// Runs `rounds` rounds of one batch of each stack and shape, here and in the workers.
pub(crate) fn run(
    peers: &[Box<dyn Peer>],
    workers: &mut [Worker],
    rounds: usize,
) -> io::Result<Vec<Timing>> {
    let mut timings = plan(peers, workers)?;
    for _ in 0..rounds {
        for timing in &mut timings {
            let batch = match timing.worker {
                Some(index) => workers[index].batch(&timing.name, timing.shape)?,
                None => {
                    let peer = peers.iter().find(|peer| peer.name() == timing.name);
                    batch(&**peer.expect("invariant: planned from it"), timing.shape)
                }
            };
            timing.microseconds.push(batch.microseconds);
            timing.wires.push(batch.wire);
        }
    }
    Ok(timings)
}

/// One batch in this process.
pub(crate) fn batch(peer: &dyn Peer, shape: Shape) -> Batch {
    let mut wire = Wire::default();
    let start = Instant::now();
    for _ in 0..BATCH {
        wire = peer.handshake(shape).wire;
    }
    Batch {
        microseconds: start.elapsed().as_secs_f64() * 1e6 / f64::from(BATCH),
        wire,
    }
}

fn plan(peers: &[Box<dyn Peer>], workers: &mut [Worker]) -> io::Result<Vec<Timing>> {
    let here = peers.iter().flat_map(|peer| {
        SHAPES
            .into_iter()
            .filter(|shape| peer.supports(*shape))
            .map(|shape| (peer.name().to_owned(), shape, None))
    });
    let mut stacks: Vec<_> = here.collect();
    for (index, worker) in workers.iter_mut().enumerate() {
        stacks.extend(
            worker
                .list()?
                .into_iter()
                .map(|(name, shape)| (name, shape, Some(index))),
        );
    }
    // The portcullis of this process is measured; a worker's copy of it is not.
    stacks.retain(|(name, _, worker)| worker.is_none() || name != "portcullis");
    let order = |shape: &Shape| SHAPES.iter().position(|s| s == shape);
    stacks.sort_by_key(|(_, shape, _)| order(shape));
    let timing = |(name, shape, worker)| Timing {
        name,
        shape,
        worker,
        microseconds: Samples::default(),
        wires: Vec::new(),
    };
    Ok(stacks.into_iter().map(timing).collect())
}
