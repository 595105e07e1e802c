//! SRTP side by side with other libraries, one packet at a time and in batches.
//!
//! `bench/run.sh srtp [--json FILE]` builds this with every library that is installed, and runs it
//! pinned to a core.

#[cfg(feature = "ipsec-mb")]
mod ipsec_mb;
#[cfg(feature = "libsrtp")]
mod libsrtp;
#[cfg(feature = "libsrtp-crate")]
mod libsrtp_crate;
mod measure;
mod peer;
mod plot;
mod portcullis;
mod report;
mod tiers;
#[cfg(any(feature = "rtc-srtp", feature = "webrtc-srtp"))]
mod webrtc_rs;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use srtp::{Kind, Profile};

use peer::Peer;
use report::Report;

/// Times protect and unprotect of SRTP libraries in one interleaved run.
#[derive(Parser)]
struct Options {
    /// Writes a row of JSON for each figure.
    #[arg(long, value_name = "FILE")]
    json: Option<String>,
    /// Draws time over size.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Lengths of the RTP packets in bytes.
    #[arg(long, value_delimiter = ',', default_value = "40,100,300,1200")]
    sizes: Vec<usize>,
    /// Only profiles whose IANA names contain this.
    #[arg(long, default_value = "")]
    profile: String,
    /// Only libraries whose names contain this.
    #[arg(long, default_value = "")]
    library: String,
    /// Compares the tiers of this CPU instead, RTP and RTCP, and fails where one loses more than a tenth to a lower one.
    #[arg(long)]
    tiers: bool,
    /// Rounds over all libraries and shapes.
    #[arg(long, default_value_t = 12)]
    rounds: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let mut peers = if options.tiers {
        portcullis::Library::tiers()
            .map(|library| Box::new(library) as Box<dyn Peer>)
            .collect()
    } else {
        peers()
    };
    peers.retain(|peer| peer.name().contains(&options.library));
    let profiles: Vec<_> = Profile::ALL
        .into_iter()
        .filter(|profile| profile.name().contains(&options.profile))
        .collect();
    let kinds = [Kind::Rtp, Kind::Rtcp];
    let timings = measure::run(&peers, &profiles, &kinds, &options.sizes, options.rounds);
    let report = Report {
        peers: &peers,
        profiles: &profiles,
        kinds: &kinds,
        sizes: &options.sizes,
        timings: &timings,
    };
    report.print();
    if let Some(path) = &options.json {
        report.write_json(path)?;
    }
    if let Some(path) = &options.plot {
        plot::draw(&report, path)?;
    }
    if options.tiers {
        tiers::check(&report)?;
    }
    Ok(())
}

/// The libraries that this program was built with, or that the environment names.
fn peers() -> Vec<Box<dyn Peer>> {
    #[allow(unused_mut, reason = "without features there is no other")]
    let mut peers: Vec<Box<dyn Peer>> = vec![Box::new(portcullis::Library::detected())];
    #[cfg(feature = "libsrtp-crate")]
    peers.push(Box::new(libsrtp_crate::Library::new()));
    #[cfg(feature = "libsrtp")]
    for library in libsrtp::libraries() {
        peers.push(Box::new(library));
    }
    #[cfg(feature = "webrtc-srtp")]
    peers.push(Box::new(webrtc_rs::webrtc::Library));
    #[cfg(feature = "rtc-srtp")]
    peers.push(Box::new(webrtc_rs::rtc::Library));
    #[cfg(feature = "ipsec-mb")]
    peers.push(Box::new(ipsec_mb::Library));
    peers
}
