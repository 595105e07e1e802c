//! Binding requests decoded, verified and answered: our views and our whole lite agent, beside the
//! STUN crates of others.
//!
//! `bench/run.sh stun [--json FILE]` builds this with all of them and runs it.

#[cfg(feature = "is")]
mod is;
mod measure;
mod peer;
mod portcullis;
mod report;
#[cfg(feature = "rtc-stun")]
mod rtc_stun;
#[cfg(feature = "stun_codec")]
mod stun_codec;
#[cfg(feature = "stun-types")]
mod stun_types;

use std::process::ExitCode;

use bench::memory;
use peer::{Peer, Requests};

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let json = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => None,
        ["--json", file] => Some(file.to_owned()),
        _ => {
            eprintln!("usage: bench-stun [--json FILE]");
            return ExitCode::FAILURE;
        }
    };
    let requests = Requests::new();
    let mut peers = peers(&requests);
    for peer in &mut peers {
        peer::check(&mut **peer, &requests);
    }
    let timings = measure::run(&mut peers, &requests);
    report::print(&timings);
    match json.map(|file| report::write_json(&file, &timings)) {
        Some(Err(error)) => {
            eprintln!("bench-stun: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// The implementations that this program was built with.
fn peers(requests: &Requests) -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(portcullis::Views::new(requests)),
        Box::new(portcullis::Agent::new(requests)),
        #[cfg(feature = "is")]
        Box::new(is::Is::new(requests)),
        #[cfg(feature = "rtc-stun")]
        Box::new(rtc_stun::RtcStun::new(requests)),
        #[cfg(feature = "stun-types")]
        Box::new(stun_types::StunTypes::new(requests)),
        #[cfg(feature = "stun_codec")]
        Box::new(stun_codec::StunCodec::new(requests)),
    ]
}
