//! Time: short passes of every library in turn, so that a slow moment of the machine meets them
//! all.

use std::time::Instant;

use bench::samples::Samples;
use srtp::{Kind, Profile};

use crate::peer::{Mode, Operation, Packet, Peer, SESSIONS, Sessions};

/// Passes of a library in one round; the fastest of all rounds ran undisturbed.
const PASSES: usize = 24;

/// What one row of the table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) profile: Profile,
    pub(crate) kind: Kind,
    /// Length of the packets in bytes.
    pub(crate) size: usize,
    pub(crate) operation: Operation,
    pub(crate) mode: Mode,
}

/// The time of one library and shape.
pub(crate) struct Timing {
    /// Place of the library among the peers.
    pub(crate) peer: usize,
    pub(crate) shape: Shape,
    /// Nanoseconds per packet of each pass.
    pub(crate) passes: Samples,
}

/// Measures every profile, kind and size in `rounds` rounds.
pub(crate) fn run(
    peers: &[Box<dyn Peer>],
    profiles: &[Profile],
    kinds: &[Kind],
    sizes: &[usize],
    rounds: usize,
) -> Vec<Timing> {
    let mut timings = Vec::new();
    for &profile in profiles {
        let mut runs: Vec<_> = peers
            .iter()
            .map(|peer| peer.sessions(profile).map(Run::new))
            .collect();
        let start = timings.len();
        for &size in sizes {
            agree(peers, &mut runs, profile, size);
            for &kind in kinds {
                timings.extend(plan(&runs, profile, kind, size));
            }
        }
        for _ in 0..rounds {
            for timing in &mut timings[start..] {
                let run = runs[timing.peer]
                    .as_mut()
                    .expect("invariant: planned from it");
                for _ in 0..PASSES {
                    timing.passes.push(run.pass(timing.shape));
                }
            }
        }
        eprintln!("measured {}", profile.name());
    }
    timings
}

fn plan(runs: &[Option<Run>], profile: Profile, kind: Kind, size: usize) -> Vec<Timing> {
    let mut plan = Vec::new();
    for mode in Mode::ALL {
        for operation in Operation::ALL {
            for (peer, run) in runs.iter().enumerate() {
                if run.as_ref().is_some_and(|run| run.sessions.has(kind, mode)) {
                    let shape = Shape {
                        profile,
                        kind,
                        size,
                        operation,
                        mode,
                    };
                    plan.push(Timing {
                        peer,
                        shape,
                        passes: Samples::default(),
                    });
                }
            }
        }
    }
    plan
}

/// Before anything is timed: what two libraries of SRTP protect is the same, and each opens it
/// again.
fn agree(peers: &[Box<dyn Peer>], runs: &mut [Option<Run>], profile: Profile, size: usize) {
    let sequence_number = runs.iter().flatten().map(|run| run.next).max().unwrap_or(0);
    let plain: Vec<_> = (0..SESSIONS)
        .map(|i| Packet::new(Kind::Rtp, i, sequence_number, size))
        .collect();
    let mut expected: Option<Vec<Packet>> = None;
    for (peer, run) in peers.iter().zip(runs) {
        let Some(run) = run else { continue };
        run.next = sequence_number + 1;
        let mut packets = plain.clone();
        run.sessions.protect(Mode::Single, &mut packets);
        run.sessions.settle(&mut packets);
        // The limit is no library of SRTP: its IV is another.
        if peer.name() != "ipsec-mb" {
            let expected = expected.get_or_insert_with(|| packets.clone());
            for (ours, theirs) in expected.iter().zip(&packets) {
                assert_eq!(
                    ours.bytes(),
                    theirs.bytes(),
                    "{}, {}",
                    peer.name(),
                    profile.name()
                );
            }
        }
        run.sessions.unprotect(Mode::Single, &mut packets);
        run.sessions.settle(&mut packets);
        for (opened, plain) in packets.iter().zip(&plain) {
            assert_eq!(
                opened.bytes(),
                plain.bytes(),
                "{}, {}",
                peer.name(),
                profile.name()
            );
        }
    }
}

/// The sessions of one library under measurement.
struct Run {
    sessions: Box<dyn Sessions>,
    /// The sequence number of the next pass.
    next: u16,
    packets: Vec<Packet>,
}

impl Run {
    fn new(sessions: Box<dyn Sessions>) -> Self {
        Self {
            sessions,
            next: 0,
            packets: Vec::new(),
        }
    }

    /// One pass over all sessions; nanoseconds per packet.
    fn pass(&mut self, shape: Shape) -> f64 {
        self.packets.clear();
        let sequence_number = self.next;
        self.next = self.next.wrapping_add(1);
        let plain = (0..SESSIONS).map(|i| Packet::new(shape.kind, i, sequence_number, shape.size));
        self.packets.extend(plain);
        let nanoseconds = match shape.operation {
            Operation::Protect => {
                self.time(|sessions, packets| sessions.protect(shape.mode, packets))
            }
            Operation::Unprotect => {
                self.sessions.protect(Mode::Single, &mut self.packets);
                self.sessions.settle(&mut self.packets);
                self.time(|sessions, packets| sessions.unprotect(shape.mode, packets))
            }
        };
        self.sessions.settle(&mut self.packets);
        nanoseconds
    }

    fn time(&mut self, work: impl FnOnce(&mut dyn Sessions, &mut [Packet])) -> f64 {
        let start = Instant::now();
        work(&mut *self.sessions, &mut self.packets);
        start.elapsed().as_nanos() as f64 / SESSIONS as f64
    }
}
