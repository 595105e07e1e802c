//! Times the implementations in turns, so that a disturbance hits all of them.

use std::hint::black_box;
use std::time::Instant;

use crate::allocations;
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
    pub(crate) name: &'static str,
    pub(crate) task: Task,
    /// Nanoseconds a request, one entry a round.
    nanoseconds: Vec<f64>,
    /// Allocations a request.
    pub(crate) allocations: f64,
}

impl Timing {
    pub(crate) fn minimum(&self) -> f64 {
        self.nanoseconds
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.nanoseconds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }
}

pub(crate) fn run(peers: &mut [Box<dyn Peer>], requests: &Requests) -> Vec<Timing> {
    let mut timings: Vec<Timing> = Vec::new();
    for round in 0..ROUNDS {
        for task in Task::ALL {
            for peer in &mut *peers {
                let (nanoseconds, allocations) = batch(&mut **peer, task, requests);
                let same = |t: &&mut Timing| t.name == peer.name() && t.task == task;
                match timings.iter_mut().find(same) {
                    Some(timing) => {
                        timing.nanoseconds.push(nanoseconds);
                        timing.allocations = allocations;
                    }
                    None => {
                        debug_assert_eq!(round, 0);
                        let name = peer.name();
                        timings.push(Timing {
                            name,
                            task,
                            nanoseconds: vec![nanoseconds],
                            allocations,
                        });
                    }
                }
            }
        }
    }
    timings
}

/// Nanoseconds and allocations a request.
fn batch(peer: &mut dyn Peer, task: Task, requests: &Requests) -> (f64, f64) {
    let mut buf = [0; 200];
    let count = (PASSES * requests.datagrams.len()) as f64;
    let allocated = allocations::count();
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
        (allocations::count() - allocated) as f64 / count,
    )
}
