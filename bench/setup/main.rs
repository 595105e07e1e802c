//! How soon media flows: from a browser's first check to the first packet that an ICE-lite server opens,
//! on a virtual clock.
//!
//! `bench/run.sh setup [--json FILE] [--calls N] [EARLIER=PROGRAM ...]` builds and runs this. A program
//! is this one as an earlier commit has it: its figures stand beside ours.

mod browser;
mod call;
mod link;
mod server;

use std::io;
use std::process::{Command, ExitCode};

use call::{Setting, Shape};
use link::Conditions;
use serde_json::{Value, json};

/// Calls of each kind, unless it is said how many.
const CALLS: u64 = 1000;

/// Calls where all are alike.
const CERTAIN: u64 = 5;

#[derive(Debug)]
struct Asked {
    json: Option<String>,
    calls: u64,
    /// Only rows, for the program that compares.
    rows: bool,
    earlier: Vec<(String, String)>,
}

fn asked(arguments: impl IntoIterator<Item = String>) -> Option<Asked> {
    let mut asked = Asked {
        json: None,
        calls: CALLS,
        rows: false,
        earlier: Vec::new(),
    };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => asked.json = Some(arguments.next()?),
            "--calls" => asked.calls = arguments.next()?.parse().ok()?,
            "--rows" => asked.rows = true,
            named => {
                let (name, program) = named.split_once('=')?;
                asked.earlier.push((name.to_owned(), program.to_owned()));
            }
        }
    }
    Some(asked)
}

fn main() -> ExitCode {
    let Some(asked) = asked(std::env::args().skip(1)) else {
        eprintln!("usage: bench-setup [--json FILE] [--calls N] [EARLIER=PROGRAM ...]");
        return ExitCode::FAILURE;
    };
    match run(&asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-setup: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(asked: &Asked) -> io::Result<()> {
    let mut rows = measure("now", asked.calls);
    if asked.rows {
        println!("{}", Value::Array(rows));
        return Ok(());
    }
    for (name, program) in &asked.earlier {
        let calls = asked.calls.to_string();
        let output = Command::new(program)
            .args(["--rows", "--calls", &calls])
            .output()?;
        let theirs: Vec<Value> = serde_json::from_slice(&output.stdout)?;
        rows.extend(theirs.into_iter().map(|mut row| {
            row["commit"] = json!(name);
            row
        }));
    }
    println!("| DTLS | DTLS in STUN | link | commit | median | 99th percentile | failed |");
    println!("|---|---|---|---|---:|---:|---:|");
    for row in &rows {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let milliseconds = |name: &str| row[name].as_f64().unwrap_or(f64::NAN);
        println!(
            "| {} | {} | {} | {} | {:.0} ms | {:.0} ms | {} of {} |",
            text("dtls"),
            text("sped"),
            text("link"),
            text("commit"),
            milliseconds("median_ms"),
            milliseconds("p99_ms"),
            row["failed"],
            row["calls"],
        );
    }
    match &asked.json {
        Some(file) => std::fs::write(file, Value::Array(rows).to_string()),
        None => Ok(()),
    }
}

fn measure(commit: &str, calls: u64) -> Vec<Value> {
    let mut rows = Vec::new();
    for shape in Shape::ALL {
        let setting = Setting::new(shape);
        for &sped in server::SPED {
            for conditions in Conditions::ALL {
                let calls = match conditions.is_certain() {
                    true => CERTAIN,
                    false => calls,
                };
                let times = (0..calls).map(|seed| setting.call(conditions, sped, seed));
                let mut times: Vec<_> = times.collect();
                let failed = times.iter().filter(|time| time.is_none()).count();
                // A call that fails is later than all others.
                times.sort_by_key(|time| {
                    time.map_or(f64::INFINITY, |it| it.as_secs_f64()).to_bits()
                });
                let at = |share: usize| {
                    let time = times.get(times.len() * share / 100).copied().flatten();
                    time.map(|time| time.as_secs_f64() * 1e3)
                };
                rows.push(json!({
                    "dtls": shape.name,
                    "sped": if sped { "yes" } else { "no" },
                    "link": conditions.name,
                    "commit": commit,
                    "median_ms": at(50),
                    "p99_ms": at(99),
                    "failed": failed,
                    "calls": calls,
                }));
            }
        }
    }
    rows
}
