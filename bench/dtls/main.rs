//! Whole DTLS handshakes side by side with other stacks, and the memory of an established
//! connection.
//!
//! `bench/run.sh dtls [--json FILE]` builds and runs this with every stack that is installed.

#[cfg(feature = "dimpl")]
mod dimpl;
mod measure;
#[cfg(any(feature = "boring", feature = "openssl"))]
mod openssl_family;
mod peer;
mod portcullis;
mod report;
#[cfg(feature = "rtc-dtls")]
mod rtc;
mod weight;
mod worker;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use bench::memory;
use peer::{Peer, Shape};
use weight::Weighed;
use worker::Worker;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// Rounds of one batch each; enough that the fastest batch of each stack ran undisturbed.
const ROUNDS: usize = 60;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--weigh", name, version, group] => weigh(name, version, group),
        ["--serve"] => worker::serve(&peers()),
        ["--json", file, ref workers @ ..] => measure_all(workers, Some(file)),
        ref workers => measure_all(workers, None),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("bench-dtls: {e}\nusage: bench-dtls [--json FILE] [WORKER ...]");
            ExitCode::FAILURE
        }
    }
}

/// The stacks that this program was built with.
fn peers() -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(portcullis::Stack::new()),
        #[cfg(feature = "boring")]
        Box::new(openssl_family::boring::Stack::new()),
        #[cfg(feature = "dimpl")]
        Box::new(dimpl::Stack::new()),
        #[cfg(feature = "openssl")]
        Box::new(openssl_family::openssl::Stack::new()),
        #[cfg(feature = "rtc-dtls")]
        Box::new(rtc::Stack::new()),
    ]
}

fn weigh(name: &str, version: &str, group: &str) -> io::Result<()> {
    let peer = peers().into_iter().find(|peer| peer.name() == name);
    let (Some(shape), Some(peer)) = (Shape::find(version, group), peer) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let weight = weight::weigh(&*peer, shape);
    println!("{} {}", weight.resident, weight.allocated);
    Ok(())
}

fn measure_all(programs: &[&str], json: Option<&str>) -> io::Result<()> {
    let mut workers = programs
        .iter()
        .map(|p| Worker::start(p))
        .collect::<io::Result<Vec<_>>>()?;
    let timings = measure::run(&peers(), &mut workers, ROUNDS)?;
    drop(workers);
    let this = std::env::current_exe()?;
    let mut weights = Vec::new();
    for timing in &timings {
        let program = timing
            .worker
            .map_or(this.clone(), |index| PathBuf::from(programs[index]));
        let weight = weight::weigh_apart(&program, &timing.name, timing.shape)
            .ok_or_else(|| io::Error::other(format!("{} could not be weighed", timing.name)))?;
        weights.push(Weighed {
            name: timing.name.clone(),
            shape: timing.shape,
            weight,
        });
    }
    report::print(&timings, &weights);
    json.map_or(Ok(()), |file| report::write_json(file, &timings, &weights))
}
