//! Times the implementations in turns, so that a disturbance hits all of them.

use std::hint::black_box;
use std::time::Instant;

use bench::memory;
use bench::samples::Samples;

use crate::peer::{Peer, Requests};

/// Rounds of one batch for each implementation and task.
const ROUNDS: usize = 100;

/// How often a batch goes through all requests.
const PASSES: usize = 4;

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Decode and verify.
    Decode,
    /// Decode, verify and answer.
    Answer,
}

impl Task {
    pub(crate) const ALL: [Self; 2] = [Self::Decode, Self::Answer];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Answer => "answer",
        }
    }
}

/// The times of one implementation at one task.
pub(crate) struct Timing {
    /// Place of the implementation among the peers.
    peer: usize,
    pub(crate) name: &'static str,
    pub(crate) task: Task,
    /// Nanoseconds a request, one sample a round.
    pub(crate) nanoseconds: Samples,
    /// Allocations a request.
    pub(crate) allocations: f64,
}

pub(crate) fn run(peers: &mut [Box<dyn Peer>], requests: &Requests) -> Vec<Timing> {
    let mut timings = plan(peers);
    for _ in 0..ROUNDS {
        for timing in &mut timings {
            let peer = &mut *peers[timing.peer];
            let (nanoseconds, allocations) = batch(peer, timing.task, requests);
            timing.nanoseconds.push(nanoseconds);
            timing.allocations = allocations;
        }
    }
    timings
}

fn plan(peers: &[Box<dyn Peer>]) -> Vec<Timing> {
    let tasks = Task::ALL.into_iter();
    let timings = tasks.flat_map(|task| {
        peers.iter().enumerate().map(move |(peer, it)| Timing {
            peer,
            name: it.name(),
            task,
            nanoseconds: Samples::default(),
            allocations: 0.0,
        })
    });
    timings.collect()
}

/// Nanoseconds and allocations a request.
fn batch(peer: &mut dyn Peer, task: Task, requests: &Requests) -> (f64, f64) {
    let mut buf = [0; 200];
    let count = (PASSES * requests.datagrams.len()) as f64;
    let allocated = memory::allocations();
    let start = Instant::now();
    for _ in 0..PASSES {
        for request in &requests.datagrams {
            match task {
                Task::Decode => {
                    black_box(peer.decode(black_box(request)));
                }
                Task::Answer => {
                    black_box(peer.answer(black_box(request), &mut buf));
                }
            }
        }
    }
    let nanoseconds = start.elapsed().as_nanos() as f64 / count;
    (
        nanoseconds,
        (memory::allocations() - allocated) as f64 / count,
    )
}
