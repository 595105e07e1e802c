//! The gate under load: what a dropped datagram costs, what a call costs, and what a forwarded
//! packet costs, and what packets cost among many calls.
//!
//! `bench/run.sh flood|calls|forward|scale [--json FILE]` builds and runs this.

mod calls;
mod flood;
mod forward;
mod scale;
mod world;

use std::process::ExitCode;

use bench::memory;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// Calls that `calls` sets up unless it is told otherwise.
const CALLS: usize = 10_000;

/// Seconds of each part of `flood` unless it is told otherwise.
const SECONDS: u64 = 10;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (what, rest) = args.split_first().unwrap_or((&"", &[]));
    let json = match rest {
        ["--json", file, ..] => Some(*file),
        _ => None,
    };
    let count = rest.last().and_then(|number| number.parse().ok());
    let figures = match *what {
        "flood" => flood::run(count.unwrap_or(SECONDS)),
        "forward" => forward::run(),
        "calls" => calls::run(count.map_or(CALLS, |count| count as usize)),
        "scale" => scale::run(count.map(|count| count as usize)),
        _ => {
            eprintln!("usage: bench-gate flood|calls|forward|scale [--json FILE] [SECONDS|CALLS]");
            return ExitCode::FAILURE;
        }
    };
    let written = json.map(|file| std::fs::write(file, format!("{figures}\n")));
    match written {
        Some(Err(error)) => {
            eprintln!("bench-gate: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
