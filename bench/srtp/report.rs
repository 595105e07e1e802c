//! The table for people and the rows for machines.

use std::fs::File;
use std::io::{self, Write};

use serde_json::json;
use srtp::{Kind, Profile};

use crate::measure::{Shape, Timing};
use crate::peer::{Mode, Operation, Peer};

/// Libraries that ratios are taken against, the first that took part.
const REFERENCES: [&str; 3] = ["libsrtp-openssl", "libsrtp-crate", "webrtc-srtp"];

/// What is printed and written.
pub(crate) struct Report<'a> {
    pub(crate) peers: &'a [Box<dyn Peer>],
    pub(crate) profiles: &'a [Profile],
    pub(crate) kinds: &'a [Kind],
    pub(crate) sizes: &'a [usize],
    pub(crate) timings: &'a [Timing],
}

impl Report<'_> {
    /// The minimum of a library for a shape.
    pub(crate) fn minimum(&self, peer: usize, shape: Shape) -> Option<f64> {
        let timing = self
            .timings
            .iter()
            .find(|t| t.peer == peer && t.shape == shape)?;
        Some(timing.passes.minimum())
    }

    pub(crate) fn print(&self) {
        let reference = self.reference();
        for peer in self.peers {
            println!("{:<18} {}", peer.name(), peer.version());
        }
        println!("cpu                {}", cpu());
        println!(
            "\nns per packet, protect / unprotect: the fastest of many passes over {} sessions",
            crate::peer::SESSIONS
        );
        if let Some(reference) = reference {
            println!(
                "in brackets: times faster than {} one by one",
                self.peers[reference].name()
            );
        }
        for &profile in self.profiles {
            for &kind in self.kinds {
                let heading = format!("{} {kind:?}", profile.name());
                println!("\n{heading:<32}{}", self.heading());
                for peer in 0..self.peers.len() {
                    for mode in Mode::ALL {
                        self.print_row(peer, reference, profile, kind, mode);
                    }
                }
            }
        }
    }

    fn heading(&self) -> String {
        self.sizes
            .iter()
            .map(|size| format!("{:>31}", format!("{size} B")))
            .collect()
    }

    fn print_row(
        &self,
        peer: usize,
        reference: Option<usize>,
        profile: Profile,
        kind: Kind,
        mode: Mode,
    ) {
        let name = self.peers[peer].name();
        let cells: Vec<_> = self
            .sizes
            .iter()
            .filter_map(|&size| self.cell(peer, reference, (profile, kind, size), mode))
            .collect();
        if !cells.is_empty() {
            println!("{name:<23} {:<8}{}", mode.name(), cells.concat());
        }
    }

    fn cell(
        &self,
        peer: usize,
        reference: Option<usize>,
        (profile, kind, size): (Profile, Kind, usize),
        mode: Mode,
    ) -> Option<String> {
        let [protect, unprotect] = Operation::ALL.map(|operation| {
            let shape = Shape {
                profile,
                kind,
                size,
                operation,
                mode,
            };
            let ours = self.minimum(peer, shape)?;
            let single = Shape {
                mode: Mode::Single,
                ..shape
            };
            let ratio =
                reference.and_then(|reference| Some(self.minimum(reference, single)? / ours));
            Some((ours, ratio))
        });
        let ((a, x), (b, y)) = (protect?, unprotect?);
        let ratio = |ratio: Option<f64>| ratio.map_or("-".to_owned(), |r| format!("{r:.2}"));
        Some(format!(
            "{:>31}",
            format!("{a:.1} / {b:.1} ({} / {})", ratio(x), ratio(y))
        ))
    }

    fn reference(&self) -> Option<usize> {
        REFERENCES
            .iter()
            .find_map(|name| self.peers.iter().position(|peer| peer.name() == *name))
    }

    pub(crate) fn write_json(&self, path: &str) -> io::Result<()> {
        let mut file = File::create(path)?;
        let cpu = cpu();
        for timing in self.timings {
            let Shape {
                profile,
                kind,
                size,
                operation,
                mode,
            } = timing.shape;
            let peer = &self.peers[timing.peer];
            let row = json!({
                "bench": "srtp", "cpu": cpu, "impl": peer.name(), "version": peer.version(),
                "profile": profile.name(), "kind": format!("{kind:?}").to_lowercase(), "size": size, "op": operation.name(), "mode": mode.name(),
                "ns": timing.passes.minimum(), "ns_median": timing.passes.median(),
            });
            writeln!(file, "{row}")?;
        }
        Ok(())
    }
}

/// The name of the CPU, and its family and model, since the name of a virtual machine's CPU says
/// little.
fn cpu() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text
            .lines()
            .find(|line| line.split(':').next().is_some_and(|n| n.trim() == name));
        line.and_then(|line| line.split_once(':'))
            .map_or("?", |(_, value)| value.trim())
    };
    format!(
        "{}, family {} model {}",
        field("model name"),
        field("cpu family"),
        field("model")
    )
}
