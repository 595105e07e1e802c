//! The table for people and the rows for machines.

use std::fs::File;
use std::io::{self, Write};

use serde_json::json;

use crate::measure::Timing;
use crate::weight::Weighed;

/// The stack that ratios are taken against.
const REFERENCE: &str = "boringssl";

pub(crate) fn print(timings: &[Timing], weights: &[Weighed]) {
    println!(
        "whole mutual handshakes, both sides in one thread, keys exported (µs; ratio to {REFERENCE}, by the minimum)\n"
    );
    println!(
        "{:<12} {:<5} {:<15} {:>8} {:>8} {:>6} {:>7} {:>10}",
        "stack", "DTLS", "group", "minimum", "median", "ratio", "bytes", "datagrams"
    );
    for timing in timings {
        let reference = timings
            .iter()
            .find(|t| t.name == REFERENCE && t.shape == timing.shape);
        let ratio = reference.map_or("-".to_owned(), |r| {
            format!(
                "{:.2}",
                timing.microseconds.minimum() / r.microseconds.minimum()
            )
        });
        println!(
            "{:<12} {:<5} {:<15} {:>8.1} {:>8.1} {:>6} {:>7} {:>10}",
            timing.name,
            timing.shape.version,
            timing.shape.group,
            timing.microseconds.minimum(),
            timing.microseconds.median(),
            ratio,
            timing.wire().bytes,
            timing.wire().datagrams,
        );
    }
    println!("\nmemory per established endpoint, 2,000 connections alive (bytes)\n");
    println!(
        "{:<12} {:<5} {:<15} {:>9} {:>10}",
        "stack", "DTLS", "group", "resident", "allocated"
    );
    for Weighed {
        name,
        shape,
        weight,
    } in weights
    {
        println!(
            "{:<12} {:<5} {:<15} {:>9} {:>10}",
            name, shape.version, shape.group, weight.resident, weight.allocated
        );
    }
}

pub(crate) fn write_json(path: &str, timings: &[Timing], weights: &[Weighed]) -> io::Result<()> {
    let mut file = File::create(path)?;
    for timing in timings {
        let row = json!({
            "bench": "dtls", "impl": timing.name, "version": timing.shape.version, "group": timing.shape.group,
            "us": timing.microseconds.minimum(), "us_median": timing.microseconds.median(),
            "bytes": timing.wire().bytes, "datagrams": timing.wire().datagrams,
        });
        writeln!(file, "{row}")?;
    }
    for Weighed {
        name,
        shape,
        weight,
    } in weights
    {
        let row = json!({
            "bench": "dtls-memory", "impl": name, "version": shape.version, "group": shape.group,
            "bytes": weight.resident, "allocated": weight.allocated,
        });
        writeln!(file, "{row}")?;
    }
    Ok(())
}
